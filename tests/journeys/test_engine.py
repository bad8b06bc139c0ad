"""Contacts on journeys: each step has its effects with its position, or not at all."""

import asyncio
import json
from datetime import date, time

import pytest
from grounds import embedded_only
from travels import ANN, BEN, CID, send, wait

from sendrail.domain.account import AccountStatus
from sendrail.domain.campaign_run import cap_bounds, is_capped
from sendrail.domain.contact import OptOutReason
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.reading import canonical
from sendrail.domain.message import Skip
from sendrail.domain.schedule import (
    Blast,
    FrequencyCap,
    ScheduleStatus,
    ScheduleTerms,
    SendType,
)
from sendrail.domain.sender import ListStatus
from sendrail.domain.webhook import EndpointState, Event

HOUR = 3_600
DAY = 24 * HOUR
TERMS = ScheduleTerms(
    name="Sale", send_type=SendType.BLAST, is_repeating=False, send_time=time(10),
    audiences=(), send_date=date(2026, 3, 1),
    blasts=(Blast(message="Hello", percent_audience=100),),
)  # fmt: skip


def add_schedule(journeys):
    """Give the account a campaign, by which somebody may ask when its journeys have sent."""
    account = journeys.road.account
    values = {"ref": "1" * 24, "status": ScheduleStatus.OFF.value, "created_at": 0, "updated_at": 0}
    journeys.road.write(lambda tx: tx.schedules.add(account, TERMS, **values))


def test_a_contact_goes_from_step_to_step_in_its_own_time(journeys):
    journey = journeys.add(send("hello", "Hi {{first_name}}"), wait("hour"), send("bye", "Bye"))
    assert journeys.enter(ANN) == 1
    assert journeys.step() == 1
    assert (journeys.sent(), journeys.where()) == ([(ANN, "Hi Ann")], "hour")
    assert journeys.wait(HOUR - 1) == 0
    assert journeys.wait(1) == 1
    assert journeys.sent(ANN) == ["Hi Ann", "Bye"]
    assert journeys.where() == "over: completed"
    assert journeys.counts(journey) == {
        ("", "entered"): 1, ("", "ended:completed"): 1,
        ("hello", "entered"): 1, ("hello", "sent"): 1, ("hello", "left"): 1,
        ("hour", "entered"): 1, ("hour", "waits"): 1, ("hour", "done"): 1, ("hour", "left"): 1,
        ("bye", "entered"): 1, ("bye", "sent"): 1, ("bye", "left"): 1,
    }  # fmt: skip


def test_each_message_says_which_step_it_comes_from(journeys):
    journey = journeys.add(send("hello", "One"), send("more", "Two"))
    journeys.enter(ANN)
    # One send a turn: the verdict on one is known before the next.
    assert journeys.step() == 2
    [first, second] = journeys.road.sql(
        "SELECT o.kind, o.of_id, o.version, o.part, m.skips FROM messages AS m"
        " JOIN origins AS o ON o.id = m.origin_id ORDER BY m.number"
    )
    assert first[:4] == ("journey", journey.id, 1, "hello")
    assert second[:4] == ("journey", journey.id, 1, "more")


def test_what_a_journey_sends_counts_to_the_caps_of_campaigns(journeys):
    add_schedule(journeys)
    journeys.add(send("hello", "One"), wait("hour"), send("more", "Two"))
    journeys.enter(ANN, BEN)
    journeys.step()
    journeys.wait(HOUR)
    road = journeys.road
    now = road.clock.now()
    sends = road.read(lambda tx: tx.run_pages.sends(road.account, [ANN, BEN, CID]))
    two = cap_bounds(now, 0, FrequencyCap(2, 1))
    assert [is_capped(sends.get(each, ""), two) for each in (ANN, BEN, CID)] == [True, True, False]
    assert not is_capped(sends[ANN], cap_bounds(now, 0, FrequencyCap(3, 1)))
    assert is_capped(sends[ANN], cap_bounds(now + HOUR * 500, 1, None))
    assert not is_capped(sends[ANN], cap_bounds(now + HOUR * 1_000, 1, None))


def test_where_an_account_has_no_campaigns_its_journeys_note_no_send_times(journeys):
    journeys.add(send("hello", "One"), wait("hour"), send("more", "Two"))
    journeys.enter(ANN)
    journeys.step()
    noted = "SELECT count(*) FROM campaign_sends"
    assert (len(journeys.sent()), journeys.road.sql(noted)) == (1, [(0,)])
    add_schedule(journeys)
    journeys.wait(HOUR)
    assert (len(journeys.sent()), journeys.road.sql(noted)) == (2, [(1,)])


