"""Local times on every night on which a clock is changed, against a walk from minute to minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, _zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendrail.domain.errors import InvalidInput
from sendrail.domain.local_time import first_after, instant_of, shown_at, zone_names, zone_of

MINUTE = 60_000
DAY = 1_440 * MINUTE
NEW_YORK = zone_of("America/New_York")
SAMOA = zone_of("Pacific/Apia")


def changes_of(name):
    """Return when a zone's clock is changed, in seconds, as the library's own Python reads it."""
    # Before 1973 some clocks were not whole minutes from UTC.
    return [at for at in _zoneinfo.ZoneInfo(name)._trans_utc if at > 94_694_400]


changes = (
    st.sampled_from(sorted(zone_names() - {"Factory", "localtime"}))
    .map(lambda name: (name, changes_of(name)))
    .filter(lambda found: found[1])
    .flatmap(lambda found: st.tuples(st.just(found[0]), st.sampled_from(found[1])))
)
walls = st.integers(0, 1_439).map(lambda minutes: time(minutes // 60, minutes % 60))


def walk(zone, first, days):
    """Return (instant, what the clock shows) of every minute of so many days."""
    return [
        (at * 1_000, datetime.fromtimestamp(at, zone).replace(tzinfo=None))
        for at in range(first, first + days * 86_400, 60)
    ]


def walked(minutes, shown):
    """Return the instant of a local time by a walk: the first that shows it, or is after it."""
    exact = [at for at, each in minutes if each == shown]
    return exact[0] if exact else next(at for at, each in minutes if each > shown)


@settings(max_examples=30, deadline=None)
@given(changes, st.lists(walls, min_size=1, max_size=5), st.integers(0, 2_880))
def test_a_local_time_is_one_instant_on_any_night(change, some, into):
    name, at = change
    zone = zone_of(name)
    minutes = walk(ZoneInfo(name), at - at % 60 - 2 * 86_400, 5)
    today = minutes[2 * 1_440][1].date()
    for wall in some:
        days = [today + timedelta(days=days) for days in (-1, 0, 1)]
        instants = [instant_of(day, wall, zone) for day in days]
        assert instants == [walked(minutes, datetime.combine(day, wall)) for day in days]
        after = minutes[1_440 + into][0]
        begun = [minutes[0][1].date() + timedelta(days=days) for days in range(1, 5)]
        all_of_them = [walked(minutes, datetime.combine(day, wall)) for day in begun
                       if datetime.combine(day, wall) <= minutes[-1][1]]  # fmt: skip
        if later := [each for each in all_of_them if each > after]:
            assert first_after(after, wall, zone) == later[0]


def utc(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)


def test_a_time_that_is_jumped_over_is_the_end_of_the_jump():
    assert instant_of(date(2026, 3, 8), time(2, 30), NEW_YORK) == utc(2026, 3, 8, 7)
    assert shown_at(utc(2026, 3, 8, 7), NEW_YORK).isoformat() == "2026-03-08T03:00:00"


def test_a_time_that_is_shown_twice_is_the_first():
    assert instant_of(date(2026, 11, 1), time(1, 30), NEW_YORK) == utc(2026, 11, 1, 5, 30)


def test_a_date_that_was_left_out_is_the_first_instant_after_it():
    assert instant_of(date(2011, 12, 30), time(10), SAMOA) == utc(2011, 12, 30, 10)
    assert shown_at(utc(2011, 12, 30, 10), SAMOA).isoformat() == "2011-12-31T00:00:00"


def test_what_comes_after_an_instant_never_is_that_instant():
    at = utc(2026, 6, 1, 13)
    assert first_after(at - 1, time(9), NEW_YORK) == at
    assert first_after(at, time(9), NEW_YORK) == at + DAY


def test_between_the_two_times_that_a_clock_shows_the_next_day_is_next():
    # 01:30 was at 05:30; it is 01:10 for the second time.
    between = utc(2026, 11, 1, 6, 10)
    assert first_after(between, time(1, 30), NEW_YORK) == utc(2026, 11, 2, 6, 30)


def test_only_the_weekdays_asked_for_count():
    # 1 June 2026 is a Monday.
    assert first_after(utc(2026, 6, 1, 14), time(9), NEW_YORK, {0, 3}) == utc(2026, 6, 4, 13)


def test_once_a_day_is_once_a_day_for_a_year():
    at, found = utc(2026, 1, 1), []
    while len(found) < 365:
        at = first_after(at, time(2, 30), NEW_YORK)
        found.append(at)
    assert {shown_at(each, NEW_YORK).date() for each in found} == {
        date(2026, 1, 1) + timedelta(days=days) for days in range(365)
    }
    assert {(later - earlier) // MINUTE for earlier, later in pairwise(found)} == {
        1_410, 1_440, 1_500,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "EASTERN", "../America/New_York", "America", "New_York"])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(InvalidInput) as refused:
        zone_of(name, "zone")
    assert (refused.value.code, refused.value.param) == ("invalid_timezone", "zone")
