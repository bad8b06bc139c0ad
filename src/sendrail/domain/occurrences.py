"""When a schedule's runs are due: one for each local date, in each zone at its own hour.

A run is known by its schedule and its local date, so a doubled hour, two planners or a restored
backup cannot make a second one. Instants are milliseconds since the epoch, UTC.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.local_time import first_after, instant_of, shown_at, zone_of
from sendrail.domain.schedule import LateZones, OverlapRule, Schedule, ScheduleTerms

MINUTE_MS: Final = 60_000
_DAY: Final = timedelta(days=1)
# How long a run on the account's clock may send, and until when one on the recipients' clocks.
_HOURS_MS: Final = 12 * 60 * MINUTE_MS
LOCAL_UNTIL: Final = time(21)
# How far clocks are from UTC: at most from -12 to +14 hours; a late zone may be a day later.
_WESTERNMOST_MS: Final = -36 * 60 * MINUTE_MS
_EASTERNMOST_MS: Final = 14 * 60 * MINUTE_MS
# The first and the last hour of the day between which a late zone may be sent to at once.
_OPEN: Final = range(8, 21)


class ZoneHours(NamedTuple):
    """When a run may send in one zone: from `due_at` until before `ends_at`."""

    due_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One run of a schedule to come: `last_due_at` is when the last of its zones is due."""

    local_date: date
    starts_at: int
    last_due_at: int
    ends_at: int


class OccurrenceFate(StrEnum):
    """What becomes of an occurrence at a moment."""

    EARLY = "early"
    START = "start"
    WAIT = "wait"
    MISSED = "missed"
    OVERLAP = "overlap"


def _in_day_hours(zone: str, at: int) -> bool:
    """Return whether it is between 08:00 and 21:00 in a zone."""
    return shown_at(at, zone_of(zone)).hour in _OPEN


def plain_hours(terms: ScheduleTerms, day: date, zone: str) -> ZoneHours:
    """Return when the run of a date may send in a zone, whenever the schedule was switched on.

    An hour that the clocks leave out is the first instant after it, one that comes twice the first.
    An end at an hour before the start is that of the next day.
    """
    place = zone_of(zone)
    due_at = instant_of(day, terms.send_time, place)
    until = terms.send_until or (LOCAL_UNTIL if terms.use_local_time else None)
    if until is None:
        return ZoneHours(due_at, due_at + _HOURS_MS)
    return ZoneHours(due_at, first_after(due_at, until, place))


def hours_by_hand(terms: ScheduleTerms, now: int, zone: str) -> ZoneHours:
    """Return when a run may send that is begun by hand; `zone` is the account's.

    It ends as any other that is to end at an hour, and after twelve hours where that is later.
    """
    latest = now + _HOURS_MS
    if terms.send_until is None:
        return ZoneHours(now, latest)
    return ZoneHours(now, min(latest, first_after(now, terms.send_until, zone_of(zone))))


def zone_hours(schedule: Schedule, day: date, zone: str) -> ZoneHours | None:
    """Return when the run of a date may send in a zone, or None when it passes the zone over.

    Only a zone whose hour had passed when the schedule was switched on can be passed over.
    """
    hours = plain_hours(schedule, day, zone)
    on_since = schedule.on_since or 0
    if hours.due_at >= on_since:
        return hours
    if not schedule.use_local_time or schedule.late_zones is LateZones.SKIP:
        return None
    if schedule.late_zones is LateZones.NEXT_DAY:
        following = day + _DAY
        # On a day that has a run of its own, a contact would get both at one hour.
        is_own_date = next(dates_from(schedule, following), None) == following
        return None if is_own_date else plain_hours(schedule, following, zone)
    # Switched on after the end as well, or at night: there is nothing to be done at once.
    may_send = on_since < hours.ends_at and _in_day_hours(zone, on_since)
    return ZoneHours(on_since, hours.ends_at) if may_send else None


def dates_from(terms: ScheduleTerms, earliest: date) -> Iterator[date]:
    """Return its dates from one on, in order."""
    first, last = terms.dates()
    day = max(first, earliest)
    while day <= last:
        if not terms.is_repeating or day.weekday() in terms.weekdays:
            yield day
        day += _DAY


def occurrence_on(schedule: Schedule, day: date, zones: Collection[str]) -> Occurrence | None:
    """Return the occurrence of one of its dates, or None where every zone's hour had passed.

    `zones` are the account's own alone, or with `use_local_time` all that its recipients may be in.
    """
    on_since = schedule.on_since or 0
    if all(plain_hours(schedule, day, zone).due_at < on_since for zone in zones):
        return None
    found = [zone_hours(schedule, day, zone) for zone in zones]
    hours = [each for each in found if each is not None]
    return Occurrence(
        day,
        starts_at=min(each.due_at for each in hours),
        last_due_at=max(each.due_at for each in hours),
        ends_at=max(each.ends_at for each in hours),
    )


