"""What reports of cohorts are made of: counts by sign-up, and contacts by the day they came."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    case,
    cast,
    func,
    literal_column,
    select,
    tuple_,
)

from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.times import DAY_MS
from sendrail.storage.campaign_tables import cohort_counts
from sendrail.storage.contact_tables import list_contacts
from sendrail.storage.tables import lists

_of: Final = cohort_counts.c
_contact: Final = list_contacts.c
# Written out: a value would be another one where rows are grouped by it.
_DAY: Final = literal_column(f"part.signup_at / {DAY_MS}", Integer)


class CohortRow(NamedTuple):
    """A count of those who signed up on a day, of a band of days since."""

    day: int
    band: int
    what: str
    n: int
    amount: int


class SignUpDay(NamedTuple):
    """How many contacts of a list signed up on a day, and how many of them are on it now."""

    day: int
    contacts: int
    active: int


class SignUpPlace(NamedTuple):
    """A contact by its place among those of its list: by its sign-up, then by its number."""

    signup_at: int
    recipient: int


class SignUpSlice(NamedTuple):
    """Some contacts of a list by the day they signed up on, and where to go on; None at the end."""

    days: list[SignUpDay]
    next: SignUpPlace | None


class Cohorts:
    """Contacts by sign-up, as reports read them."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def counts(
        self, account_id: AccountId, list_ids: Collection[ListId], days: tuple[int, int]
    ) -> list[CohortRow]:
        """Return the counts of an account's lists, of those who signed up on some days."""
        own = select(lists.c.id).where(lists.c.account_id == account_id, lists.c.id.in_(list_ids))
        # PostgreSQL sums whole numbers up to one without bounds.
        sums = (cast(func.sum(each), BigInteger) for each in (_of.n, _of.amount))
        rows = self._execute(
            select(_of.day, _of.band, _of.what, *sums)
            .where(_of.list_id.in_(own), _of.day >= days[0], _of.day < days[1])
            .group_by(_of.day, _of.band, _of.what)
        )
        return [CohortRow(*row) for row in rows]

    def signups(
        self, list_id: ListId, after: SignUpPlace, before_at: int, limit: int
    ) -> SignUpSlice:
        """Return how many signed up by day, of so many contacts of a list behind a place.

        They signed up before `before_at`. The list is the caller's own: it was found by its
        account.
        """
        place = _contact.signup_at, _contact.recipient
        behind = (
            select(*place, _contact.active)
            .where(
                _contact.list_id == list_id,
                tuple_(*place) > tuple_(*after),
                _contact.signup_at < before_at,
            )
            .order_by(*place)
        )
        part = behind.limit(limit).subquery("part")
        active = func.sum(case((part.c.active, 1), else_=0))
        rows = self._execute(select(_DAY, func.count(), active).select_from(part).group_by(_DAY))
        found = [SignUpDay(*row) for row in rows]
        last = self._execute(behind.offset(limit - 1).limit(1)).first()
        next_ = None if last is None else SignUpPlace(last.signup_at, last.recipient)
        return SignUpSlice(found, next_)
