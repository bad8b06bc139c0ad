"""Cohorts: contacts of lists by the day they signed up on, and what they brought since.

Days are those of UTC. What happens to a contact is counted by how old its subscription was: in
bands of days, so that what came within thirty days of the sign-up is a sum of a few counts.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.origin_counts import APART
from sendrail.domain.report import EarnedRevenue
from sendrail.domain.times import DAY_MS

# The day of a subscription, counted from 0, that each band begins with; the last one has no end.
BANDS: Final = (0, 7, 14, 30, 60, 90, 180, 365)
# Within how many days of its sign-up a contact is looked at; None is for ever.
PERIODS: Final = (*BANDS[1:], None)
COHORT_DAYS_MAX: Final = 1_100
COHORT_DAYS: Final = 365
_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)


# So many values have a cohort each, and the others one together.
VALUES_SHOWN: Final = 100
# Of more values there is no report.
VALUES_MAX: Final = 1_000


class CohortGroup(StrEnum):
    """Whose contacts are one cohort: those of one week, month, list, carrier, or value of a field.

    The last two are of contacts as they are now.
    """

    WEEK = "week"
    MONTH = "month"
    LIST = "list"
    CARRIER = "carrier"
    CUSTOM_FIELD = "custom_field"

    @property
    def is_by_value(self) -> bool:
        """Whether cohorts are of contacts with something in common, whenever they signed up."""
        return self in {CohortGroup.CARRIER, CohortGroup.CUSTOM_FIELD}


class CohortKind(StrEnum):
    """What is counted of contacts."""

    # Messages that were accepted for them.
    SENDS = "sends"
    # Messages of which they have followed a link.
    CLICKS = "clicks"
    # By currency, with what they brought.
    CONVERSIONS = "conversions"
    # How often they left the list by a reply.
    OPT_OUTS = "opt_outs"


class CohortEvent(NamedTuple):
    """Something that happened to a contact of a list; `what` is as it is stored."""

    list_id: int
    recipient: int
    what: str
    at: int
    n: int = 1
    amount: int = 0


def day_of(at: int) -> int:
    """Return the day since the epoch of a time in milliseconds."""
    return at // DAY_MS


def date_of(day: int) -> date:
    """Return the date of a day since the epoch."""
    return _EPOCH + day * _DAY


def band_of(signup_at: int, at: int) -> int:
    """Return the first day of the band that a time is in; before the sign-up it is the first."""
    return BANDS[bisect_right(BANDS, max(0, at - signup_at) // DAY_MS) - 1]


@dataclass(frozen=True, slots=True)
class CohortRange:
    """Whole weeks or months, the last one included, by their first dates.

    Other cohorts are of days: each day is whole.
    """

    group: CohortGroup
    first: date
    last: date

    @property
    def days(self) -> tuple[int, int]:
        """The days since the epoch, the second one excluded."""
        return (self.first - _EPOCH).days, (self._behind(self.last) - _EPOCH).days

    @property
    def last_date(self) -> date:
        """The last date of the last week, month or day."""
        return self._behind(self.last) - _DAY

    def cohort_of(self, day: int) -> date:
        """Return the first date of the week or month that a day is in, or that day itself."""
        return first_date(self.group, date_of(day))

    def whole_until(self, cohort: date, days: int) -> date:
        """Return the date from which on all contacts of a cohort were looked at so many days."""
        return self._behind(cohort) + days * _DAY

    def cohorts(self) -> list[date]:
        """Return the first dates of its cohorts."""
        found, cohort = [], self.first
        while cohort <= self.last:
            found.append(cohort)
            cohort = self._behind(cohort)
        return found

    def _behind(self, cohort: date) -> date:
        match self.group:
            case CohortGroup.WEEK:
                return cohort + 7 * _DAY
            case CohortGroup.MONTH:
                return first_date(self.group, cohort + 31 * _DAY)
            case _:
                return cohort + _DAY


def first_date(group: CohortGroup, day: date) -> date:
    """Return the Monday of a date's week, the first of its month, or the date as it is."""
    match group:
        case CohortGroup.WEEK:
            return day - day.weekday() * _DAY
        case CohortGroup.MONTH:
            return day.replace(day=1)
        case _:
            return day


