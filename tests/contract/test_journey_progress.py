"""Contacts on a journey over HTTP: it sends, counts, is woken by events, and is left by all."""

import time
import uuid

import pytest
from asking import ask, refused, told
from written import parsed

STEPS = [
    {"id": "hello", "kind": "send", "body": "Hi {{first_name|there}}"},
    {
        "id": "cart", "kind": "wait_event", "yes": "thanks", "no": "out",
        "if": {"type": "event", "event": "custom", "name": "order"},
        "timeout": {"value": 2, "unit": "days"},
    },
    {"id": "thanks", "kind": "send", "body": "Thanks", "next": "out"},
    {"id": "out", "kind": "exit"},
]  # fmt: skip


class Shop:
    """An account of a test's own, with a list and a journey on it."""

    def __init__(self, door):
        self.door = door
        self.id = door.do(door.runtime.accounts.add(f"shop {uuid.uuid4()}"))
        self.key = door.new_key(self.id)
        self.number = door.recipient()
        door.do(
            door.runtime.lists.add(self.id, parsed(self.number), brand="Acme", connector="sandbox")
        )
        body = {"list_number": self.number, "name": "Welcome", "status": "active"}
        body |= {"trigger": {"on": ["signup", "event"], "event": "cart"}, "steps": STEPS}
        self.journey = told(self.ask("POST", "journeys", body))["id"]

    def ask(self, method, path, body=None, **headers):
        return ask(self.door, method, path, body, x_api_key=self.key, **headers)

    def of_journey(self, method, path, body=None, **headers):
        return self.ask(method, f"journeys/{self.journey}/{path}", body, **headers)

    def join(self, **more):
        who = self.door.recipient()
        body = {"phone_number": who, "list_number": self.number} | more
        return who, told(self.ask("POST", "contacts", body))

    def happens(self, who, event):
        body = {"phone_number": who, "list_number": self.number, "event": event}
        return told(self.ask("POST", "events", body))

    def stats(self):
        return told(self.of_journey("GET", "stats"))

    def until(self, question):
        deadline = time.monotonic() + 60
        while not question():
            assert time.monotonic() < deadline, self.stats()
            time.sleep(0.05)


@pytest.fixture
def shop(fast_door):
    return Shop(fast_door)


def test_joining_a_list_starts_its_journey_which_sends_and_counts(shop):
    who, joined = shop.join(use_journeys=True)
    assert joined["journeys_enrolled"] == 1
    _, uninvited = shop.join()
    assert uninvited["journeys_enrolled"] == 0
    shop.until(lambda: shop.stats()["steps"][0]["left"] == 1)
    [message] = told(shop.ask("GET", f"messages?to=%2B{who[1:]}"))["messages"]
    assert "Hi there" in message["body"]
    [on_it] = told(shop.of_journey("GET", "enrollments"))["enrollments"]
    assert (on_it["phone_number"], on_it["version"], on_it["step"]) == (who, 1, "cart")
    assert on_it["due_at"] > on_it["started_at"]
    assert shop.happens(who, "order")["journeys"] == 1
    shop.until(lambda: shop.stats()["ended"] == {"exited": 1})
    found = shop.stats()
    assert (found["version"], found["entered"]) == (1, 1)
    assert [each["step"] for each in found["steps"]] == ["hello", "cart", "thanks", "out"]
    assert found["steps"][1]["did"] == {"waits": 1, "yes": 1}
    assert {each["here"] for each in found["steps"]} == {0}


def test_an_event_lets_a_contact_enter(shop):
    who, _ = shop.join()
    assert shop.happens(who, "other")["journeys"] == 0
    assert shop.happens(who, "cart")["journeys"] == 1
    body = {"phone_number": who, "list_number": shop.number}
    refused(shop.ask("POST", "events", body | {"event": "x" * 101}), "invalid_value", "event")
    refused(shop.ask("POST", "events", body), "invalid_value", "event")