def test_a_step_that_ignores_quiet_hours_says_so_to_the_claim(journeys):
    journeys.add(send("code", "One", ignore_quiet_hours=True), send("news", "Two"))
    journeys.enter(ANN)
    journeys.step()
    skips = journeys.road.sql("SELECT skips FROM messages ORDER BY number")
    assert [row[0] & Skip.QUIET_HOURS for row in skips] == [Skip.QUIET_HOURS, 0]


def test_many_lists_and_accounts_take_turns(journeys):
    road = journeys.road
    journeys.add(send("hello"))
    journeys.enter(*range(ANN, ANN + 250))
    assert journeys.step() == 250
    assert len({who for who, _ in journeys.sent()}) == len(journeys.sent()) == 250
    assert road.counted("journey_turns_total") == 250


GATE = [
    ("unsubscribed", lambda j: j.road.unsubscribe(j.sender, ANN), "over: unsubscribed", None),
    ("blocked", lambda j: j.road.block(ANN), "over: blocked", None),
    ("paused list", lambda j: j.pause_list(), "hello", "held:list_inactive"),
    ("deleted list", lambda j: j.pause_list(ListStatus.DELETED), "over: list_deleted", None),
    (
        "suspended",
        lambda j: j.road.write(
            lambda tx: tx.accounts.set_status(j.road.account, AccountStatus.SUSPENDED)
        ),
        "hello",
        "held:account_suspended",
    ),
]


@pytest.mark.parametrize(
    ("change", "where", "count"), [row[1:] for row in GATE], ids=[row[0] for row in GATE]
)
def test_what_the_gate_says_is_what_the_step_does(journeys, change, where, count):
    journey = journeys.add(send("hello"), wait("hour"))
    journeys.know(ANN, BEN)
    journeys.put(journey, ANN)
    change(journeys)
    journeys.step()
    assert (journeys.sent(), journeys.where()) == ([], where)
    if count:
        assert journeys.counts(journey)["hello", count] == 1
        assert journeys.at().due_at == journeys.road.clock.now() + 60_000


def test_a_message_like_the_last_one_is_skipped(journeys):
    journey = journeys.add(send("hello", "Same"), send("again", "Same"), wait("hour"))
    journeys.enter(ANN)
    journeys.step()
    assert (journeys.sent(ANN), journeys.where()) == (["Same"], "hour")
    assert journeys.counts(journey)["again", "skipped:duplicate_message"] == 1


def test_a_text_that_cannot_be_written_is_skipped_or_ends_it(journeys):
    missing = "Your plan: {{custom_fields.plan}}"
    journey = journeys.add(send("hello", missing), wait("hour"))
    other = journeys.add(send("hello", missing, on_missing="exit"), name="other")
    journeys.enter(ANN)
    journeys.step()
    assert (journeys.where(journey=journey), journeys.sent()) == ("hour", [])
    assert journeys.counts(journey)["hello", "skipped:unknown_macro"] == 1
    assert journeys.where(journey=other) == "over: unusable"


def test_nobody_else_is_sent_to_who_is_on_a_journey_that_holds_others_off(journeys):
    road = journeys.road
    journey = journeys.add(wait("hour"))
    journeys.enter(ANN)
    journeys.step()

    def refused(**changes):
        if changes:
            journeys.change(journey, **changes)
        [verdict] = road.accept(
            road.order(journeys.sender, ANN, body=f"x{road.clock.now()}{changes}")
        )
        return getattr(verdict, "code", None)

    assert refused() == "journey_conflict"
    assert refused(status="paused") is None
    assert refused(status="active", holds_other_sends=False) is None
    assert refused(holds_other_sends=True) == "journey_conflict"
    assert refused(status="archived") is None
    assert refused(status="active") == "journey_conflict"
    [elsewhere] = road.accept(road.order(road.add_list(), ANN, body="Elsewhere"))
    assert getattr(elsewhere, "code", None) is None
    journeys.wait(HOUR)
    assert journeys.where() == "over: completed"
    assert refused() is None


def test_an_event_wakes_who_waits_for_it_and_one_before_the_wait_counts(journeys):
    answer = {
        "id": "answer", "kind": "wait_event", "yes": "yes", "no": "no",
        "if": {"type": "event", "event": "reply", "keyword": "YES", "since": "last_send"},
        "timeout": {"value": 2, "unit": "days"},
    }  # fmt: skip
    ends = [send("yes", "Great", next="out"), send("no", "Bye"), {"id": "out", "kind": "exit"}]
    journeys.add(send("ask", "Yes?"), answer, *ends)
    journeys.enter(ANN, BEN, CID)
    journeys.step()
    assert journeys.where() == "answer"
    journeys.happens(ANN, Wake.CLICK)
    journeys.happens(ANN, Wake.REPLY, "no")
    assert journeys.wait(1) == 1
    assert journeys.where() == "answer"
    journeys.happens(ANN, Wake.REPLY, " yes! ")
    assert journeys.wait(1) == 1
    assert journeys.sent(ANN) == ["Yes?", "Great"]
    journeys.wait(2 * DAY)
    assert journeys.sent(BEN) == ["Yes?", "Bye"]
    assert journeys.road.sql("SELECT * FROM journey_events") == []


