"""Documents of journeys over HTTP: drafts, versions, faults and simulations."""

import uuid

import pytest
from asking import ask, refused, told
from written import parsed

DOCUMENT = {
    "name": "Welcome",
    "trigger": {"on": ["signup"]},
    "priority": 5,
    "holds_other_sends": False,
    "steps": [
        {"id": "hello", "kind": "send", "body": "Hi {{first_name|there}}"},
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
        {"id": "bye", "kind": "exit", "reason": "done"},
    ],
}
SOON = {"value": 1, "unit": "minutes"}
FAULTY = [
    {"id": "a", "kind": "send", "body": "{{oops"},
    {"id": "b", "kind": "wait_until", "time": "25:00", "next": "c"},
    {"id": "d", "kind": "webhook", "endpoint_id": 999},
    {"id": "e", "kind": "send", "creative_id": 999},
]
FAULTS = [
    ("unknown_macro", "steps[0].body"),
    ("unknown_step", "steps[1].next"),
    ("invalid_time", "steps[1].time"),
    ("endpoint_not_found", "steps[2].endpoint_id"),
    ("creative_not_found", "steps[3].creative_id"),
]


class Account:
    """An account of a test's own, with a list."""

    def __init__(self, door):
        self.door = door
        self.id = door.do(door.runtime.accounts.add(f"journeys {uuid.uuid4()}"))
        self.key = door.new_key(self.id)
        self.number = door.recipient()
        door.do(
            door.runtime.lists.add(self.id, parsed(self.number), brand="Acme", connector="sandbox")
        )

    def ask(self, method, path, body=None):
        return ask(self.door, method, path, body, x_api_key=self.key)

    def make(self, **more):
        body = {"list_number": self.number} | DOCUMENT | more
        return told(self.ask("POST", "journeys", body))

    def put(self, journey, **body):
        return self.ask("PUT", f"journeys/{journey['id']}", body)


@pytest.fixture
def us(fast_door):
    return Account(fast_door)


@pytest.fixture
def pg(servers):
    return Account(servers.door("postgres"))


def stored(document):
    return {name: value for name, value in document.items() if name != "list_number"}


def flat(faults):
    return [(each["code"], each["param"]) for each in faults]


def a_life(us):
    made = us.make()
    assert (made["status"], made["active_version"], made["draft"]) == ("draft", None, DOCUMENT)
    assert "document" not in made
    active = told(us.put(made, status="active"))
    assert (active["status"], active["active_version"]) == ("active", 1)
    assert (active["document"], active["priority"]) == (DOCUMENT, 5)
    assert (active["holds_other_sends"], active["trigger"]) == (False, "list")
    assert "draft" not in active

    # A change is of the draft alone, until that is activated.
    longer = told(us.put(made, max_days=7, name="Willkommen"))
    assert (longer["name"], longer["document"]) == ("Willkommen", DOCUMENT)
    assert longer["draft"] == DOCUMENT | {"max_days": 7, "name": "Willkommen"}
    assert told(us.put(made, status="active"))["active_version"] == 2
    # The same document again is no new version.
    assert told(us.put(made, max_days=7, status="active"))["active_version"] == 2
    path = f"journeys/{made['id']}/versions"
    listed = told(us.ask("GET", path))
    assert [each["version"] for each in listed["versions"]] == [2, 1]
    assert all("document" not in each for each in listed["versions"])
    assert told(us.ask("GET", f"{path}/1"))["document"] == DOCUMENT
    refused(us.ask("GET", f"{path}/3"), "not_found")

    assert told(us.put(made, status="paused"))["status"] == "paused"
    refused(us.put(made, status="active", overdue="later"), "invalid_value", "overdue")
    assert told(us.put(made, status="active", overdue="catch_up"))["status"] == "active"
    refused(us.put(made, status="active", overdue="shift"), "invalid_value", "overdue")
    for status in ("paused", "paused", "active", "archived", "archived"):
        assert told(us.put(made, status=status))["status"] == status
    refused(us.put(made, status="active"), "invalid_status", "status")
    refused(us.put(made, max_days=3), "invalid_status", "status")
    assert told(us.ask("GET", "journeys"))["journeys"] == []
    [archived] = told(us.ask("GET", "journeys?status=archived"))["journeys"]
    assert archived["id"] == made["id"]
    # Its name stays taken.
    body = {"list_number": us.number, "name": "Willkommen"}
    refused(us.ask("POST", "journeys", body), "journey_exists", "name")


