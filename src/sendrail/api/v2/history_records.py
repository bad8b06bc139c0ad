"""The records of history as they come, each read alone: one at fault affects no other."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from sendrail.api.v2.conversion_fields import (
    attribution_in,
    event_in,
    external_id_in,
    moment_in,
)
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.fields import word
from sendrail.api.v2.history_shapes import (
    AMOUNT_MAX,
    ERRORS_MAX,
    HistoryClickRecord,
    HistoryError,
    HistoryRevenueRecord,
    HistorySendRecord,
)
from sendrail.contacts.inputs import list_number_of
from sendrail.domain import money, phone
from sendrail.domain.conversion import Attribution
from sendrail.domain.errors import InvalidInput, SendrailError, missing
from sendrail.domain.history import (
    LENGTH_MAX,
    REF_LENGTH_MAX,
    SEND_TYPE_LENGTH_MAX,
    HistoryClick,
    HistoryRevenue,
    HistorySend,
    ref_of,
)
from sendrail.domain.ids import is_row_id
from sendrail.domain.phone import PhoneNumber
from sendrail.tracking.history import RECORDS_MAX, ImportedRows

S = TypeVar("S", bound=msgspec.Struct)
Row = TypeVar("Row")

_any: Final = msgspec.json.Decoder().decode


def records_of(given: list[msgspec.Raw] | None) -> list[bytes]:
    """Return a batch's records, still unread. Raises `InvalidInput` for none, and for too many."""
    if not given:
        raise missing("records")
    if len(given) > RECORDS_MAX:
        raise InvalidInput(
            f"A batch holds at most {RECORDS_MAX:,} records",
            code="too_many_records",
            param="records",
        )
    return [bytes(raw) for raw in given]


def read_records(
    raws: Sequence[bytes], decode: Callable[[bytes], S], row_of: Callable[[S], Row]
) -> list[Row | SendrailError]:
    """Return each record as a row, or the error that is in it."""
    rows: list[Row | SendrailError] = []
    for raw in raws:
        try:
            rows.append(row_of(decoded(decode, raw)))
        except InvalidInput as error:
            rows.append(error)
    return rows


def faults_of(found: ImportedRows) -> list[tuple[int, SendrailError]]:
    """Return the places of records that were refused, and why."""
    return [(at, each) for at, each in enumerate(found.outcomes) if isinstance(each, SendrailError)]


def errors_of(found: ImportedRows, raws: Sequence[bytes]) -> list[HistoryError]:
    """Return what is shown of the first records that were refused."""
    return [
        HistoryError(at, name_in(raws[at], "message_id"), fault.code, fault.message, fault.param)
        for at, fault in faults_of(found)[:ERRORS_MAX]
    ]


def name_in(raw: bytes, field: str) -> str | None:
    """Return the id in a record at fault, as far as it can be read."""
    try:
        said = _any(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name = said.get(field) if isinstance(said, dict) else None
    return name[:REF_LENGTH_MAX] if isinstance(name, str) else None


def send_of(fields: HistorySendRecord) -> HistorySend:
    """Return a send. Raises `InvalidInput` for the first field at fault."""
    ref = ref_of(fields.id, "id")
    number = word(fields.list_number)
    list_number = None if number is None else list_number_of(number)
    if list_number is None and fields.list_id is None:
        raise missing("list_number")
    if fields.list_id is not None and not is_row_id(fields.list_id):
        raise InvalidInput("list_id must be the id of a list", param="list_id")
    recipient = _number(fields.to_number, "to_number")
    if recipient is None:
        raise missing("to_number")
    at = moment_in(fields.timestamp, "timestamp")
    if at is None:
        raise missing("timestamp")
    if fields.send_type is not None and len(fields.send_type) > SEND_TYPE_LENGTH_MAX:
        raise InvalidInput(
            f"send_type has at most {SEND_TYPE_LENGTH_MAX} characters", param="send_type"
        )
    if fields.length is not None and not 0 <= fields.length <= LENGTH_MAX:
        raise InvalidInput(f"length must be 0 to {LENGTH_MAX:,}", param="length")
    return HistorySend(
        ref=ref,
        list_number=list_number,
        list_id=fields.list_id,
        recipient=recipient,
        at=at,
        send_type=fields.send_type or None,
        delivered=fields.delivered,
        length=fields.length,
    )


def click_of(fields: HistoryClickRecord) -> HistoryClick:
    """Return a click. Raises `InvalidInput` for the first field at fault."""
    ref = ref_of(fields.message_id, "message_id")
    offer_id = ref_of(fields.offer_id, "offer_id")
    sent_at = moment_in(fields.send_timestamp, "send_timestamp")
    at = moment_in(fields.timestamp, "timestamp")
    return HistoryClick(
        ref=ref,
        offer_id=offer_id,
        recipient=_number(fields.phone_number, "phone_number"),
        at=sent_at if at is None else at,
    )


def revenue_of(fields: HistoryRevenueRecord) -> HistoryRevenue:
    """Return what a message earned. Raises `InvalidInput` for the first field at fault."""
    ref = ref_of(fields.message_id, "message_id")
    offer_id = ref_of(fields.offer_id, "offer_id")
    amount = _amount(fields.revenue, "revenue")
    if amount is None:
        raise missing("revenue")
    wanted = word(fields.attribution_type) or Attribution.MIGRATION
    attribution = attribution_in(wanted, tuple(Attribution))
    event = event_in(fields.event)
    external_id = external_id_in(fields.external_id, REF_LENGTH_MAX)
    return HistoryRevenue(
        ref=ref,
        offer_id=offer_id,
        amount=amount,
        currency=word(fields.currency) or "",
        payout=_amount(fields.payout, "payout"),
        attribution=attribution,
        at=moment_in(fields.timestamp, "timestamp"),
        event=event,
        external_id=external_id,
    )


def _number(text: str | None, name: str) -> PhoneNumber | None:
    if text is None or not text.strip():
        return None
    number = phone.parse(text.strip())
    if number is None:
        raise InvalidInput(
            f"{name} must be a number in E.164 form, such as +15550100000",
            code="invalid_phone",
            param=name,
        )
    return number


def _amount(value: float | None, name: str) -> int | None:
    if value is None:
        return None
    amount = money.of_number(value)
    if amount is None:
        raise InvalidInput(f"{name} must be a number from 0 to {AMOUNT_MAX:,}", param=name)
    return amount
