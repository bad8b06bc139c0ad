"""History: what an account brings from the platform that it came from, and takes back."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from sendrail.api.v2.conversion_fields import (
    attribution_in,
    event_in,
    external_id_in,
    missing,
)
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.history_shapes import (
    AMOUNT_MAX,
    ERRORS_MAX,
    HistoryClear,
    HistoryCleared,
    HistoryClickRecord,
    HistoryClicks,
    HistoryClicksImported,
    HistoryCounts,
    HistoryError,
    HistoryRevenueImported,
    HistoryRevenueRecord,
    HistoryRevenues,
    HistorySendError,
    HistorySendRecord,
    HistorySends,
    HistorySendsImported,
)
from sendrail.api.v2.operation import CHANGING, POSTING
from sendrail.api.v2.queries import instant
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.inputs import ID_MAX, list_number_of
from sendrail.domain import money, phone
from sendrail.domain.conversion import Attribution
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.history import (
    LENGTH_MAX,
    REF_LENGTH_MAX,
    SEND_TYPE_LENGTH_MAX,
    HistoryClick,
    HistoryEntity,
    HistoryRevenue,
    HistorySend,
    ref_of,
)
from sendrail.domain.phone import PhoneNumber
from sendrail.tracking.history import RECORDS_MAX, ImportedRows
from sendrail.tracking.history_rows import KNOWN, NEW

S = TypeVar("S", bound=msgspec.Struct)
Row = TypeVar("Row")

_send_batch: Final = msgspec.json.Decoder(HistorySends).decode
_click_batch: Final = msgspec.json.Decoder(HistoryClicks).decode
_revenue_batch: Final = msgspec.json.Decoder(HistoryRevenues).decode
_one_send: Final = msgspec.json.Decoder(HistorySendRecord).decode
_one_click: Final = msgspec.json.Decoder(HistoryClickRecord).decode
_one_revenue: Final = msgspec.json.Decoder(HistoryRevenueRecord).decode
_clear: Final = msgspec.json.Decoder(HistoryClear).decode
_any: Final = msgspec.json.Decoder().decode


async def import_sends(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import messages that another platform sent."""
    raws = _records(decoded(_send_batch, request.body).records)
    rows = _read(raws, _one_send, _send)

    def shape(found: ImportedRows) -> HistorySendsImported:
        faults = _faults(found)
        return HistorySendsImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(faults),
            duplicates_skipped=found.outcomes.count(KNOWN),
            invalid_phones=sum(fault.code == "invalid_phone" for _, fault in faults),
            errors=[
                HistorySendError(at, _name(raws[at], "id"), fault.code, fault.message)
                for at, fault in faults[:ERRORS_MAX]
            ],
        )

    history = runtime.tracking.history
    return await request.guard(
        lambda guard: history.import_sends(request.account, rows, guard=guard), shape
    )


async def import_clicks(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import the clicks on imported sends."""
    raws = _records(decoded(_click_batch, request.body).records)
    rows = _read(raws, _one_click, _click)

    def shape(found: ImportedRows) -> HistoryClicksImported:
        return HistoryClicksImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(_faults(found)),
            duplicates_skipped=found.outcomes.count(KNOWN),
            errors=_errors(found, raws),
        )

    history = runtime.tracking.history
    return await request.guard(
        lambda guard: history.import_clicks(request.account, rows, guard=guard), shape
    )


async def import_revenue(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import what imported sends earned."""
    raws = _records(decoded(_revenue_batch, request.body).records)
    rows = _read(raws, _one_revenue, _revenue)

    def shape(found: ImportedRows) -> HistoryRevenueImported:
        return HistoryRevenueImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(_faults(found)),
            duplicates_skipped=found.outcomes.count(KNOWN),
            total_revenue=money.shown(found.revenue),
            errors=_errors(found, raws),
        )

    history = runtime.tracking.history
    return await request.guard(
        lambda guard: history.import_revenue(request.account, rows, guard=guard), shape
    )


