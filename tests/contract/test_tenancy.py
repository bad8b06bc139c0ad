"""What is not yours looks like what is not there: every route, every thing a request can name.

The matrix is made from the table of operations: for each one, a request of an account that is all
its own, but for one thing of another account's. The answer, but for the name of that thing, must
be the one to a name that means nothing; and the other account must not change by it.
"""

import copy
import json
import re
import sqlite3

import postgres
import pytest
from marketer import MONDAY
from runs import a_run
from written import parsed

from sendrail.api.openapi import OPERATIONS
from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain import phone
from sendrail.domain.audience_filter import FilterGroup, FlagCondition, FlagField
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
from sendrail.domain.journeys.task import TaskKind
from sendrail.domain.times import shown as shown_time
from sendrail.sandbox import SANDBOX_NUMBER
from sendrail.storage.data_folder import Folder
from sendrail.tracking.offers import OfferChange
from sendrail.tracking.short_links import NewShortLink

# What a request can name, by the field that names it.
KINDS = {
    "list_id": "list id",
    "journey_id": "journey id",
    "task_id": "task id",
    "version": "version",
    "message_id": "message id",
    "offer_id": "offer id",
    "creative_id": "creative id",
    "run_id": "run id",
    "audience_id": "audience id",
    "schedule_id": "schedule id",
    "audiences": "audience id",
    "domain_id": "domain id",
    "link_id": "link id",
    "offerId": "offer id",
    "listId": "list id",
    "phoneNumber": "list number",
    "contactPhone": "number",
    "list_number": "list number",
    "phone_number": "number",
    "to": "number",
    "connector": "connector",
    "second_connector": "connector",
}
# Fields that hold several of them.
LISTED = {"audiences"}
# What answers hold that no two of them have in common: new ids, and times.
FRESH = {
    "due_at",
    "contact_id",
    "list_contact_id",
    "message_id",
    "id",
    "list_id",
    "journey_id",
    "created_at",
    "updated_at",
    "calculated_at",
    "happened_at",
    "next_run_at",
    "first_run_at",
    "cached_size_updated_at",
    "slug",
    "postback_secret",
    "revenue_id",
    "old_valid_until",
    "domain",
    "verification_url",
    "checked_at",
    "problem",
    "started_at",
    "ends_at",
    "blocked_at",
    "linkId",
    "shortUrl",
    "clickTrackerUrl",
    "createdAt",
    "signup_date",
}


def made_offer(door, account):
    """Return the id of a new offer of an account."""
    given = OfferChange(name="Offer", tracking_url="https://shop.example/")
    return door.do(door.runtime.tracking.offers.add(account, given, Actor(name="a test"))).ref


def made_creative(door, account, offer):
    """Return the id of a new creative of an account."""
    link = LinkInput(key="link1", offer_id=offer)
    given = CreativeInput(name="Creative", message="{{link1}}", offer_links=[link])
    return door.do(door.runtime.creatives.add(account, given, Actor(name="a test"))).creative.id


def made_task(door, account, journey):
    """Return the id of a new task of an account's journey."""
    now = door.runtime.clock.now()
    return door.write(
        lambda tx: tx.journey_tasks.add(account, journey, TaskKind.EXIT, now, reason="removed")
    )


def made_audience(door, account):
    """Return the id of a new audience of an account."""
    clicked = FlagCondition(kind="clicked", field=FlagField.CLICKED, value=True)
    given = AudienceChange(
        name="Audience", filter=FilterGroup(needs_all=True, conditions=(clicked,))
    )
    return door.do(door.runtime.audiences.add(account, given, Actor(name="a test"))).ref


def made_schedule(door, account, audience):
    """Return the id of a new schedule of an account."""
    given = ScheduleInput(
        name="Schedule",
        send_type="automated",
        is_repeating=False,
        send_time="10:00",
        send_date=str(MONDAY),
        audiences=[audience],
    )
    added = door.do(door.runtime.schedules.add(account, given, Actor(name="a test")))
    return added.schedule.ref


