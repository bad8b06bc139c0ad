"""What an account's endpoints are told of runs that pause, end or are skipped by themselves."""

import json

import pytest
from calendars import TEN, Calendar
from planned import HOUR, IDS, crowd
from stores import NOW

from sendrail.campaigns.run_control import RunService
from sendrail.campaigns.run_ends import RunEnds
from sendrail.campaigns.run_making import begin_waiting
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.webhook import USUAL, EndpointState, Event
from sendrail.webhooks.claim import take

ENDINGS = (Event.CAMPAIGN_COMPLETED, Event.CAMPAIGN_STOPPED)
BOTH = (Event.CAMPAIGN_PAUSED, Event.CAMPAIGN_SKIPPED)


def endpoint(desk, account_id, *events, list_id=None):
    return desk.house.write(
        lambda tx: tx.endpoints.add(
            account_id, name="", url="https://example.com/", events=events, list_id=list_id,
            state=EndpointState.ACTIVE, secret=b"", created_at=NOW,
        )
    )  # fmt: skip


def events(desk, endpoint_id):
    return desk.house.write(
        lambda tx: take(tx, IDS, endpoint_id, now=desk.now, held=(), limit=10, again=10)
    )


def bodies(desk, endpoint_id):
    return [json.loads(each.body) for each in events(desk, endpoint_id)]


def pause(desk, run_id, reason):
    ends = RunEnds(desk.house.store, lambda: desk.now)
    return desk.house.do(ends.pause((desk.house.us, run_id), reason))


def test_a_run_that_pauses_itself_is_told_once_to_the_endpoints_that_ask(desk):
    house = desk.house
    asks = endpoint(desk, house.us, *BOTH)
    others = [
        endpoint(desk, house.us, *USUAL),
        endpoint(desk, house.us, Event.CAMPAIGN_SKIPPED),
        endpoint(desk, house.us, *BOTH, list_id=house.list.id),
        endpoint(desk, house.them, *BOTH),
    ]
    run_id = desk.begin(date="2027-01-15")
    assert pause(desk, run_id, RunReason.OPT_OUTS)
    assert not pause(desk, run_id, RunReason.FAILURES)
    assert bodies(desk, asks) == [
        {
            "event": "campaign.paused",
            "run_id": run_id,
            # It has been made without one.
            "schedule_id": None,
            "local_date": "2027-01-15",
            "reason": "opt_outs",
            "timestamp": "2027-01-15T08:00:00.000Z",
        }
    ]
    assert [bodies(desk, each) for each in others] == [[], [], [], []]


def test_what_a_user_pauses_is_not_told_and_each_pause_is_an_event_of_its_own(desk):
    asks = endpoint(desk, desk.house.us, *BOTH)
    run_id = desk.begin()
    runs = RunService(desk.house.store, lambda: desk.now)
    desk.house.do(runs.pause(desk.house.us, run_id, Actor(name="a test")))
    assert events(desk, asks) == []
    for _ in range(2):
        desk.move(run_id, RunState.RUNNING)
        desk.now += HOUR
        pause(desk, run_id, RunReason.FAILURES)
    assert len({each.ref for each in events(desk, asks)}) == 2


def test_a_run_that_waited_too_long_is_told_as_skipped(desk):
    asks = endpoint(desk, desk.house.us, *BOTH)
    run_id = desk.begin(state=RunState.DUE)
    for _ in range(2):
        run = desk.run(run_id)
        desk.house.write(lambda tx, run=run: begin_waiting(tx, run, run.ends_at))
    desk.now += 12 * HOUR
    [told] = bodies(desk, asks)
    assert (told["event"], told["run_id"], told["reason"]) == ("campaign.skipped", run_id, "missed")


def test_a_run_that_has_come_to_its_end_is_told_once_with_its_counts(desk):
    desk.join(crowd(3))
    asks, other = endpoint(desk, desk.house.us, *ENDINGS), endpoint(desk, desk.house.us, *BOTH)
    run_id = desk.begin(desk.content(holdout_percent=50))
    planner = desk.planner()
    desk.plan(planner)
    # Its messages still wait.
    desk.end(planner)
    assert events(desk, asks) == []
    desk.sql_write("DELETE FROM queue")
    for _ in range(2):
        desk.end(planner)
    [told] = bodies(desk, asks)
    run = desk.run(run_id)
    assert (told["event"], told["run_id"], told["reason"]) == ("campaign.completed", run_id, None)
    assert (told["planned"], told["held_out"]) == (run.planned, run.held_out)
    assert told["planned"] + told["held_out"] == 3
    assert events(desk, other) == []


def test_a_run_that_finds_nobody_is_told_as_skipped(desk):
    asks = endpoint(desk, desk.house.us, *ENDINGS, Event.CAMPAIGN_SKIPPED)
    run_id = desk.begin()
    planner = desk.planner()
    desk.plan(planner)
    for _ in range(2):
        desk.end(planner)
    [told] = bodies(desk, asks)
    assert (told["event"], told["run_id"]) == ("campaign.skipped", run_id)
    assert told["reason"] == "empty_audience"
    assert "planned" not in told


def test_a_run_that_its_end_cuts_off_is_told_as_stopped(desk):
    desk.join(crowd(3))
    asks = endpoint(desk, desk.house.us, *ENDINGS)
    run_id = desk.begin()
    planner = desk.planner()
    desk.now += 12 * HOUR
    desk.plan(planner)
    desk.end(planner)
    [told] = bodies(desk, asks)
    assert (told["event"], told["reason"]) == ("campaign.stopped", "out_of_time")
    assert (told["planned"], told["left_out"]) == (0, {"out_of_time": 3})
    assert desk.run(run_id).state is RunState.STOPPED


def test_what_a_user_stops_is_not_told(desk):
    asks = endpoint(desk, desk.house.us, *ENDINGS)
    run_id = desk.begin()
    runs = RunService(desk.house.store, lambda: desk.now)
    desk.house.do(runs.stop(desk.house.us, run_id, Actor(name="a test")))
    desk.end(desk.planner())
    assert events(desk, asks) == []


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_a_run_whose_schedule_is_switched_off_is_told_as_stopped(desk):
    asks = endpoint(desk, desk.house.us, *ENDINGS)
    desk.join(crowd(3))
    Calendar(desk).make(TEN)
    desk.sql_write("UPDATE schedules SET status = 'off'")
    for _ in range(2):
        desk.end(desk.planner())
    [told] = bodies(desk, asks)
    assert (told["event"], told["reason"]) == ("campaign.stopped", "schedule_off")