def occurrences(
    schedule: Schedule,
    zones: Collection[str],
    after: date | None = None,
) -> Iterator[Occurrence]:
    """Return its occurrences after a date of which the run was made, in the order of their dates.

    Those before it was switched on are none: what was off at its hour is not made up for.
    """
    # No zone's date is further from that of Greenwich than one day.
    on_since = shown_at(schedule.on_since or 0, zone_of("UTC")).date()
    earliest = on_since - _DAY if after is None else max(after + _DAY, on_since - _DAY)
    for day in dates_from(schedule, earliest):
        if (found := occurrence_on(schedule, day, zones)) is not None:
            yield found


def next_at(schedule: Schedule, zones: Collection[str], after: date | None = None) -> int | None:
    """Return when its next run is due, past or future; None when it has none left."""
    return next((each.starts_at for each in occurrences(schedule, zones, after)), None)


def due(
    schedule: Schedule,
    zones: Collection[str],
    now: int,
    after: date | None = None,
) -> list[Occurrence]:
    """Return the occurrences after a date that should have begun by now, oldest first."""
    found = []
    for each in occurrences(schedule, zones, after):
        if each.starts_at > now:
            break
        found.append(each)
    return found


def fates(
    schedule: Schedule, overdue: Sequence[Occurrence], now: int, *, running: int, waiting: int
) -> list[tuple[Occurrence, OccurrenceFate]]:
    """Return what becomes of occurrences that are due; only the newest is ever made up for.

    `running` and `waiting` are how many earlier runs of the schedule have begun and not ended, and
    wait for such a one.
    """
    return [
        (each, fate(schedule, each, now, running=running, waiting=waiting))
        if each is overdue[-1]
        else (each, OccurrenceFate.MISSED)
        for each in overdue
    ]


def fate(
    schedule: Schedule, occurrence: Occurrence, now: int, *, running: int, waiting: int
) -> OccurrenceFate:
    """Return what becomes of an occurrence now.

    It is missed where the last of its zones is later than the schedule allows, or its end has come;
    what is left of it otherwise, its waves tell.
    """
    if now < occurrence.starts_at:
        return OccurrenceFate.EARLY
    if is_missed(schedule, ZoneHours(occurrence.last_due_at, occurrence.ends_at), now):
        return OccurrenceFate.MISSED
    if not running and not waiting:
        return OccurrenceFate.START
    may_wait = schedule.overlap is OverlapRule.QUEUE and not waiting
    return OccurrenceFate.WAIT if may_wait else OccurrenceFate.OVERLAP


def still_sends(
    schedule: Schedule, begun: Occurrence, coming: Occurrence, zones: Collection[str]
) -> bool:
    """Return whether a run that has begun may still send in a zone when another one begins there.

    Around the whole earth one date begins before the last hour of the date before has come: by the
    recipients' clocks, the runs of two dates may go on beside each other, each in zones of its own.
    """
    if begun.ends_at <= coming.starts_at:
        return False
    if not schedule.use_local_time or not _is_an_hour(schedule, begun):
        # Begun by hand: in all zones at once.
        return True
    hours = [zone_hours(schedule, begun.local_date, zone) for zone in zones]
    nexts = [zone_hours(schedule, coming.local_date, zone) for zone in zones]
    both = zip(hours, nexts, strict=True)
    return any(one and other and one.ends_at > other.due_at for one, other in both)


def _is_an_hour(schedule: Schedule, begun: Occurrence) -> bool:
    """Return whether a run began at its hour in a zone, or at once when it was switched on.

    Any zone will do: those of the contacts may be others by now. Hours begin with a minute, and a
    run that is begun by hand begins at any millisecond.
    """
    if begun.starts_at % MINUTE_MS:
        return begun.starts_at == schedule.on_since
    shown = datetime.combine(begun.local_date, schedule.send_time, UTC)
    ahead_ms = int(shown.timestamp() * 1000) - begun.starts_at
    return _WESTERNMOST_MS <= ahead_ms <= _EASTERNMOST_MS


def is_missed(terms: ScheduleTerms, hours: ZoneHours, now: int) -> bool:
    """Return whether what should have begun at an hour is too late to begin now."""
    return now - hours.due_at >= max(terms.late_minutes, 1) * MINUTE_MS or now >= hours.ends_at
