"""What requests and answers about imported history look like."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.conversion_fields import Currency
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Index,
    Phone,
    Required,
    RowId,
    Sender,
    Time,
    about,
    batch_of,
    one_of,
    schema,
    up_to,
)
from sendrail.domain import money
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.history import LENGTH_MAX, REF_LENGTH_MAX, SEND_TYPE_LENGTH_MAX, HistoryEntity
from sendrail.tracking.history import RECORDS_MAX

ERRORS_MAX: Final = 100
AMOUNT_MAX: Final = money.AMOUNT_MAX // money.UNIT

_Ref = Annotated[
    Required[str], up_to(REF_LENGTH_MAX, "The message's id on the platform it was sent by.")
]
_Amount = Annotated[float, schema(minimum=0, maximum=AMOUNT_MAX)]
_Offer = Annotated[Required[str], about("The offer's id, or the network's.")]


class HistorySendRecord(msgspec.Struct, gc=False):
    """One send in `POST /v2/history/sends`."""

    id: _Ref = None
    list_number: Annotated[Sender | None, about("The list; or give `list_id`.")] = None
    list_id: RowId | None = None
    to_number: Required[Phone] = None
    timestamp: Annotated[Required[Time], about("When it was sent.")] = None
    message: Annotated[str | None, about("Its text; it is not kept.")] = None
    send_type: Annotated[str | None, up_to(SEND_TYPE_LENGTH_MAX, "Such as `blast`.")] = None
    delivered: bool | None = None
    length: Annotated[int | None, schema(minimum=0, maximum=LENGTH_MAX)] = None


class HistoryClickRecord(msgspec.Struct, gc=False):
    """One click in `POST /v2/history/clicks`."""

    message_id: _Ref = None
    offer_id: _Offer = None
    phone_number: Annotated[
        Phone | None, about("If given, it must be the number that the message went to.")
    ] = None
    send_timestamp: Time | None = None
    timestamp: Annotated[Time | None, about("When it was clicked; left out: when it was sent.")] = (
        None
    )


class HistoryRevenueRecord(msgspec.Struct, gc=False):
    """One record in `POST /v2/history/revenue`."""

    message_id: _Ref = None
    offer_id: _Offer = None
    revenue: Required[_Amount] = None
    payout: _Amount | None = None
    currency: Currency = None
    attribution_type: Annotated[
        Annotated[str, one_of(Attribution)] | None, schema(default=str(Attribution.MIGRATION))
    ] = None
    timestamp: Annotated[
        Time | None, about("When it was earned; left out: when the message was sent.")
    ] = None
    event: Annotated[
        Annotated[str, one_of(ConversionEvent)] | None,
        schema(default=str(ConversionEvent.SALE)),
        about("A refund or a chargeback takes its amount back."),
    ] = None
    external_id: Annotated[
        str | None,
        up_to(
            REF_LENGTH_MAX,
            "The transaction: a second one of an event changes nothing. Without it, records of "
            "equal message, time and amount are one.",
        ),
    ] = None


class HistorySends(msgspec.Struct, gc=False):
    """`POST /v2/history/sends`."""

    records: Annotated[
        list[msgspec.Raw] | None,
        batch_of(HistorySendRecord, RECORDS_MAX),
        msgspec.Meta(extra={"required": True}),
    ] = None


class HistoryClicks(msgspec.Struct, gc=False):
    """`POST /v2/history/clicks`."""

    records: Annotated[
        list[msgspec.Raw] | None,
        batch_of(HistoryClickRecord, RECORDS_MAX),
        msgspec.Meta(extra={"required": True}),
    ] = None


class HistoryRevenues(msgspec.Struct, gc=False):
    """`POST /v2/history/revenue`."""

    records: Annotated[
        list[msgspec.Raw] | None,
        batch_of(HistoryRevenueRecord, RECORDS_MAX),
        msgspec.Meta(extra={"required": True}),
    ] = None


_FIELD_CODES: Final = ("invalid_json", "invalid_field", "invalid_timestamp")
_SEND_CODES: Final = (
    *_FIELD_CODES,
    "missing_id",
    "missing_list_number",
    "missing_to_number",
    "missing_timestamp",
    "invalid_list_number",
    "invalid_phone",
    "list_not_found",
    "contact_not_found",
)
_CLICK_CODES: Final = (
    *_FIELD_CODES,
    "missing_message_id",
    "missing_offer_id",
    "missing_revenue",
    "invalid_attribution_type",
    "invalid_currency",
    "invalid_phone",
    "message_not_found",
    "offer_not_found",
    "contact_not_found",
)


class HistorySendError(msgspec.Struct, omit_defaults=True):
    """Why a send was not imported."""

    index: Index
    id: Annotated[str | None, about("As it was given, if it was text.")]
    code: Annotated[str, one_of(_SEND_CODES)]
    error: str
    param: str | None = None


class HistoryError(msgspec.Struct, omit_defaults=True):
    """Why a click or revenue was not imported."""

    index: Index
    message_id: Annotated[str | None, about("As it was given, if it was text.")]
    code: Annotated[str, one_of(_CLICK_CODES)]
    error: str
    param: str | None = None


class HistorySendsImported(msgspec.Struct):
    """What was imported of a batch of sends."""

    success_count: Count
    error_count: Count
    duplicates_skipped: Annotated[Count, about("Sends whose id is there already.")]
    invalid_phones: Annotated[Count, about("How many of the errors are numbers.")]
    errors: Annotated[list[HistorySendError], about(f"The first {ERRORS_MAX}.")]


class HistoryClicksImported(msgspec.Struct):
    """What was imported of a batch of clicks."""

    success_count: Count
    error_count: Count
    duplicates_skipped: Annotated[Count, about("Clicks on messages that have theirs already.")]
    errors: Annotated[list[HistoryError], about(f"The first {ERRORS_MAX}.")]


class HistoryRevenueImported(msgspec.Struct):
    """What was imported of a batch of revenue."""

    success_count: Count
    error_count: Count
    duplicates_skipped: Annotated[Count, about("Records that are there already.")]
    total_revenue: Annotated[float, about("The sum of what is new.")]
    errors: Annotated[list[HistoryError], about(f"The first {ERRORS_MAX}.")]


class HistoryClear(msgspec.Struct, gc=False):
    """`DELETE /v2/history/clear`."""

    entities: Annotated[
        list[str] | None,
        schema(minItems=1, items={"enum": [str(each) for each in HistoryEntity]}),
        about("With `sends` go their clicks and their revenue."),
        msgspec.Meta(extra={"required": True}),
    ] = None
    before_date: Annotated[
        str | None,
        about("Only what happened before this day, or this time; left out: all of it."),
        msgspec.Meta(examples=["2026-01-31"]),
    ] = None
    confirm: Annotated[
        bool | None, about("Must be true."), msgspec.Meta(extra={"required": True})
    ] = None


class HistoryCounts(msgspec.Struct):
    """How many rows of each kind were deleted."""

    sends: Count
    clicks: Count
    revenue: Count


class HistoryCleared(msgspec.Struct):
    """What was deleted."""

    success: Always
    cleared: HistoryCounts
