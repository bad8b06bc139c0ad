"""The waves of a run: who is due when, as ranges of numbers and as zones set for contacts.

A number begins with its area code, so the people of an area are one range of the primary key, and a
wave needs neither a column nor an index. A contact whose zone was set goes by it; another goes by
its area code, in the latest of its zones; one outside North America by the account's zone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from sendrail.domain.occurrences import (
    ZoneHours,
    is_missed,
    plain_hours,
    zone_hours,
)
from sendrail.domain.schedule import Schedule

# E.164 has fifteen digits at most.
_NUMBER_MAX: Final = 10**15 - 1
_AREA: Final = 10**7
_FIRST_AREA: Final = 1_000
_LAST_AREA: Final = 1_999
_NORTH_AMERICA: Final = range(_FIRST_AREA * _AREA, (_LAST_AREA + 1) * _AREA)


class KeyRange(NamedTuple):
    """Recipients from a number to another, both included."""

    first: int
    last: int


def area_range(code: str) -> KeyRange:
    """Return the numbers of an area code."""
    first = int(f"1{code}") * _AREA
    return KeyRange(first, first + _AREA - 1)


EVERYONE: Final = KeyRange(1, _NUMBER_MAX)


@dataclass(frozen=True, slots=True)
class Wave:
    """The people of a run who are due at one instant.

    They are those of its `ranges` whose zone was not set, and those whose zone is one of
    `told_in`, wherever their number is; without `told_in`, those of all zones but `told_not_in`.
    `is_rest` is the last of several: most of its people were in one before, and the planner
    leaves them out.
    """

    due_at: int
    ends_at: int
    ranges: tuple[KeyRange, ...]
    told_in: frozenset[str] | None = None
    told_not_in: frozenset[str] = frozenset()
    is_rest: bool = False

    def takes(self, recipient: int, told: str | None) -> bool:
        """Return whether a recipient is of it; `told` is its own zone, None where none was set."""
        if told is None:
            return any(each.first <= recipient <= each.last for each in self.ranges)
        return told not in self.told_not_in if self.told_in is None else told in self.told_in


class NumberSpan(NamedTuple):
    """The first and the last contact in a part of all numbers, and how many there are, roughly."""

    numbers: KeyRange
    weight: int


# Parts in which numbers lie close together: between them is more room than in all of them.
NUMBER_PARTS: Final = (
    KeyRange(1, _NORTH_AMERICA.start - 1),
    KeyRange(_NORTH_AMERICA.start, _NORTH_AMERICA.stop - 1),
    KeyRange(_NORTH_AMERICA.stop, _NUMBER_MAX),
)


def walked_share(ranges: Sequence[KeyRange], cursor: int, spans: Sequence[NumberSpan]) -> float:
    """Return which part of the contacts in some ranges is at most a cursor, from 0 to 1.

    It is estimated, as if the contacts of a span stood evenly in it.
    """
    whole = walked = 0.0
    for (first, last), weight in spans:
        size = last - first + 1
        for each in ranges:
            low, high = max(each.first, first), min(each.last, last)
            if low <= high:
                whole += weight * (high - low + 1) / size
                walked += weight * max(0, min(cursor, high) - low + 1) / size
    return walked / whole if whole else 0.0


class ZonesByNumber(NamedTuple):
    """Which zones a number may be in: by its area code, of any other one, and outside the plan.

    `unused` are area codes of which there is no contact, `told` the zones set for contacts.
    """

    by_area: Mapping[str, Sequence[str]]
    elsewhere: Sequence[str]
    account: str
    unused: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()

    def all(self) -> frozenset[str]:
        """Return every zone there may be a recipient in."""
        used = [zones for code, zones in self.by_area.items() if code not in self.unused]
        return frozenset({self.account, *self.elsewhere, *self.told}.union(*used))


def waves_of(
    schedule: Schedule,
    day: date,
    numbers: ZonesByNumber,
    now: int,
) -> tuple[Wave, ...]:
    """Return the waves of the run of a date, in the order in which they are due.

    Zones are passed over whose hour had passed when the schedule was switched on, and such as are
    too late now; the last wave has the contacts in none, such as a contact that changed its zone
    meanwhile. A run that has begun goes on after a breakdown, each wave until its end.
    """
    hours = _Hours(schedule, day, now)
    if not schedule.use_local_time:
        plain = hours.of(numbers.account)
        return () if plain is None else (Wave(*plain, ranges=(EVERYONE,)),)
    groups = _groups(hours, numbers)
    passed_over = groups.pop(None, None)
    waves = [groups[due_at].wave(due_at) for due_at in sorted(filter(None, groups))]
    if not waves:
        return ()
    if len(waves) == 1 and passed_over is None:
        return (replace(waves[0], ranges=(EVERYONE,), told_in=None),)
    return (*waves, _rest(waves, passed_over))


class _Hours:
    """When a run may send in each zone, None where it is not to any more."""

    def __init__(self, schedule: Schedule, day: date, now: int) -> None:
        self._schedule = schedule
        self._day = day
        self._now = now
        self._plain = cache(lambda zone: plain_hours(schedule, day, zone))
        self.of = cache(self._of)

    def latest(self, zones: Sequence[str]) -> ZoneHours | None:
        """Return those of the zone in which it is earliest: in all others the hour has come."""
        return self.of(max(zones, key=self._plain))

    def _of(self, zone: str) -> ZoneHours | None:
        hours = zone_hours(self._schedule, self._day, zone)
        is_late = hours is None or is_missed(self._schedule, hours, self._now)
        return None if is_late else hours


@dataclass(slots=True)
class _Group:
    """The people who are due together, or, of no instant, those who are passed over."""

    ends_at: int = 0
    ranges: list[KeyRange] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def wave(self, due_at: int) -> Wave:
        return Wave(due_at, self.ends_at, ranges=tuple(self.ranges), told_in=frozenset(self.told))

    def add(self, ranged: KeyRange) -> None:
        """Take a range that lies behind all others, in one with its neighbour."""
        if self.ranges and self.ranges[-1].last + 1 == ranged.first:
            ranged = KeyRange(self.ranges.pop().first, ranged.last)
        self.ranges.append(ranged)


def _rest(waves: Sequence[Wave], passed_over: _Group | None) -> Wave:
    """Return the last wave of a run: all contacts whose hour has come and whose end has not.

    It ends with the first of their zones, so that who had nothing in a wave that was kept from
    sending gets nothing after its end either.
    """
    last = waves[-1]
    ended = [wave for wave in waves if wave.ends_at <= last.due_at]
    out = [each for wave in ended for each in wave.ranges]
    told = {zone for wave in ended for zone in wave.told_in or ()}
    if passed_over is not None:
        out += passed_over.ranges
        told |= passed_over.told
    return Wave(
        last.due_at,
        min(wave.ends_at for wave in waves if wave not in ended),
        ranges=_without(sorted(out)),
        told_not_in=frozenset(told),
        is_rest=True,
    )


def _groups(hours: _Hours, numbers: ZonesByNumber) -> dict[int | None, _Group]:
    """Return the people by the instant at which they are due, None those who are passed over."""
    groups: defaultdict[int | None, _Group] = defaultdict(_Group)

    def group(of: ZoneHours | None) -> _Group:
        found = groups[None if of is None else of.due_at]
        found.ends_at = max(found.ends_at, 0 if of is None else of.ends_at)
        return found

    account = hours.of(numbers.account)
    group(account).add(KeyRange(EVERYONE.first, _NORTH_AMERICA.start - 1))
    for code in range(_FIRST_AREA, _LAST_AREA + 1):
        zones = numbers.by_area.get(str(code)[1:], numbers.elsewhere)
        group(hours.latest(zones)).add(area_range(str(code)[1:]))
    group(account).add(KeyRange(_NORTH_AMERICA.stop, EVERYONE.last))
    for zone in numbers.told:
        group(hours.of(zone)).told.add(zone)
    return groups


def _without(ranges: Iterable[KeyRange]) -> tuple[KeyRange, ...]:
    """Return the ranges between those given, which are in order."""
    first, between = EVERYONE.first, []
    for each in ranges:
        if first < each.first:
            between.append(KeyRange(first, each.first - 1))
        first = each.last + 1
    if first <= EVERYONE.last:
        between.append(KeyRange(first, EVERYONE.last))
    return tuple(between)