def range_of(
    group: CohortGroup, first: date | None, last: date | None, now: int, days_kept: int
) -> CohortRange:
    """Return the weeks, months or days of two dates; without them, those of a year up to today.

    Raises `InvalidInput` for a first date that is after the last, for too many days, and for what
    began before counts are kept.
    """
    today = date_of(day_of(now))
    last = today if last is None else last
    first = last - (min(COHORT_DAYS, days_kept) - 1) * _DAY if first is None else first
    if not 0 <= (last - first).days < COHORT_DAYS_MAX:
        raise InvalidInput(
            f"Cohorts can span 1 to {COHORT_DAYS_MAX} days: `from` is not after `to`",
            code="invalid_parameter",
            param="from",
        )
    if first <= today - days_kept * _DAY:
        raise InvalidInput(
            f"Counts are kept for {days_kept} days: `from` must be later than that",
            code="invalid_parameter",
            param="from",
        )
    return CohortRange(group, first_date(group, first), first_date(group, last))


@dataclass(slots=True)
class CohortFigures:
    """What contacts of a cohort brought within some days of their sign-up, as sums.

    `sends` is None where it is not known.
    """

    sends: int | None = 0
    clicks: int = 0
    opt_outs: int = 0
    revenue: dict[str, EarnedRevenue] = field(default_factory=dict)

    @property
    def conversions(self) -> int:
        return sum(each.conversions for each in self.revenue.values())

    def add(self, what: str, n: int, amount: int) -> None:
        """Add a count; `what` is as it is stored."""
        kind, _, currency = what.partition(APART)
        match kind:
            case CohortKind.SENDS:
                self.sends = (self.sends or 0) + n
            case CohortKind.CLICKS:
                self.clicks += n
            case CohortKind.OPT_OUTS:
                self.opt_outs += n
            case CohortKind.CONVERSIONS:
                earned = self.revenue.setdefault(currency, EarnedRevenue())
                earned.conversions += n
                earned.amount += amount

    def include(self, other: "CohortFigures") -> None:
        """Add the figures of others; what is not known of them stays unknown."""
        self.sends = None if other.sends is None else (self.sends or 0) + other.sends
        self.clicks += other.clicks
        self.opt_outs += other.opt_outs
        for currency, theirs in other.revenue.items():
            earned = self.revenue.setdefault(currency, EarnedRevenue())
            earned.conversions += theirs.conversions
            earned.amount += theirs.amount


@dataclass(slots=True)
class Cohort:
    """Contacts who signed up in some time, and how many of them are still on their list.

    `periods` are as `PERIODS`.
    """

    contacts: int = 0
    active: int = 0
    periods: list[CohortFigures] = field(default_factory=lambda: [CohortFigures() for _ in PERIODS])

    def add(self, band: int, what: str, n: int, amount: int) -> None:
        """Add a count of a band to every period that it is within."""
        for figures in self.periods[BANDS.index(band) :]:
            figures.add(what, n, amount)

    def add_size(self, contacts: int, active: int, sends: int) -> None:
        """Add contacts, and how many messages were accepted for them in all."""
        self.contacts += contacts
        self.active += active
        self.periods[-1].add(CohortKind.SENDS, sends, 0)

    def include(self, other: "Cohort") -> None:
        """Add the contacts of another cohort, and what they brought."""
        self.contacts += other.contacts
        self.active += other.active
        for ours, theirs in zip(self.periods, other.periods, strict=True):
            ours.include(theirs)


def cohort_by_value() -> Cohort:
    """Return a cohort of whom only the messages in all are known."""
    cohort = Cohort()
    for figures in cohort.periods[:-1]:
        figures.sends = None
    return cohort


def shown_value(value: Scalar | None) -> str | None:
    """Return a contact's value as a cohort is named by it; an empty text is none.

    A number and its text are one name: 5, 5.0 and "5".
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value).strip() or None
