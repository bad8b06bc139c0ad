"""Every fault that a journey's document can have, with its code and the path to it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendrail.domain.journeys.document import SendStep
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.reading import canonical, digest, read_document

REPLY = {"type": "event", "event": "reply", "since": "last_send"}
DOCUMENT = {
    "name": "Welcome",
    "list_number": "+15550001000",
    "status": "draft",
    "trigger": {
        "on": ["signup", "reply"],
        "keyword": "Join!",
        "when": {
            "operator": "AND",
            "conditions": [
                {"type": "list"},
                {"type": "custom_field", "field": "plan", "op": "in", "value": ["gold", "pro"]},
            ],
            "groups": [],
        },
    },
    "reentry": {"mode": "after", "value": 30, "unit": "days", "from": "exit"},
    "goal": {"type": "event", "event": "conversion", "offer_id": "of1"},
    "exit_when": None,
    "quiet_hours": {"from": "21:00", "to": "08:00"},
    "timezone": "America/New_York",
    "steps": [
        {
            "id": "hello",
            "kind": "send",
            "body": "Hi {{first_name|there}} {{link1}}",
            "offer_links": [{"key": "link1", "offer_id": "of2"}],
        },
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
        {"id": "nine", "kind": "wait_until", "time": "09:00", "days": ["mon"]},
        {
            "id": "fork",
            "kind": "split",
            "branches": [{"percent": 99.5}, {"percent": 0.5, "next": None}],
        },
        {"id": "nudge", "kind": "send", "creative_id": 7},
        {
            "id": "answer",
            "kind": "wait_event",
            "if": REPLY,
            "timeout": {"value": 2, "unit": "days"},
            "yes": "day",
            "no": "asked",
        },
        {"id": "asked", "kind": "condition", "if": {"conditions": [REPLY]}, "no": "bye"},
        {"id": "mark", "kind": "set_field", "field": "custom_fields.engaged", "value": True},
        {"id": "post", "kind": "webhook", "endpoint_id": 3},
        {"id": "more", "kind": "enter_journey", "journey_id": 4},
        {"id": "bye", "kind": "exit"},
    ],
}
GONE = object()


def changed(path, value):
    """Return the document with another value at a path such as `steps[3].if`."""
    document = json.loads(json.dumps(DOCUMENT))
    keys = path.replace("]", "").replace("[", ".").split(".")
    place = document
    for key in keys[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    last = int(keys[-1]) if isinstance(place, list) else keys[-1]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return document


def found(document):
    reading = read_document(document)
    assert (reading.version is None) is bool(reading.faults)
    return [(fault.code, fault.param) for fault in reading.faults]


def nested(depth):
    inner = {"operator": "OR", "conditions": [REPLY]}
    for _ in range(depth - 1):
        inner = {"operator": "AND", "groups": [inner]}
    return inner


def field(op="eq", value=1, **more):
    return {"type": "custom_field", "field": "plan", "op": op, "value": value} | more


def test_a_document_without_faults_is_read_whole():
    reading = read_document(DOCUMENT)
    assert reading.faults == []
    assert reading.warnings == []
    assert [(each.kind, each.id, each.param) for each in reading.references] == [
        ("offer", "of1", "goal.offer_id"),
        ("offer", "of2", "steps[0].offer_links[0].offer_id"),
        ("creative", 7, "steps[4].creative_id"),
        ("endpoint", 3, "steps[8].endpoint_id"),
        ("journey", 4, "steps[9].journey_id"),
    ]
    version = reading.version
    assert list(version.steps) == [step["id"] for step in DOCUMENT["steps"]]
    assert version.first == "hello"
    assert version.trigger.keyword == "join"
    assert version.wakes == Wake.CONVERSION
    assert version.steps["mark"].field == "engaged"
    assert isinstance(version.steps["hello"], SendStep)
    # A step leads to the following one, but where it says otherwise: null is the end.
    assert version.steps["hello"].next == "day"
    assert [branch.next for branch in version.steps["fork"].branches] == ["nudge", ""]
    assert [branch.below for branch in version.steps["fork"].branches] == [9_950, 10_000]
    assert version.steps["asked"].yes == "mark"


FAULTS = [
    ("name", GONE, "missing_name", "name"),
    ("name", "  ", "missing_name", "name"),
    ("name", "x" * 101, "invalid_value", "name"),
    ("trigger", GONE, "missing_trigger", "trigger"),
    ("trigger.on", [], "missing_trigger", "trigger"),
    ("trigger.on", ["signup", "full moon"], "invalid_value", "trigger.on[1]"),
    ("trigger.on", ["event"], "invalid_value", "trigger.event"),
    ("trigger.on", ["audience"], "invalid_value", "trigger.audience_id"),
    ("trigger", {"on": ["field"]}, "invalid_value", "trigger.when"),
    ("trigger.when.conditions[0]", REPLY, "invalid_value", "trigger.when.conditions[0].type"),
    ("trigger.when.conditions[1].op", "gt", "invalid_operator", "trigger.when.conditions[1].op"),
    ("trigger.keyword", "!?", "invalid_value", "trigger.keyword"),
    ("reentry.mode", "twice", "invalid_reentry", "reentry.mode"),
    ("reentry.value", 0, "invalid_reentry", "reentry.value"),
    ("reentry.unit", "weeks", "invalid_reentry", "reentry.unit"),
    ("reentry.from", "birth", "invalid_reentry", "reentry.from"),
    ("reentry", {"mode": "always", "max": 1_001}, "invalid_reentry", "reentry.max"),
    ("goal", {"type": "moon"}, "invalid_value", "goal.type"),
    ("exit_when", {"operator": "AND"}, "empty_filter_group", "exit_when"),
    ("exit_when", {"operator": "NOT", "conditions": [REPLY]}, "invalid_operator",
     "exit_when.operator"),
    ("exit_when", nested(6), "filter_too_large",
     "exit_when.groups[0].groups[0].groups[0].groups[0].groups[0]"),
    ("exit_when", {"conditions": [REPLY] * 60}, "filter_too_large", "exit_when.conditions[47]"),
    ("exit_when", field("in", []), "invalid_value", "exit_when.value"),
    ("exit_when", field("in", ["a", None]), "invalid_value", "exit_when.value[1]"),
    ("exit_when", field("eq", None), "invalid_value", "exit_when.value"),
    ("exit_when", field("contains", 7), "invalid_value", "exit_when.value"),
    ("exit_when", field(field=" "), "invalid_value", "exit_when.field"),
    ("exit_when", field("exists", False), "invalid_value", "exit_when.value"),
    ("exit_when", {"type": "event_data", "field": "total", "op": "gt"}, "invalid_operator",
     "exit_when.op"),
    ("exit_when", {"type": "event", "event": "custom"}, "invalid_value", "exit_when.name"),
    ("exit_when", REPLY | {"since": "birth"}, "invalid_value", "exit_when.since"),
    ("exit_when", {"type": "message", "status": "read"}, "invalid_value", "exit_when.status"),
    ("exit_when", {"type": "audience", "audience_id": "x"}, "invalid_value",
     "exit_when.audience_id"),
    ("exit_when", {"type": "list", "op": "eq"}, "invalid_operator", "exit_when.op"),
    ("quiet_hours", {"from": "21:00"}, "invalid_quiet_hours", "quiet_hours.to"),
    ("quiet_hours.to", "21:00", "invalid_quiet_hours", "quiet_hours.to"),
    ("quiet_hours", "night", "invalid_quiet_hours", "quiet_hours"),
    ("timezone", "Mars/Olympus", "invalid_timezone", "timezone"),
    ("max_days", 31, "invalid_value", "max_days"),
    ("priority", 1_001, "invalid_value", "priority"),
    ("skip_within_hours", -1, "invalid_value", "skip_within_hours"),
    ("exclusive", "yes", "invalid_value", "exclusive"),
    ("steps", GONE, "missing_steps", "steps"),
    ("steps", [], "missing_steps", "steps"),
    ("steps[1].id", GONE, "missing_step_id", "steps[1].id"),
    ("steps[1].id", "x" * 65, "missing_step_id", "steps[1].id"),
    ("steps[10].id", "hello", "duplicate_step_id", "steps[10].id"),
    ("steps[1].kind", "nap", "unknown_step_kind", "steps[1].kind"),
    ("steps[1].next", "nowhere", "unknown_step", "steps[1].next"),
    ("steps[3].branches[1].next", "nowhere", "unknown_step", "steps[3].branches[1].next"),
    ("steps[5].yes", 7, "unknown_step", "steps[5].yes"),
    ("steps[0].body", " ", "missing_body", "steps[0].body"),
    ("steps[0].body", "x" * 1_601, "message_too_long", "steps[0].body"),
    ("steps[0].body", "Hi {{First_Name}}", "unknown_macro", "steps[0].body"),
    ("steps[0].body", "Hi {{link2}}", "missing_offer_links_for_placeholders",
     "steps[0].offer_links"),
    ("steps[0].creative_id", 7, "invalid_value", "steps[0].creative_id"),
    ("steps[0].offer_links[0].key", "link9", "invalid_value", "steps[0].offer_links[0].key"),
    ("steps[0].offer_links[0].url", "nowhere", "invalid_url", "steps[0].offer_links[0].url"),
    ("steps[0].offer_links", [{}] * 11, "too_many_branches", "steps[0].offer_links"),
    ("steps[0].on_missing", "cry", "invalid_value", "steps[0].on_missing"),
    ("steps[1].value", 0, "invalid_duration", "steps[1].value"),
    ("steps[1].value", 1.5, "invalid_duration", "steps[1].value"),
    ("steps[1].unit", "seconds", "invalid_duration", "steps[1].unit"),
    ("steps[1].value", 31, "invalid_duration", "steps[1].value"),
    ("steps[2].time", "24:00", "invalid_time", "steps[2].time"),
    ("steps[2].time", "9:00", "invalid_time", "steps[2].time"),
    ("steps[2].time", "0٩:00", "invalid_time", "steps[2].time"),
    ("steps[2].days", [], "invalid_value", "steps[2].days"),
    ("steps[2].timezone", "nowhere", "invalid_timezone", "steps[2].timezone"),
    ("steps[3].branches[0].percent", 99.6, "invalid_split_percent", "steps[3].branches"),
    ("steps[3].branches[0].percent", 99.505, "invalid_split_percent",
     "steps[3].branches[0].percent"),
    ("steps[3].branches", [{"percent": 10}] * 11, "too_many_branches", "steps[3].branches"),
    ("steps[5].timeout", GONE, "missing_timeout", "steps[5].timeout"),
    ("steps[5].timeout.value", 31, "timeout_too_long", "steps[5].timeout.value"),
    ("steps[5].timeout.unit", None, "invalid_duration", "steps[5].timeout.unit"),
    ("steps[6].if.conditions[0].event", "sneeze", "invalid_value",
     "steps[6].if.conditions[0].event"),
    ("steps[6].if", GONE, "invalid_value", "steps[6].if"),
    ("steps[7].field", "", "invalid_value", "steps[7].field"),
    ("steps[7].value", GONE, "invalid_value", "steps[7].value"),
    ("steps[7].value", 2**53 + 2, "invalid_value", "steps[7].value"),
    ("steps[8].endpoint_id", "3", "invalid_value", "steps[8].endpoint_id"),
    ("steps[9].journey_id", 0, "invalid_value", "steps[9].journey_id"),
    ("steps[10].reason", 5, "invalid_value", "steps[10].reason"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "code", "param"), FAULTS)
def test_a_fault_has_its_code_and_its_path(path, value, code, param):
    faults = found(changed(path, value))
    assert (code, param) in faults
    # One fault may make another one: a step without an id is none that others can lead to.
    assert len(faults) <= 2


def test_all_faults_come_at_once():
    document = changed("steps[1].value", 0)
    document["steps"][2]["time"] = "noon"
    del document["name"]
    assert found(document) == [
        ("missing_name", "name"),
        ("invalid_duration", "steps[1].value"),
        ("invalid_time", "steps[2].time"),
    ]


def test_a_document_has_a_limit_of_bytes_and_of_steps():
    long = changed("steps[0].body", "ü" * 40_000)
    assert found(long) == [("payload_too_large", "steps")]
    many = changed("steps", [{"id": f"s{n}", "kind": "exit"} for n in range(201)])
    assert found(many) == [("too_many_steps", "steps")]
    many["steps"].pop()
    assert found(many) == []


SEND = {"kind": "send", "body": "hi"}


def loop(*steps):
    named = [step | {"id": f"s{n}"} for n, step in enumerate(steps)]
    named[-1] |= {"next": "s0"} if "if" not in named[-1] else {"yes": "s0", "no": None}
    return {"name": "loop", "trigger": {"on": ["api"]}, "steps": named}


def ask(since, unit="days"):
    return {
        "kind": "wait_event",
        "if": REPLY | {"since": since},
        "timeout": {"value": 1, "unit": unit},
    }


@pytest.mark.parametrize(
    ("steps", "is_fault"),
    [
        ([SEND, {"kind": "wait", "value": 1, "unit": "hours"}], False),
        ([SEND, {"kind": "wait", "value": 59, "unit": "minutes"}], True),
        # Two rests of half an hour are none of an hour.
        ([SEND, *[{"kind": "wait", "value": 30, "unit": "minutes"}] * 2], True),
        ([SEND, {"kind": "wait_until", "time": "09:00"}], False),
        ([SEND, ask("last_send")], False),
        ([SEND, ask("step")], False),
        ([SEND, ask("step", "minutes")], True),
        # What has happened once since the entry would be a reason to go round for ever.
        ([SEND, ask("enrollment")], True),
        ([SEND, {"kind": "condition", "if": REPLY}], True),
        ([{"kind": "set_field", "field": "a", "value": 1}], True),
    ],
)
def test_a_cycle_needs_a_rest_of_an_hour(steps, is_fault):
    codes = [code for code, _ in found(loop(*steps))]
    assert codes == (["loop_without_wait"] if is_fault else [])


def test_warnings_keep_nothing_from_being_run():
    document = changed("steps[0].next", "nudge")
    document["steps"][10]["colour"] = "red"
    reading = read_document(document)
    assert reading.version is not None
    assert [(each.code, each.param) for each in reading.warnings] == [
        ("unknown_field", "steps[10].colour"),
        ("send_without_wait", "steps[4]"),
    ]
    document["steps"][5]["yes"] = "bye"
    warned = [(each.code, each.param) for each in read_document(document).warnings]
    assert warned == [
        ("unknown_field", "steps[10].colour"),
        ("unreachable_step", "steps[1]"),
        ("unreachable_step", "steps[2]"),
        ("unreachable_step", "steps[3]"),
        ("send_without_wait", "steps[4]"),
    ]


def test_what_no_occasion_of_a_trigger_asks_for_is_warned_of():
    trigger = {"on": ["signup", "click"], "keyword": "YES", "offer_id": "of1", "event": "cart"}
    reading = read_document(DOCUMENT | {"trigger": trigger})
    assert [(each.code, each.param) for each in reading.warnings] == [
        ("unknown_field", "trigger.keyword"), ("unknown_field", "trigger.event"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "warned"),
    [
        ({"type": "list", "list_id": 7}, True),
        ({"type": "audience", "audience_id": "0" * 24}, True),
        ({"type": "event_data", "field": "total", "op": "exists"}, False),
        ({"operator": "OR", "conditions": [{"type": "list", "list_id": 7}, REPLY]}, False),
    ],
)
def test_a_wait_that_nothing_wakes_is_warned_of(asked, warned):
    reading = read_document(changed("steps[5].if", asked))
    assert reading.faults == []
    found = [(each.code, each.param) for each in reading.warnings]
    assert (("nothing_wakes", "steps[5].if") in found) is warned


def test_the_old_words_of_a_trigger_are_read():
    for word, occasion in (("list", "signup"), ("none", "api")):
        assert read_document(changed("trigger", word)).version.trigger.on == {occasion}


def test_a_stored_document_has_one_form():
    turned = dict(reversed(DOCUMENT.items())) | {"status": "active", "colour": "red"}
    assert canonical(turned) == canonical(DOCUMENT)
    assert digest(canonical(turned)) == digest(canonical(DOCUMENT))
    kept = json.loads(canonical(DOCUMENT))
    assert kept == {
        name: value for name, value in DOCUMENT.items() if name not in {"status", "list_number"}
    }
    assert digest(canonical(changed("name", "Other"))) != digest(canonical(DOCUMENT))


def paths(value, path=""):
    """Yield the path to each part of a JSON value."""
    items = value.items() if isinstance(value, dict) else ()
    for key, part in [*items, *(enumerate(value) if isinstance(value, list) else ())]:
        at = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}" if path else key
        yield at
        yield from paths(part, at)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(paths(DOCUMENT))), anything)
def test_whatever_is_written_is_read_or_has_faults(path, value):
    reading = read_document(changed(path, value))
    assert (reading.version is None) is bool(reading.faults)
    assert all(fault.param and fault.code and fault.text for fault in reading.faults)
