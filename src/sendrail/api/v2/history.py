"""History: what an account brings from the platform that it came from, and takes back."""

from typing import Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.history_records import (
    click_of,
    errors_of,
    faults_of,
    name_in,
    read_records,
    records_of,
    revenue_of,
    send_of,
)
from sendrail.api.v2.history_shapes import (
    ERRORS_MAX,
    HistoryClear,
    HistoryCleared,
    HistoryClickRecord,
    HistoryClicks,
    HistoryClicksImported,
    HistoryCounts,
    HistoryRevenueImported,
    HistoryRevenueRecord,
    HistoryRevenues,
    HistorySendError,
    HistorySendRecord,
    HistorySends,
    HistorySendsImported,
)
from sendrail.api.v2.operation import CHANGING, POSTING
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain import money
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.history import (
    HistoryEntity,
)
from sendrail.domain.times import read_instant
from sendrail.tracking.history import ImportedRows
from sendrail.tracking.history_rows import KNOWN, NEW

_send_batch: Final = msgspec.json.Decoder(HistorySends).decode
_click_batch: Final = msgspec.json.Decoder(HistoryClicks).decode
_revenue_batch: Final = msgspec.json.Decoder(HistoryRevenues).decode
_one_send: Final = msgspec.json.Decoder(HistorySendRecord).decode
_one_click: Final = msgspec.json.Decoder(HistoryClickRecord).decode
_one_revenue: Final = msgspec.json.Decoder(HistoryRevenueRecord).decode
_clear: Final = msgspec.json.Decoder(HistoryClear).decode


async def import_sends(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import messages that another platform sent."""
    raws = records_of(decoded(_send_batch, request.body).records)
    rows = read_records(raws, _one_send, send_of)

    def shape(found: ImportedRows) -> HistorySendsImported:
        faults = faults_of(found)
        return HistorySendsImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(faults),
            duplicates_skipped=found.outcomes.count(KNOWN),
            invalid_phones=sum(fault.code == "invalid_phone" for _, fault in faults),
            errors=[
                HistorySendError(
                    at, name_in(raws[at], "id"), fault.code, fault.message, fault.param
                )
                for at, fault in faults[:ERRORS_MAX]
            ],
        )

    history = runtime.tracking.history
    return await request.guard(
        lambda guard: history.import_sends(request.account, rows, guard=guard), shape
    )


async def import_clicks(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import the clicks on imported sends."""
    raws = records_of(decoded(_click_batch, request.body).records)
    rows = read_records(raws, _one_click, click_of)

    def shape(found: ImportedRows) -> HistoryClicksImported:
        return HistoryClicksImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(faults_of(found)),
            duplicates_skipped=found.outcomes.count(KNOWN),
            errors=errors_of(found, raws),
        )

    history = runtime.tracking.history
    return await request.guard(
        lambda guard: history.import_clicks(request.account, rows, guard=guard), shape
    )


async def import_revenue(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Import what imported sends earned."""
    raws = records_of(decoded(_revenue_batch, request.body).records)
    rows = read_records(raws, _one_revenue, revenue_of)

    def shape(found: ImportedRows) -> HistoryRevenueImported:
        return HistoryRevenueImported(
            success_count=found.outcomes.count(NEW),
            error_count=len(faults_of(found)),
            duplicates_skipped=found.outcomes.count(KNOWN),
            total_revenue=money.shown(found.revenue),
            errors=errors_of(found, raws),
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
        raise missing("entities")
    if not set(fields.entities) <= set(HistoryEntity):
        raise InvalidInput(f"entities must be {', '.join(HistoryEntity)}", param="entities")
    before = None
    if fields.before_date is not None and (before := read_instant(fields.before_date)) is None:
        raise InvalidInput(
            "before_date must be a day or a time such as 2026-01-31T08:00:00Z", param="before_date"
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