def made_journey(door, account, number):
    """Return the id of a new journey of an account, which has a version."""
    document = {
        "name": "own",
        "trigger": "none",
        "steps": [{"id": "bye", "kind": "exit"}],
    }
    actor = Actor(name="a test")
    adding = door.runtime.journey_documents.add(
        account, parsed(number), document, actor, status="active"
    )
    return door.do(adding).journey.id


def import_send(door, message_id, list_number, **headers):
    """Import a send under the id of a message: those who import name it as well."""
    send = {"id": message_id, "list_number": list_number, "to_number": door.recipient()}
    record = send | {"timestamp": "2025-11-03T17:20:00Z"}
    answer = door.post("history/sends", {"records": [record]}, **headers)
    assert answer.json()["success_count"] == 1, answer.text


def made_domain(door, account):
    """Return the id of a new tracking domain of an account."""
    host = f"go{door.recipient()[1:]}.example"
    domains = door.runtime.tracking.domains
    domain_id = door.do(domains.add(account, host, Actor(name="a test"))).domain.id
    # Not looked at for a day: no such host answers.
    seen = {"verified_at": 1, "checked_at": door.runtime.clock.now()}
    door.write(lambda tx: tx.domains.change(account, domain_id, **seen))
    door.do(door.runtime.tracking.hosts.refresh())
    return domain_id


def made_link(door, account, number):
    """Return the id of a new link of an account, on one of its lists."""
    given = NewShortLink(url="https://shop.example/", list_number=parsed(number))
    return door.do(door.runtime.tracking.short_links.add(account, given)).id


