"""Runs of schedules: one for each date, late ones within their limit, and none twice."""

import json
from datetime import time

import pytest
from calendars import MIDNIGHT, REF, TEN, TODAY, Calendar, changed
from planned import HOUR, crowd
from stores import NOW

from sendrail.campaigns.run_ends import RunEnds
from sendrail.campaigns.run_making import RunMaker
from sendrail.campaigns.schedule_reading import BlastInput
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.creative import OfferLink
from sendrail.domain.errors import Conflict, InvalidInput
from sendrail.domain.schedule import Blast, OverlapRule, ScheduleStatus, SendType
from sendrail.domain.times import DAY_MS
from sendrail.domain.webhook import EndpointState, Event

# What differs between databases, the planner's tests ask.
pytestmark = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
MINUTE = 60_000


@pytest.fixture
def calendar(desk):
    return lambda **terms: Calendar(desk, **terms)


TODAYS, RUNS, SKIPPED = "0:00:00", RunState.RUNNING, RunState.SKIPPED


def test_a_schedule_is_begun_at_its_hour_and_frozen_as_it_was(desk, calendar):
    desk.join(crowd(5))
    schedule = calendar()
    schedule.make(TEN - 1)
    assert schedule.runs() == []
    schedule.make(TEN)
    schedule.make(TEN)
    assert schedule.runs() == [(TODAYS, RUNS, None)]
    assert schedule.schedule.next_at == TEN + DAY_MS
    desk.sql_write("UPDATE schedules SET terms = replace(terms, 'Hello', 'Goodbye')")
    desk.plan()
    bodies = {body for _, _, body in desk.messages()}
    assert bodies == {"News: Hello friend Reply stop to stop. Help for help."}


@pytest.mark.parametrize(("late", "fate"), [(59, (RUNS, None)), (60, (SKIPPED, RunReason.MISSED))])
def test_f2_a_run_that_is_late_is_made_up_for_within_an_hour_and_else_missed(calendar, late, fate):
    schedule = calendar()
    schedule.make(TEN + late * MINUTE)
    assert schedule.runs() == [(TODAYS, *fate)]


def test_f2_of_many_days_of_downtime_one_is_made_up_for_at_most(calendar):
    schedule = calendar()
    schedule.make(TEN + 3 * DAY_MS + MINUTE)
    states = [(state, reason) for _, state, reason in schedule.runs()]
    assert states == [(SKIPPED, RunReason.MISSED)] * 3 + [(RUNS, None)]


@pytest.mark.parametrize("rule", OverlapRule)
def test_a_run_that_falls_upon_one_that_still_sends_is_skipped_or_waits(desk, calendar, rule):
    schedule = calendar(overlap=rule)
    schedule.make(TEN)
    desk.move(schedule.latest().id, RunState.PAUSED)
    schedule.make(TEN + DAY_MS)
    waits = rule is OverlapRule.QUEUE
    second = (RunState.DUE, None) if waits else (SKIPPED, RunReason.OVERLAP)
    assert [each[1:] for each in schedule.runs()] == [(RunState.PAUSED, None), second]
    desk.sql_write("UPDATE runs SET state = 'finished' WHERE state = 'paused'")
    schedule.make(TEN + DAY_MS + MINUTE)
    assert schedule.runs()[1][1] is (RUNS if waits else SKIPPED)


def test_a_run_whose_end_has_come_during_a_breakdown_does_not_hinder_the_next(calendar):
    schedule = calendar()
    schedule.make(TEN)
    # Back again before any step has ended the run of the day before, which ended at ten at night.
    schedule.make(TEN + DAY_MS)
    assert [each[1:] for each in schedule.runs()] == [(RUNS, None), (RUNS, None)]