def test_a_goal_ends_it_wherever_the_contact_rests(journeys):
    journeys.add(
        wait("long", 20, "days"), send("nudge"), goal={"type": "event", "event": "conversion"}
    )
    journeys.enter(ANN)
    journeys.step()
    assert journeys.wait(1) == 0
    journeys.happens(ANN, Wake.CONVERSION)
    assert journeys.step() == 1
    assert (journeys.where(), journeys.sent()) == ("over: goal", [])


def test_it_is_over_after_its_days(journeys):
    journeys.add(wait("one", 2, "days"), wait("two", 2, "days"), max_days=3)
    journeys.enter(ANN)
    journeys.step()
    assert journeys.wait(2 * DAY) == 1
    assert journeys.wait(DAY - 1) == 0
    assert journeys.wait(1) == 1
    assert journeys.where() == "over: expired"


def test_steps_that_change_the_contact_change_its_row(journeys):
    journey = journeys.add(
        {"id": "mark", "kind": "set_field", "field": "engaged", "value": True},
        {"id": "clear", "kind": "set_field", "field": "plan", "value": None},
        send("hello", "{{custom_fields.engaged}} {{custom_fields.plan|none}}"),
        {"id": "go", "kind": "unsubscribe", "reason": "done"},
    )
    journeys.enter(ANN, fields={"plan": "gold", "age": 7})
    while journeys.step():
        pass
    assert journeys.sent(ANN) == ["true none"]
    contact = journeys.road.read(lambda tx: tx.contacts.find(journeys.sender.id, ANN))
    assert (contact.custom_fields, contact.active) == ({"age": 7, "engaged": True}, False)
    assert journeys.where() == "over: unsubscribed"
    [left] = journeys.road.read(lambda tx: tx.contacts.history(journeys.sender.id, ANN))[-1:]
    said = (left.reason, left.source, left.evidence)
    assert said == (OptOutReason.MANUAL, f"journey:{journey.id}", "done")


def test_a_journey_leads_to_another_one(journeys):
    second = journeys.add(send("second", "Second"), name="b", trigger={"on": ["journey"]})
    first = journeys.add(
        {"id": "to", "kind": "enter_journey", "journey_id": second.id}, send("first", "First"),
        name="a",
    )  # fmt: skip
    journeys.enter(ANN)
    journeys.step()
    assert sorted(journeys.sent(ANN)) == ["First", "Second"]
    assert journeys.where(journey=first) == journeys.where(journey=second) == "over: completed"


def test_journeys_that_lead_in_a_circle_come_to_an_end(journeys):
    always = {"trigger": {"on": ["journey"]}, "reentry": {"mode": "always"}}
    last = {"id": "on", "kind": "enter_journey"}
    one = journeys.add(wait("rest"), name="one", **always)
    two = journeys.add(last | {"journey_id": one.id}, name="two", **always)
    # The first leads to the second, and that one back.
    steps = [last | {"journey_id": two.id}]
    document = canonical({"name": "one", "steps": steps, **always})
    journeys.road.sql("UPDATE journey_versions SET document = ? WHERE journey_id = ?",
                      document, one.id)  # fmt: skip
    journeys.know(ANN)
    journeys.put(one, ANN)
    for _ in range(30):
        journeys.wait(1)
    passages = [journeys.at(journey=each) for each in (one, two)]
    assert [each.is_running for each in passages] == [False, False]
    # The one that the call put it on, and ten more.
    assert sum(each.times for each in passages) == 11
    assert journeys.counts(one)["on", "refused:too_many_hops"] == 1


def test_who_is_on_a_paused_journey_is_put_out_of_the_way(journeys):
    journey = journeys.add(wait("hour"), send("hello"))
    journeys.enter(ANN)
    journeys.step()
    journeys.change(journey, status="paused", paused_at=journeys.road.clock.now())
    assert journeys.wait(HOUR) == 1
    assert journeys.wait(HOUR) == 0
    assert (journeys.where(), journeys.sent()) == ("hour", [])