async def clear(runtime: Runtime, request: ApiRequest) -> HistoryCleared:
    """Delete what was imported, and take it back from every sum."""
    fields = decoded(_clear, request.body)
    if fields.confirm is not True:
        raise InvalidInput("confirm must be true", code="confirm_required", param="confirm")
    if not fields.entities:
        raise InvalidInput("entities is required", code="missing_entities", param="entities")
    if not set(fields.entities) <= set(HistoryEntity):
        raise InvalidInput(f"entities are {', '.join(HistoryEntity)}", param="entities")
    before = None
    if fields.before_date is not None and (before := instant(fields.before_date)) is None:
        raise InvalidInput(
            "before_date is a day or a time such as 2026-01-31T08:00:00Z", param="before_date"
        )
    entities = {HistoryEntity(each) for each in fields.entities}
    cleared = await runtime.tracking.history.clear(
        request.account, entities, request.actor, before=before
    )
    counts = {entity.value: count for entity, count in cleared.items()}
    return HistoryCleared(success=True, cleared=HistoryCounts(**counts))


def _example(**fields: object) -> dict[str, object]:
    return {"records": [fields]}


_BATCH_CODES: Final = (*POSTING, "missing_records", "too_many_records")
_SENT: Final = "2025-11-03T17:20:00Z"
ENDPOINTS: Final = (
    Endpoint(
        "POST /history/sends",
        import_sends,
        id="importSends",
        summary="Import messages that another platform sent",
        description=(
            "They count for contacts, and clicks and revenue can name them; nothing is sent. An "
            "`id` that is there already is skipped, so that the same records twice change nothing."
        ),
        request=HistorySends,
        item=HistorySendRecord,
        answer=HistorySendsImported,
        codes=_BATCH_CODES,
        examples={
            "one": _example(
                id="old-1", list_number="+15550001000", to_number="+15550100000", timestamp=_SENT
            )
        },
    ),
    Endpoint(
        "POST /history/clicks",
        import_clicks,
        id="importClicks",
        summary="Import the clicks on imported sends",
        description="One click of each message; a second one is skipped.",
        request=HistoryClicks,
        item=HistoryClickRecord,
        answer=HistoryClicksImported,
        codes=_BATCH_CODES,
        examples={"one": _example(message_id="old-1", offer_id="summer", timestamp=_SENT)},
    ),
    Endpoint(
        "POST /history/revenue",
        import_revenue,
        id="importRevenue",
        summary="Import what imported sends earned",
        description=(
            "Each record counts for the contact of its message, whatever the click window, and no "
            "webhook reports it."
        ),
        request=HistoryRevenues,
        item=HistoryRevenueRecord,
        answer=HistoryRevenueImported,
        codes=_BATCH_CODES,
        examples={
            "one": _example(message_id="old-1", offer_id="summer", revenue=24.99, timestamp=_SENT)
        },
    ),
    Endpoint(
        "DELETE /history/clear",
        clear,
        id="clearHistory",
        summary="Delete what was imported",
        description=(
            "Deletes imported rows and takes them back from every sum. What was sent, clicked and "
            "earned here stays."
        ),
        request=HistoryClear,
        answer=HistoryCleared,
        codes=(*CHANGING, "confirm_required", "missing_entities"),
        examples={"all": {"entities": [str(each) for each in HistoryEntity], "confirm": True}},
    ),
)


def _records(given: list[msgspec.Raw] | None) -> list[bytes]:
    if not given:
        raise InvalidInput("records is required", code="missing_records", param="records")
    if len(given) > RECORDS_MAX:
        raise InvalidInput(
            f"A batch holds at most {RECORDS_MAX:,} records", code="too_many_records"
        )
    return [bytes(raw) for raw in given]


def _read(
    raws: Sequence[bytes], decode: Callable[[bytes], S], row_of: Callable[[S], Row]
) -> list[Row | SendrailError]:
    rows: list[Row | SendrailError] = []
    for raw in raws:
        try:
            rows.append(row_of(decoded(decode, raw)))
        except InvalidInput as error:
            rows.append(error)
    return rows