def test_a_waiting_run_that_cannot_begin_is_skipped_and_the_planner_goes_on(desk, calendar):
    schedule = calendar(overlap=OverlapRule.QUEUE)
    schedule.make(TEN)
    desk.move(schedule.latest().id, RunState.PAUSED)
    schedule.make(TEN + DAY_MS)
    desk.sql_write("UPDATE runs SET local_date = 'none' WHERE state = 'due'")
    desk.sql_write("UPDATE runs SET state = 'finished' WHERE state = 'paused'")
    schedule.make(TEN + DAY_MS + MINUTE)
    broken = schedule.latest()
    assert (broken.state, broken.reason) == (SKIPPED, RunReason.BROKEN)
    schedule.make(TEN + 2 * DAY_MS)
    assert schedule.latest().state is RUNS


def test_a_schedule_without_text_or_people_is_skipped_and_says_so(desk, calendar):
    schedule = calendar(send_type=SendType.AUTOMATED, blasts=())
    schedule.make(TEN)
    desk.sql_write("DELETE FROM audiences")
    schedule.make(TEN + DAY_MS)
    assert [each[1:] for each in schedule.runs()] == [
        (SKIPPED, RunReason.NO_CONTENT),
        (SKIPPED, RunReason.AUDIENCE_NOT_FOUND),
    ]


@pytest.mark.parametrize("away", [{"status": "paused"}, {"byoc": True}])
def test_a_list_that_cannot_send_keeps_no_other_of_its_audiences_from_it(desk, calendar, away):
    other = desk.house.add_list(desk.house.us, 15550003000)
    desk.fast(other)
    desk.join(crowd(5))
    desk.join(crowd(8), other)
    desk.house.write(lambda tx: tx.lists.change(other.account_id, other.id, **away))
    schedule = calendar()
    schedule.make(TEN)
    desk.plan()
    assert schedule.runs() == [(TODAYS, RUNS, None)]
    assert {(who, list_id) for who, list_id, _ in desk.messages()} == {
        (each, desk.house.list.id) for each in crowd(5)
    }


def test_a_list_that_its_schedule_names_and_that_cannot_send_hinders_the_run(desk, calendar):
    other = desk.house.add_list(desk.house.us, 15550003000)
    desk.join(crowd(5))
    desk.house.write(lambda tx: tx.lists.change(other.account_id, other.id, status="paused"))
    schedule = calendar(source_lists=(desk.house.list.id, other.id))
    schedule.make(TEN)
    assert schedule.runs() == [(TODAYS, SKIPPED, RunReason.LIST_INACTIVE)]


# What an account does while its schedule is on, and how it takes that back.
CHANGED_SINCE = {
    RunReason.AUDIENCE_NOT_FOUND: ("audiences", "status = 'archived'", "status = 'active'"),
    RunReason.LIST_INACTIVE: ("lists", "status = 'paused'", "status = 'active'"),
    RunReason.BLOCKED_CONTENT: ("accounts", "blocked_words = 'hello'", "blocked_words = ''"),
    RunReason.MESSAGE_TOO_LONG: ("lists", f"append_text = '{1_600 * 'x'}'", "append_text = NULL"),
}


@pytest.mark.parametrize("reason", CHANGED_SINCE)
def test_a_run_is_skipped_for_what_its_preflight_finds_at_its_hour(desk, calendar, reason):
    desk.join(crowd(3))
    schedule = calendar(source_lists=(desk.house.list.id,))
    table, change, back = CHANGED_SINCE[reason]
    desk.sql_write(f"UPDATE {table} SET {change}")
    schedule.make(TEN)
    assert schedule.runs() == [(TODAYS, SKIPPED, reason)]
    desk.sql_write(f"UPDATE {table} SET {back}")
    schedule.make(TEN + DAY_MS)
    assert schedule.latest().state is RUNS


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("archived", RunReason.OFFER_NOT_FOUND),
        ("paused", RunReason.OFFER_PAUSED),
        # No list has a domain.
        ("active", RunReason.LINK_DOMAIN_UNVERIFIED),
    ],
)
def test_a_run_whose_links_lead_nowhere_at_its_hour_is_skipped(desk, calendar, status, reason):
    desk.join(crowd(3))
    ref = "b" * 24
    values = {
        "ref": ref, "name": "Mug", "tracking_url": "https://a.example", "payout": 0,
        "payout_type": "cpa", "filter_bots": False, "pixel_amounts": False, "status": status,
        "metadata": {}, "created_at": 0, "updated_at": 0,
    }  # fmt: skip
    desk.house.write(lambda tx: tx.offers.add(desk.house.us, **values))
    links = (OfferLink(key="link1", offer_ref=ref),)
    blast = Blast(message="{{link1}}", percent_audience=100, offer_links=links)
    schedule = calendar(blasts=(blast,))
    schedule.make(TEN)
    assert schedule.runs() == [(TODAYS, SKIPPED, reason)]


