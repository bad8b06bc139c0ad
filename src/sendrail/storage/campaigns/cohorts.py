"""What reports of cohorts are made of: counts by sign-up, and contacts by the day they came."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    select,
    text,
    tuple_,
)

from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.times import DAY_MS
from sendrail.storage.campaign_tables import cohort_counts, contact_counts
from sendrail.storage.contact_tables import contact_activity, contacts, list_contacts
from sendrail.storage.contacts.custom_fields import custom_field_sql
from sendrail.storage.tables import lists

_of: Final = cohort_counts.c
_contact: Final = list_contacts.c
_count: Final = contact_counts.c
_place: Final = (_contact.signup_at, _contact.recipient)
# Those who have left are few, and counted by an index of theirs.
_SIGN_UPS: Final = """
SELECT day, CAST(sum(n) AS BIGINT), (
    SELECT count(*) FROM list_contacts
    WHERE list_id = :list_id AND signup_at >= CAST(day AS BIGINT) * :day_ms
        AND signup_at < (CAST(day AS BIGINT) + 1) * :day_ms
        AND {left}
)
FROM signup_counts WHERE list_id = :list_id AND day >= :first AND day < :behind
GROUP BY day ORDER BY day LIMIT :most
"""
# As the index of those who have left says it.
_LEFT: Final = {"sqlite": "active = 0", "postgresql": "NOT active"}


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
    """Some days on which contacts of a list signed up, and where to go on; None at the end."""

    days: list[SignUpDay]
    next_day: int | None


class ValueSize(NamedTuple):
    """How many contacts have a value, how many of them are active, and what was sent to them all.

    A value is JSON; None is none.
    """

    value: str | None
    contacts: int
    active: int
    sends: int


class ValueRow(NamedTuple):
    """A count of those who have a value, of a band of days since their sign-up."""

    value: str | None
    band: int
    what: str
    n: int
    amount: int


class ValueSlice(NamedTuple):
    """Some contacts of a list by a value, and where to go on; None at the end."""

    sizes: list[ValueSize]
    counts: list[ValueRow]
    next: SignUpPlace | None


class Cohorts:
    """Contacts by sign-up, as reports read them."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._fields = custom_field_sql(connection.dialect.name)
        self._sign_ups = text(_SIGN_UPS.format(left=_LEFT[connection.dialect.name]))

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

    def signups(self, list_id: ListId, days: tuple[int, int], most: int) -> SignUpSlice:
        """Return how many signed up on each of so many days, from the first of a range.

        Days on which none did are passed over, and the last of the range is not in it. The list is
        the caller's own: it was found by its account.
        """
        asked = {
            "list_id": list_id,
            "first": days[0],
            "behind": days[1],
            "most": most,
            "day_ms": DAY_MS,
        }
        rows = self._execute(self._sign_ups, asked)
        found = [SignUpDay(day, contacts, contacts - left) for day, contacts, left in rows]
        return SignUpSlice(found, found[-1].day + 1 if len(found) == most else None)

    def values(  # noqa: PLR0917 - whose, which of them, and by what
        self,
        account_id: AccountId,
        list_id: ListId,
        field: str | None,
        after: SignUpPlace,
        before_at: int,
        limit: int,
    ) -> ValueSlice:
        """Return what so many contacts of a list behind a place brought, by their value of a field.

        Without a field it is by their carrier. The list is the caller's own: it was found by its
        account.
        """
        behind = _behind(list_id, after, before_at)
        if field is None:
            part = behind.limit(limit).subquery("part")
            value: ColumnElement[str | None] = contacts.c.carrier
            known: FromClause = part.outerjoin(
                contacts,
                and_(contacts.c.account_id == account_id, contacts.c.recipient == part.c.recipient),
            )
        else:
            asked = self._fields.json(_contact.custom_fields, field).label("value")
            known = part = behind.add_columns(asked).limit(limit).subquery("part")
            value = part.c.value
        active = func.sum(case((part.c.active, 1), else_=0))
        sends = cast(func.coalesce(func.sum(contact_activity.c.sends), 0), BigInteger)
        sizes = (
            select(value, func.count(), active, sends)
            .select_from(known.outerjoin(contact_activity, _is_of(contact_activity, list_id, part)))
            .group_by(value)
        )
        # An outer join, for an inner one may begin with the counts of all contacts there are.
        sums = (cast(func.sum(each), BigInteger) for each in (_count.n, _count.amount))
        counts = (
            select(value, _count.band, _count.what, *sums)
            .select_from(known.outerjoin(contact_counts, _is_of(contact_counts, list_id, part)))
            .group_by(value, _count.band, _count.what)
        )
        return ValueSlice(
            [ValueSize(*row) for row in self._execute(sizes)],
            [ValueRow(*row) for row in self._execute(counts) if row.what is not None],
            self._next(behind, limit),
        )

    def _next(self, behind: Select[Any], limit: int) -> SignUpPlace | None:
        last = self._execute(behind.offset(limit - 1).limit(1)).first()
        return None if last is None else SignUpPlace(last.signup_at, last.recipient)


def _behind(list_id: ListId, after: SignUpPlace, before_at: int) -> Select[Any]:
    """Return a list's contacts behind a place who signed up before a time, in their order."""
    return (
        select(*_place, _contact.active)
        .where(
            _contact.list_id == list_id,
            tuple_(*_place) > tuple_(*after),
            _contact.signup_at < before_at,
        )
        .order_by(*_place)
    )


def _is_of(table: Table, list_id: ListId, part: FromClause) -> ColumnElement[bool]:
    return and_(table.c.list_id == list_id, table.c.recipient == part.c.recipient)
