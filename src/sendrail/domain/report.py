"""What reports show: counts of messages and what they brought, with the rates between them.

The counts are those of `origin_counts.py`. A rate compares messages with what became of those very
messages, whenever that happened: so each is of what was *sent* in the period.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sendrail.domain.errors import InvalidInput
from sendrail.domain.local_time import instant_of, shown_at
from sendrail.domain.origin_counts import APART, HOUR_MS, THEN, CountKind

DAYS_MAX: Final = 400
# With a row for each hour.
HOUR_DAYS_MAX: Final = 31
_DAY: Final = timedelta(days=1)


class ReportGroup(StrEnum):
    """What a performance report has a row for."""

    DATE = "date"
    HOUR = "hour"
    LIST = "list"
    ORIGIN = "origin"
    CREATIVE = "creative"
    OFFER = "offer"


class ReportPeriodName(StrEnum):
    """The periods that have a name."""

    TODAY = "today"
    WEEK = "7d"
    MONTH = "30d"
    CUSTOM = "custom"


_DAYS: Final = {ReportPeriodName.TODAY: 1, ReportPeriodName.WEEK: 7, ReportPeriodName.MONTH: 30}


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """Dates on the clock of an account, the last one included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def hours(self) -> tuple[int, int]:
        """The hours since the epoch, the second one excluded, that begin on these dates."""
        return self._first_hour(self.first), self._first_hour(self.last + _DAY)

    def date_of(self, hour: int) -> date:
        """Return the date on which an hour begins."""
        return shown_at(hour * HOUR_MS, self.zone).date()

    def _first_hour(self, day: date) -> int:
        # Where zones are half an hour apart, an hour belongs to the date on which it begins.
        return -(-instant_of(day, time(), self.zone) // HOUR_MS)


def period_of(
    name: ReportPeriodName, first: date | None, last: date | None, now: int, zone: ZoneInfo
) -> ReportPeriod:
    """Return a period that ends today unless it is `custom`.

    A custom one without its last date ends today as well, one without its first has thirty days.
    Raises `InvalidInput` for dates beside a name, for one before the other, and for too many days.
    """
    today = shown_at(now, zone).date()
    if name is not ReportPeriodName.CUSTOM:
        if first is not None or last is not None:
            raise InvalidInput(
                "Dates need `period=custom`", code="invalid_parameter", param="period"
            )
        return ReportPeriod(today - (_DAYS[name] - 1) * _DAY, today, zone)
    last = today if last is None else last
    first = last - 29 * _DAY if first is None else first
    if not 0 <= (last - first).days < DAYS_MAX:
        raise InvalidInput(
            f"A report can span 1 to {DAYS_MAX} days: `from` is not after `to`",
            code="invalid_parameter",
            param="from",
        )
    return ReportPeriod(first, last, zone)


@dataclass(slots=True)
class EarnedRevenue:
    """What was earned in one currency: how often, and ten-thousandths of its unit."""

    conversions: int = 0
    amount: int = 0


@dataclass(slots=True)
class ReportFigures:
    """Counts of messages, and what they brought."""

    # By what is counted; drops by their reason stand in `dropped`, earnings in `revenue`.
    counts: Counter[str] = field(default_factory=Counter)
    segments: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    revenue: dict[str, EarnedRevenue] = field(default_factory=dict)

    def add(self, kind: str, more: str, n: int, segments: int, amount: int) -> None:
        """Add a count of a kind; `more` is the reason of a drop, or a currency."""
        if kind == CountKind.DROPPED:
            self.dropped[more] += n
        elif kind == CountKind.CONVERSIONS:
            earned = self.revenue.setdefault(more, EarnedRevenue())
            earned.conversions += n
            earned.amount += amount
        else:
            self.counts[kind] += n
            self.segments += segments if kind == CountKind.SENT else 0

    @property
    def conversions(self) -> int:
        return sum(each.conversions for each in self.revenue.values())

    def rate(self, of: CountKind, to: CountKind) -> float | None:
        """Return how many of `to` there are for each of `of`; None where there are none."""
        return ratio(self.counts[to], self.counts[of])


@dataclass(slots=True)
class ReportRow:
    """Figures of what was sent in some hours, and of what happened in them."""

    sent: ReportFigures = field(default_factory=ReportFigures)
    happened: ReportFigures = field(default_factory=ReportFigures)

    def add(self, what: str, n: int, segments: int, amount: int) -> None:
        """Add a count; `what` is as it is stored."""
        kind, more, is_then, is_at_once = _read(what)
        if not is_then:
            self.sent.add(kind, more, n, segments, amount)
        if is_then or is_at_once:
            self.happened.add(kind, more, n, segments, amount)


# What is counted in one hour only, because it happens when it happens.
_AT_ONCE: Final = frozenset({CountKind.ACCEPTED, CountKind.SENT, CountKind.DROPPED})


@lru_cache(maxsize=1024)
def _read(what: str) -> tuple[str, str, bool, bool]:
    """Return the kind of a count with what stands behind it, and when it is counted."""
    kind, _, more = what.removeprefix(THEN).partition(APART)
    return kind, more, what.startswith(THEN), kind in _AT_ONCE


def ratio(n: float, of: float) -> float | None:
    """Return a ratio with six digits after the point, None where it has no denominator."""
    return round(n / of, 6) if of else None


def total_of(rows: Iterable[ReportRow]) -> ReportRow:
    """Return the sum of rows."""
    total = ReportRow()
    for row in rows:
        for one, to in ((row.sent, total.sent), (row.happened, total.happened)):
            to.counts.update(one.counts)
            to.segments += one.segments
            to.dropped.update(one.dropped)
            for currency, earned in one.revenue.items():
                sum_ = to.revenue.setdefault(currency, EarnedRevenue())
                sum_.conversions += earned.conversions
                sum_.amount += earned.amount
    return total


def read_date(text: str) -> date | None:
    """Return a date as `2026-01-31` writes it, None where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date() if len(text) == 10 else None  # noqa: DTZ007, PLR2004 - a date has no zone
    except ValueError:
        return None