def test_runs_that_wait_keep_no_other_from_what_becomes_of_it(desk):
    desk.begin()
    # As many as are looked at in one step; all wait for the first.
    waiting = [desk.begin(state=RunState.DUE) for _ in range(64)]
    last = desk.begin(state=RunState.DUE)
    desk.sql_write(f"UPDATE runs SET schedule_id = 99 WHERE id = {last}")
    maker = RunMaker(desk.house.store, lambda: desk.now)
    for _ in range(2):
        desk.house.do(maker.step())
    # There is no such schedule.
    assert desk.run(last).state is SKIPPED
    assert {desk.run(each).state for each in waiting} == {RunState.DUE}


def test_a_waiting_run_is_skipped_for_what_its_preflight_finds_when_it_may_begin(desk, calendar):
    desk.join(crowd(3))
    schedule = calendar(overlap=OverlapRule.QUEUE)
    schedule.make(TEN)
    desk.move(schedule.latest().id, RunState.PAUSED)
    schedule.make(TEN + DAY_MS)
    assert schedule.latest().state is RunState.DUE
    desk.sql_write("UPDATE audiences SET status = 'archived'")
    desk.sql_write("UPDATE runs SET state = 'finished' WHERE state = 'paused'")
    schedule.make(TEN + DAY_MS + MINUTE)
    waited = schedule.latest()
    assert (waited.state, waited.reason) == (SKIPPED, RunReason.AUDIENCE_NOT_FOUND)


def test_a_schedule_is_complete_once_its_last_run_has_ended(desk, calendar):
    desk.join(crowd(3))
    schedule = calendar(is_repeating=False, send_date=TODAY)
    schedule.make(TEN)
    assert (schedule.schedule.status, schedule.schedule.next_at) == (ScheduleStatus.ON, None)
    desk.plan()
    desk.sql_write("DELETE FROM queue")
    desk.house.do(RunEnds(desk.house.store, lambda: desk.now).step())
    assert schedule.runs() == [(TODAYS, RunState.FINISHED, None)]
    assert schedule.schedule.status is ScheduleStatus.COMPLETE


def test_a_schedule_whose_last_run_finds_nobody_is_complete_as_well(desk, calendar):
    schedule = calendar(is_repeating=False, send_date=TODAY)
    schedule.make(TEN)
    desk.plan()
    desk.house.do(RunEnds(desk.house.store, lambda: desk.now).step())
    assert schedule.runs() == [(TODAYS, SKIPPED, RunReason.EMPTY_AUDIENCE)]
    assert schedule.schedule.status is ScheduleStatus.COMPLETE


def test_a_schedule_that_is_switched_off_stops_its_run(desk, calendar):
    desk.join(crowd(3))
    schedule = calendar()
    schedule.make(TEN)
    desk.plan()
    desk.sql_write("UPDATE schedules SET status = 'off', next_at = NULL")
    ends = RunEnds(desk.house.store, lambda: desk.now)
    desk.house.do(ends.step())
    assert schedule.runs() == [(TODAYS, RunState.STOPPED, RunReason.SCHEDULE_OFF)]
    assert desk.waiting() == 0


