"""Reports of cohorts: what contacts brought since they signed up, by the week or month of that.

What they brought is counted as it happens. How many they are is counted when it is asked for, in
slices of their sign-ups: each is a short read of one index, and an account has one such count at a
time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sendrail.contacts.inputs import no_list
from sendrail.contacts.turns import AccountTurns
from sendrail.domain import money
from sendrail.domain.cohort import (
    PERIODS,
    Cohort,
    CohortFigures,
    CohortGroup,
    CohortRange,
    date_of,
    day_of,
    range_of,
)
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.report import EarnedRevenue, ratio
from sendrail.domain.times import DAY_MS
from sendrail.storage.campaigns.cohorts import SignUpDay, SignUpPlace, SignUpSlice
from sendrail.storage.interface import Store, Tx

_SLICE: Final = 20_000
_COUNTS: Final = ("sends", "clicks", "conversions", "opt_outs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortInput:
    """The cohorts that a caller asks for: by the dates of sign-ups, of all lists or of one."""

    group: CohortGroup = CohortGroup.MONTH
    first: date | None = None
    last: date | None = None
    # What the list sends from.
    sender: PhoneNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReport:
    """Cohorts by the first dates of their weeks or months, and their sum.

    Those without a contact and without a count are there as well. `today` is the date by UTC.
    """

    range: CohortRange
    today: date
    cohorts: Mapping[date, Cohort]
    total: Cohort

    def is_whole(self, cohort: date, days: int | None) -> bool:
        """Return whether all contacts of a cohort have been on their list for so many days."""
        return days is not None and self.range.whole_until(cohort, days) <= self.today


class CohortService:
    """Reports of cohorts; nothing is changed here."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        turns: AccountTurns,
        days_kept: int,
        *,
        slice_contacts: int = _SLICE,
    ) -> None:
        """Report those who signed up in the last `days_kept` days: for so long counts are kept."""
        self._store = store
        self._now = now
        self._turns = turns
        self._days_kept = days_kept
        self._slice = slice_contacts

    async def report(self, account_id: AccountId, wanted: CohortInput) -> CohortReport:
        """Return what contacts brought since they signed up.

        Raises `InvalidInput` for dates that are no period, `NotFound` for a list that is not the
        account's, and `Overloaded` where too many counts of it wait for their turn.
        """
        now = self._now()
        range_ = range_of(wanted.group, wanted.first, wanted.last, now, self._days_kept)
        cohorts = {each: Cohort() for each in range_.cohorts()}
        total = Cohort()
        lists = await self._store.read(lambda tx: _lists(tx, account_id, wanted.sender))
        counts = await self._store.read(
            lambda tx: tx.cohorts.counts(account_id, lists, range_.days)
        )
        for row in counts:
            for each in (cohorts[range_.cohort_of(row.day)], total):
                each.add(row.band, row.what, row.n, row.amount)
        async with self._turns.of(account_id):
            for list_id in lists:
                for day in await self._signups(list_id, range_):
                    for each in (cohorts[range_.cohort_of(day.day)], total):
                        each.contacts += day.contacts
                        each.active += day.active
        today = date_of(day_of(now))
        return CohortReport(range=range_, today=today, cohorts=cohorts, total=total)

    async def _signups(self, list_id: ListId, range_: CohortRange) -> list[SignUpDay]:
        """Count a list's contacts by the day they signed up on, slice by slice."""
        first, behind = (day * DAY_MS for day in range_.days)
        found: list[SignUpDay] = []
        after: SignUpPlace | None = SignUpPlace(first, 0)
        while after is not None:
            place = after

            def read(tx: Tx, place: SignUpPlace = place) -> SignUpSlice:
                return tx.cohorts.signups(list_id, place, behind, self._slice)

            part = await self._store.read(read)
            found += part.days
            after = part.next
        return found


def _lists(tx: Tx, account_id: AccountId, sender: PhoneNumber | None) -> Sequence[ListId]:
    """Return the lists that are meant. Raises `NotFound`."""
    found = [each.id for each in tx.lists.all(account_id) if sender in {None, each.number}]
    if sender is not None and not found:
        raise no_list(sender)
    return found


def cohort_rows(report: CohortReport) -> list[list[str]]:
    """Return a header and a row for each cohort and period, as texts for a file."""
    currencies = sorted(report.total.periods[-1].revenue)
    header = ["cohort", "contacts", "active", "days", "is_complete", *_COUNTS]
    for currency in currencies:
        header += [f"revenue_{currency}", f"per_contact_{currency}"]
    latest_first = [*report.cohorts.items()][::-1]
    named = [(str(first), first, each) for first, each in latest_first]
    named.append(("total", report.range.last, report.total))
    return [
        header,
        *(
            [
                *(name, str(cohort.contacts), str(cohort.active)),
                "" if days is None else str(days),
                "true" if report.is_whole(first, days) else "false",
                *(str(getattr(figures, count)) for count in _COUNTS),
                *_earned(figures, cohort.contacts, currencies),
            ]
            for name, first, cohort in named
            for days, figures in zip(PERIODS, cohort.periods, strict=True)
        ),
    ]


def _earned(figures: CohortFigures, contacts: int, currencies: Sequence[str]) -> list[str]:
    cells = []
    for currency in currencies:
        earned = figures.revenue.get(currency, EarnedRevenue())
        per_contact = ratio(money.shown(earned.amount), contacts)
        cells += [
            str(money.shown(earned.amount)), "" if per_contact is None else str(per_contact)
        ]  # fmt: skip
    return cells
