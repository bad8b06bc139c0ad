"""Reports of cohorts: what contacts brought since they signed up, by its week or month, or by list.

What they brought is counted as it happens. How many they are is counted when it is asked for, some
days of sign-ups at a time: each is one walk over an index, and an account has one such count at a
time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, NamedTuple

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
from sendrail.domain.sender import SendingList
from sendrail.storage.campaigns.cohorts import SignUpDay, SignUpSlice
from sendrail.storage.interface import Store, Tx

_SLICE: Final = 31
_COUNTS: Final = ("sends", "clicks", "conversions", "opt_outs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortInput:
    """The cohorts that a caller asks for: by the dates of sign-ups, of all lists or of one."""

    group: CohortGroup = CohortGroup.MONTH
    first: date | None = None
    last: date | None = None
    # What the list sends from.
    sender: PhoneNumber | None = None


class NamedCohort(NamedTuple):
    """A cohort with its first date, or with its list; the sum has neither."""

    cohort: Cohort
    first: date | None = None
    list: SendingList | None = None

    @property
    def name(self) -> str:
        """What a file calls it."""
        if self.list is not None:
            return self.list.shown
        return "total" if self.first is None else str(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReport:
    """Cohorts by the first dates of their weeks or months, or by their lists, and their sum.

    Those without a contact and without a count are there as well. `today` is the date by UTC.
    """

    range: CohortRange
    today: date
    cohorts: Mapping[date, Cohort]
    lists: Sequence[tuple[SendingList, Cohort]]
    total: Cohort

    def named(self) -> list[NamedCohort]:
        """Return the cohorts: the latest first, or in the order of the account's lists."""
        if self.range.group is CohortGroup.LIST:
            return [NamedCohort(each, list=of) for of, each in self.lists]
        return [NamedCohort(each, first) for first, each in [*self.cohorts.items()][::-1]]

    def is_whole(self, cohort: date | None, days: int | None) -> bool:
        """Return whether all contacts of a cohort have been on their list for so many days.

        A list and the sum, which have no first date, have contacts of the last day as well.
        """
        since = self.range.last if cohort is None else cohort
        return days is not None and self.range.whole_until(since, days) <= self.today


class CohortService:
    """Reports of cohorts; nothing is changed here."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        turns: AccountTurns,
        days_kept: int,
        *,
        slice_days: int = _SLICE,
    ) -> None:
        """Report those who signed up in the last `days_kept` days: for so long counts are kept."""
        self._store = store
        self._now = now
        self._turns = turns
        self._days_kept = days_kept
        self._slice = slice_days

    async def report(self, account_id: AccountId, wanted: CohortInput) -> CohortReport:
        """Return what contacts brought since they signed up.

        Raises `InvalidInput` for dates that are no period, `NotFound` for a list that is not the
        account's, and `Overloaded` where too many counts of it wait for their turn.
        """
        now = self._now()
        range_ = range_of(wanted.group, wanted.first, wanted.last, now, self._days_kept)
        lists = await self._store.read(lambda tx: _lists(tx, account_id, wanted.sender))
        is_by_list = range_.group is CohortGroup.LIST
        cohorts = {} if is_by_list else {each: Cohort() for each in range_.cohorts()}
        of_lists = [(each, Cohort()) for each in lists] if is_by_list else []
        total = Cohort()

        def of_date(day: int) -> Cohort:
            return cohorts[range_.cohort_of(day)]

        async with self._turns.of(account_id):
            if is_by_list:
                for one, cohort in of_lists:
                    await self._count(account_id, [one.id], range_, partial(_all, cohort), total)
            else:
                ids = [each.id for each in lists]
                await self._count(account_id, ids, range_, of_date, total)
        return CohortReport(
            range=range_, today=date_of(day_of(now)), cohorts=cohorts, lists=of_lists, total=total
        )

    async def _count(
        self,
        account_id: AccountId,
        list_ids: Sequence[ListId],
        range_: CohortRange,
        cohort_of: Callable[[int], Cohort],
        total: Cohort,
    ) -> None:
        """Add what is known of lists to the sum, and to the cohort of each day of sign-ups."""
        counts = await self._store.read(
            lambda tx: tx.cohorts.counts(account_id, list_ids, range_.days)
        )
        for row in counts:
            for each in (cohort_of(row.day), total):
                each.add(row.band, row.what, row.n, row.amount)
        for list_id in list_ids:
            for day in await self._signups(list_id, range_):
                for each in (cohort_of(day.day), total):
                    each.contacts += day.contacts
                    each.active += day.active

    async def _signups(self, list_id: ListId, range_: CohortRange) -> list[SignUpDay]:
        """Count a list's contacts by the day they signed up on, some days at a time."""
        first, behind = range_.days
        found: list[SignUpDay] = []
        day: int | None = first
        while day is not None:
            days = day, behind

            def read(tx: Tx, days: tuple[int, int] = days) -> SignUpSlice:
                return tx.cohorts.signups(list_id, days, self._slice)

            part = await self._store.read(read)
            found += part.days
            day = part.next_day
        return found


def _all(cohort: Cohort, _day: int) -> Cohort:
    """Return a cohort that has all days."""
    return cohort


def _lists(tx: Tx, account_id: AccountId, sender: PhoneNumber | None) -> Sequence[SendingList]:
    """Return the lists that are meant. Raises `NotFound`."""
    found = [each for each in tx.lists.all(account_id) if sender in {None, each.number}]
    if sender is not None and not found:
        raise no_list(sender)
    return found


def cohort_rows(report: CohortReport) -> list[list[str]]:
    """Return a header and a row for each cohort and period, as texts for a file."""
    currencies = sorted(report.total.periods[-1].revenue)
    header = ["cohort", "contacts", "active", "days", "is_complete", *_COUNTS]
    for currency in currencies:
        header += [f"revenue_{currency}", f"per_contact_{currency}"]
    return [
        header,
        *(
            [
                *(named.name, str(named.cohort.contacts), str(named.cohort.active)),
                "" if days is None else str(days),
                "true" if report.is_whole(named.first, days) else "false",
                *(str(getattr(figures, count)) for count in _COUNTS),
                *_earned(figures, named.cohort.contacts, currencies),
            ]
            for named in [*report.named(), NamedCohort(report.total)]
            for days, figures in zip(PERIODS, named.cohort.periods, strict=True)
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
