"""A turn of a journey: what each step does, what each refusal means, and what ends an enrolment."""

import pytest

from sendrail.domain.journeys.conditions import ComparisonOperator as Op
from sendrail.domain.journeys.conditions import (
    EventCondition,
    EventSince,
    FieldCondition,
    Horizon,
    holds,
)
from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.facts import Event, EventKind, Facts, MessageState, Wake
from sendrail.domain.journeys.position import (
    EndReason,
    EnrolmentKey,
    EnterJourney,
    PostWebhook,
    SetField,
    UnsubscribeContact,
)
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.turn import advance, enter, share_of
from sendrail.domain.order import Refusal

NOW = 1_772_366_400_000  # 2026-03-01T12:00:00Z, a Sunday
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KEY = EnrolmentKey(7, 15550001000)
SEND = {"kind": "send", "body": "hi"}
CLICK = {"type": "event", "event": "click"}


def version(*steps, **more):
    named = [{"id": f"s{n}"} | step for n, step in enumerate(steps)]
    document = {"name": "one", "trigger": {"on": ["api"]}, "steps": named} | more
    reading = read_document(document)
    assert reading.faults == []
    return reading.version


class Way:
    """One enrolment, taken from turn to turn."""

    def __init__(self, journey, facts=None):
        self.journey, self.facts = journey, facts or Facts({})
        self.position, self.now, self.turn = enter(journey, NOW), NOW, None

    def go(self, verdict="queued", *, at=None):
        """Take a turn when it is due, or at a time; return what was counted of it."""
        self.now = self.position.due_at if at is None else at
        turn = advance(self.journey, self.position, self.facts, self.now, KEY)
        counts = turn.counts
        if turn.send is not None:
            turn = advance(self.journey, turn.position, turn.facts, self.now, KEY, verdict)
            counts += turn.counts
        self.turn, self.position, self.facts = turn, turn.position, turn.facts
        return [what for _, what in counts if what not in {"entered", "left"}]


def happen(way, kind=EventKind.CLICK, detail="", at=None):
    event = Event(kind, way.now + 1 if at is None else at, detail)
    way.facts = way.facts._replace(events=(*way.facts.events, event))


def test_one_message_at_a_turn_and_the_next_is_due_at_once():
    way = Way(version(SEND, SEND))
    assert way.go() == ["sent"]
    assert (way.position.step, way.position.due_at) == ("s1", NOW)
    assert way.facts.last_message is MessageState.PENDING
    assert way.go() == ["sent"]
    assert way.turn.ended is EndReason.COMPLETED
    assert way.position.sends == 2


def test_coming_to_a_step_and_leaving_it_are_counted():
    journey = version({"kind": "set_field", "field": "a", "value": 1}, {"kind": "exit"})
    turn = advance(journey, enter(journey, NOW), Facts({}), NOW, KEY)
    assert turn.counts == (
        ("s0", "entered"), ("s0", "done"), ("s0", "left"),
        ("s1", "entered"), ("s1", "done"), ("s1", "left"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "counted", "ended", "goes_on"),
    [
        ("queued", "sent", None, True),
        (Refusal.DUPLICATE_MESSAGE, "skipped:duplicate_message", None, True),
        (Refusal.BLOCKED_CONTENT, "skipped:blocked_content", None, True),
        ("unknown_macro", "skipped:unknown_macro", None, True),
        ("message_too_long", "skipped:message_too_long", None, True),
        (Refusal.CONTACT_UNSUBSCRIBED, "refused:contact_unsubscribed", "unsubscribed", False),
        (Refusal.CONTACT_BLOCKED, "refused:contact_blocked", "blocked", False),
        (Refusal.LIST_NOT_FOUND, "refused:list_not_found", "list_deleted", False),
        (Refusal.JOURNEY_CONFLICT, "refused:journey_conflict", "unusable", False),
        ("no_such_code", "refused:no_such_code", "unusable", False),
        (Refusal.LIST_INACTIVE, "held:list_inactive", None, False),
        (Refusal.ACCOUNT_SUSPENDED, "held:account_suspended", None, False),
        (Refusal.WEBHOOK_NOT_CONFIGURED, "held:webhook_not_configured", None, False),
        (Refusal.QUEUE_FULL, "held:queue_full", None, False),
    ],
)
def test_what_a_verdict_means(verdict, counted, ended, goes_on):
    way = Way(version(SEND, {"kind": "wait", "value": 1, "unit": "days"}))
    assert way.go(verdict) == ([counted, "waits"] if goes_on else [counted])
    assert way.turn.ended == ended
    if ended == "unusable" or counted.startswith("refused"):
        assert way.turn.note == verdict
    elif not goes_on:
        assert (way.position.step, way.position.due_at) == ("s0", NOW + MINUTE)


