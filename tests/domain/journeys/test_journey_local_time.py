"""Local time of journeys around every kind of change, and faults put in that must be found."""

import functools
import types
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendrail.domain import local_time
from sendrail.domain.journeys.document import JourneyQuietHours
from sendrail.domain.journeys.local_hours import quiet_end
from sendrail.domain.local_time import zone_of

MINUTE, DAY = 60_000, 86_400_000
# Half an hour, two hours, at midnight, across the date line, with a fast, by decree, none at all.
ZONES = (
    *("America/New_York", "America/St_Johns", "America/Havana", "America/Sao_Paulo"),
    *("Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza", "Asia/Kolkata"),
    *("Africa/Cairo", "Africa/Casablanca", "Antarctica/Troll"),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def offset(zone, at):
    return (EPOCH + timedelta(milliseconds=at)).astimezone(zone).utcoffset()


def changes_of(name, years=range(2010, 2028)):
    """Return when a zone's offset changes, found day by day and then minute by minute."""
    zone = ZoneInfo(name)
    days = range(datetime(years[0], 1, 1, tzinfo=UTC).toordinal() - EPOCH.toordinal(),
                 datetime(years[-1], 1, 1, tzinfo=UTC).toordinal() - EPOCH.toordinal())  # fmt: skip
    for first, second in pairwise(day * DAY for day in days):
        if offset(zone, first) != offset(zone, second):
            minutes = range(first, second + MINUTE, MINUTE)
            yield next(b for a, b in pairwise(minutes) if offset(zone, a) != offset(zone, b))


@functools.cache
def cases():
    """Return one change of each sign and size for each zone: the newest of them."""
    return [
        (name, at)
        for name in ZONES
        for at in {
            offset(ZoneInfo(name), at) - offset(ZoneInfo(name), at - MINUTE): at
            for at in changes_of(name)
        }.values()
    ]


WALLS = [time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(3), time(9), time(23, 59)]


def shown(zone, at):
    return (EPOCH + timedelta(milliseconds=at)).astimezone(zone).replace(tzinfo=None)


def faults_of(module):
    """Yield where a module's `first_after` and `instant_of` differ from a walk by minutes."""
    for name, change in cases():
        zone = ZoneInfo(name)
        start = change - change % MINUTE - 3 * DAY
        minutes = [(at, shown(zone, at)) for at in range(start, start + 8 * DAY, MINUTE)]
        first = {}
        for at, each in minutes:
            first.setdefault(each, at)
        middle = shown(zone, change).date()
        days = [middle + timedelta(days=n) for n in (-2, -1, 0, 1, 2, 3)]
        for wall in WALLS:
            instants = {day: instant(first, minutes, datetime.combine(day, wall)) for day in days}
            for day in days[:3]:
                if module.instant_of(day, wall, zone) != instants[day]:
                    yield name, day, wall
            for now in (change - 90 * MINUTE, change - 1, change, change + 45 * MINUTE):
                some = frozenset({days[1].weekday(), days[4].weekday()})
                for weekdays in (local_time.EVERY_WEEKDAY, some):
                    wanted = min(at for day, at in instants.items()
                                 if at > now and day.weekday() in weekdays)  # fmt: skip
                    if module.first_after(now, wall, zone, weekdays) != wanted:
                        yield name, now, wall


def instant(first, minutes, wanted):
    """The first minute that shows a time, or that is the first after it was jumped over."""
    if wanted in first:
        return first[wanted]
    return next(at for at, each in minutes if each > wanted)


def test_local_time_is_that_of_a_walk_around_every_change():
    assert len(cases()) >= 20
    assert list(faults_of(local_time)) == []


MUTANTS = {
    "a gap ends by the clock before it": ("_change_between(earlier, found, zone)", "found"),
    "a gap ends by the clock after it": ("_change_between(earlier, found, zone)", "earlier"),
    "a fold is its second time": ("before = shown.replace(tzinfo=zone, fold=0)",
                                  "before = shown.replace(tzinfo=zone, fold=1)"),
    "a gap has one side": ("before.replace(fold=1)", "before.replace(fold=0)"),
    "a change is sought on the wrong side": (".utcoffset() == offset:", ".utcoffset() != offset:"),
    "the very moment counts": ("zone)) <= instant", "zone)) < instant"),
    "weekdays do not matter": ("day.weekday() not in weekdays or ", ""),
    "a change is a second early": ("return earlier + high * _SECOND",
                                   "return earlier + low * _SECOND"),
    "days are those of Greenwich": ("day = shown_at(instant, zone).date() - _DAY",
                                    "day = shown_at(instant, ZoneInfo('UTC')).date() + _DAY"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_local_time_is_found(name):
    old, new = MUTANTS[name]
    text = Path(local_time.__file__).read_text("utf-8")
    assert text.count(old) == 1
    mutant = types.ModuleType("mutant")
    exec(compile(text.replace(old, new), "mutant", "exec"), mutant.__dict__)
    assert next(faults_of(mutant), None) is not None


@settings(max_examples=40, deadline=None)
@given(
    st.deferred(lambda: st.sampled_from(cases())),
    st.integers(-1_500, 1_500),
    st.integers(0, 1_439),
    st.integers(0, 1_439),
)
def test_quiet_hours_end_and_never_last_a_day(case, minutes, start, end):
    name, change = case
    zone, now = zone_of(name), change + minutes * MINUTE
    if start == end:
        return
    until = quiet_end(now, JourneyQuietHours(start, end), zone)
    if until is None:
        return
    # A night in which the clock is put back is longer by as much.
    assert now < until <= now + DAY + 3 * 60 * MINUTE
    assert quiet_end(until, JourneyQuietHours(start, end), zone) is None or _is_lost(zone, until)


def _is_lost(zone, at):
    """Whether the clock was put forward over the start of the next quiet hours as well."""
    return offset(zone, at) != offset(zone, at - MINUTE)


def test_the_nights_of_new_york():
    zone, quiet = zone_of("America/New_York"), JourneyQuietHours(22 * 60, 8 * 60)
    for day, hours in [(date(2026, 3, 7), 9), (date(2026, 6, 1), 10), (date(2026, 10, 31), 11)]:
        evening = local_time.instant_of(day, time(22), zone)
        assert quiet_end(evening, quiet, zone) == evening + hours * 60 * MINUTE
        assert quiet_end(evening - 1, quiet, zone) is None
    noon = local_time.instant_of(date(2026, 6, 1), time(12), zone)
    assert quiet_end(noon, JourneyQuietHours(11 * 60, 13 * 60), zone) == noon + 60 * MINUTE