def test_a_journey_from_draft_to_archive(us):
    a_life(us)


def test_a_journey_from_draft_to_archive_on_postgres(pg):
    a_life(pg)


def test_a_draft_is_deleted_and_what_has_versions_is_archived(us):
    draft, active = us.make(), us.make(name="other", status="active")
    assert active["active_version"] == 1
    gone = told(us.ask("DELETE", f"journeys/{draft['id']}"))
    assert gone == {"success": True, "deleted": True}
    refused(us.ask("GET", f"journeys/{draft['id']}"), "not_found")
    kept = told(us.ask("DELETE", f"journeys/{active['id']}"))
    assert kept == {"success": True, "deleted": False, "archived": True}
    assert told(us.ask("GET", f"journeys/{active['id']}"))["status"] == "archived"


def test_a_faulty_draft_is_kept_and_is_not_activated(us):
    made = us.make(steps=FAULTY, max_days=31, colour="red")
    faults = [("invalid_value", "max_days"), *FAULTS]
    error = refused(us.put(made, status="active"), *faults[0])
    assert flat(error["faults"]) == faults
    assert told(us.ask("GET", f"journeys/{made['id']}"))["active_version"] is None
    checked = told(us.ask("POST", f"journeys/{made['id']}/validate", {}))
    assert (checked["valid"], flat(checked["faults"])) == (False, faults)
    # Of what is not kept.
    path = f"journeys/{made['id']}/validate"
    fixed = told(us.ask("POST", path, {"steps": DOCUMENT["steps"], "max_days": 3}))
    assert fixed == {"valid": True, "faults": [], "warnings": []}
    assert told(us.ask("GET", f"journeys/{made['id']}"))["draft"]["steps"] == FAULTY
    error = refused(us.ask("POST", f"journeys/{made['id']}/simulate", {}), *faults[0])
    assert flat(error["faults"]) == faults
    body = {"list_number": us.number, "status": "active"} | DOCUMENT | {"steps": FAULTY}
    error = refused(us.ask("POST", "journeys", body | {"name": "new"}), *FAULTS[0])
    assert flat(error["faults"]) == FAULTS
    assert [each["name"] for each in told(us.ask("GET", "journeys"))["journeys"]] == ["Welcome"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"status": "draft"}, "invalid_status", "status"),
        ({"status": "paused"}, "invalid_status", "status"),
        ({"status": "asleep"}, "invalid_status", "status"),
        ({"name": " "}, "invalid_name", "name"),
        ({"steps": [{"id": "x" * 70_000}]}, "payload_too_large", "steps"),
    ],
)
def test_a_change_at_fault_is_refused(us, body, code, param):
    made = us.make(status="active") if body.get("status") == "draft" else us.make()
    refused(us.put(made, **body), code, param)


def test_a_journey_without_steps_lives_as_before(us):
    made = told(us.ask("POST", "journeys", {"list_number": us.number, "name": "old"}))
    assert (made["status"], made["trigger"], made["active_version"]) == ("active", "list", None)
    renamed = told(us.put(made, name="older", trigger="none"))
    assert (renamed["name"], renamed["trigger"], renamed["status"]) == ("older", "none", "active")
    assert "draft" not in renamed
    for status in ("paused", "active"):
        assert told(us.put(made, status=status))["status"] == status
    # It may get steps, and is what it was until they are activated.
    grown = told(us.put(made, steps=DOCUMENT["steps"]))
    assert (grown["active_version"], grown["draft"]["trigger"]) == (None, "none")
    assert told(us.put(made, status="active"))["active_version"] == 1


