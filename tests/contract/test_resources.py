"""Lists, blocks and journeys over HTTP, and what all resources have in common."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from asking import ask, refused, told
from marketer import A_MONDAY
from runs import a_run

from sendrail.api.openapi import OPERATIONS
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
from sendrail.domain.sender import ListStatus
from sendrail.tracking.offers import OfferChange


@pytest.fixture
def made(door):
    """Return a list of its own as `POST /v2/lists` answers it."""

    def make(**more):
        body = {"phone_number": door.recipient(), "connector": "sandbox"} | more
        return told(door.post("lists", body))

    return make


# Lists


@pytest.mark.parametrize("base", ["/api/v2", "/v2"])
def test_lists_are_told_as_documented(door, base):
    found = told(door.get("lists", base=base))["lists"]
    assert [each["status"] for each in found if each["phone_number"] == door.deleted] == []
    [sandbox] = [each for each in found if each["phone_number"] == door.list_number]
    count = sandbox.pop("contact_count")
    created_at = sandbox.pop("created_at")
    assert isinstance(count, int)
    assert created_at.endswith("Z")
    assert sandbox == {
        "id": 1,
        "phone_number": door.list_number,
        "brand_name": "Sandbox",
        "list_name": "Sandbox",
        "list_type": "simulator",
        "status": "active",
        "rate": 17_000,
        "connector": "sandbox",
        "second_connector": None,
        "own_carrier": False,
        "verified_at": None,
        "on_uncertain": "hold",
        "answers": True,
        "stop_text": None,
        "start_text": None,
        "help_text": None,
        "prepend_text": None,
        "append_text": None,
        "frame_sends": False,
        "quiet_scope": "campaigns",
        "quiet_hours": None,
    }


@pytest.mark.parametrize("status", list(ListStatus))
def test_lists_are_told_by_status(door, status):
    found = told(door.get("lists", params={"status": status}))["lists"]
    assert {each["status"] for each in found} <= {status}
    if status in {"active", "paused", "deleted"}:
        numbers = {each["phone_number"] for each in found}
        wanted = {"active": door.list_number, "paused": door.paused, "deleted": door.deleted}
        assert wanted[status] in numbers


@pytest.mark.parametrize("status", ["", "Active", "gone"])
def test_a_status_at_fault_is_named(door, status):
    refused(door.get("lists", params={"status": status}), "invalid_parameter", "status")


def test_a_list_is_made_changed_paused_deleted_and_brought_back(door, made):
    new = made(list_name="News", brand_name="Acme", rate=600, help_text="Call us.", answers=False)
    path = f"lists/{new['id']}"
    assert (new["list_name"], new["rate"], new["help_text"]) == ("News", 600, "Call us.")
    assert told(door.get(path)) == new
    changed = told(
        ask(door, "PUT", path, {"rate": 300, "help_text": None, "on_uncertain": "resend_once"})
    )
    expected = {"rate": 300, "help_text": None, "on_uncertain": "resend_once"}
    assert changed == new | expected
    assert told(ask(door, "PUT", path, {})) == changed
    paused = told(ask(door, "PUT", path, {"status": "paused"}))
    assert paused["status"] == "paused"
    refused(
        door.post("send-raw", door.order(list_number=new["phone_number"])),
        "list_inactive",
        "list_number",
    )
    assert told(ask(door, "DELETE", path)) == {"success": True, "deleted": True}
    refused(door.get(path), "not_found")
    refused(ask(door, "PUT", path, {"rate": 1}), "not_found")
    refused(ask(door, "DELETE", path), "not_found")
    taken = {"phone_number": new["phone_number"], "connector": "sandbox"}
    refused(door.post("lists", taken), "list_exists", "list_number")
    back = told(ask(door, "PUT", path, {"status": "active"}))
    assert back == changed
    assert door.post("send-raw", door.order(list_number=new["phone_number"])).status_code == 200


def test_a_second_connector_is_given_and_taken_away(door, made):
    spare = f"spare-{uuid.uuid4().hex[:8]}"
    add = door.runtime.connectors.add
    from sendrail.connectors.service import ConnectorCapacity

    door.do(add(door.us, "simulator", spare, {}, ConnectorCapacity(), own=False))
    new = made(second_connector=spare)
    assert new["second_connector"] == spare
    path = f"lists/{new['id']}"
    assert told(ask(door, "PUT", path, {"rate": 5}))["second_connector"] == spare
    assert told(ask(door, "PUT", path, {"second_connector": None}))["second_connector"] is None
    refused(
        ask(door, "PUT", path, {"second_connector": "sandbox"}), "invalid_field", "second_connector"
    )
    own = told(ask(door, "PUT", path, {"connector": "own"}))
    assert (own["own_carrier"], own["verified_at"], own["connector"]) == (True, None, "own")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"phone_number": None}, "missing_phone_number", "phone_number"),
        ({"phone_number": "1"}, "invalid_phone", "phone_number"),
        ({"rate": 0}, "invalid_rate", "rate"),
        ({"rate": 6_000_001}, "invalid_rate", "rate"),
        ({"rate": "60"}, "invalid_field", "rate"),
        ({"rate": 10**30}, "invalid_rate", "rate"),
        ({"connector": "nowhere"}, "invalid_connector", "connector"),
        ({"second_connector": "nowhere"}, "invalid_connector", "second_connector"),
        ({"second_connector": "sandbox"}, "invalid_field", "second_connector"),
        ({"list_name": "x" * 101}, "invalid_name", "list_name"),
        ({"brand_name": "a\0b"}, "invalid_field", "brand_name"),
        ({"on_uncertain": "pray"}, "invalid_field", "on_uncertain"),
        ({"help_text": "STOP"}, "invalid_field", "help_text"),
        ({"help_text": "x" * 1_000}, "invalid_field", "help_text"),
    ],
)
def test_a_list_at_fault_is_refused_and_not_made(door, made, changes, code, param):
    body = {"phone_number": door.recipient(), "connector": "sandbox"} | changes
    refused(door.post("lists", body), code, param)
    if "phone_number" not in changes:
        numbers = [each["phone_number"] for each in told(door.get("lists"))["lists"]]
        assert body["phone_number"] not in numbers
        new = made()
        refused(ask(door, "PUT", f"lists/{new['id']}", {"list_name": "X"} | changes), code, param)
        assert told(door.get(f"lists/{new['id']}")) == new


@pytest.mark.parametrize("name", ["72345", "Acme", "My Shop 24"])
def test_a_list_sends_from_a_short_code_or_a_name(door, name):
    # The servers of a run share no data, but their tests do share accounts.
    there = {each["phone_number"]: each for each in told(door.get("lists"))["lists"]}
    made = there.get(name) or told(
        door.post("lists", {"phone_number": name, "connector": "sandbox"})
    )
    assert (made["phone_number"], made["list_name"]) == (name, name)
    assert told(door.get(f"lists/{made['id']}"))["phone_number"] == name
    refused(
        door.post("lists", {"phone_number": name, "connector": "sandbox"}),
        "list_exists",
        "list_number",
    )
    who = door.recipient()
    contact = {"phone_number": who, "list_number": name}
    told(door.post("contacts", contact))
    [found] = told(door.get("contacts", params=contact))["contacts"]
    assert found["list_number"] == name
    message_id = door.send(to=who, list_number=name)
    assert told(door.get(f"messages/{message_id}"))["list_number"] == name
    page = told(door.get("messages", params={"list_number": name, "to": who}))["messages"]
    assert [each["message_id"] for each in page] == [message_id]
    told(door.post("send-raw/bulk", {"messages": [{"to": who, "body": "x"}], "list_number": name}))
    journey = {"list_number": name, "name": who}
    assert told(door.post("journeys", journey))["list_number"] == name
    assert told(door.get("journeys", params={"list_number": name}))["journeys"]
    assert told(ask(door, "DELETE", "contacts", contact))["unsubscribed"]
    refused(
        door.post("send-raw", door.order(to=who, list_number=name)), "contact_unsubscribed", "to"
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [("54321", "list_not_found"), ("Nobody", "list_not_found"), ("12", "invalid_list_number"),
     ("TwelveLetter", "invalid_list_number"), ("012345", "invalid_list_number")],
)  # fmt: skip
def test_a_sender_that_is_no_list_is_told_from_what_is_none(door, number, code):
    contact = {"phone_number": door.recipient(), "list_number": number}
    refused(door.post("contacts", contact), code, "list_number")
    assert told(door.post("send-raw", door.order(list_number=number)), 400)["code"] == code


def test_a_name_cannot_go_by_a_carrier_that_a_reply_verifies(door):
    body = {"phone_number": "OwnName", "connector": "own"}
    refused(door.post("lists", body), "invalid_connector", "connector")


def test_only_an_owners_status_can_be_set(door, made):
    new = made()
    path = f"lists/{new['id']}"
    for status in ("deleted", "suspended", "", "Paused"):
        refused(ask(door, "PUT", path, {"status": status}), "invalid_field", "status")
    door.write(lambda tx: tx.lists.change(door.us, new["id"], status=ListStatus.SUSPENDED))
    for status in ("active", "paused"):
        refused(ask(door, "PUT", path, {"status": status}), "list_suspended")
    assert told(ask(door, "PUT", path, {"rate": 7}))["rate"] == 7


BAD_IDS = ["0", "-1", "x", "1.0", "9" * 30, str(2**63), "%00", "\u0661", "999999999"]


@pytest.mark.parametrize("name", BAD_IDS)
@pytest.mark.parametrize("kind", ["lists", "journeys"])
def test_what_is_no_id_is_not_found(door, kind, name):
    refused(door.get(f"{kind}/{name}"), "not_found")
    refused(ask(door, "DELETE", f"{kind}/{name}"), "not_found")


# Blocks


def test_a_number_is_blocked_looked_up_and_unblocked(door):
    who = door.recipient()
    assert told(door.get("blocks", params={"phone_number": who}))["blocks"] == []
    body = {"phone_number": who, "note": " asked by telephone "}
    assert told(door.post("blocks", body)) == {"success": True, "is_new": True}
    assert told(door.post("blocks", body)) == {"success": True, "is_new": False}
    page = told(door.get("blocks", params={"phone_number": who}))
    [block] = page["blocks"]
    assert block.pop("blocked_at").endswith("Z")
    assert block == {"phone_number": who, "note": "asked by telephone"}
    assert page["pagination"]["total"] == 1
    refused(door.post("send-raw", door.order(to=who)), "contact_blocked", "to")
    key = {"phone_number": who}
    assert told(ask(door, "DELETE", "blocks", key)) == {"success": True, "unblocked": True}
    assert told(ask(door, "DELETE", "blocks", key)) == {"success": True, "unblocked": False}
    assert door.post("send-raw", door.order(to=who)).status_code == 200


def test_many_numbers_are_blocked_each_on_its_own(door):
    who = [door.recipient() for _ in range(2)]
    batch = [
        {"phone_number": who[0]},
        {"phone_number": "nobody"},
        7,
        {"phone_number": who[1], "note": "why"},
        {"phone_number": who[0], "note": "x" * 201},
        {"phone_number": 7},
        {"phone_number": who[1]},
    ]
    answer = told(door.post("blocks/bulk", {"blocks": batch}))
    errors = answer.pop("errors")
    assert answer == {"success_count": 3, "error_count": 4, "blocks_created": 2}
    assert [(each["index"], each["phone_number"], each["code"]) for each in errors] == [
        (1, "nobody", "invalid_phone"),
        (2, None, "invalid_field"),
        (4, who[0], "invalid_field"),
        (5, None, "invalid_field"),
    ]


def test_a_batch_of_blocks_has_bounds(door):
    number = door.recipient()
    for body in ({}, {"blocks": []}, {"blocks": None}):
        refused(door.post("blocks/bulk", body), "missing_blocks", "blocks")
    full = [{"phone_number": number}] * 1_000
    assert told(door.post("blocks/bulk", {"blocks": full}))["success_count"] == 1_000
    over = {"blocks": [*full, {"phone_number": number}]}
    refused(door.post("blocks/bulk", over), "too_many_blocks", "blocks")


def test_blocks_come_in_pages(door):
    who = sorted(door.recipient() for _ in range(3))
    told(door.post("blocks/bulk", {"blocks": [{"phone_number": each} for each in who]}))
    first = told(door.get("blocks", params={"per_page": 2}))
    assert len(first["blocks"]) == 2
    last = first["pagination"]["total_pages"]
    assert told(door.get("blocks", params={"per_page": 2, "page": last + 1}))["blocks"] == []
    seen, cursor = [], {}
    while cursor is not None:
        page = told(door.get("blocks", params={"per_page": 2, **cursor}))
        seen += [each["phone_number"] for each in page["blocks"]]
        follows = page["pagination"]["next_cursor"]
        cursor = None if follows is None else {"cursor": follows}
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == page["pagination"]["total"]
    assert set(who) <= set(seen)
    refused(door.get("blocks", params={"per_page": 101}), "invalid_parameter", "per_page")
    refused(door.get("blocks", params={"phone_number": "x"}), "invalid_parameter", "phone_number")


# Journeys


@pytest.fixture
def journey(door, made):
    number = made()["phone_number"]
    return told(door.post("journeys", {"list_number": number, "name": " Welcome "}))


def test_a_journey_is_made_found_and_deleted(door, journey):
    assert journey.items() >= {"name": "Welcome", "trigger": "list"}.items()
    path = f"journeys/{journey['id']}"
    assert told(door.get(path)) == journey
    page = told(door.get("journeys", params={"list_number": journey["list_number"]}))
    assert (page["journeys"], page["pagination"]["total"]) == ([journey], 1)
    assert told(door.get("journeys", params={"per_page": 100}))["pagination"]["total"] > 1
    twin = {"list_number": journey["list_number"], "name": "Welcome"}
    refused(door.post("journeys", twin), "journey_exists", "name")
    assert told(ask(door, "DELETE", path)) == {"success": True, "deleted": True}
    refused(door.get(path), "not_found")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"list_number": None}, "missing_list_number", "list_number"),
        ({"list_number": "7"}, "invalid_list_number", "list_number"),
        ({"list_number": "+15550002999"}, "list_not_found", "list_number"),
        ({"name": " "}, "missing_name", "name"),
        ({"name": "x" * 101}, "invalid_name", "name"),
        ({"trigger": "whenever"}, "invalid_field", "trigger"),
        ({"trigger": 1}, "invalid_field", "trigger"),
    ],
)
def test_a_journey_at_fault_is_refused(door, changes, code, param):
    body = {"list_number": door.list_number, "name": "new"} | changes
    refused(door.post("journeys", body), code, param)


def test_an_enrolment_is_real_and_ends_by_itself(door, journey):
    who, path = door.recipient(), f"journeys/{journey['id']}/enrollments"
    order = door.order(to=who, list_number=journey["list_number"])
    before = door.runtime.clock.now()
    enrolled = told(door.post(path, {"phone_number": who}))
    assert (enrolled["journey_id"], enrolled["phone_number"]) == (journey["id"], who)
    page = told(door.get(path))
    assert (page["enrollments"], page["pagination"]["total"]) == ([enrolled], 1)
    refused(door.post("send-raw", order), "journey_conflict", "to")
    [stored] = door.do(door.runtime.journeys.enrolment_page(door.us, journey["id"])).enrolments
    assert stored.ends_at - stored.started_at == 30 * 24 * 3_600_000
    assert before <= stored.started_at <= door.runtime.clock.now()
    assert told(ask(door, "DELETE", path, {"phone_number": who})) == {
        "success": True,
        "ended": True,
    }
    assert not told(ask(door, "DELETE", path, {"phone_number": who}))["ended"]
    assert door.post("send-raw", order).status_code == 200


def test_deleting_a_journey_ends_it_for_everybody(door, journey):
    who = door.recipient()
    told(door.post(f"journeys/{journey['id']}/enrollments", {"phone_number": who}))
    told(ask(door, "DELETE", f"journeys/{journey['id']}"))
    order = door.order(to=who, list_number=journey["list_number"])
    assert door.post("send-raw", order).status_code == 200


def test_an_enrolment_wants_a_number(door, journey):
    path = f"journeys/{journey['id']}/enrollments"
    for method in ("POST", "DELETE"):
        refused(ask(door, method, path, {}), "missing_phone_number", "phone_number")
        refused(ask(door, method, path, {"phone_number": "1"}), "invalid_phone", "phone_number")


# What all have in common


def test_the_routes_are_those_of_the_description(fast_door):
    for each in OPERATIONS:
        path = f"/api/v2{each.path}".replace("{", "").replace("}", "")
        answer = fast_door.client.request(each.method, path)
        refused(answer, "missing_api_key")
    answer = fast_door.client.request("PATCH", "/api/v2/contacts", headers=fast_door.headers())
    refused(answer, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST", "PUT", "DELETE"}
    head = fast_door.client.head("/api/v2/lists", headers=fast_door.headers())
    assert (head.status_code, head.content) == (200, b"")


def imported_send(door):
    """Return a send as it is imported."""
    return {
        "id": door.recipient(),
        "list_number": door.list_number,
        "to_number": door.recipient(),
        "timestamp": "2025-11-03T17:20:00Z",
    }


def of_history(door, **more):
    """Return a record about a send that was imported, of an offer that is there."""
    send, name = imported_send(door), door.recipient()
    told(door.post("history/sends", {"records": [send]}))
    offer = {"name": name, "tracking_url": "https://shop.example/", "external_id": name}
    told(door.post("offers", offer))
    return {"records": [{"message_id": send["id"], "offer_id": name} | more, {}]}


def audience_filter(door):
    condition = {"condition_type": "custom_field", "field": "plan", "operator": "eq"}
    return {"operator": "AND", "conditions": [condition | {"value": door.recipient()}]}


def an_audience(door):
    """Return the id of a new audience of the account."""
    body = {"name": "All", "filter": audience_filter(door)}
    return told(door.post("audiences", body))["id"]


def a_schedule(door):
    """Return the id of a new schedule of the account, which has a text."""
    body = {
        "name": door.recipient(), "send_type": "blast", "is_repeating": False,
        "send_time": "10:00", "send_date": A_MONDAY,
        "audiences": [an_audience(door)], "blasts": [{"message": "Deals"}],
    }  # fmt: skip
    return told(door.post("schedules", body))["schedule"]["id"]


POSTS = {
    "contacts/erase": lambda door: {"phone_number": door.unsubscribed()},
    "contacts": lambda door: {
        "phone_number": door.recipient(), "list_number": door.list_number
    },
    "contacts/bulk": lambda door: {
        "contacts": [{"phone_number": door.recipient(), "list_number": door.list_number}, {}]
    },
    "lists": lambda door: {"phone_number": door.recipient(), "connector": "sandbox"},
    "blocks": lambda door: {"phone_number": door.recipient()},
    "blocks/bulk": lambda door: {"blocks": [{"phone_number": door.recipient()}, {}]},
    "journeys": lambda door: {"list_number": door.list_number, "name": door.recipient()},
    "journeys/{journey_id}/enrollments": lambda door: {"phone_number": door.recipient()},
    "journeys/{journey_id}/enrollments/bulk": lambda door: {
        "enrollments": [{"phone_number": door.recipient()}, {}]
    },
    "events": lambda door: {
        "phone_number": door.recipient(), "list_number": door.list_number, "event": "cart"
    },
    "offers": lambda door: {"name": door.recipient(), "tracking_url": "https://shop.example/"},
    "creatives": lambda door: {
        "name": door.recipient(), "message": "{{link1}}",
        "offer_links": [{"key": "link1", "offer_id": an_offer(door)}],
    },
    "audiences": lambda door: {"name": door.recipient(), "filter": audience_filter(door)},
    "schedules": lambda door: {
        "name": door.recipient(), "send_type": "automated", "is_repeating": False,
        "send_time": "10:00", "send_date": A_MONDAY,
        "audiences": [an_audience(door)],
    },
    "audiences/preview": lambda door: {"filter": audience_filter(door)},
    "links": lambda door: {"phoneNumber": door.linked_list(), "offerId": door.new_offer()},
    "links/shorten": lambda door: {
        "phoneNumber": door.linked_list(), "url": f"https://shop.example/{door.recipient()[1:]}"
    },
    "domains": lambda door: {"domain": f"go{door.recipient()[1:]}.example.com"},
    "revenue": lambda door: {
        "message_id": door.send(), "revenue": 24.99, "attribution_type": "send"
    },
    "revenue/bulk": lambda door: {
        "records": [
            {
                "message_id": door.send(), "revenue": 24.99, "attribution_type": "send",
                "external_id": door.recipient(),
            },
            {},
        ]
    },
    "schedules/{schedule_id}/test": lambda door: {"phone_numbers": [door.recipient()]},
    "runs/{run_id}/pause": lambda door: {"note": door.recipient()},
    "runs/{run_id}/resume": lambda door: {"note": door.recipient()},
    "runs/{run_id}/stop": lambda door: {"note": door.recipient()},
    "history/sends": lambda door: {"records": [imported_send(door), {}]},
    "history/clicks": of_history,
    "history/revenue": lambda door: of_history(door, revenue=24.99),
}  # fmt: skip
# It looks again each time, and changes nothing by that.
LOOKS_AGAIN = {
    "domains/{domain_id}/verify",
    "creatives/{creative_id}/preview",
    "schedules/{schedule_id}/preflight",
    "schedules/{schedule_id}/dry-run",
    "journeys/{journey_id}/validate",
    "journeys/{journey_id}/simulate",
}


# Done to everybody on a journey: tried in `test_journey_progress.py`, on one of a test's own.
TRIED_APART = {"journeys/{journey_id}/exit", "journeys/{journey_id}/backfill"}


def an_offer(door):
    """Return the id of a new offer of the account."""
    given = OfferChange(name="Offer", tracking_url="https://shop.example/")
    return door.do(door.runtime.tracking.offers.add(door.us, given, Actor(name="a test"))).ref


@pytest.fixture
def to(door):
    """Return the path of an operation with the ids of what is there."""

    def path(template):
        journey = door.do(door.runtime.journeys.all(door.us))[0][0]
        state = RunState.PAUSED if template.endswith("/resume") else RunState.RUNNING
        run_id = a_run(door, door.us, state) if "{run_id}" in template else 0
        schedule_id = a_schedule(door) if "{schedule_id}" in template else 0
        return template.format(journey_id=journey.id, run_id=run_id, schedule_id=schedule_id)

    return path


def test_every_post_is_tried_with_a_key():
    # Imports are tried beside their files.
    posted = {each.path[1:] for each in OPERATIONS if each.method == "POST" and not each.file_in}
    assert {
        path for path in posted if not path.startswith("send")
    } - LOOKS_AGAIN - TRIED_APART == set(POSTS)


def differs_at_last(answer, first):
    """Tell whether an answer is another in the end: one may differ by its second alone."""
    until = time.monotonic() + 60
    while answer().content == first.content:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("template", POSTS)
def test_a_repeated_post_counts_once(door, to, template):
    path, body, key = to(template), POSTS[template](door), str(uuid.uuid4())
    first = door.post(path, body, idempotency_key=key, x_request_id="first")
    again = door.post(path, body, base="/v2", idempotency_key=key, x_request_id="again")
    assert told(first)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] == "again"
    assert differs_at_last(lambda: door.post(path, body), first), (
        "without the key it is another request"
    )


@pytest.mark.parametrize("template", POSTS)
def test_a_key_is_not_for_another_request(door, to, template):
    path, key = to(template), str(uuid.uuid4())
    told(door.post(path, POSTS[template](door), idempotency_key=key))
    refused(door.post(path, POSTS[template](door), idempotency_key=key), "idempotency_key_reused")
    refused(door.post("send-raw", door.order(), idempotency_key=key), "idempotency_key_reused")
    theirs = door.post(path, {}, idempotency_key=key, x_api_key=door.their_key)
    assert theirs.json()["code"] != "idempotency_key_reused"


def test_a_key_names_one_path(door, made):
    key, who = str(uuid.uuid4()), door.recipient()
    journeys = [
        told(door.post("journeys", {"list_number": made()["phone_number"], "name": "a"}))["id"]
        for _ in range(2)
    ]
    first, second = (f"journeys/{each}/enrollments" for each in journeys)
    told(door.post(first, {"phone_number": who}, idempotency_key=key))
    refused(door.post(second, {"phone_number": who}, idempotency_key=key), "idempotency_key_reused")


@pytest.mark.parametrize("template", POSTS)
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_bounds(door, to, template, key):
    answer = door.post(to(template), POSTS[template](door), idempotency_key=key)
    refused(answer, "invalid_idempotency_key")


def test_an_error_leaves_the_key_free(door):
    key, number = str(uuid.uuid4()), door.recipient()
    body = {"list_number": number, "name": "welcome"}
    refused(door.post("journeys", body, idempotency_key=key), "list_not_found", "list_number")
    door.new_list(number)
    answer = door.post("journeys", body, idempotency_key=key)
    assert told(answer)
    assert "idempotency-replayed" not in answer.headers


def test_the_same_key_at_once_makes_one(door):
    key, body = str(uuid.uuid4()), POSTS["lists"](door)

    def post(_):
        return door.post("lists", body, idempotency_key=key)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("template", POSTS)
def test_a_body_over_five_megabytes_is_refused(fast_door, template):
    path = template.format(journey_id=1, run_id=1, schedule_id="0" * 24)
    refused(fast_door.post(path, b"x" * 5_000_001), "payload_too_large")


@pytest.mark.parametrize("path", ["contacts", "lists", "blocks", "journeys"])
def test_what_is_told_is_for_nobody_else(door, path):
    assert door.get(path).headers["cache-control"] == "no-store"


# What can be the id of nothing: PostgreSQL has no NUL, and no number past 63 bits has a row.
NO_IDS = ["%00", "a%00b", str(2**63), "9" * 19, "9" * 5_000, "%EF%BF%BD", "%ff", "0", "-1", "1.0"]


@pytest.mark.parametrize("no_id", NO_IDS, ids=lambda text: text[:20])
def test_what_can_be_no_id_is_not_found(door, no_id):
    asked = 0
    for each in OPERATIONS:
        if "{" in each.path:
            head, _, rest = each.path.partition("{")
            path = head + no_id + rest.partition("}")[2]
            while "{" in path:
                path = path[: path.index("{")] + no_id + path[path.index("}") + 1 :]
            body = {} if each.method in {"POST", "PUT"} else None
            answer = ask(door, each.method, path.lstrip("/"), body)
            assert answer.status_code in {400, 404}, (each.method, path, answer.text)
            assert answer.status_code == 404 or each.method != "GET", answer.text
            asked += 1
    assert asked > 30


@pytest.mark.parametrize("text", ["\0", "0" * 23 + "\0", "x" * 24])
def test_a_body_that_names_what_can_be_no_id_names_nothing(door, text):
    """A creative's links name offers, and a schedule's audiences are named."""
    creative = {
        "name": f"links {uuid.uuid4()}", "message": "See {{link1}} Reply STOP to end.",
        "offer_links": [{"key": "link1", "offer_id": text}],
    }  # fmt: skip
    assert ask(door, "POST", "creatives", creative).status_code == 400
    link = {"offerId": text, "phoneNumber": door.list_number}
    assert ask(door, "POST", "links", link).status_code in {400, 404}
