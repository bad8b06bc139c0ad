"""The clock on the wall: what it shows in a zone, and when it shows a time.

Two nights a year a local time is not one instant. A time that the clock jumps over, as 02:30 in New
York on 8 March 2026, is the first instant after the jump (03:00); one that it shows twice, as 01:30
there on 1 November 2026, is the first of the two. So a time of a date is always one instant: never
two, never none. A date that a zone has left out, as 30 December 2011 in Samoa, is the first instant
after it.

The rules of the zones are those of the `tzdata` package, so that a version of Sendrail behaves
alike on every machine. Instants are in milliseconds since the epoch, UTC.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from sendrail.domain.errors import InvalidInput

# By `date.weekday()`: Monday is 0.
EVERY_WEEKDAY: Final = frozenset(range(7))

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@cache
def zone_names() -> frozenset[str]:
    """Return the name of every time zone there is, such as `America/New_York`."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def zone_of(name: str, param: str = "timezone") -> ZoneInfo:
    """Return the zone of an IANA name. Raises `InvalidInput` where there is none, for `param`."""
    if name not in zone_names():
        raise InvalidInput(
            f"`{param}` must be the name of a time zone, such as America/New_York",
            code="invalid_timezone",
            param=param,
        )
    return _read(name)


@cache
def _read(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def shown_at(instant: int, zone: ZoneInfo) -> datetime:
    """Return what the clock shows at an instant; without a zone, to be compared and added to."""
    return (_EPOCH + instant * _MILLISECOND).astimezone(zone).replace(tzinfo=None)


def instant_of(day: date, wall: time, zone: ZoneInfo) -> int:
    """Return the instant at which the clock shows a time of a date: the one there is for it."""
    shown = datetime.combine(day, wall)
    before = shown.replace(tzinfo=zone, fold=0)
    found = before.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == shown:
        return _milliseconds(found)
    # It is jumped over: by the clock before the jump it would be later than the jump, by the clock
    # after it earlier.
    earlier = before.replace(fold=1).astimezone(UTC)
    return _milliseconds(_change_between(earlier, found, zone))


def first_after(
    instant: int, wall: time, zone: ZoneInfo, weekdays: Collection[int] = EVERY_WEEKDAY
) -> int:
    """Return the first instant after another that is this time of a date on one of these weekdays.

    Where a time is shown twice only the first is meant, also while the clock stands between them.
    """
    assert weekdays, "some day must come"
    # From the day before: a time may be put off beyond midnight, and a clock be put back over it.
    day = shown_at(instant, zone).date() - _DAY
    while day.weekday() not in weekdays or (found := instant_of(day, wall, zone)) <= instant:
        day += _DAY
    return found


def change_between(earlier: int, later: int, zone: ZoneInfo) -> int | None:
    """Return when a zone's clock is put forward or back, after one instant and up to another.

    None where its offset is the same at both; they must not be further apart than two changes.
    """
    first, last = _EPOCH + earlier * _MILLISECOND, _EPOCH + later * _MILLISECOND
    if first.astimezone(zone).utcoffset() == last.astimezone(zone).utcoffset():
        return None
    return _milliseconds(_change_between(first, last, zone))


def _change_between(earlier: datetime, later: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant with another offset than `earlier`'s, which `later` has."""
    offset = earlier.astimezone(zone).utcoffset()
    # Changes are at whole seconds.
    earlier = earlier.replace(microsecond=0)
    low, high = 0, -((earlier - later) // _SECOND)
    while low + 1 < high:
        middle = (low + high) // 2
        if (earlier + middle * _SECOND).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return earlier + high * _SECOND


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
