"""What a preflight tells of contacts and earlier runs: each warning where it is due, alone."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from no_links import NoDomains
from planned import EVERYBODY, HELLO, HOUR, LIMITS, crowd
from schedules import DAILY
from stores import NOW

from sendrail.campaigns.preflight_history import history_warnings
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.contacts.number_places import place_of
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.schedule import (
    Blast,
    FrequencyCap,
    LateZones,
    ScheduleStatus,
    ScheduleTerms,
    SendType,
)
from sendrail.domain.times import DAY_MS

# What differs between databases, the tests of dry runs ask.
pytestmark = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
REF = "a" * 24
TOMORROW = shown_at(NOW, zone_of("UTC")).date() + timedelta(days=1)
TEN = NOW - NOW % DAY_MS + DAY_MS + 10 * HOUR


class Author:
    """Whoever makes schedules over everybody of a desk, due tomorrow at ten in Greenwich."""

    def __init__(self, desk):
        self.desk, self.us = desk, desk.house.us
        self.made = 0

        def add(tx):
            tx.accounts.set_timezone(self.us, "UTC")
            tx.audiences.add(
                self.us, ref=REF, name="All", description="", source_lists=(),
                filter=read_filter(EVERYBODY), status="active", created_at=0, updated_at=0,
            )  # fmt: skip

        desk.house.write(add)

    def schedule(self, **terms):
        self.made += 1
        text = Blast(message=f"Text {self.made}", percent_audience=100)
        wanted = {
            "send_type": SendType.BLAST, "audiences": (REF,), "start_date": TOMORROW,
            "end_date": TOMORROW + timedelta(days=9), "blasts": (text,),
        }  # fmt: skip
        full = replace(DAILY, **(wanted | terms))
        said = {each.name: getattr(full, each.name) for each in fields(ScheduleTerms)}
        ref = f"{self.made:024x}"
        self.desk.house.write(lambda tx: tx.schedules.add(
            self.us, ScheduleTerms(**said), ref=ref, status=ScheduleStatus.ON.value,
            on_since=NOW, next_at=TEN, created_at=0, updated_at=0,
        ))  # fmt: skip
        return self.desk.house.read(lambda tx: tx.schedules.by_ref(self.us, ref))

    def warned(self, schedule):
        """Return the warnings by their codes."""
        maker = TrialMaker(NoDomains(), LIMITS, self.desk.openings)
        found = self.desk.house.read(
            lambda tx: list(history_warnings(tx, schedule, maker, self.desk.now))
        )
        assert len({each.code for each in found}) == len(found)
        return {each.code: each for each in found}

    def ran(self, schedule_id=None, **more):
        """Let a run go through everybody who is there; of a schedule, or of another one."""
        run_id = self.desk.begin(self.desk.content(**more))
        self.desk.plan()
        self.desk.move(run_id, RunState.FINISHED)
        of = 9_999 if schedule_id is None else schedule_id
        self.desk.sql_write(f"UPDATE runs SET schedule_id = {of} WHERE id = {run_id}")
        return run_id


@pytest.fixture
def author(desk):
    return Author(desk)


def test_without_history_and_with_time_enough_nothing_is_to_be_said(desk, author):
    desk.join(crowd(100))
    capped = {"skip_within_hours": 24, "frequency_cap": FrequencyCap(2, 7)}
    assert author.warned(author.schedule(**capped)) == {}


def test_a_list_that_is_too_slow_for_its_run_is_named(desk, author):
    desk.join(crowd(100))
    desk.fast(desk.house.list, 1)
    # Nobody but us sends in these twelve hours, and in the hundred minutes that it takes.
    assert author.warned(author.schedule()) == {}
    hour = author.schedule(send_until=DAILY.send_time.replace(hour=11))
    warning = author.warned(hour)["wont_finish_today"]
    assert "about 40 of its messages" in warning.text
    # In New York it is six in the morning then, and ten at the end of the run.
    desk.openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    until = lambda hour: author.schedule(send_until=DAILY.send_time.replace(hour=hour))  # noqa: E731
    text = author.warned(until(14))["wont_finish_today"].text
    assert f"about {100 - _open_minutes(14)} of its messages" in text
    assert author.warned(until(16)) == {}


def _open_minutes(until):
    """Return for how many minutes it is open in New York before an hour of the run's day."""
    east = zone_of("America/New_York")
    minutes = range(TEN, TEN + (until - 10) * HOUR, 60_000)
    return sum(8 <= shown_at(each, east).hour < 21 for each in minutes)