def test_with_local_time_each_zone_has_its_wave(desk, calendar):
    desk.join([12025550000, 13125550000, 13105550000])
    schedule = calendar(use_local_time=True, send_time=time(10))
    hours = {}
    for hour in range(10, 40):
        schedule.make(MIDNIGHT + hour * HOUR)
        desk.plan()
        for recipient in desk.recipients():
            hours.setdefault(recipient, hour)
    east, middle, west = (hours[each] for each in (12025550000, 13125550000, 13105550000))
    assert (middle - east, west - east) == (1, 3)


def test_while_a_run_sends_only_what_does_not_touch_it_is_changed(desk, calendar):
    desk.join(crowd(5))
    schedule = calendar()
    schedule.make(TEN)
    for given, field in (
        ({"send_time": "11:00"}, "send_time"),
        ({"blasts": [BlastInput(message="Other")], "name": "x"}, "blasts"),
        ({"holdout_percent": 5}, "holdout_percent"),
    ):
        with pytest.raises(Conflict) as refused:
            changed(desk, **given)
        assert (refused.value.code, refused.value.param) == ("schedule_running", field)
    renamed = changed(desk, name="Renamed", send_until="20:00")
    assert (renamed.name, renamed.send_until) == ("Renamed", time(20))
    run = schedule.latest()
    paused = {"state": RunState.PAUSED.value}
    desk.house.write(lambda tx: tx.runs.move((schedule.us, run.id), {RunState.RUNNING}, **paused))
    assert changed(desk, send_time="11:00").send_time == time(11)


@pytest.mark.parametrize(
    ("state", "status"),
    [(RunState.RUNNING, ScheduleStatus.ON), (RunState.FINISHED, ScheduleStatus.COMPLETE)],
)
def test_a_schedule_that_has_run_is_ended_by_its_last_date(desk, calendar, state, status):
    desk.join(crowd(5))
    schedule = calendar()
    schedule.make(TEN)
    values = {"state": state.value, "ended_at": TEN}
    run = schedule.latest()
    desk.house.write(lambda tx: tx.runs.move((schedule.us, run.id), {RunState.RUNNING}, **values))
    ended = changed(desk, end_date=TODAY.isoformat())
    assert (ended.status, ended.next_at) == (status, None)


def test_a_name_and_an_end_are_changed_whatever_has_come_over_its_lists(desk, calendar):
    desk.join(crowd(3))
    schedule = calendar()
    desk.now = TEN - HOUR
    desk.sql_write("UPDATE lists SET status = 'paused'")
    assert changed(desk, name="Later news", send_until="18:00").name == "Later news"
    with pytest.raises(InvalidInput) as refused:
        changed(desk, send_time="11:00")
    assert refused.value.code == "list_inactive"
    assert schedule.schedule.status is ScheduleStatus.ON


def test_one_that_has_never_run_cannot_be_ended_before_now(desk, calendar):
    desk.join(crowd(5))
    calendar()
    desk.now = TEN + HOUR
    with pytest.raises(InvalidInput) as refused:
        changed(desk, end_date=TODAY.isoformat())
    assert refused.value.code == "send_time_passed"


def test_a_date_that_is_skipped_is_told_with_its_schedule(desk):
    house, calendar = desk.house, Calendar(desk)
    asks = house.write(
        lambda tx: tx.endpoints.add(
            house.us, name="", url="https://example.com/", events=[Event.CAMPAIGN_SKIPPED],
            list_id=None, state=EndpointState.ACTIVE, secret=b"", created_at=NOW,
        )
    )  # fmt: skip
    for _ in range(2):
        calendar.make(TEN + 2 * HOUR)
    [event] = house.read(lambda tx: tx.outbox.due(asks, desk.now, 10))
    told = json.loads(event.body)
    assert (told["schedule_id"], told["reason"]) == (REF, "missed")
    assert told["local_date"] == TODAY.isoformat()
