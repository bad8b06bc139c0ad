"""When runs are due, held against a clock that is walked minute by minute from UTC."""

from dataclasses import replace
from datetime import date, time

import pytest
from schedules import DAILY, HOUR, LOCAL, LOS_ANGELES, NEW_YORK, ONCE, at, walked

from sendrail.domain.occurrences import (
    OccurrenceFate,
    due,
    fate,
    fates,
    next_at,
    occurrence_on,
    occurrences,
    plain_hours,
    still_sends,
)
from sendrail.domain.schedule import (
    LateZones,
    OverlapRule,
    ScheduleStatus,
    may_move,
)


def test_a_schedule_runs_once_or_on_its_days_between_its_dates():
    assert [each.local_date for each in occurrences(ONCE, [NEW_YORK])] == [date(2026, 3, 4)]
    weekly = replace(DAILY, weekdays=(0, 4))
    assert [each.local_date.day for each in occurrences(weekly, [NEW_YORK])] == [2, 6, 9, 13]
    assert [each.local_date.day for each in occurrences(weekly, [NEW_YORK], date(2026, 3, 6))] == [
        9,
        13,
    ]
    assert next_at(weekly, [NEW_YORK]) == at("2026-03-02T10:00-05:00")
    assert next_at(weekly, [NEW_YORK], date(2026, 3, 13)) is None


@pytest.mark.parametrize(
    ("day", "hour", "zone", "expected"),
    [
        # F13: the clocks leave 02:30 out, and show 01:30 twice.
        (date(2026, 3, 8), time(2, 30), NEW_YORK, "2026-03-08T03:00-04:00"),
        (date(2026, 11, 1), time(1, 30), NEW_YORK, "2026-11-01T01:30-04:00"),
        (date(2026, 3, 8), time(2, 30), "America/Phoenix", "2026-03-08T02:30-07:00"),
        # Half an hour is put forward there.
        (date(2026, 10, 4), time(2, 10), "Australia/Lord_Howe", "2026-10-04T02:30+11:00"),
    ],
)
def test_an_hour_that_is_missing_is_the_first_after_it_and_a_doubled_one_the_first(
    day, hour, zone, expected
):
    assert plain_hours(replace(DAILY, send_time=hour), day, zone).due_at == at(expected)


def test_a_run_ends_at_its_hour_or_that_of_the_next_day():
    def hours(**changes):
        due_at, ends_at = plain_hours(replace(DAILY, **changes), date(2026, 3, 4), NEW_YORK)
        return (ends_at - due_at) / HOUR

    assert hours() == 12
    assert hours(use_local_time=True) == 11
    assert hours(send_until=time(12, 30)) == 2.5
    assert hours(send_until=time(2)) == 16
    assert hours(send_until=time(10)) == 24


def test_what_was_off_at_its_hour_is_not_made_up_for():
    switched_on = replace(DAILY, on_since=at("2026-03-04T10:00:01-05:00"))
    assert next(occurrences(switched_on, [NEW_YORK])).local_date == date(2026, 3, 5)
    in_time = replace(DAILY, on_since=at("2026-03-04T10:00-05:00"))
    assert next(occurrences(in_time, [NEW_YORK])).local_date == date(2026, 3, 4)
    # The west has its hour yet.
    zones = [NEW_YORK, LOS_ANGELES]
    local = replace(switched_on, use_local_time=True)
    found = next(occurrences(local, zones))
    assert found.local_date == date(2026, 3, 4)
    assert found.starts_at == found.last_due_at == at("2026-03-04T10:00-08:00")


def test_late_zones_are_skipped_or_sent_to_at_once_or_on_the_next_day():
    on_since = at("2026-03-04T10:30-05:00")
    zones = [NEW_YORK, LOS_ANGELES]

    def starts(rule, **changes):
        local = replace(LOCAL, on_since=on_since, late_zones=rule, **changes)
        found = occurrence_on(local, date(2026, 3, 4), zones)
        return found.starts_at, found.last_due_at

    west = at("2026-03-04T10:00-08:00")
    assert starts(LateZones.SKIP) == (west, west)
    assert starts(LateZones.AT_ONCE) == (on_since, west)
    wednesdays = {"weekdays": (2,)}
    assert starts(LateZones.NEXT_DAY, **wednesdays) == (west, at("2026-03-05T10:00-05:00"))
    # The next day has a run of its own, at the same hour.
    assert starts(LateZones.NEXT_DAY) == (west, west)
    # At night, or past its end, a zone is passed over.
    night = {"send_time": time(4), "on_since": at("2026-03-04T05:30-05:00")}
    at_once = replace(LOCAL, late_zones=LateZones.AT_ONCE, **night)
    found = occurrence_on(at_once, date(2026, 3, 4), zones)
    assert found.starts_at == at("2026-03-04T04:00-08:00")
    assert starts(LateZones.AT_ONCE, send_until=time(10, 15)) == (west, west)


