"""A run that is begun by hand: of a schedule that is on, once, and not in vain."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from calendars import REF, TEN, TODAY, Calendar, changed, service_of
from planned import HOUR, crowd

from sendrail.campaigns.run_control import RunService
from sendrail.campaigns.run_ends import RunEnds
from sendrail.contacts.number_places import place_of
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
from sendrail.domain.errors import Conflict
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.schedule import OutsideHours, ScheduleStatus
from sendrail.domain.times import DAY_MS

# What differs between databases, the planner's tests ask.
pytestmark = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
ME = Actor(name="a test")
IN_A_WEEK = {
    "is_repeating": False, "send_date": TODAY + timedelta(days=7), "start_date": None,
    "end_date": None, "weekdays": (),
}  # fmt: skip


@pytest.fixture
def begin(desk):
    """Begin a run of the schedule at the desk's time; return it, or the conflict's code."""

    def begin():
        schedules = service_of(desk)
        service = RunService(
            desk.house.store, lambda: desk.now, schedules.hindrance, schedules.warnings_now
        )
        try:
            return desk.house.do(service.start(desk.house.us, REF, ME))
        except Conflict as conflict:
            return conflict.code, str(conflict)

    return begin


def _let_it_end(desk):
    desk.plan()
    desk.sql_write("DELETE FROM queue")
    desk.house.do(RunEnds(desk.house.store, lambda: desk.now).step())


def test_a_schedule_that_is_sent_once_does_not_run_again_on_its_date(desk, begin):
    desk.join(crowd(5))
    schedule = Calendar(desk, **IN_A_WEEK)
    assert begin().run.state is RunState.RUNNING
    assert schedule.schedule.next_at is None
    _let_it_end(desk)
    assert schedule.schedule.status is ScheduleStatus.COMPLETE
    schedule.make(TEN + 7 * DAY_MS)
    desk.plan()
    assert len(desk.messages()) == 5
    assert len(schedule.runs()) == 1
    assert begin()[0] == "run_exists"


def test_a_schedule_whose_one_run_is_stopped_is_complete(desk, begin):
    desk.join(crowd(5))
    schedule = Calendar(desk, **IN_A_WEEK)
    run_id = begin().run.id
    desk.house.do(RunService(desk.house.store, lambda: desk.now).stop(desk.house.us, run_id, ME))
    assert schedule.schedule.status is ScheduleStatus.COMPLETE


def test_a_schedule_that_repeats_has_todays_run_by_it_and_its_next_days(desk, begin):
    desk.join(crowd(5))
    schedule = Calendar(desk)
    desk.now = TEN - 2 * HOUR
    begin()
    assert begin()[0] == "run_exists", "it goes on still"
    _let_it_end(desk)
    assert begin()[0] == "run_exists", "it was of this day"
    schedule.make(TEN)
    schedule.make(TEN + DAY_MS)
    assert [day for day, *_ in schedule.runs()] == ["0:00:00", "1"]


@pytest.mark.parametrize("status", ["off", "archive", "complete"])
def test_what_is_not_on_sends_nothing(desk, begin, status):
    desk.join(crowd(5))
    schedule = Calendar(desk)
    changed(desk, status=status)
    code, text = begin()
    assert code == "schedule_not_on"
    assert status in text
    assert schedule.runs() == []


@pytest.mark.parametrize(
    ("send_until", "hours"), [(None, 12), (time(18), 2), (time(16), 12), (time(3, 59), 11.983)]
)
def test_a_run_begun_by_hand_ends_at_its_schedules_hour_and_after_twelve(
    desk, begin, send_until, hours
):
    desk.join(crowd(5))
    desk.now = TEN + 6 * HOUR
    Calendar(desk, send_until=send_until)
    assert begin().run.ends_at - desk.now == pytest.approx(hours * HOUR, abs=5_000)


def test_a_run_without_contacts_is_not_begun(desk, begin):
    schedule = Calendar(desk, **IN_A_WEEK)
    code, text = begin()
    assert code == "nothing_to_send"
    assert "empty_audience" in text
    assert schedule.schedule.next_at is not None


@pytest.mark.parametrize(
    ("rule", "areas", "begins"),
    [("skip", (213,), False), ("skip", (212, 213), True), ("hold", (213,), True)],
)
def test_who_is_in_quiet_hours_is_told_before_the_days_run_is_used_up(
    desk, begin, rule, areas, begins
):
    # 08:30 in New York, 05:30 in Los Angeles.
    desk.now = TEN - TEN % DAY_MS + 13 * HOUR + HOUR // 2
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    desk.join([10_000_000 * int(f"1{area}") + 5_550_100 + n for area in areas for n in range(5)])
    schedule = Calendar(desk, outside_hours=OutsideHours(rule))
    found = begin()
    if not begins:
        assert found[0] == "nothing_to_send"
        assert "quiet hours" in found[1]
        assert schedule.runs() == []
        return
    codes = [each.code for each in found.warnings]
    assert codes == (["quiet_hours_skip"] if rule == "skip" else [])
    if codes:
        assert "About 50 %" in found.warnings[0].text


@pytest.mark.parametrize("awake", [0, 5])
def test_who_waits_in_vain_for_the_end_of_quiet_hours_is_not_advised_to_wait(desk, begin, awake):
    # 21:30 in New York: open again after ten hours and a half. Toll-free is so after 13.5 hours,
    # when the run has ended.
    desk.now = TEN - TEN % DAY_MS + 26 * HOUR + HOUR // 2
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    desk.join([18005550100 + n for n in range(5)] + [12125550100 + n for n in range(awake)])
    Calendar(desk, outside_hours=OutsideHours.HOLD)
    found = begin()
    if not awake:
        assert found[0] == "nothing_to_send"
        assert found[1].endswith("the run would end before these are over. Begin it later.")
        return
    [warning] = found.warnings
    assert (warning.code, warning.param) == ("quiet_hours_skip", "send_until")
    assert "About 50 %" in warning.text
    assert "the run ends before these are over" in warning.text


@pytest.mark.parametrize(("sampled", "begins"), [(9, True), (99, True), (100, False)])
def test_a_few_of_a_sample_in_quiet_hours_are_not_all_contacts(desk, begin, sampled, begins):
    desk.now = TEN - TEN % DAY_MS + 13 * HOUR + HOUR // 2
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    quiet = [SAMPLE_STEP * (198_940_000 + each) for each in range(sampled)]
    assert all(12_130_000_000 <= each < 12_140_000_000 for each in quiet)
    awake = [each for each in crowd(9, 12_125_550_000) if each % SAMPLE_STEP]
    desk.join([*quiet, *awake])
    schedule = Calendar(desk, outside_hours=OutsideHours.SKIP)
    found = begin()
    assert len(schedule.runs()) == begins
    if begins:
        assert "About 100 %" in found.warnings[0].text
        desk.plan()
        assert desk.recipients() == awake
    else:
        assert found[0] == "nothing_to_send"


def test_preflight_tells_how_many_its_hour_leaves_out(desk):
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    desk.join([12125550100, 12125550101, 12125550102, 12135550100])
    # Ten by the account's clock, and earlier in the west.
    codes = {}
    for rule in OutsideHours:
        schedule = Calendar(desk, outside_hours=rule).schedule
        desk.now = TEN - HOUR
        found = desk.house.read(
            lambda tx, it=schedule: service_of(desk)._preflight(tx, replace(it), desk.now)
        )
        codes[rule] = {each.code: each.text for each in found.warnings}
        desk.sql_write("DELETE FROM schedules")
        desk.sql_write("DELETE FROM audiences")
    assert "quiet_hours_skip" not in codes[OutsideHours.HOLD]
    assert "quiet_hours_skip" in codes[OutsideHours.SKIP]
