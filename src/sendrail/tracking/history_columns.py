"""The columns of a file of history, and what a row of them says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.imports import (
    PHONE_COLUMN,
    moment_of,
)
from sendrail.contacts.inputs import list_number_of
from sendrail.contacts.numbering_plans import Country
from sendrail.contacts.words import meaning_of
from sendrail.contacts.written_numbers import number_of
from sendrail.domain import money
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import InvalidInput
from sendrail.domain.history import (
    LENGTH_MAX,
    SEND_TYPE_LENGTH_MAX,
    HistoryClick,
    HistoryEntity,
    HistoryRevenue,
    HistorySend,
    ref_of,
)
from sendrail.domain.ids import ROW_ID_MAX
from sendrail.domain.phone import PhoneNumber

Row = TypeVar("Row")

_NUMBERS: Final = PHONE_COLUMN["phone_number"]
_TIMES: Final = ("timestamp", "at", "time", "date")
COLUMNS: Final[Mapping[HistoryEntity, Mapping[str, Sequence[str]]]] = {
    HistoryEntity.SENDS: {
        "id": ("id", "message_id"),
        "list_number": ("list_number", "list", "from"),
        "list_id": ("list_id",),
        "to_number": ("to_number", "to", *_NUMBERS),
        "timestamp": (*_TIMES, "sent_at"),
        "send_type": ("send_type",),
        "delivered": ("delivered",),
        "length": ("length", "segments"),
    },
    HistoryEntity.CLICKS: {
        "message_id": ("message_id", "id"),
        "offer_id": ("offer_id", "offer"),
        "phone_number": _NUMBERS,
        "timestamp": (*_TIMES, "clicked_at"),
        "send_timestamp": ("send_timestamp", "sent_at"),
    },
    HistoryEntity.REVENUE: {
        "message_id": ("message_id", "id"),
        "offer_id": ("offer_id", "offer"),
        "revenue": ("revenue", "amount"),
        "currency": ("currency",),
        "payout": ("payout",),
        "attribution_type": ("attribution_type",),
        "timestamp": (*_TIMES, "earned_at"),
        "event": ("event",),
        "external_id": ("external_id", "transaction_id", "txn_id"),
    },
}
REQUIRED: Final[Mapping[HistoryEntity, Sequence[str]]] = {
    HistoryEntity.SENDS: ("id", "to_number", "timestamp"),
    HistoryEntity.CLICKS: ("message_id", "offer_id"),
    HistoryEntity.REVENUE: ("message_id", "offer_id", "revenue"),
}


def parsed(parse: Callable[[Mapping[str, str]], Row], values: Mapping[str, str]) -> Row:
    """Return what a row says. Raises `RowError` with what is wrong with it."""
    try:
        return parse(values)
    except InvalidInput as error:
        raise RowError(error.message) from None


def send_of(
    values: Mapping[str, str],
    country: Country | None,
    list_number: PhoneNumber | None,
    now: int,
) -> HistorySend:
    """Return a send, by the list it names or the file's. Raises `InvalidInput`."""
    said = values.get
    named = said("list_number", "")
    list_id = _whole(said("list_id", ""), "list_id", ROW_ID_MAX)
    if named:
        list_number = list_number_of(named)
    elif list_id is not None:
        list_number = None
    elif list_number is None:
        raise RowError("the row names no list, and no list was given")
    at = moment_of(_needed(said("timestamp", ""), "timestamp"), now)
    assert at is not None, "a text that is there is a time or raises"
    send_type = said("send_type", "")
    if len(send_type) > SEND_TYPE_LENGTH_MAX:
        raise RowError(f"send_type is longer than {SEND_TYPE_LENGTH_MAX} characters")
    delivered = said("delivered", "")
    if delivered and meaning_of(delivered) is None:
        raise RowError("delivered is neither yes nor no")
    return HistorySend(
        ref=ref_of(said("id", ""), "id"),
        list_number=list_number,
        list_id=list_id,
        recipient=number_of(_needed(said("to_number", ""), "to_number"), country),
        at=at,
        send_type=send_type or None,
        delivered=meaning_of(delivered) if delivered else None,
        length=_whole(said("length", ""), "length", LENGTH_MAX),
    )


def click_of(values: Mapping[str, str], country: Country | None, now: int) -> HistoryClick:
    """Return a click; one without a time is as old as its send. Raises `InvalidInput`."""
    said = values.get
    number, at = said("phone_number", ""), said("timestamp", "") or said("send_timestamp", "")
    return HistoryClick(
        ref=ref_of(said("message_id", ""), "message_id"),
        offer_id=ref_of(said("offer_id", ""), "offer_id"),
        recipient=number_of(number, country) if number else None,
        at=moment_of(at, now),
    )


def revenue_of(values: Mapping[str, str], now: int) -> HistoryRevenue:
    """Return what a message earned; without a time, when it was sent. Raises `InvalidInput`."""
    said = values.get
    attribution = said("attribution_type", "") or Attribution.MIGRATION
    event = said("event", "") or ConversionEvent.SALE
    for word, known, name in (
        (attribution, Attribution, "attribution_type"),
        (event, ConversionEvent, "event"),
    ):
        if word not in set(known):
            raise RowError(f"{name} is one of {', '.join(known)}")
    external_id, payout = said("external_id", ""), said("payout", "")
    return HistoryRevenue(
        ref=ref_of(said("message_id", ""), "message_id"),
        offer_id=ref_of(said("offer_id", ""), "offer_id"),
        amount=_amount(_needed(said("revenue", ""), "revenue"), "revenue"),
        currency=said("currency", "").strip(),
        payout=_amount(payout, "payout") if payout else None,
        attribution=Attribution(attribution),
        at=moment_of(said("timestamp", ""), now),
        event=ConversionEvent(event),
        external_id=ref_of(external_id, "external_id") if external_id else None,
    )


def _needed(text: str, name: str) -> str:
    if not text:
        raise RowError(f"{name} is missing")
    return text


def _amount(text: str, name: str) -> int:
    amount = money.of_text(text)
    if amount is None:
        raise RowError(f"{name} is no amount such as 24.99")
    return amount


def _whole(text: str, name: str, highest: int) -> int | None:
    if not text:
        return None
    if (found := read_digits(text, highest)) is None:
        raise RowError(f"{name} is no whole number up to {highest:,}")
    return found