def test_an_event_says_more_than_its_name(shop):
    who, _ = shop.join()
    body = {"phone_number": who, "list_number": shop.number, "event": "cart"}
    for data, param in [
        ({"items": [1]}, "data.items"),
        ({"note": "x" * 501}, "data.note"),
        ({"total": 2**60}, "data.total"),
        ({"": 1}, "data."),
        ({f"n{at}": at for at in range(21)}, "data"),
        ([1], "data"),
    ]:
        refused(shop.ask("POST", "events", body | {"data": data}), "invalid_value", param)
    nul = shop.ask("POST", "events", body | {"data": {"note": "a\0b"}})
    refused(nul, "invalid_field", "data.note")
    step = {"id": "hello", "kind": "send", "body": "Your {{event.item}}: {{event.total}}"}
    told(shop.ask("PUT", f"journeys/{shop.journey}", {"status": "active", "steps": [step]}))
    said = {"item": "hat", "total": 7, "note": None}
    assert told(shop.ask("POST", "events", body | {"data": said}))["journeys"] == 1
    shop.until(lambda: shop.stats()["ended"] == {"completed": 1})
    [message] = told(shop.ask("GET", f"messages?to=%2B{who[1:]}"))["messages"]
    assert "Your hat: 7" in message["body"]


def test_many_contacts_are_put_on_a_journey_each_on_its_own(shop):
    (one, _), (two, _) = shop.join(), shop.join()
    given = [{"phone_number": one}, {"phone_number": "12"}, [], {"phone_number": two}, {}]
    answer = told(shop.of_journey("POST", "enrollments/bulk", {"enrollments": given}))
    assert (answer["success_count"], answer["error_count"]) == (2, 3)
    assert [(each["index"], each["code"]) for each in answer["errors"]] == [
        (1, "invalid_phone"), (2, "invalid_field"), (4, "missing_phone_number"),
    ]  # fmt: skip
    on_it = told(shop.of_journey("GET", "enrollments"))["enrollments"]
    for found in (answer["enrollments"], on_it):
        assert sorted(each["phone_number"] for each in found) == sorted([one, two])
    for body, code in (
        ({}, "missing_enrollments"),
        ({"enrollments": [{}] * 1_001}, "too_many_enrollments"),
    ):
        refused(shop.of_journey("POST", "enrollments/bulk", body), code, "enrollments")


def test_who_is_on_a_journey_is_asked_by_state_step_number_and_time(shop):
    people = sorted(shop.join(use_journeys=True)[0] for _ in range(3))
    shop.until(lambda: shop.stats()["steps"][0]["left"] == 3)

    def found(query=""):
        answer = told(shop.of_journey("GET", f"enrollments?{query}"))
        return [each["phone_number"] for each in answer["enrollments"]], answer["pagination"]

    assert found("step=cart")[0] == found("state=running&version=1")[0] == people
    assert found("step=thanks")[0] == found("version=2")[0] == found("state=ended")[0] == []
    assert found(f"phone_number=%2B{people[1][1:]}")[0] == [people[1]]
    assert found("started_after=2020-01-01T00:00:00Z")[0] == people
    assert found("started_before=2020-01-01T00:00:00Z")[0] == []
    shop.happens(people[0], "order")
    shop.until(lambda: shop.stats()["ended"] == {"exited": 1})
    [over] = told(shop.of_journey("GET", "enrollments?state=ended"))["enrollments"]
    assert (over["phone_number"], over["ended"], over["due_at"]) == (people[0], "exited", None)
    assert found("state=any")[0] == people
    # Page after page by the cursor, with a filter and without one.
    for query, wanted in (("state=any&", people), ("", people[1:])):
        seen, more = [], f"{query}per_page=1"
        while more:
            some, place = found(more)
            seen += some
            cursor = place["next_cursor"]
            more = cursor and f"{query}per_page=1&cursor={cursor}"
        assert seen == wanted
    for query, param in (
        ("state=asleep", "state"), ("version=x", "version"), ("started_after=now", "started_after"),
        ("started_before=now", "started_before"), ("phone_number=12", "phone_number"),
        ("step=cart&page=2", "page"), ("cursor=x", "cursor"),
    ):  # fmt: skip
        refused(shop.of_journey("GET", f"enrollments?{query}"), "invalid_parameter", param)