def test_contacts_of_an_older_version_are_moved_where_the_map_says(us):
    journey = us.make(status="active")
    steps = [{"id": "week", "kind": "wait", "value": 7, "unit": "days"}]
    migrate = {"from": [1], "map": {"day": "week", "hello": None}, "dry_run": True}
    planned = told(us.put(journey, steps=steps, status="active", migrate=migrate))
    assert (planned["active_version"], planned["migration"]) == (1, {
        "steps": [
            {"version": 1, "step": "hello", "to": None, "does": "ends", "contacts": 0},
            {"version": 1, "step": "day", "to": "week", "does": "moves", "contacts": 0},
        ],
        "task_id": None,
    })  # fmt: skip
    assert "draft" not in planned
    del migrate["dry_run"]
    moved = told(us.put(journey, steps=steps, status="active", migrate=migrate))
    assert (moved["active_version"], moved["migration"]["task_id"] is None) == (2, False)
    [task] = told(us.ask("GET", f"journeys/{journey['id']}/tasks"))["tasks"]
    assert (task["id"], task["kind"]) == (moved["migration"]["task_id"], "migrate")
    for migrate, code, param in (
        ({"from": [1], "map": {"day": "week"}}, "incomplete_migration", "migrate.map"),
        ({"from": [1], "map": {"day": 1}}, "invalid_value", "migrate.map"),
        ({"from": [1], "map": {"day": "no"}, "rest": "stay"}, "unknown_step", "migrate.map.day"),
        ({"from": [2], "rest": "stay"}, "invalid_value", "migrate.from"),
        ({"from": [], "rest": "stay"}, "invalid_value", "migrate.from"),
        ({"from": [1, -1], "rest": "stay"}, "invalid_value", "migrate.from[1]"),
        ({"from": [1], "rest": "go"}, "invalid_value", "migrate.rest"),
        ({"from": [1], "rest": {}}, "invalid_value", "migrate.rest"),
        ({"from": [[]], "map": []}, "invalid_value", "migrate.from[0]"),
        ({"from": [1], "rest": "stay", "maps": {}}, "invalid_value", "migrate.maps"),
        ([], "invalid_value", "migrate"),
    ):
        refused(us.put(journey, status="active", migrate=migrate), code, param)
    refused(us.put(journey, migrate={"from": [1], "rest": "stay"}), "invalid_status", "status")


def test_a_draft_takes_nobody(us):
    journey = us.make()
    us.make(name="paused", status="active")
    body = {"phone_number": us.door.recipient(), "list_number": us.number, "use_journeys": True}
    assert told(us.ask("POST", "contacts", body))["journeys_enrolled"] == 1
    path = f"journeys/{journey['id']}/enrollments"
    assert told(us.ask("GET", path))["enrollments"] == []


def test_a_simulation_is_the_whole_way_of_a_contact(us):
    made = us.make(
        steps=[
            {"id": "hello", "kind": "send", "body": "{{brand_name}}: hi {{first_name|there}}"},
            {
                "id": "answer",
                "kind": "wait_event",
                "if": {"type": "event", "event": "reply", "keyword": "YES", "since": "last_send"},
                "timeout": {"value": 2, "unit": "days"},
                "no": None,
            },
            {"id": "mark", "kind": "set_field", "field": "engaged", "value": True},
        ]
    )
    path = f"journeys/{made['id']}/simulate"
    script = {
        "contact": {"first_name": "Ann", "custom_fields": {"plan": "gold"}},
        "starts_at": "2026-03-02T15:00:00Z",
        "events": [{"after": {"value": 90, "unit": "minutes"}, "event": "reply", "detail": "Yes."}],
    }
    steps = {"at": "2026-03-02T15:00:00.000Z", "until": None, "text": None}
    assert told(us.ask("POST", path, script)) == {
        "enters": True,
        "path": [
            steps | {"step": "hello", "kind": "send", "did": "sent", "text": "Acme: hi Ann"},
            steps | {"step": "answer", "kind": "wait_event", "did": "waits",
                     "until": "2026-03-04T15:00:00.000Z"},
            steps | {"at": "2026-03-02T16:30:00.000Z", "step": "answer", "kind": "wait_event",
                     "did": "yes"},
            steps | {"at": "2026-03-02T16:30:00.000Z", "step": "mark", "kind": "set_field",
                     "did": "done"},
        ],
        "ended": "completed",
        "ended_at": "2026-03-02T16:30:00.000Z",
        "note": "",
        "custom_fields": {"plan": "gold", "engaged": True},
    }  # fmt: skip
    blocked = told(us.ask("POST", path, script | {"verdicts": {"hello": "contact_blocked"}}))
    assert (blocked["ended"], blocked["note"]) == ("blocked", "contact_blocked")
    refused(us.ask("POST", path, script | {"version": 1}), "not_found")