def test_an_audience_that_has_grown_beyond_three_times_the_last_is_told(desk, author):
    desk.join(crowd(30))
    mine = author.schedule()
    author.ran(mine.id)
    desk.join(crowd(90))
    assert author.warned(mine) == {}
    desk.join(crowd(91))
    text = author.warned(mine)["audience_much_larger_than_last"].text
    assert text == "Its audiences have 91 contacts, and its last run had 30"
    # A schedule that has not run is held against the largest of what the account sent.
    other = author.schedule()
    assert author.warned(other)["audience_much_larger_than_last"].text.endswith("more than 30")
    author.ran()
    assert author.warned(other) == {}
    # A run that was stopped did not come to all of them.
    run_id = author.ran(mine.id)
    desk.move(run_id, RunState.STOPPED, reason=RunReason.ASKED.value, planned=2)
    assert set(author.warned(mine)) == {"audience_much_larger_than_last"}


def test_a_large_audience_is_told_by_its_sample(desk, author):
    desk.join(crowd(20))
    mine = author.schedule()
    author.ran(mine.id)
    desk.join(crowd(SAMPLE_STEP * 20))
    text = author.warned(mine)["audience_much_larger_than_last"].text
    assert text.startswith(f"Its audiences have about {SAMPLE_STEP * 20:,} contacts")


def test_a_text_that_went_out_within_a_week_by_the_same_list_is_told(desk, author):
    desk.join(crowd(10))
    said = Blast(message=" hello  {{first_name|FRIEND}}", percent_audience=100)
    mine = author.schedule(blasts=(said,))
    run_id = author.ran(variants=HELLO)
    [warning] = author.warned(mine).values()
    assert (warning.code, warning.param) == ("same_text_recently", "blasts[0].message")
    assert warning.text.startswith(f"Run {run_id} of ")
    assert author.warned(author.schedule()) == {}
    # Another day of the same schedule says the same, and so does one of last week's.
    desk.sql_write(f"UPDATE runs SET schedule_id = {mine.id}")
    assert author.warned(mine) == {}
    desk.sql_write("UPDATE runs SET schedule_id = 9999")
    desk.now += 8 * DAY_MS
    assert author.warned(mine) == {}


def test_another_list_may_say_the_same(desk, author):
    other = desk.house.add_list(desk.house.us, 15550003000)
    desk.fast(other)
    desk.join(crowd(10))
    desk.join(crowd(10), other)
    desk.begin(desk.content(other, variants=HELLO))
    desk.plan()
    said = Blast(message=HELLO[0].message, percent_audience=100)
    mine = author.schedule(blasts=(said,), source_lists=(desk.house.list.id,))
    assert author.warned(mine) == {}
    theirs = author.schedule(blasts=(said,), source_lists=(other.id,))
    assert set(author.warned(theirs)) == {"same_text_recently"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (LateZones.SKIP, "at once or on the next day"),
        (LateZones.AT_ONCE, None),
        (LateZones.NEXT_DAY, "the run of the next day"),
    ],
)
def test_who_is_late_for_a_run_by_local_time_is_told_before(desk, author, rule, words):
    east, west = crowd(30, 12125550000), crowd(70, 12135550000)
    desk.join([*east, *west])
    # Switched on at eleven in New York, eight in Los Angeles.
    desk.now = TEN + 6 * HOUR
    local = {"use_local_time": True, "late_zones": rule}
    mine = replace(author.schedule(**local), on_since=desk.now)
    found = author.warned(mine)
    assert set(found) == ({"late_zones_skip"} if words else set())
    if words:
        assert "About 30 % of its contacts" in found["late_zones_skip"].text
        assert found["late_zones_skip"].text.endswith(words)
        assert found["late_zones_skip"].param == "late_zones"
    # Where the next day is none of its own, it is sent to then.
    once = {"is_repeating": False, "send_date": TOMORROW, "start_date": None, "end_date": None}
    single = replace(author.schedule(**local, **once, weekdays=()), on_since=desk.now)
    assert set(author.warned(single)) == ({"late_zones_skip"} if rule == "skip" else set())


def test_caps_that_leave_out_more_than_half_are_told(desk, author):
    desk.join(crowd(50))
    author.ran()
    desk.join(crowd(100))
    mine = author.schedule(skip_within_hours=48)
    assert author.warned(mine) == {}
    desk.sql_write(f"DELETE FROM list_contacts WHERE recipient = {crowd(100)[-1]}")
    warning = author.warned(mine)["high_cap_skip"]
    assert "About 51 %" in warning.text
    # By the time that it runs, the shorter cap looks back on nothing.
    assert author.warned(author.schedule(skip_within_hours=1)) == {}
