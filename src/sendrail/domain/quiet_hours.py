"""Quiet hours: when nothing that markets may leave, by the clock of the recipient.

Rules and lists name the quiet hours (`21:00-08:00`); what is asked is the rest of the day, in which
a message may leave. Where a number may be in several places the strictest counts: it leaves only
while it may leave in all of them, by each of their clocks.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sendrail.domain import local_time
from sendrail.domain.errors import InvalidInput
from sendrail.domain.message import Skip
from sendrail.domain.numbering import NumberPlace
from sendrail.domain.phone import prefix_of

# What `opening` returns for a number that may be texted now, and for one that never may be.
NOW: Final = 0
NEVER: Final = 1 << 62

# Where nothing says where a number is (public API, "Compliance": contact, account, Eastern).
_DEFAULT_ZONES: Final = ("America/New_York",)
_DAY_MINUTES: Final = 24 * 60
_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
# Hours that zones share come each day; a clock that is put forward may take them from one.
_SEARCH_DAYS_MAX: Final = 4

# What a list says that has no quiet hours, whatever its account's are.
NO_HOURS: Final = "none"

_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_RULE: Final = re.compile(r"([A-Z]{2}(?:-[A-Z0-9]{1,3})?)\s+(\S+)")


class QuietScope(StrEnum):
    """Which messages of a list wait for the end of quiet hours."""

    # Those of campaigns and journeys.
    CAMPAIGNS = "campaigns"
    # Those of the API as well.
    ALL = "all"
    # None: the list is transactional.
    NONE = "none"


_CAMPAIGN: Final = Skip.CAMPAIGN.value
# Replies to keywords are asked for, and a list is verified when its owner wants it to be.
_EXEMPT: Final = Skip.QUIET_HOURS | Skip.AUTOMATIC | Skip.VERIFICATION
_ALL: Final = QuietScope.ALL
_NONE: Final = QuietScope.NONE


def keeps_quiet(skips: int, scope: QuietScope) -> bool:
    """Return whether a message with these skip flags, of a list of this scope, has quiet hours."""
    if scope is _NONE or skips & _EXEMPT:
        return False
    return scope is _ALL or bool(skips & _CAMPAIGN)


class OpenHours(NamedTuple):
    """The part of a local day in which messages may leave: from a minute up to another."""

    opens: int
    closes: int


def parse(text: str) -> OpenHours:
    """Return what quiet hours such as `21:00-08:00` leave open.

    Raises `InvalidInput`, also for hours that do not cover midnight: who writes
    `08:00-21:00` means the hours of sending, and would send at night.
    """
    found = _HOURS.fullmatch(text.strip())
    if found is not None:
        first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
        begins, ends = first_hour * 60 + first_minute, last_hour * 60 + last_minute
        if begins > ends:
            return OpenHours(ends, begins)
        if begins == 0 < ends:
            return OpenHours(ends, _DAY_MINUTES)
    raise InvalidInput(
        "`quiet_hours` must be the time in which nothing is sent, over midnight, such as "
        "21:00-08:00",
        code="invalid_quiet_hours",
        param="quiet_hours",
    )


def show(hours: OpenHours) -> str:
    """Return quiet hours as they are written: `21:00-08:00`."""
    return f"{_clock(hours.closes % _DAY_MINUTES)}-{_clock(hours.opens)}"


def strictest(some: Iterable[OpenHours]) -> OpenHours | None:
    """Return the hours that are open in all of these; None where there are none to keep to."""
    hours = list(some)
    if not hours:
        return None
    return OpenHours(max(each.opens for each in hours), min(each.closes for each in hours))


def written(text: str) -> str | None:
    """Return quiet hours as they are kept, None for none. Raises `InvalidInput`, as `parse`."""
    return show(parse(text)) if text.strip() else None


@dataclass(frozen=True, slots=True)
class QuietRules:
    """The installation's quiet hours, by country (`US`) and region (`US-FL`)."""

    by_place: Mapping[str, OpenHours]

    def hours_at(self, place: NumberPlace, own: OpenHours | None = None) -> OpenHours | None:
        """Return the strictest of a list's own hours and those of all places a number may be in."""
        hours = [] if own is None else [own]
        for name, rule in self.by_place.items():
            country, _, region = name.partition("-")
            if country in place.countries and (
                not region or place.regions is None or region in place.regions
            ):
                hours.append(rule)
        return strictest(hours)