async def answer_of(app, path, key):
    """Return the body with which an application answers a GET; a path may have a query."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1"), (b"x-api-key", key.encode())],
        "client": ("127.0.0.1", 1),
    }
    told = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event):
        told.append(event)

    await app(scope, receive, send)
    assert told[0]["status"] == 200, (path, told)
    return b"".join(each.get("body", b"") for each in told)


class Owner:
    """An account with something of everything."""

    def __init__(self, door):
        self.door = door
        # Made when first asked for; what the owner could see when it was last looked at, and what
        # was committed until then.
        self.reader = self.seen = self.committed = None
        runtime, us = door.runtime, door.us
        url = runtime.settings.database_url
        file = Folder(runtime.settings.data_dir).database
        self.line = postgres.line(url) if url else sqlite3.connect(file)
        self.revoked = door.do(runtime.accounts.create_key(us, "revoked"))
        door.do(runtime.accounts.revoke_key(us, self.revoked.record.id))
        contact, enrolled = door.recipient(), door.recipient()
        door.do(runtime.contacts.add(us, parsed(door.list_number), parsed(contact)))
        door.do(runtime.journeys.enrol(us, parsed(door.list_number), "welcome", parsed(enrolled)))
        offer, message = made_offer(door, us), door.send(to=contact)
        audience = made_audience(door, us)
        import_send(door, message, door.list_number)
        self.others = {
            "offer id": [offer],
            "creative id": [made_creative(door, us, offer)],
            "audience id": [audience],
            "schedule id": [made_schedule(door, us, audience)],
            "domain id": [made_domain(door, us)],
            "run id": [a_run(door, us)],
            "link id": [made_link(door, us, door.linked_list())],
            "list id": [door.do(runtime.lists.all(us))[0].id],
            "journey id": [door.do(runtime.journeys.all(us))[0][0].id],
            # A version is one of a journey: there is no second one of the asker's.
            "version": [777_777_777],
            "task id": [777_777_777],
            "message id": [message],
            "list number": [door.list_number, door.paused, door.deleted],
            "connector": ["own"],
            "number": [contact, enrolled, door.unsubscribed(), door.blocked(), door.list_number],
        }

    def absent(self, kind):
        return {
            "list id": 999_999_999,
            "journey id": 999_999_999,
            "version": 999_999_999,
            "task id": 999_999_999,
            "message id": "zzzzzzzz",
            "offer id": "0" * 24,
            "creative id": 999_999_999,
            "audience id": "0" * 24,
            "schedule id": "0" * 24,
            "domain id": 999_999_999,
            "run id": 999_999_999,
            "link id": "0000000",
            "connector": "nowhere",
        }.get(kind) or self.door.recipient()

    def is_untouched(self):
        """Return whether all stands as it did when this was last asked.

        Most requests are refused and write nothing. Where nothing at all was committed since, what
        was seen then is there, and need not be looked at again.
        """
        committed, self.committed = self.committed, self.commits()
        if self.seen is not None and committed == self.committed:
            return True
        before, self.seen = self.seen, self.state()
        return before is None or before == self.seen

    def commits(self):
        """Return something that is different after each commit to the database."""
        if self.door.runtime.settings.database_url:
            return self.line.do("SELECT pg_current_snapshot()::text")
        return self.line.execute("PRAGMA data_version").fetchone()

    def close(self):
        if not self.door.runtime.settings.database_url:
            self.line.close()

    async def _answers(self, paths):
        """Return what the application answers, asked without a connection: it is asked often."""
        app = self.door.server.config.app
        return [
            json.loads(await answer_of(app, f"/api/v2/{each}", self.door.key)) for each in paths
        ]

    def state(self):
        """Return all that the owner can see of its own."""
        paths = (
            "lists",
            "contacts?per_page=1000",
            "blocks",
            "journeys",
            "offers",
            "creatives",
            "audiences",
            "schedules",
            f"runs/{self.others['run id'][0]}",
            "links",
            "domains",
            "messages",
        )
        seen = self.door.do(self._answers(paths))
        for message in seen[-1]["messages"]:
            # A message of the owner's own may still be on its way.
            for name in ("status", "status_detail", "attempts", "provider", "connector", "body"):
                del message[name]
            for name in ("provider_message_id", "provider_detail", "sent_at", "ended_at"):
                del message[name]
        for domain in seen[-2]["domains"]:
            # Checked by the clock, whatever anybody asks.
            del domain["checked_at"], domain["problem"], domain["status"]
        for contact in seen[1]["contacts"]:
            # Counted a moment after a message was accepted.
            del contact["send_count"], contact["last_sent_at"]
        return seen


@pytest.fixture(scope="session")
def owners():
    owners = {}
    yield owners
    for owner in owners.values():
        owner.close()


DOORS = ("fast lane, tenants", "asgi alone, tenants", "postgres, tenants")


@pytest.fixture(params=DOORS)
def owner(request, servers, owners):
    door = servers.door(request.param)
    if door not in owners:
        owners[door] = Owner(door)
        # What is seen now is what later looks are compared with.
        assert owners[door].is_untouched()
    return owners[door]


class Asker:
    """Another account, new to the house, with what its own requests can name."""

    def __init__(self, owner):
        self.owner, door = owner, owner.door
        runtime = door.runtime
        account = self.account = door.do(runtime.accounts.add(f"asker {door.recipient()}"))
        self.key = door.new_key(account)
        number, contact = door.recipient(), door.recipient()
        sender = door.do(runtime.lists.add(account, parsed(number), connector="sandbox")).sender
        door.do(runtime.contacts.add(account, parsed(number), parsed(contact)))
        journey = made_journey(door, account, number)
        # For later, so that it can be called back.
        soon = shown_time(door.runtime.clock.now() + 3_600_000)
        order = door.order(list_number=number, send_at=soon)
        message = door.post("send-raw", order, x_api_key=self.key).json()["message_id"]
        import_send(door, message, number, x_api_key=self.key)
        offer, audience = made_offer(door, account), made_audience(door, account)
        # Whether a request of it was accepted: it may have changed what it can name.
        self.is_used = False
        self.own = {
            "offer id": offer,
            "creative id": made_creative(door, account, offer),
            "audience id": audience,
            "schedule id": made_schedule(door, account, audience),
            "domain id": made_domain(door, account),
            "run id": a_run(door, account),
            "link id": made_link(door, account, number),
            "list id": sender.id,
            "journey id": journey,
            "version": 1,
            "task id": made_task(door, account, journey),
            "message id": message,
            "list number": number,
            "connector": "sandbox",
            "number": contact,
        }


def asker_of(owner):
    """Return another account of which nothing was accepted that could have changed its things."""
    if owner.reader is None or owner.reader.is_used:
        owner.reader = Asker(owner)
    return owner.reader


def references(operation):
    """Return the fields of an operation that name things."""
    parts = re.findall(r"\{(\w+)\}", operation.path)
    queries = [each["name"] for each in operation.parameters if each["in"] == "query"]
    fields = list(operation.request.__struct_encode_fields__) if operation.request else []
    text = json.dumps(operation.examples)
    inner = [name for name in KINDS if f'"{name}":' in text]
    named = [name for name in dict.fromkeys(parts + queries + fields + inner) if name in KINDS]
    return [(operation, name) for name in named]


def with_field(body, name, value, *, force):
    """Return a body whose field, wherever it stands, has another value."""
    body = copy.deepcopy(body)
    places = [item for items in body.values() if isinstance(items, list) for item in items]
    places = [each for each in places if isinstance(each, dict)] or [body]
    if name in body:
        places.append(body)
    for place in places:
        if force or name in place:
            place[name] = [value] if name in LISTED else value
    return body


def ask(asker, operation, changed=None, value=None, **headers):
    """Send a request of the asker's that is all its own, but for one field."""
    door = asker.owner.door
    values = {name: asker.own[kind] for name, kind in KINDS.items()} | {"second_connector": None}
    if operation.id == "createList":
        values["phone_number"] = door.recipient()
    if operation.id == "resumeRun":
        # Only one that is paused goes on.
        run = (asker.account, values["run_id"])
        door.write(lambda tx: tx.runs.move(run, RunState, state=RunState.PAUSED.value))
        asker.is_used = True
    if changed is not None:
        values[changed] = value
    parts = set(re.findall(r"\{(\w+)\}", operation.path))
    body, query = next(iter(operation.examples.values()), None), {}
    assert body is not None or operation.request is None, "a body needs an example"
    if body is not None:
        for name in KINDS:
            body = with_field(body, name, values[name], force=name == changed)
    else:
        needed = {each["name"] for each in operation.parameters if each.get("required")} - parts
        query = {name: values[name] for name in (needed | {changed}) - parts - {None}}
    headers = {"x_api_key": asker.key, "x_request_id": "same"} | headers
    content = None if body is None else json.dumps(body)
    if operation.file_in is not None:
        content = operation.file_in
        headers["content_type"] = "text/csv"
    answer = door.client.request(
        operation.method,
        f"/api/v2{operation.path}".format(**{name: values[name] for name in parts}),
        params=query,
        content=content,
        headers=door.headers(**headers),
    )
    asker.is_used |= operation.method != "GET" and answer.is_success
    return answer


