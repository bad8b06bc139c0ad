"""The people of a run, page by page in the order of their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, Select, and_, bindparam, literal, select

from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import contacts, list_contacts
from sendrail.storage.contacts.audience_filter import AudienceTarget, CompiledFilter, compiled
from sendrail.storage.contacts.audience_members import in_sample
from sendrail.storage.contacts.contacts import read_fields

_ABOVE: Final = bindparam("above", type_=BigInteger)
# Above every number there is.
_TOP: Final = 2**62
_STEP: Final = bindparam("step", type_=BigInteger)
_UPTO: Final = bindparam("upto", type_=BigInteger)


class Member(NamedTuple):
    """A contact of a list, with what texts are filled from."""

    recipient: PhoneNumber
    list_id: int
    first_name: str
    last_name: str
    custom_fields: dict[str, Any]


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

    def query(self, target: AudienceTarget, list_id: int, joined_before: int) -> MembersOfList:
        """Return the question for one list; who subscribed later than a time is not asked for."""
        found = self._compiled(target)
        statement = _members(found, list_id, joined_before).where(found.contact.c.active)
        return MembersOfList(list_id, statement)

    def untold_query(
        self, target: AudienceTarget, list_id: int, joined_before: int
    ) -> MembersOfList:
        """Return the same question for those alone whose zone the account has not set."""
        found = self._compiled(target)
        told = select(literal(1)).where(
            contacts.c.account_id == target.account_id,
            contacts.c.recipient == found.contact.c.recipient,
            contacts.c.told_zone.is_not(None),
        )
        statement = _members(found, list_id, joined_before).where(
            found.contact.c.active, ~told.correlate(found.contact).exists()
        )
        return MembersOfList(list_id, statement)

    def named_query(
        self, target: AudienceTarget, list_id: int, joined_before: int
    ) -> MembersOfList:
        """Return the same question for some numbers."""
        found = self._compiled(target)
        contact = found.contact.c
        named = contact.recipient.in_(bindparam("numbers", type_=BigInteger, expanding=True))
        # Without the bounds of a page: SQLite would walk all that is between the numbers.
        statement = _matching(found, list_id, joined_before).where(contact.active, named)
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
            statement = _members(found, list_id, joined_before).add_columns(contact.active)
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
            member = Member(row[0], query.list_id, row[1], row[2], read_fields(row[3]))
            members[0 if row[4] else 1].append(member)
        return members

    def page(self, query: MembersOfList, above: int, upto: int, limit: int) -> list[Member]:
        """Return the first members with a number above one and up to another."""
        return self._asked(query, {"above": above, "upto": upto, "most": limit})

    def _asked(self, query: MembersOfList, bounds: Mapping[str, Any]) -> list[Member]:
        return [
            Member(row[0], query.list_id, row[1], row[2], read_fields(row[3]))
            for row in self._execute(query.statement, bounds).all()
        ]


def _members(found: CompiledFilter, list_id: int, joined_before: int) -> Select[Any]:
    """Return the question for a page of who matches on a list, whether subscribed or not."""
    contact = found.contact.c
    within = contact.recipient > _ABOVE, contact.recipient <= _UPTO
    return _matching(found, list_id, joined_before).where(*within)


def _matching(found: CompiledFilter, list_id: int, joined_before: int) -> Select[Any]:
    contact = found.contact.c
    return (
        select(contact.recipient, contact.first_name, contact.last_name, contact.custom_fields)
        .select_from(found.source)
        .where(
            contact.list_id == list_id,
            contact.subscribed_at <= joined_before,
            found.where,
        )
        .order_by(contact.recipient)
        .limit(bindparam("most", type_=BigInteger))
    )