def test_a_call_honours_exclusive_journeys_and_paused_ones(shop):
    one, two = (shop.join()[0] for _ in range(2))
    body = {"list_number": shop.number, "name": "Alone", "exclusive": True, "status": "active"}
    body |= {"trigger": {"on": ["api"]}, "steps": STEPS}
    alone = told(shop.ask("POST", "journeys", body))["id"]
    path = f"journeys/{alone}/enrollments"
    told(shop.of_journey("POST", "enrollments", {"phone_number": one}))
    # One that is on another journey enters no exclusive one; who is on that enters no other.
    refused(shop.ask("POST", path, {"phone_number": one}), "journey_conflict")
    told(shop.ask("POST", path, {"phone_number": two}))
    told(shop.ask("POST", path, {"phone_number": two}))
    refused(shop.of_journey("POST", "enrollments", {"phone_number": two}), "journey_conflict")
    given = {"enrollments": [{"phone_number": each} for each in (two, "x", one)]}
    answer = told(shop.of_journey("POST", "enrollments/bulk", given))
    assert (answer["success_count"], answer["error_count"]) == (1, 2)
    assert [(each["index"], each["code"]) for each in answer["errors"]] == [
        (0, "journey_conflict"), (1, "invalid_phone"),
    ]  # fmt: skip
    assert [each["phone_number"] for each in answer["enrollments"]] == [one]
    who = {"phone_number": one, "list_number": shop.number}
    told(shop.ask("DELETE", "contacts", who))
    refused(shop.of_journey("POST", "enrollments", {"phone_number": one}), "contact_unsubscribed")
    told(shop.ask("PUT", f"journeys/{alone}", {"status": "paused"}))
    refused(shop.ask("POST", path, {"phone_number": two}), "journey_paused")
    refused(shop.ask("POST", f"{path}/bulk", given), "journey_paused")
    told(shop.ask("PUT", f"journeys/{alone}", {"status": "archived"}))
    refused(shop.ask("POST", path, {"phone_number": two}), "journey_not_active")


def test_a_backfill_names_an_audience_of_the_account(shop):
    for ref in ("0" * 24, "x"):
        body = {"audience_id": ref}
        refused(shop.of_journey("POST", "backfill", body), "audience_not_found", "audience_id")


def test_all_leave_and_enter_again_by_tasks(shop):
    for path, body in (("exit", {}), ("backfill", {"dry_run": False})):
        refused(shop.of_journey("POST", path, body), "confirm_required", "confirm")
    who, _ = shop.join()
    dry = told(shop.of_journey("POST", "backfill", {}))
    assert dry["dry_run"]
    task = f"tasks/{dry['id']}"
    shop.until(lambda: told(shop.of_journey("GET", task))["state"] == "done")
    assert told(shop.of_journey("GET", task))["done"] == 1
    assert told(shop.of_journey("GET", "enrollments"))["enrollments"] == []
    key = str(uuid.uuid4())
    made = [
        told(shop.of_journey("POST", "backfill", {"confirm": True}, idempotency_key=key))
        for _ in range(2)
    ]
    assert made[0] == made[1]
    task = f"tasks/{made[0]['id']}"
    shop.until(lambda: told(shop.of_journey("GET", task))["state"] == "done")
    assert told(shop.of_journey("GET", task))["done"] == 1
    [on_it] = told(shop.of_journey("GET", "enrollments"))["enrollments"]
    assert on_it["phone_number"] == who
    key = str(uuid.uuid4())
    made = [
        told(shop.of_journey("POST", "exit", {"confirm": True}, idempotency_key=key))
        for _ in range(2)
    ]
    assert made[0] == made[1]
    shop.until(lambda: shop.stats()["ended"] == {"removed": 1})
    told(shop.of_journey("DELETE", f"tasks/{made[0]['id']}"))
    kinds = [each["kind"] for each in told(shop.of_journey("GET", "tasks"))["tasks"]]
    assert kinds == ["exit", "backfill", "backfill"]


@pytest.mark.parametrize("version", ["0", "x", "2", "99999999999999999999"])
def test_counts_of_a_version_there_is_not(shop, version):
    answer = shop.of_journey("GET", f"stats?version={version}")
    if version != "2":
        refused(answer, "invalid_parameter", "version")
    else:
        refused(answer, "not_found")


def test_a_journey_that_is_paused_takes_nobody_in(shop):
    told(shop.ask("PUT", f"journeys/{shop.journey}", {"status": "paused"}))
    _, joined = shop.join(use_journeys=True)
    assert joined["journeys_enrolled"] == 0
    refused(shop.of_journey("POST", "backfill", {"confirm": True}), "journey_not_active")
