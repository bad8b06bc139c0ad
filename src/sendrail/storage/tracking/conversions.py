"""Conversions as rows, and the messages that they are about."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from sendrail.domain.conversion import (
    Attribution,
    Conversion,
    ConversionEvent,
    ConversionSource,
    SentMessage,
)
from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import (
    AccountId,
    ConversionId,
    Lane,
    ListId,
    MessageNumber,
    OfferId,
)
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import insert_new
from sendrail.storage.pipeline.lookup import MessageLookUp
from sendrail.storage.tables import messages
from sendrail.storage.tracking_tables import conversions

_of: Final = conversions.c
# An offer's place in a key, where there is none: no key is one with a NULL in it.
_NO_OFFER: Final = 0


class Conversions:
    """Conversions, each there once."""

    def __init__(self, connection: Connection, lookup: MessageLookUp) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._is_message = lookup.is_message

    def message(self, account_id: AccountId, number: int) -> SentMessage | None:
        """Return an account's message, as far as a conversion needs it."""
        row = self._execute(
            select(
                messages.c.number,
                messages.c.lane,
                messages.c.account_id,
                messages.c.list_id,
                messages.c.recipient,
                messages.c.created_at,
            ).where(self._is_message(number), messages.c.account_id == account_id)
        ).one_or_none()
        if row is None:
            return None
        return SentMessage(
            number=MessageNumber(row.number),
            lane=Lane(row.lane),
            account_id=AccountId(row.account_id),
            list_id=ListId(row.list_id),
            recipient=None if row.recipient == REDACTED else PhoneNumber(row.recipient),
            created_at=row.created_at,
        )

    def hold(self, account_id: AccountId, offer_id: OfferId | None, external_id: str) -> None:
        """Let no other transaction write of the same transaction of a network meanwhile.

        So a refund and its sale that come at once see each other. One writer needs no lock.
        """
        if self._connection.dialect.name == "postgresql":
            name = f"conversion {account_id}/{offer_id or _NO_OFFER}/{external_id}"
            self._execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    def add(
        self, account_id: AccountId, offer_id: OfferId | None, **values: Any
    ) -> ConversionId | None:
        """Add a conversion; return None where one that is known by the same is there already."""
        row = {"account_id": account_id, "offer_id": offer_id or _NO_OFFER, **values}
        added = insert_new(self._connection, conversions).values(row).returning(_of.id)
        conversion_id = self._execute(added).scalar_one_or_none()
        return None if conversion_id is None else ConversionId(conversion_id)

    def known(
        self,
        account_id: AccountId,
        offer_id: OfferId | None,
        event: ConversionEvent,
        known_by: str,
    ) -> Conversion:
        """Return the conversion that is there already."""
        return self._read(
            _of.account_id == account_id,
            _of.offer_id == (offer_id or _NO_OFFER),
            _of.event == event.value,
            _of.known_by == known_by,
        )[0]

    def by_id(self, account_id: AccountId, conversion_id: ConversionId) -> Conversion | None:
        found = self._read(_of.account_id == account_id, _of.id == conversion_id)
        return next(iter(found), None)

    def of_transaction(
        self, account_id: AccountId, offer_id: OfferId | None, external_id: str
    ) -> list[Conversion]:
        """Return all conversions that a network calls so, the oldest first."""
        return self._read(
            _of.account_id == account_id,
            _of.offer_id == (offer_id or _NO_OFFER),
            _of.external_id == external_id,
        )

    def of_message(self, account_id: AccountId, number: MessageNumber) -> list[Conversion]:
        """Return what a message has earned, the oldest first."""
        return self._read(_of.account_id == account_id, _of.number == number)

    def change(self, account_id: AccountId, conversion_id: ConversionId, **values: Any) -> None:
        one = (_of.account_id == account_id, _of.id == conversion_id)
        self._execute(update(conversions).where(*one).values(**values))

    def _read(self, *wanted: ColumnElement[bool]) -> list[Conversion]:
        rows = self._execute(select(conversions).where(*wanted).order_by(_of.id))
        return [_conversion(row) for row in rows]


def _conversion(row: Row[Any]) -> Conversion:
    values = row._asdict()
    del values["known_by"]
    values |= {
        "offer_id": row.offer_id or None,
        "event": ConversionEvent(row.event),
        "source": ConversionSource(row.source),
        "attribution": Attribution(row.attribution),
    }
    return Conversion(**values)