def told(answer, value):
    """Return an answer without the name that was asked about, and without what is always new."""
    text = re.sub(r"(\+|%2B)\d{7,15}", "<number>", answer.text).replace(f"{value}", "<it>")

    def plain(node):
        if isinstance(node, dict):
            return {
                name: "<fresh>" if name in FRESH and child is not None else plain(child)
                for name, child in node.items()
            }
        return [plain(child) for child in node] if isinstance(node, list) else node

    headers = {name: each for name, each in answer.headers.items() if name != "content-length"}
    is_json = headers["content-type"] == "application/json"
    return answer.status_code, headers, plain(json.loads(text)) if is_json else text


# A number can have one owner only, and who asks for it learns that much: see below.
TAKEN = ("createList", phone.show(SANDBOX_NUMBER))
EVERY = [reference for operation in OPERATIONS for reference in references(operation)]


def named(value):
    return value if isinstance(value, str) else value.id


def at_each_door(names, cases, doors=(DOORS[0], DOORS[2])):
    """Run a test with each case at each door that may answer it in its own way."""
    pairs = [
        (door, *case)
        for case in cases
        # The way in makes a difference to the sending calls alone.
        for door in (DOORS if case[0].tag == "Sending" else doors)
    ]
    return pytest.mark.parametrize(("owner", *names), pairs, indirect=["owner"], ids=named)


