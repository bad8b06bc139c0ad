"""Contacts and blocks as a file holds them: read on from a number, in the order of the numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from sendrail.domain.contact import Block
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.contact_tables import blocks, contacts, list_contacts


class ExportedContact(NamedTuple):
    """A contact of a list with all that an exported file says of it."""

    recipient: PhoneNumber
    email: str | None
    first_name: str
    last_name: str
    carrier: str | None
    line_type: str | None
    timezone: str | None
    signup_at: int
    ad_network_source: str | None
    ad_network_id: str | None
    active: bool
    unsubscribed_at: int | None
    reason: str | None
    custom_fields: str


class Exports:
    """What files for the account's own use are made of."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def contacts_after(
        self, sender: SendingList, number: int, limit: int, *, with_left: bool
    ) -> Sequence[ExportedContact]:
        """Return a list's contacts behind a number; without `with_left` only the active ones."""
        entry, contact = list_contacts.c, contacts.c
        known = and_(contact.account_id == sender.account_id, contact.recipient == entry.recipient)
        some = (
            select(
                entry.recipient, contact.email, entry.first_name, entry.last_name,
                contact.carrier, contact.line_type, contact.timezone, entry.signup_at,
                entry.ad_network_source, entry.ad_network_id, entry.active,
                entry.unsubscribed_at, entry.reason, entry.custom_fields,
            )
            .outerjoin_from(list_contacts, contacts, known)
            .where(entry.list_id == sender.id, entry.recipient > number)
        )  # fmt: skip
        if not with_left:
            some = some.where(entry.active)
        page = some.order_by(entry.recipient).limit(limit)
        return [ExportedContact._make(row) for row in self._execute(page)]

    def blocks_after(self, account_id: AccountId, number: int, limit: int) -> Sequence[Block]:
        """Return the account's blocked numbers behind a number."""
        some = select(blocks).where(blocks.c.account_id == account_id, blocks.c.recipient > number)
        return [
            Block(recipient=PhoneNumber(row.recipient), note=row.note, blocked_at=row.blocked_at)
            for row in self._execute(some.order_by(blocks.c.recipient).limit(limit))
        ]
