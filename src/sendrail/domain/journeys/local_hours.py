"""Local time on a journey: whose clock it goes by, its next nine o'clock, and its quiet hours."""

from datetime import time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sendrail.domain.journeys.document import JourneyQuietHours, Version
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.local_time import (
    EVERY_WEEKDAY,
    first_after,
    instant_of,
    shown_at,
    zone_names,
    zone_of,
)

_DAY: Final = timedelta(days=1)


def zone_for(version: Version, facts: Facts, own: str | None = None) -> ZoneInfo:
    """Return a step's own zone, the contact's, the journey's or the default: the first there is.

    A name that no zone has, as an import may leave one, is passed over.
    """
    names = zone_names()
    for name in (own, facts.timezone, version.timezone, facts.default_timezone):
        if name is not None and name in names:
            return zone_of(name)
    return zone_of("UTC")


def next_local(now: int, minute: int, days: frozenset[int], zone: ZoneInfo) -> int:
    """Return the first moment after `now` at which the clock shows a minute of one of the days."""
    return first_after(now, _wall(minute), zone, days or EVERY_WEEKDAY)


def quiet_end(now: int, quiet: JourneyQuietHours, zone: ZoneInfo) -> int | None:
    """Return when the quiet hours that it is in end, or None where it is in none.

    They last from the instant of their start to that of their end: in a night that shows a time
    twice, it is the first of the two that begins or ends them.
    """
    today = shown_at(now, zone).date()
    later = timedelta(days=quiet.end <= quiet.start)
    for day in (today - _DAY, today):
        end = instant_of(day + later, _wall(quiet.end), zone)
        if instant_of(day, _wall(quiet.start), zone) <= now < end:
            return end
    return None


def _wall(minute: int) -> time:
    return time(minute // 60, minute % 60)