def test_the_matrix_knows_every_route(owner):
    app = owner.door.server.config.app._app
    served = {
        (method, route.path.removeprefix(base))
        for route in app.routes
        for base in ("/api/v2",)
        if route.path.startswith(base + "/")
        for method in route.methods
    }
    described = {(each.method, each.path) for each in OPERATIONS}
    assert {each for each in served if each[0] != "HEAD"} == described
    # Ids stand in the paths of whatever is shown alone; what else may be named is in KINDS.
    parts = {part for each in OPERATIONS for part in re.findall(r"\{(\w+)\}", each.path)}
    assert parts <= set(KINDS)
    assert len(EVERY) >= 40


@at_each_door(("operation", "name"), EVERY)
def test_what_is_not_yours_looks_like_what_is_not_there(owner, operation, name):
    asker = asker_of(owner)
    for value in owner.others[KINDS[name]]:
        if (operation.id, value) == TAKEN:
            continue
        absent = owner.absent(KINDS[name])
        theirs = ask(asker, operation, name, value)
        nothing = ask(asker, operation, name, absent)
        assert told(theirs, value) == told(nothing, absent), (value, absent)
    assert owner.is_untouched(), "nobody else's request changes anything"


def test_that_a_number_is_taken_on_a_shared_connector_is_all_that_is_told(owner):
    [create] = [each for each in OPERATIONS if each.id == TAKEN[0]]
    answer = ask(asker_of(owner), create, "phone_number", TAKEN[1])
    assert (answer.status_code, answer.json()["code"]) == (400, "sender_taken")
    assert owner.is_untouched()


@at_each_door(("operation",), [(each,) for each in OPERATIONS])
def test_the_requests_of_the_matrix_are_good_ones(owner, operation):
    # Without this the matrix could compare one refusal of its own making with another.
    answer = ask(asker_of(owner), operation)
    assert answer.status_code == 200, answer.text
    if operation.answer is not None:
        assert not answer.json().get("error_count")


# Who has no key does not come as far as the database.
@at_each_door(("operation",), [(each,) for each in OPERATIONS], doors=DOORS[:1])
def test_without_a_good_key_every_route_says_the_same(owner, operation):
    door = owner.door
    asker = asker_of(owner)
    named = []
    for _, name in references(operation):
        kind = KINDS[name]
        named += [(name, value) for value in (*owner.others[kind], owner.absent(kind))]
    unknown = (
        (None, 401, "missing_api_key"),
        ("", 401, "missing_api_key"),
        ("trk_" + "x" * 32, 401, "invalid_api_key"),
        (door.key[:-1], 401, "invalid_api_key"),
    )
    # Of the two that are known each thing is asked with both; those that lead to no account have
    # the things among them, in turn.
    every = [
        (owner.revoked.key, 401, "invalid_api_key", named),
        (door.suspended_key, 403, "account_suspended", named),
        *((*key, named[at :: len(unknown)]) for at, key in enumerate(unknown)),
    ]
    for key, status, code, things in every:
        asked = [(None, None), *things]
        answers = [ask(asker, operation, *each, x_api_key=key) for each in asked]
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["code"] == code
    assert owner.is_untouched()


def test_the_owner_sees_what_the_asker_does_not(owner):
    door = owner.door
    for path in (
        f"lists/{owner.others['list id'][0]}",
        f"journeys/{owner.others['journey id'][0]}",
        f"audiences/{owner.others['audience id'][0]}",
        f"offers/{owner.others['offer id'][0]}",
        f"messages/{owner.others['message id'][0]}",
    ):
        assert door.get(path).status_code == 200
    for number in owner.others["number"][:1]:
        found = door.get("contacts", params={"phone_number": number}).json()
        assert found["pagination"]["total"] == 1
        assert phone.parse(number) is not None