def test_every_refusal_of_the_gate_has_its_meaning():
    # A new one ends an enrolment as `unusable` until its meaning is decided.
    assert set(Refusal) == {
        "list_not_found", "list_inactive", "account_suspended", "webhook_not_configured",
        "blocked_content", "contact_unsubscribed", "contact_blocked", "duplicate_message",
        "journey_conflict", "queue_full",
    }  # fmt: skip


def test_a_message_that_cannot_be_written_may_be_the_end():
    way = Way(version(SEND | {"on_missing": "exit"}, SEND))
    assert way.go("unknown_macro") == ["refused:unknown_macro"]
    assert way.turn.ended is EndReason.UNUSABLE


def test_a_message_that_is_held_is_tried_again_and_later_each_time():
    way = Way(version(SEND, max_days=1))
    waits = []
    while way.turn is None or way.turn.ended is None:
        before = way.position.due_at
        way.go(Refusal.QUEUE_FULL)
        waits.append((way.position.due_at - before) // MINUTE)
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert way.turn.ended is EndReason.EXPIRED
    assert way.now == NOW + DAY


def test_a_wait_ends_at_its_time_and_not_by_an_event():
    way = Way(version({"kind": "wait", "value": 2, "unit": "hours"}, goal=CLICK))
    assert way.go() == ["waits"]
    assert way.position.due_at == way.position.until == NOW + 2 * HOUR
    assert way.go(at=NOW + HOUR) == []
    assert way.position.due_at == NOW + 2 * HOUR
    assert way.go() == ["done"]
    assert way.turn.ended is EndReason.COMPLETED


def test_no_rest_is_longer_than_the_enrolment():
    way = Way(version({"kind": "wait", "value": 3, "unit": "days"}, max_days=3))
    way.go()
    assert way.position.due_at == NOW + 3 * DAY
    way.go()
    assert way.turn.ended is EndReason.EXPIRED


def test_local_time_goes_by_the_contact_then_the_journey_then_the_default():
    step = {"kind": "wait_until", "time": "09:00", "days": ["tue"]}
    for facts, own, hour in [
        (Facts({}, timezone="Asia/Tokyo"), "Europe/Berlin", 0),
        (Facts({}, timezone="no/zone"), "Europe/Berlin", 8),
        (Facts({}), "Europe/Berlin", 8),
        (Facts({}), None, 14),
        (Facts({}, default_timezone="Europe/Berlin"), None, 8),
    ]:
        way = Way(version(step, timezone=own), facts)
        way.go()
        assert way.position.due_at == NOW - 12 * HOUR + 2 * DAY + hour * HOUR
    way = Way(version(step | {"timezone": "UTC"}), Facts({}, timezone="Asia/Tokyo"))
    way.go()
    assert way.position.due_at == NOW - 12 * HOUR + 2 * DAY + 9 * HOUR


ANSWER = {
    "kind": "wait_event",
    "if": {"type": "event", "event": "reply", "keyword": "Yes!", "since": "last_send"},
    "timeout": {"value": 1, "unit": "days"},
    "yes": "s2",
    "no": None,
}


def test_an_event_wakes_what_waits_for_it():
    way = Way(version(SEND, ANSWER, {"kind": "exit", "reason": "said yes"}))
    assert way.go() == ["sent", "waits"]
    assert way.position.waits == Wake.REPLY
    happen(way, EventKind.REPLY, "no")
    assert way.go(at=NOW + HOUR) == []
    happen(way, EventKind.REPLY, " y-e-s ")
    assert way.go(at=NOW + 2 * HOUR) == ["yes", "done"]
    assert (way.turn.ended, way.turn.note) == (EndReason.EXITED, "said yes")


def test_what_is_waited_for_in_vain_times_out():
    way = Way(version(SEND, ANSWER, {"kind": "exit"}))
    way.go()
    assert way.go() == ["timeout"]
    assert (way.now, way.turn.ended) == (NOW + DAY, EndReason.COMPLETED)


def test_an_event_between_the_message_and_the_wait_is_seen():
    pause = {"kind": "wait", "value": 1, "unit": "hours"}
    way = Way(version(SEND, pause, ANSWER | {"yes": None, "no": "s0"}))
    way.go()
    happen(way, EventKind.REPLY, "YES", NOW + 1)
    assert way.go() == ["done", "yes"]


@pytest.mark.parametrize(
    ("since", "seen"),
    [("enrollment", [101, 201, 301]), ("last_send", [201, 301]), ("step", [301])],
)
def test_since_says_how_far_to_look_back(since, seen):
    asked = EventCondition(event=EventKind.CLICK, since=EventSince(since))
    horizon = Horizon(enrollment=100, last_send=200, step=300)
    for at in (100, 101, 200, 201, 300, 301):
        facts = Facts({}, events=(Event(EventKind.CLICK, at),))
        expected = any(at == each or (at in {200, 300} and at > seen[0]) for each in seen)
        assert holds(asked, facts, horizon) is expected, at


@pytest.mark.parametrize(
    ("op", "values", "held", "absent"),
    [
        (Op.EQ, ("gold",), True, False),
        (Op.EQ, ("silver",), False, False),
        (Op.NE, ("gold",), False, True),
        (Op.NE, ("silver",), True, True),
        (Op.IN, ("silver", "gold"), True, False),
        (Op.NOT_IN, ("silver", "gold"), False, True),
        (Op.EXISTS, (), True, False),
        (Op.CONTAINS, ("ol",), True, False),
        (Op.CONTAINS, ("x",), False, False),
    ],
)
def test_the_six_operators(op, values, held, absent):
    asked = FieldCondition(field="plan", comparison=op, values=values)
    horizon = Horizon(0, 0, 0)
    assert holds(asked, Facts({"plan": "gold"}), horizon) is held
    assert holds(asked, Facts({}), horizon) is absent


@pytest.mark.parametrize(
    ("value", "other", "equal"),
    [(1, 1.0, True), (True, 1, False), ("1", 1, False), (0, False, False)],
)
def test_a_value_of_another_type_is_another_value(value, other, equal):
    asked = FieldCondition(field="a", comparison=Op.EQ, values=(other,))
    assert holds(asked, Facts({"a": value}), Horizon(0, 0, 0)) is equal


def test_what_a_turn_sets_counts_in_the_same_turn():
    journey = version(
        {"kind": "set_field", "field": "a", "value": "x"},
        {"kind": "condition", "if": {"type": "custom_field", "field": "a", "op": "eq",
                                     "value": "x"}, "no": None},
        {"kind": "set_field", "field": "a", "value": None},
        {"kind": "webhook", "endpoint_id": 3},
        {"kind": "enter_journey", "journey_id": 4},
        {"kind": "unsubscribe", "reason": "asked"},
    )  # fmt: skip
    way = Way(journey, Facts({"b": 1}))
    assert way.go() == ["done", "yes", "done", "done", "done", "done"]
    assert way.turn.effects == (
        SetField("s0", "a", "x"),
        SetField("s2", "a", None),
        PostWebhook("s3", 3, {"b": 1}),
        EnterJourney("s4", 4),
        UnsubscribeContact("s5", "asked"),
    )
    assert way.turn.ended is EndReason.UNSUBSCRIBED


def test_a_goal_is_asked_at_each_turn_and_before_a_message_of_it():
    goal = {"type": "custom_field", "field": "bought", "op": "eq", "value": True}
    journey = version(
        {"kind": "wait", "value": 1, "unit": "days"},
        {"kind": "set_field", "field": "bought", "value": True},
        SEND,
        goal=goal,
    )
    way = Way(journey)
    way.go()
    assert way.position.waits == Wake.FIELD
    way.go()
    assert (way.turn.ended, way.position.step, way.position.sends) == (EndReason.GOAL, "s2", 0)
    way = Way(journey)
    way.go()
    way.facts = way.facts._replace(fields={"bought": True})
    way.go(at=NOW + HOUR)
    assert (way.turn.ended, way.now) == (EndReason.GOAL, NOW + HOUR)


def test_who_matches_what_leads_out_leaves():
    way = Way(version(SEND, exit_when={"type": "list", "op": "not_in"}), Facts({}, active=False))
    assert way.go() == []
    assert way.turn.ended is EndReason.EXIT_WHEN


def test_quiet_hours_put_a_message_off_once():
    quiet = {"from": "11:00", "to": "14:00"}
    way = Way(version(SEND, quiet_hours=quiet, timezone="UTC", goal=CLICK))
    assert way.go() == ["held_quiet"]
    assert (way.position.due_at, way.position.until) == (NOW + 2 * HOUR, None)
    assert way.go(at=NOW + HOUR) == []
    assert way.go() == ["sent"]
    way = Way(version(SEND | {"ignore_quiet_hours": True}, quiet_hours=quiet, timezone="UTC"))
    assert way.go() == ["sent"]


def test_the_pace_of_the_caller_puts_a_message_off():
    way = Way(version(SEND), Facts({}, send_from=NOW + MINUTE))
    assert way.go() == ["held_pace"]
    assert way.position.due_at == NOW + MINUTE
    assert way.go() == ["sent"]


def test_who_had_a_message_lately_gets_none():
    journey = version(SEND, skip_within_hours=2)
    for ago, did in [(2 * HOUR - 1, "skipped:sent_recently"), (2 * HOUR, "sent")]:
        assert Way(journey, Facts({}, last_sent_at=NOW - ago)).go() == [did]


def test_a_way_has_a_hundred_messages_and_five_hundred_steps_at_most():
    wait = {"kind": "wait", "value": 1, "unit": "hours", "next": "s0"}
    for steps, sends, visits in [((SEND, wait), 100, 201), ((wait, wait), 0, 500)]:
        way = Way(version(*steps))
        while way.turn is None or way.turn.ended is None:
            way.go()
        assert (way.turn.ended, way.position.sends) == (EndReason.TOO_MANY_STEPS, sends)
        assert way.position.visits == visits


def test_fifty_steps_without_a_rest_are_a_turn():
    mark = {"kind": "set_field", "field": "a", "value": 1}
    way = Way(version(*[mark] * 120))
    assert [len(way.go()) for _ in range(3)] == [50, 50, 20]
    assert way.now == NOW
    assert way.turn.ended is EndReason.COMPLETED


def test_a_journey_without_steps_lasts_until_it_expires():
    way = Way(Version())
    assert way.position.due_at == NOW + 30 * DAY
    assert way.go(at=NOW + DAY) == []
    assert way.go() == []
    assert way.turn.ended is EndReason.EXPIRED


def test_a_split_is_the_same_for_ever_and_even_over_contacts():
    branches = [{"percent": 10}, {"percent": 89.5}, {"percent": 0.5}]
    journey = version({"kind": "split", "branches": branches})
    step = journey.steps["s0"]
    # By another program: printf '7 15550001000 1772366400000 s0' | b2sum -l 64
    assert share_of(KEY, step, NOW) == 9130
    shares = [share_of(EnrolmentKey(7, n), step, NOW) for n in range(20_000)]
    counts = [sum(low <= s < high for s in shares) / 200 for low, high in
              ((0, 1_000), (1_000, 9_950), (9_950, 10_000))]  # fmt: skip
    # Within five standard deviations of each share.
    assert abs(counts[0] - 10) < 1.1
    assert abs(counts[1] - 89.5) < 1.1
    assert abs(counts[2] - 0.5) < 0.25


def test_a_sticky_split_decides_alike_on_each_passage():
    plain = version({"kind": "split", "branches": [{"percent": 100}]}).steps["s0"]
    sticky = version({"kind": "split", "branches": [{"percent": 100}], "sticky": True}).steps["s0"]
    entries = range(NOW, NOW + 50)
    # By another program: printf '7 15550001000  s0' | b2sum -l 64
    assert {share_of(KEY, sticky, at) for at in entries} == {8350}
    assert len({share_of(KEY, plain, at) for at in entries}) > 40
    assert share_of(EnrolmentKey(8, KEY.recipient), sticky, NOW) != share_of(KEY, sticky, NOW)