def _faults(found: ImportedRows) -> list[tuple[int, SendrailError]]:
    return [(at, each) for at, each in enumerate(found.outcomes) if isinstance(each, SendrailError)]


def _errors(found: ImportedRows, raws: Sequence[bytes]) -> list[HistoryError]:
    return [
        HistoryError(at, _name(raws[at], "message_id"), fault.code, fault.message)
        for at, fault in _faults(found)[:ERRORS_MAX]
    ]


def _name(raw: bytes, field: str) -> str | None:
    """Return the id in a record at fault, as far as it can be read."""
    try:
        said = _any(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name = said.get(field) if isinstance(said, dict) else None
    return name[:REF_LENGTH_MAX] if isinstance(name, str) else None


def _send(fields: HistorySendRecord) -> HistorySend:
    ref = ref_of(fields.id, "id")
    list_number = None if fields.list_number is None else list_number_of(fields.list_number)
    if list_number is None and fields.list_id is None:
        raise missing("list_number")
    if fields.list_id is not None and not 0 < fields.list_id <= ID_MAX:
        raise InvalidInput("list_id is the id of a list", param="list_id")
    recipient = _number(fields.to_number, "to_number")
    if recipient is None:
        raise missing("to_number")
    at = _moment(fields.timestamp, "timestamp")
    if at is None:
        raise missing("timestamp")
    if fields.send_type is not None and len(fields.send_type) > SEND_TYPE_LENGTH_MAX:
        raise InvalidInput(
            f"send_type has at most {SEND_TYPE_LENGTH_MAX} characters", param="send_type"
        )
    if fields.length is not None and not 0 <= fields.length <= LENGTH_MAX:
        raise InvalidInput(f"length is 0 to {LENGTH_MAX:,}", param="length")
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


def _click(fields: HistoryClickRecord) -> HistoryClick:
    ref = ref_of(fields.message_id, "message_id")
    offer_id = ref_of(fields.offer_id, "offer_id")
    sent_at = _moment(fields.send_timestamp, "send_timestamp")
    at = _moment(fields.timestamp, "timestamp")
    return HistoryClick(
        ref=ref,
        offer_id=offer_id,
        recipient=_number(fields.phone_number, "phone_number"),
        at=sent_at if at is None else at,
    )


def _revenue(fields: HistoryRevenueRecord) -> HistoryRevenue:
    ref = ref_of(fields.message_id, "message_id")
    offer_id = ref_of(fields.offer_id, "offer_id")
    amount = _amount(fields.revenue, "revenue")
    if amount is None:
        raise missing("revenue")
    wanted = fields.attribution_type or Attribution.MIGRATION
    attribution = attribution_in(wanted, tuple(Attribution))
    event = event_in(fields.event)
    external_id = external_id_in(fields.external_id, REF_LENGTH_MAX)
    return HistoryRevenue(
        ref=ref,
        offer_id=offer_id,
        amount=amount,
        payout=_amount(fields.payout, "payout"),
        attribution=attribution,
        at=_moment(fields.timestamp, "timestamp"),
        event=event,
        external_id=external_id,
    )


def _number(text: str | None, name: str) -> PhoneNumber | None:
    if text is None or not text.strip():
        return None
    number = phone.parse(text.strip())
    if number is None:
        raise InvalidInput(
            f"{name} is a number in E.164 form, such as +15550100000",
            code="invalid_phone",
            param=name,
        )
    return number


def _amount(value: float | None, name: str) -> int | None:
    if value is None:
        return None
    amount = money.of_number(value)
    if amount is None:
        raise InvalidInput(f"{name} is a number from 0 to {AMOUNT_MAX:,}", param=name)
    return amount


def _moment(text: str | None, name: str) -> int | None:
    if text is None or not text.strip():
        return None
    if (at := instant(text.strip())) is None or at < 0:
        raise InvalidInput(
            f"{name} is a time such as 2026-01-31T08:00:00Z", code="invalid_timestamp", param=name
        )
    return at