def test_f2_a_run_that_was_missed_is_passed_over_and_only_the_newest_is_made_up_for():
    [first, second] = due(DAILY, [NEW_YORK], at("2026-03-03T10:59-05:00"))
    now = at("2026-03-03T10:59-05:00")
    assert fates(DAILY, [first, second], now, running=0, waiting=0) == [
        (first, OccurrenceFate.MISSED),
        (second, OccurrenceFate.START),
    ]
    assert fate(DAILY, second, now + 60_000, running=0, waiting=0) is OccurrenceFate.MISSED
    assert fate(DAILY, second, second.starts_at - 1, running=0, waiting=0) is OccurrenceFate.EARLY
    # Where it ends before it would be late.
    short = replace(DAILY, send_until=time(10, 20))
    [*_, found] = due(short, [NEW_YORK], now)
    assert (
        fate(short, found, at("2026-03-03T10:19-05:00"), running=0, waiting=0)
        is OccurrenceFate.START
    )
    assert (
        fate(short, found, at("2026-03-03T10:20-05:00"), running=0, waiting=0)
        is OccurrenceFate.MISSED
    )


def test_a_run_due_while_the_one_before_sends_is_skipped_or_waits_alone():
    occurrence = occurrence_on(DAILY, date(2026, 3, 3), [NEW_YORK])
    queueing = replace(DAILY, overlap=OverlapRule.QUEUE)

    def of(schedule, running, waiting):
        now = occurrence.starts_at
        return fate(schedule, occurrence, now, running=running, waiting=waiting)

    assert of(DAILY, 1, 0) is OccurrenceFate.OVERLAP
    assert of(queueing, 1, 0) is OccurrenceFate.WAIT
    assert of(queueing, 1, 1) is OccurrenceFate.OVERLAP
    assert of(queueing, 0, 0) is OccurrenceFate.START


AUCKLAND, PAGO_PAGO = "Pacific/Auckland", "Pacific/Pago_Pago"


@pytest.mark.parametrize(
    ("zones", "changes", "begun", "expected"),
    [
        # Ten comes to Auckland when it comes to Pago Pago on the date before: apart.
        ([AUCKLAND, NEW_YORK, PAGO_PAGO], {}, {}, False),
        # A last hour of the next day's: each zone has ended when its own next run begins.
        ([AUCKLAND, PAGO_PAGO], {"send_until": time(10)}, {}, False),
        # New York was late when it was switched on, and has the second date's only.
        (
            [NEW_YORK, LOS_ANGELES],
            {"late_zones": LateZones.NEXT_DAY, "on_since": at("2026-03-03T12:30-05:00")},
            {},
            False,
        ),
        # Begun for a contact in a zone that none is in any more.
        (
            [AUCKLAND, PAGO_PAGO],
            {},
            {"starts_at": at("2026-03-03T10:00+14:00")},
            False,
        ),
        # Begun by hand, in all zones at once.
        ([AUCKLAND, PAGO_PAGO], {}, {"starts_at": at("2026-03-03T20:59+00:00") + 7}, True),
        # On one clock: only one that lasts into the next.
        ([NEW_YORK], {"use_local_time": False}, {}, False),
        (
            [NEW_YORK],
            {"use_local_time": False},
            {"ends_at": at("2026-03-04T10:01-05:00")},
            True,
        ),
    ],
)
def test_the_runs_of_two_dates_are_apart_where_no_zone_has_both_at_once(
    zones, changes, begun, expected
):
    schedule = replace(LOCAL, **changes)
    first, second = (occurrence_on(schedule, date(2026, 3, day), zones) for day in (3, 4))
    assert still_sends(schedule, replace(first, **begun), second, zones) is expected


def test_a_completed_schedule_stays_so_and_an_archived_one_comes_back():
    ends = {each for each in ScheduleStatus if may_move(ScheduleStatus.COMPLETE, each)}
    assert ends == {ScheduleStatus.COMPLETE, ScheduleStatus.ARCHIVE}
    assert may_move(ScheduleStatus.ARCHIVE, ScheduleStatus.ON)
    assert not may_move(ScheduleStatus.ON, ScheduleStatus.DRAFT)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        (NEW_YORK, time(2, 30)),
        (LOS_ANGELES, time(1, 30)),
        ("America/Phoenix", time(0, 0)),
        ("Europe/London", time(1, 0)),
        ("Australia/Lord_Howe", time(1, 45)),
        ("Pacific/Kiritimati", time(23, 59)),
        # Ramadan moves its clocks four times a year.
        ("Africa/Casablanca", time(2, 15)),
        # Its clocks go forward at midnight.
        ("Africa/Cairo", time(0, 30)),
    ],
)
def test_a_year_of_daily_runs_is_that_of_a_clock_walked_from_utc(zone, hour):
    year = replace(DAILY, send_time=hour, start_date=date(2026, 1, 1), end_date=date(2026, 12, 31))
    found = {each.local_date: each.starts_at for each in occurrences(year, [zone])}
    assert len(found) == 365
    assert found == walked(hour, zone, date(2026, 1, 1), date(2026, 12, 31))
