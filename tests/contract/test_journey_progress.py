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
        deadline = time.monotonic() + 30
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
    if version in {"0", "x"}:
        refused(answer, "invalid_parameter", "version")
    else:
        refused(answer, "not_found")


def test_a_journey_that_is_paused_takes_nobody_in(shop):
    told(shop.ask("PUT", f"journeys/{shop.journey}", {"status": "paused"}))
    _, joined = shop.join(use_journeys=True)
    assert joined["journeys_enrolled"] == 0
    refused(shop.of_journey("POST", "backfill", {"confirm": True}), "journey_not_active")
