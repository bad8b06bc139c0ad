"""The people of a run, page by page in the order of their numbers."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, select

from sendrail.storage.contacts.audience_filter import AudienceTarget, compiled
from sendrail.storage.contacts.contacts import read_fields

_ABOVE: Final = bindparam("above", type_=BigInteger)
_UPTO: Final = bindparam("upto", type_=BigInteger)


class Member(NamedTuple):
    """A contact of a list, with what texts are filled from."""

    recipient: int
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

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._dialect = connection.dialect.name

    def query(self, target: AudienceTarget, list_id: int, joined_before: int) -> MembersOfList:
        """Return the question for one list; who subscribed later than a time is not asked for."""
        found = compiled(target, self._dialect, between=(_ABOVE, _UPTO))
        contact = found.contact.c
        statement = (
            select(contact.recipient, contact.first_name, contact.last_name, contact.custom_fields)
            .select_from(found.source)
            .where(
                contact.list_id == list_id,
                contact.recipient > _ABOVE,
                contact.recipient <= _UPTO,
                contact.active,
                contact.subscribed_at <= joined_before,
                found.where,
            )
            .order_by(contact.recipient)
            .limit(bindparam("most", type_=BigInteger))
        )
        return MembersOfList(list_id, statement)

    def page(self, query: MembersOfList, above: int, upto: int, limit: int) -> list[Member]:
        """Return the first members with a number above one and up to another."""
        bounds = {"above": above, "upto": upto, "most": limit}
        return [
            Member(row[0], query.list_id, row[1], row[2], read_fields(row[3]))
            for row in self._execute(query.statement, bounds)
        ]