@pytest.mark.parametrize(
    ("verdicts", "code", "param"),
    [
        ({"hello": "no_such_code"}, "invalid_value", "verdicts.hello"),
        ({"hello": 7}, "invalid_value", "verdicts.hello"),
        ({"hello": ["queued"]}, "invalid_value", "verdicts.hello"),
        ({"hullo": "queued"}, "unknown_step", "verdicts.hullo"),
        ({"answer": "queue_full"}, "unknown_step", "verdicts.answer"),
    ],
)
def test_a_verdict_is_a_code_of_the_gate_on_a_step_that_sends(us, verdicts, code, param):
    answer = {"id": "answer", "kind": "wait", "value": 1, "unit": "days"}
    made = us.make(steps=[{"id": "hello", "kind": "send", "body": "Hi"}, answer])
    path = f"journeys/{made['id']}/simulate"
    refused(us.ask("POST", path, {"verdicts": verdicts}), code, param)


def test_a_simulation_says_what_events_have_said(us):
    text = {"id": "hello", "kind": "send", "body": "{{event.total}}"}
    day = {"id": "day", "kind": "wait", "value": 1, "unit": "days"}
    made = us.make(steps=[text, day, text | {"id": "more"}])
    script = {
        "contact": {"event_data": {"total": 5}},
        "events": [{"after": SOON, "event": "custom", "detail": "order", "data": {"total": 7.5}}],
    }
    path = told(us.ask("POST", f"journeys/{made['id']}/simulate", script))["path"]
    assert [each["text"] for each in path if each["did"] == "sent"] == ["5", "7.5"]


def test_a_key_that_is_no_part_of_a_document_is_warned_of(us):
    made = us.make()
    body = {"exit_wehn": None, "list_number": us.number}
    found = told(us.ask("POST", f"journeys/{made['id']}/validate", body))
    assert found["valid"] is True
    assert [(e["code"], e["param"]) for e in found["warnings"]] == [("unknown_field", "exit_wehn")]


@pytest.mark.parametrize(
    ("script", "code", "param"),
    [
        ({"starts_at": "today"}, "invalid_value", "starts_at"),
        ({"events": [{"event": "click"}]}, "invalid_duration", "events[0].after"),
        ({"events": {}}, "invalid_value", "events"),
        ({"contact": []}, "invalid_value", "contact"),
        ({"contact": {"timezone": "Mars"}}, "invalid_timezone", "contact.timezone"),
        ({"contact": {"custom_fields": {"a": [1]}}}, "invalid_value", "contact.custom_fields.a"),
        ({"contact": {"event_data": {"a": [1]}}}, "invalid_value", "contact.event_data.a"),
        (
            {"events": [{"after": SOON, "event": "custom", "detail": "order", "data": 5}]},
            "invalid_value",
            "events[0].data",
        ),
    ],
)
def test_a_script_at_fault_is_refused(us, script, code, param):
    made = us.make()
    refused(us.ask("POST", f"journeys/{made['id']}/simulate", script), code, param)


def test_another_accounts_things_are_not_there(us):
    them = Account(us.door)
    theirs = them.make(status="active")
    steps = [{"id": "in", "kind": "enter_journey", "journey_id": theirs["id"]}]
    made = us.make(steps=steps)
    error = refused(us.put(made, status="active"), "journey_not_found", "steps[0].journey_id")
    steps[0]["journey_id"] = 999_999
    nothing = refused(us.put(made, steps=steps, status="active"), "journey_not_found",
                      "steps[0].journey_id")  # fmt: skip
    assert error["error"] == nothing["error"]
    for method, path in [
        ("PUT", ""), ("POST", "/validate"), ("POST", "/simulate"), ("GET", "/versions"),
        ("GET", "/versions/1"), ("DELETE", ""),
    ]:  # fmt: skip
        body = {} if method not in {"GET", "DELETE"} else None
        refused(us.ask(method, f"journeys/{theirs['id']}{path}", body), "not_found")
