"""Reports of cohorts: what contacts brought since they signed up.

They are by its week or month, by list, by carrier or by the value of a custom field. What contacts
brought is counted as it happens. How many they are is counted when it is asked for, some days of
sign-ups at a time, and what they have in common is read in slices of them: each is a short read,
and an account has one such report at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Final, NamedTuple

import msgspec

from sendrail.contacts.inputs import no_list
from sendrail.contacts.turns import AccountTurns
from sendrail.domain import money
from sendrail.domain.audience_conditions import field_name_fault
from sendrail.domain.cohort import (
    PERIODS,
    VALUES_MAX,
    VALUES_SHOWN,
    Cohort,
    CohortFigures,
    CohortGroup,
    CohortRange,
    cohort_by_value,
    date_of,
    day_of,
    range_of,
    shown_value,
)
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.report import EarnedRevenue, ratio
from sendrail.domain.sender import SendingList
from sendrail.domain.times import DAY_MS
from sendrail.storage.campaigns.cohorts import SignUpDay, SignUpPlace, SignUpSlice, ValueSlice
from sendrail.storage.interface import Store, Tx

_SLICE_DAYS: Final = 31
_SLICE_CONTACTS: Final = 20_000
_COUNTS: Final = ("sends", "clicks", "conversions", "opt_outs")
NO_VALUE: Final = "(none)"
OTHER_VALUES: Final = "(others)"
# What one slice of a list is asked for.
_ValuesWanted = tuple[AccountId, ListId, str | None, SignUpPlace, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortInput:
    """The cohorts that a caller asks for: by the dates of sign-ups, of all lists or of one."""

    group: CohortGroup = CohortGroup.MONTH
    first: date | None = None
    last: date | None = None
    # What the list sends from.
    sender: PhoneNumber | None = None
    # Whose values make the cohorts, where they are by a custom field.
    custom_field: str | None = None


@dataclass(frozen=True, slots=True)
class CohortValue:
    """What contacts of a cohort have in common; None is no carrier, or no value of the field.

    `is_rest` is for all further values together.
    """

    text: str | None = None
    is_rest: bool = False

    @property
    def name(self) -> str:
        """What tables and files call it."""
        if self.is_rest:
            return OTHER_VALUES
        return NO_VALUE if self.text is None else self.text


class NamedCohort(NamedTuple):
    """A cohort with its first date, its list, or its value; the sum has none of them."""

    cohort: Cohort
    first: date | None = None
    list: SendingList | None = None
    value: CohortValue | None = None

    @property
    def name(self) -> str:
        """What a file calls it."""
        if self.list is not None:
            return self.list.shown
        if self.value is not None:
            return self.value.name
        return "total" if self.first is None else str(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReport:
    """Cohorts by the first dates of their weeks or months, by their lists or values, and their sum.

    Weeks, months and lists without a contact and without a count are there as well. `today` is the
    date by UTC.
    """

    range: CohortRange
    today: date
    total: Cohort
    cohorts: Mapping[date, Cohort] = field(default_factory=dict)
    lists: Sequence[tuple[SendingList, Cohort]] = ()
    values: Sequence[tuple[CohortValue, Cohort]] = ()
    custom_field: str | None = None

    def named(self) -> list[NamedCohort]:
        """Return the cohorts: the latest first, in the order of lists, or the largest first."""
        if self.range.group is CohortGroup.LIST:
            return [NamedCohort(each, list=of) for of, each in self.lists]
        if self.range.group.is_by_value:
            return [NamedCohort(each, value=of) for of, each in self.values]
        return [NamedCohort(each, first) for first, each in [*self.cohorts.items()][::-1]]

    def is_whole(self, cohort: date | None, days: int | None) -> bool:
        """Return whether all contacts of a cohort have been on their list for so many days.

        Those without a first date have contacts of the last day as well.
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
        slice_days: int = _SLICE_DAYS,
        slice_contacts: int = _SLICE_CONTACTS,
    ) -> None:
        """Report those who signed up in the last `days_kept` days: for so long counts are kept."""
        self._store = store
        self._now = now
        self._turns = turns
        self._days_kept = days_kept
        self._slice_days = slice_days
        self._slice_contacts = slice_contacts

    async def report(self, account_id: AccountId, wanted: CohortInput) -> CohortReport:
        """Return what contacts brought since they signed up.

        Raises `InvalidInput` for dates that are no period, for a custom field where there is none
        to ask for, and for more than `VALUES_MAX` values; `NotFound` for a list that is not the
        account's, and `Overloaded` where too many counts of it wait for their turn.
        """
        _check_field(wanted)
        now = self._now()
        range_ = range_of(wanted.group, wanted.first, wanted.last, now, self._days_kept)
        lists = await self._store.read(lambda tx: _lists(tx, account_id, wanted.sender))
        if range_.group.is_by_value:
            async with self._turns.of(account_id):
                return await self._by_value(account_id, lists, range_, wanted.custom_field, now)
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

    async def _by_value(
        self,
        account_id: AccountId,
        lists: Sequence[SendingList],
        range_: CohortRange,
        custom_field: str | None,
        now: int,
    ) -> CohortReport:
        """Return what contacts brought by what they have in common now."""
        first, behind = (day * DAY_MS for day in range_.days)
        of_values: dict[str | None, Cohort] = {}
        for each in lists:
            after: SignUpPlace | None = SignUpPlace(first, 0)
            while after is not None:
                wanted = (account_id, each.id, custom_field, after, behind, self._slice_contacts)

                def read(tx: Tx, wanted: _ValuesWanted = wanted) -> ValueSlice:
                    return tx.cohorts.values(*wanted)

                part = await self._store.read(read)
                _add_values(of_values, part, is_json=custom_field is not None)
                after = part.next
        total = cohort_by_value()
        for cohort in of_values.values():
            total.include(cohort)
        return CohortReport(
            range=range_, today=date_of(day_of(now)), total=total, values=_largest(of_values),
            custom_field=custom_field,
        )  # fmt: skip

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
                return tx.cohorts.signups(list_id, days, self._slice_days)

            part = await self._store.read(read)
            found += part.days
            day = part.next_day
        return found


