"""The people of a run, page by page in the order of their numbers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    literal,
    literal_column,
    select,
)

from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import contacts, list_contacts
from sendrail.storage.contacts.audience_filter import AudienceTarget, CompiledFilter, compiled
from sendrail.storage.contacts.audience_members import in_sample

_ABOVE: Final = bindparam("above", type_=BigInteger)
# Above every number there is.
_TOP: Final = 2**62
_STEP: Final = bindparam("step", type_=BigInteger)
_NOT_READ: Final[ColumnElement[str]] = literal_column("''")
_UPTO: Final = bindparam("upto", type_=BigInteger)


class Member(NamedTuple):
    """A contact of a list, with what texts are filled from; what none of them says is empty."""

    recipient: PhoneNumber
    list_id: int
    first_name: str
    last_name: str
    # As an object in JSON: most texts say nothing of them.
    custom_fields: str


# As `Member._make` does, but without a call of Python for each.
_member: Final = partial(tuple.__new__, Member)
# What texts say of a contact.
MEMBER_COLUMNS: Final = frozenset({"first_name", "last_name", "custom_fields"})


@dataclass(frozen=True, slots=True)
class MembersOfList:
    """The question who of a list is in an audience, made once and asked for each page."""

    list_id: int
    # Of any number of columns.
    statement: Any


class RunMembers:
    """Who is subscribed to a list and matches a filter."""

    def __init__(self, connection: Connection, *, is_spread: bool = False) -> None:
        """Take whether the tables are spread over several servers."""
        self._execute = connection.execute
        self._compiled = partial(
            compiled,
            dialect=connection.dialect.name,
            between=(_ABOVE, _UPTO),
            is_spread=is_spread,
        )

    def query(
        self,
        target: AudienceTarget,
        list_id: int,
        joined_before: int,
        columns: Collection[str] = MEMBER_COLUMNS,
    ) -> MembersOfList:
        """Return the question for one list; who subscribed later than a time is not asked for.

        Of the members' columns only those that are named are read.
        """
        found = self._compiled(target)
        statement = _members(found, list_id, joined_before, columns).where(found.contact.c.active)
        return MembersOfList(list_id, statement)

    def untold_query(
        self,
        target: AudienceTarget,
        list_id: int,
        joined_before: int,
        columns: Collection[str] = MEMBER_COLUMNS,
    ) -> MembersOfList:
        """Return the same question for those alone whose zone the account has not set."""
        found = self._compiled(target)
        told = select(literal(1)).where(
            contacts.c.account_id == target.account_id,
            contacts.c.recipient == found.contact.c.recipient,
            contacts.c.told_zone.is_not(None),
        )
        statement = _members(found, list_id, joined_before, columns).where(
            found.contact.c.active, ~told.correlate(found.contact).exists()
        )
        return MembersOfList(list_id, statement)

    def named_query(
        self,
        target: AudienceTarget,
        list_id: int,
        joined_before: int,
        columns: Collection[str] = MEMBER_COLUMNS,
    ) -> MembersOfList:
        """Return the same question for some numbers."""
        found = self._compiled(target)
        contact = found.contact.c
        named = contact.recipient.in_(bindparam("numbers", type_=BigInteger, expanding=True))
        # Without the bounds of a page: SQLite would walk all that is between the numbers.
        statement = _matching(found, list_id, joined_before, columns).where(contact.active, named)
        return MembersOfList(list_id, statement)

    def named(self, query: MembersOfList, numbers: Sequence[int]) -> list[Member]:
        """Return the members among some numbers, which are in order."""
        if not numbers:
            return []
        bounds = {
            "above": numbers[0] - 1, "upto": numbers[-1], "most": len(numbers),
            "numbers": list(numbers),
        }  # fmt: skip
        return self._asked(query, bounds)

    def trial_query(
        self, target: AudienceTarget, list_id: int, joined_before: int, *, of_sample: bool
    ) -> MembersOfList:
        """Return the question for one list that a dry run asks.

        It is for those who have opted out as well, or for the sample, which has none of them, and
        in which it does not matter who joined meanwhile.
        """
        found = self._compiled(target)
        contact = found.contact.c
        if not of_sample:
            statement = _members(found, list_id, joined_before, MEMBER_COLUMNS).add_columns(
                contact.active
            )
            return MembersOfList(list_id, statement)
        # Their rows afterwards: all that is asked of each contact stands in the sample's index.
        chosen = (
            select(contact.list_id, contact.recipient)
            .select_from(found.source)
            .where(
                contact.list_id == list_id,
                contact.recipient > _ABOVE,
                contact.recipient <= _UPTO,
                *in_sample(contact),
                contact.recipient % _STEP == 0,
                found.where,
            )
            .order_by(contact.recipient)
            .limit(bindparam("most", type_=BigInteger))
            .subquery()
        )
        whole = list_contacts.c
        statement = (
            select(
                whole.recipient,
                whole.list_id,
                whole.first_name,
                whole.last_name,
                whole.custom_fields,
                whole.active,
            )
            .join(
                chosen,
                and_(whole.list_id == chosen.c.list_id, whole.recipient == chosen.c.recipient),
            )
            .order_by(whole.recipient)
        )
        return MembersOfList(list_id, statement)

    def trial_page(
        self, query: MembersOfList, above: int, limit: int, step: int
    ) -> tuple[list[Member], list[Member]]:
        """Return the first members with a number above one, subscribed ones and others.

        Of the sample it is those whose number is a multiple of `step`.
        """
        bounds = {"above": above, "upto": _TOP, "most": limit, "step": step}
        members: tuple[list[Member], list[Member]] = ([], [])
        for row in self._execute(query.statement, bounds):
            members[0 if row[5] else 1].append(Member._make(row[:5]))
        return members

    def page(self, query: MembersOfList, above: int, upto: int, limit: int) -> list[Member]:
        """Return the first members with a number above one and up to another."""
        return self._asked(query, {"above": above, "upto": upto, "most": limit})

    def _asked(self, query: MembersOfList, bounds: Mapping[str, Any]) -> list[Member]:
        # The driver's own rows: there is one for each contact of a campaign.
        found = self._execute(query.statement, bounds)
        return list(map(_member, found.cursor.fetchall()))


def _members(
    found: CompiledFilter, list_id: int, joined_before: int, columns: Collection[str]
) -> Select[Any]:
    """Return the question for a page of who matches on a list, whether subscribed or not."""
    contact = found.contact.c
    within = contact.recipient > _ABOVE, contact.recipient <= _UPTO
    return _matching(found, list_id, joined_before, columns).where(*within)


def _matching(
    found: CompiledFilter, list_id: int, joined_before: int, columns: Collection[str]
) -> Select[Any]:
    contact = found.contact.c
    said = [
        contact[name] if name in columns else _NOT_READ
        for name in ("first_name", "last_name", "custom_fields")
    ]
    return (
        select(contact.recipient, contact.list_id, *said)
        .select_from(found.source)
        .where(
            contact.list_id == list_id,
            contact.subscribed_at <= joined_before,
            found.where,
        )
        .order_by(contact.recipient)
        .limit(bindparam("most", type_=BigInteger))
    )
