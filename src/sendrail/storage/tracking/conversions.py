"""Conversions as rows, and the messages that they are about: of a batch all in a few statements."""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

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
from sendrail.storage.dialect import batches
from sendrail.storage.driver import Driver
from sendrail.storage.message_tables import messages
from sendrail.storage.pipeline.lookup import MessageLookUp
from sendrail.storage.row_batches import RowBatch
from sendrail.storage.templates import Statement
from sendrail.storage.tracking_tables import conversions

_of: Final = conversions.c
# An offer's place in a key, where there is none: no key is one with a NULL in it.
_NO_OFFER: Final = 0
# So many locks at most are there for the conversions of an account.
_SHARES: Final = 64
# A conversion has a column for each of its fields.
CONVERSION_COLUMNS: Final = tuple(field.name for field in fields(Conversion))
_read_all: Final = attrgetter(*CONVERSION_COLUMNS)
_MESSAGE: Final = select(
    messages.c.number,
    messages.c.lane,
    messages.c.account_id,
    messages.c.list_id,
    messages.c.recipient,
    messages.c.created_at,
    messages.c.origin_id,
    messages.c.sending_at,
)


_TAKES_BACK: Final = [each.value for each in ConversionEvent if each.takes_back]


class LinkEarnings(NamedTuple):
    """The conversions of a link, and their revenue in ten-thousandths, less what was taken back."""

    conversions: int = 0
    revenue: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionTexts:
    """The statements of `Conversions` that go over a batch."""

    of_transactions: Statement
    new_ids: Statement
    insert: Statement