def _check_field(wanted: CohortInput) -> None:
    """Raise `InvalidInput` unless a field is named exactly where cohorts are by a custom field."""
    is_by_field = wanted.group is CohortGroup.CUSTOM_FIELD
    if is_by_field and wanted.custom_field is not None:
        fault = field_name_fault(wanted.custom_field)
        if fault is not None:
            raise InvalidInput(
                f"`custom_field` {fault}", code="invalid_parameter", param="custom_field"
            )
    elif is_by_field or wanted.custom_field is not None:
        raise InvalidInput(
            "Cohorts by custom field are by the one that is named, such as plan: give its name "
            "with this group, and with no other",
            code="invalid_parameter",
            param="custom_field",
        )


def _add_values(of_values: dict[str | None, Cohort], part: ValueSlice, *, is_json: bool) -> None:
    """Add some contacts to the cohorts of their values. Raises `InvalidInput` for too many."""

    def cohort_of(value: str | None) -> Cohort:
        known = msgspec.json.decode(value) if is_json and value is not None else value
        return of_values.setdefault(shown_value(known), cohort_by_value())

    for size in part.sizes:
        cohort_of(size.value).add_size(size.contacts, size.active, size.sends)
    for row in part.counts:
        cohort_of(row.value).add(row.band, row.what, row.n, row.amount)
    if len(of_values) > VALUES_MAX:
        raise InvalidInput(
            f"Contacts have more than {VALUES_MAX:,} values here: ask for fewer days, or by what "
            "more contacts have in common",
            code="invalid_parameter",
            param="custom_field" if is_json else "group_by",
        )


def _largest(of_values: Mapping[str | None, Cohort]) -> list[tuple[CohortValue, Cohort]]:
    """Return the largest cohorts first, and those behind `VALUES_SHOWN` as one."""
    by_size = sorted(of_values.items(), key=lambda each: (-each[1].contacts, each[0] or ""))
    found = [(CohortValue(text), cohort) for text, cohort in by_size[:VALUES_SHOWN]]
    if len(by_size) > VALUES_SHOWN:
        rest = cohort_by_value()
        for _, cohort in by_size[VALUES_SHOWN:]:
            rest.include(cohort)
        found.append((CohortValue(is_rest=True), rest))
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
                *(_shown(getattr(figures, count)) for count in _COUNTS),
                *_earned(figures, named.cohort.contacts, currencies),
            ]
            for named in [*report.named(), NamedCohort(report.total)]
            for days, figures in zip(PERIODS, named.cohort.periods, strict=True)
        ),
    ]


def _shown(count: int | None) -> str:
    return "" if count is None else str(count)


def _earned(figures: CohortFigures, contacts: int, currencies: Sequence[str]) -> list[str]:
    cells = []
    for currency in currencies:
        earned = figures.revenue.get(currency, EarnedRevenue())
        per_contact = ratio(money.shown(earned.amount), contacts)
        cells += [
            str(money.shown(earned.amount)), "" if per_contact is None else str(per_contact)
        ]  # fmt: skip
    return cells