def parse_rules(text: str) -> QuietRules:
    """Return the rules of a text such as `US 21:00-08:00, US-FL 20:00-08:00`.

    An empty text is no rules. Raises `InvalidInput`.
    """
    rules: dict[str, OpenHours] = {}
    for rule in filter(None, map(str.strip, text.split(","))):
        found = _RULE.fullmatch(rule)
        if found is None or found[1] in rules:
            raise InvalidInput(
                "`quiet_hours` names each country or region once with its quiet hours, such as "
                "US 21:00-08:00, US-FL 20:00-08:00",
                code="invalid_quiet_hours",
                param="quiet_hours",
            )
        rules[found[1]] = parse(found[2])
    return QuietRules(rules)


def is_open(hours: OpenHours, zones: Sequence[ZoneInfo], instant: int) -> bool:
    """Return whether it is within these hours by the clock of every zone."""
    return all(_is_open(hours, zone, instant) for zone in zones)


def next_open(hours: OpenHours, zones: Sequence[ZoneInfo], instant: int) -> int | None:
    """Return the first instant, from this one on, within these hours by the clock of every zone.

    None where the zones have no open hour in common.
    """
    found, end = instant, instant + _SEARCH_DAYS_MAX * _DAY_MS
    while hours.opens < hours.closes and found < end:
        closed = next((zone for zone in zones if not _is_open(hours, zone, found)), None)
        if closed is None:
            return found
        # Nothing before this zone opens is open in all of them.
        found = _opening(hours, closed, found)
    return None


def _is_open(hours: OpenHours, zone: ZoneInfo, instant: int) -> bool:
    shown = local_time.shown_at(instant, zone)
    return hours.opens <= shown.hour * 60 + shown.minute < hours.closes


def _opening(hours: OpenHours, zone: ZoneInfo, instant: int) -> int:
    """Return when it is open next by one clock, which shows a closed hour at this instant."""
    while True:
        shown = local_time.shown_at(instant, zone)
        opening = shown.replace(
            hour=hours.opens // 60, minute=hours.opens % 60, second=0, microsecond=0
        )
        if opening <= shown:
            opening += timedelta(days=1)
        found = instant + (opening - shown) // timedelta(milliseconds=1)
        changed = local_time.change_between(instant, found, zone)
        if changed is None:
            return found
        # The clock is put forward or back before that, and may show an open hour then.
        if _is_open(hours, zone, changed):
            return changed
        instant = changed


class OpenTimes(NamedTuple):
    """When a number may be texted: its open hours, by the clocks of all its zones.

    Without hours it may be at any time.
    """

    hours: OpenHours | None = None
    zones: tuple[str, ...] = ()

    def opening(self, now: int) -> int:
        """Return when it may be texted from now on: `NOW`, a later instant, or `NEVER`."""
        if self.hours is None:
            return NOW
        found = next_open(self.hours, _zones(self.zones), now)
        if found is None:
            return NEVER
        return NOW if found == now else found


class OpeningTable:
    """When numbers may be texted, remembered for each place until the minute is over.

    Hours begin and end with a minute of every clock, so within one minute nothing opens or closes.
    """

    def __init__(self, rules: QuietRules, place_of: Callable[[int], NumberPlace]) -> None:
        """`place_of` returns where the numbers of a prefix may be (`domain/phone.py`)."""
        self._rules = rules
        self._place_of = place_of
        self._minute = -1
        # By the minute as well: a reader in another thread may still be in the one before.
        self._openings: dict[tuple[int, int, OpenHours | None, str | None], int] = {}

    def opening(self, number: int, own: OpenHours | None, zone: str | None, now: int) -> int:
        """Return when a number may be texted from now on: `NOW`, a later instant, or `NEVER`.

        `own` are the hours of the list, `zone` is the contact's own where that is known.
        """
        return self.opening_at(prefix_of(number), own, zone, now)

    def opening_at(self, prefix: int, own: OpenHours | None, zone: str | None, now: int) -> int:
        """Return the same for the numbers of a prefix."""
        minute = now // _MINUTE_MS
        if minute != self._minute:
            self._openings.clear()
            self._minute = minute
        key = (minute, prefix, own, zone)
        found = self._openings.get(key)
        if found is None:
            found = self._openings[key] = self._found(*key)
        return found

    def _found(self, minute: int, prefix: int, own: OpenHours | None, zone: str | None) -> int:
        return self.times_at(prefix, own, zone).opening(minute * _MINUTE_MS)

    def times_at(self, prefix: int, own: OpenHours | None, zone: str | None) -> OpenTimes:
        """Return when the numbers of a prefix may be texted, today as on any other day."""
        place = self._place_of(prefix)
        hours = self._rules.hours_at(place, own)
        if hours is None:
            return OpenTimes()
        if zone is not None and zone in local_time.zone_names():
            return OpenTimes(hours, (zone,))
        return OpenTimes(hours, tuple(place.zones or _DEFAULT_ZONES))


@cache
def _zones(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    return tuple(local_time.zone_of(name) for name in names)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