class Conversions:
    """Conversions, each there once."""

    def __init__(
        self,
        connection: Connection,
        lookup: MessageLookUp,
        driver: Driver,
        texts: ConversionTexts,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._are_messages = lookup.are_messages
        self._driver = driver
        self._texts = texts

    def message(self, account_id: AccountId, number: int) -> SentMessage | None:
        """Return an account's message, as far as a conversion needs it."""
        return self.messages(account_id, [number]).get(number)

    def messages(self, account_id: AccountId, numbers: Collection[int]) -> dict[int, SentMessage]:
        """Return those of the numbers that are messages of an account."""
        found: dict[int, SentMessage] = {}
        for some in batches(sorted(set(numbers))):
            own = _MESSAGE.where(self._are_messages(some), messages.c.account_id == account_id)
            found.update((row.number, _message(row)) for row in self._execute(own))
        return found

    def hold(self, account_id: AccountId, keys: Iterable[tuple[OfferId | None, str]]) -> None:
        """Let no other transaction write what is known by the same meanwhile.

        So a refund and its sale that come at once see each other. A batch holds a few shares of
        its account's keys and not a lock for each: a database has room for some thousands of them.
        """
        names = (f"{offer_id or _NO_OFFER}/{known_by}" for offer_id, known_by in keys)
        shares = {zlib.crc32(name.encode()) % _SHARES for name in names}
        self._driver.lock(*(f"conversions {account_id}/{share}" for share in sorted(shares)))

    def add(self, added: Sequence[Conversion]) -> None:
        """Add conversions with ids of `new_ids`.

        Nothing that is known by the same may be there: `hold` it, and ask then.
        """
        self._driver.each(self._texts.insert, [_values(each) for each in added])

    def new_ids(self, count: int) -> list[ConversionId]:
        """Return so many ids, in their order, for conversions that this transaction adds."""
        return [ConversionId(row[0]) for row in self._driver.rows(self._texts.new_ids, count)]

    def of_transactions(
        self, account_id: AccountId, transactions: Iterable[tuple[OfferId | None, str]]
    ) -> list[Conversion]:
        """Return all conversions that networks call so, the oldest first."""
        keys = {(account_id, offer_id or _NO_OFFER, name) for offer_id, name in transactions}
        found = self._driver.rows_by_key(self._texts.of_transactions, sorted(keys))
        return sorted((_of_values(row) for row in found), key=lambda each: each.id)

    def of_messages(
        self, account_id: AccountId, numbers: Iterable[MessageNumber]
    ) -> list[Conversion]:
        """Return what messages have earned, the oldest first."""
        found = []
        for some in batches(sorted(set(numbers))):
            found += self._read(_of.account_id == account_id, _of.number.in_(some))
        return sorted(found, key=lambda each: each.id)

    def known_by(
        self,
        account_id: AccountId,
        keys: Sequence[tuple[OfferId | None, ConversionEvent, str]],
    ) -> list[Conversion]:
        """Return the conversions of these offers and events that are known by these."""
        wanted = [
            and_(
                _of.offer_id == (offer_id or _NO_OFFER),
                _of.event == event.value,
                _of.known_by == known_by,
            )
            for offer_id, event, known_by in keys
        ]
        return self._read(_of.account_id == account_id, or_(*wanted)) if wanted else []

    def imported_after(
        self, account_id: AccountId, place: tuple[int, int], limit: int
    ) -> list[Conversion]:
        """Return the next conversions of the account's imported sends behind a place.

        A place is the number and the id of a conversion; they come by number, then by id.
        """
        number, conversion_id = place
        behind = or_(_of.number > number, and_(_of.number == number, _of.id > conversion_id))
        some = (_of.account_id == account_id, _of.number.between(number, -1), behind)
        columns = [_of[name] for name in CONVERSION_COLUMNS]
        rows = self._execute(
            select(*columns).where(*some).order_by(_of.number, _of.id).limit(limit)
        )
        return [_of_values(row) for row in rows]

    def remove(self, account_id: AccountId, ids: Collection[ConversionId]) -> None:
        """Delete conversions; what takes them back is the caller's to change."""
        for some in batches(sorted(ids)):
            gone = delete(conversions).where(_of.account_id == account_id, _of.id.in_(some))
            self._execute(gone)

    def by_id(self, account_id: AccountId, conversion_id: ConversionId) -> Conversion | None:
        found = self._read(_of.account_id == account_id, _of.id == conversion_id)
        return next(iter(found), None)

    def of_message(self, account_id: AccountId, number: MessageNumber) -> list[Conversion]:
        """Return what a message has earned, the oldest first."""
        return self.of_messages(account_id, [number])

    def of_links(self, account_id: AccountId, links: Collection[int]) -> dict[int, LinkEarnings]:
        """Return what links that are in no message have earned, where they have."""
        happened = case((_of.event.in_(_TAKES_BACK), 0), else_=1)
        found: dict[int, LinkEarnings] = {}
        for some in batches(sorted(set(links))):
            rows = self._execute(
                select(_of.link_id, func.sum(happened), func.sum(_of.amount))
                .where(_of.account_id == account_id, _of.link_id.in_(some), _of.attributed)
                .group_by(_of.link_id)
            )
            found |= {row[0]: LinkEarnings(int(row[1]), int(row[2])) for row in rows}
        return found

    def change(self, changed: Sequence[Conversion]) -> None:
        """Write what became of refunds: whose they are, what they take back, and whether."""
        columns = (
            "number", "list_id", "link_id", "takes_back", "attributed", "amount", "currency",
        )  # fmt: skip
        rows = [
            {"of_id": each.id, "of_account": each.account_id}
            | {f"new_{name}": getattr(each, name) for name in columns}
            for each in changed
        ]
        types = {"of_id": _of.id.type, "of_account": _of.account_id.type}
        types |= {f"new_{name}": _of[name].type for name in columns}
        batch = RowBatch(self._connection, types, rows)
        one = update(conversions).where(
            _of.account_id == batch["of_account"], _of.id == batch["of_id"]
        )
        batch.run(one.values({name: batch[f"new_{name}"] for name in columns}))

    def _read(self, *wanted: ColumnElement[bool]) -> list[Conversion]:
        columns = [_of[name] for name in CONVERSION_COLUMNS]
        rows = self._execute(select(*columns).where(*wanted).order_by(_of.id))
        return [_of_values(row) for row in rows]


def _message(row: Any) -> SentMessage:
    return SentMessage(
        number=MessageNumber(row.number),
        lane=Lane(row.lane),
        account_id=AccountId(row.account_id),
        list_id=ListId(row.list_id),
        recipient=None if row.recipient == REDACTED else PhoneNumber(row.recipient),
        created_at=row.created_at,
        origin_id=row.origin_id or 0,
        sending_at=row.sending_at,
    )


def _values(conversion: Conversion) -> Sequence[Any]:
    """Return a conversion as `CONVERSION_COLUMNS` hold it."""
    values = dict(zip(CONVERSION_COLUMNS, _read_all(conversion), strict=True))
    values["offer_id"] = conversion.offer_id or _NO_OFFER
    for name in ("event", "source", "attribution"):
        values[name] = values[name].value
    return tuple(values.values())


def _of_values(row: Sequence[Any]) -> Conversion:
    values: dict[str, Any] = dict(zip(CONVERSION_COLUMNS, row, strict=True))
    values |= {
        "offer_id": values["offer_id"] or None,
        "event": ConversionEvent(values["event"]),
        "source": ConversionSource(values["source"]),
        "attribution": Attribution(values["attribution"]),
        "imported": bool(values["imported"]),
        "attributed": bool(values["attributed"]),
    }
    return Conversion(**values)