def test_a_round_that_fails_leaves_nothing_behind(journeys):
    journeys.add(send("hello"))
    journeys.enter(ANN, BEN)
    journeys.road.store.trouble = StorageUnavailable("full")
    with pytest.raises(StorageUnavailable):
        journeys.step()
    journeys.road.store.trouble = None
    assert journeys.sent() == []
    assert journeys.step() == 2
    assert sorted(journeys.sent()) == [(ANN, "Hi Ann"), (BEN, "Hi Ann")]


@pytest.mark.parametrize(("status", "way"), [("delivered", "good"), ("dropped", "bad")])
def test_what_became_of_the_last_message_is_a_fact(journeys, status, way):
    journeys.add(
        send("hello", "Hi"),
        wait("hour"),
        {"id": "fork", "kind": "condition", "yes": "good", "no": "bad",
         "if": {"type": "message", "status": "delivered"}},
        wait("good", next="end"),
        wait("bad", next="end"),
        {"id": "end", "kind": "exit"},
    )  # fmt: skip
    journeys.enter(ANN)
    journeys.step()
    journeys.road.sql("UPDATE messages SET status = ?", status)
    journeys.wait(HOUR)
    assert journeys.where() == way


def test_what_became_of_the_last_message_is_a_fact_behind_one_that_was_skipped(journeys):
    fork = {"id": "fork", "kind": "condition", "yes": "good", "no": "bad",
            "if": {"type": "message", "status": "delivered"}}  # fmt: skip
    journeys.add(
        send("hello", "Hi"), wait("hour"), send("more", "{{not_there}}"), wait("pause"), fork,
        wait("good", next=None), wait("bad"),
    )  # fmt: skip
    journeys.enter(ANN)
    journeys.step()
    journeys.road.sql("UPDATE messages SET status = 'delivered'")
    journeys.wait(HOUR)
    journeys.wait(HOUR)
    assert (journeys.sent(ANN), journeys.where()) == (["Hi"], "good")


def test_a_step_posts_what_the_contact_is_like_there(journeys):
    road = journeys.road
    about = {
        "name": "shop", "url": "https://shop.example/", "events": {Event.REPLY}, "list_id": None,
        "state": EndpointState.ACTIVE, "secret": b"s", "created_at": 0,
    }  # fmt: skip
    them = road.write(lambda tx: tx.accounts.add("them", 0))
    endpoint, theirs = (
        road.write(lambda tx, who=who: tx.endpoints.add(who, **about))
        for who in (road.account, them)
    )
    journeys.add(
        {"id": "mark", "kind": "set_field", "field": "seen", "value": True},
        {"id": "post", "kind": "webhook", "endpoint_id": endpoint},
        {"id": "not", "kind": "webhook", "endpoint_id": theirs},
    )
    journeys.enter(ANN)
    journeys.step()
    [(to, kind, body)] = road.sql("SELECT endpoint_id, kind, body FROM outbox")
    assert (to, kind) == (endpoint, "journey.step")
    told = json.loads(bytes(body))
    assert (told["event"], told["step"], told["fields"]) == ("journey.step", "post", {"seen": True})
    assert told["phone_number"] == f"+{ANN}"


def test_local_time_is_the_accounts_where_no_other_is_known(journeys):
    journeys.add({"id": "morning", "kind": "wait_until", "time": "09:30"}, send("hello"))
    journeys.enter(ANN)
    journeys.step()
    # Eight in the morning by UTC is three in New York, on which an account goes by default.
    assert journeys.wait(6 * HOUR + HOUR // 2 - 1) == 0
    assert journeys.wait(1) > 0
    assert journeys.sent(ANN) == ["Hi Ann"]


@embedded_only  # where the watch says exactly whether anything was written
def test_the_engine_rests_until_a_turn_is_due_or_something_was_written(journeys):
    road, engine = journeys.road, journeys.engine
    road.store.hints.is_watched = True
    journeys.add(send("hello", "One"), wait("hour"), send("bye", "Two"))
    journeys.enter(ANN)

    async def begin():
        return asyncio.create_task(engine.run())

    task = road.do(begin())
    road.pass_time(1)
    assert journeys.sent() == [(ANN, "One")]
    road.pass_time(HOUR - 2)
    assert journeys.sent() == [(ANN, "One")]
    road.pass_time(1.05)
    assert journeys.sent() == [(ANN, "One"), (ANN, "Two")]
    # By another process, which sends no hint.
    ours, road.store = road.store, road.ground.open()
    journeys.enter(BEN)
    road.do(road.store.close())
    road.store = ours
    road.store.hints.changed(elsewhere=True)
    road.pass_time(5.05)
    assert journeys.sent(BEN) == ["One"]
    engine.stop()
    road.do(task)
