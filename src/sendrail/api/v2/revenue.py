"""Revenue: what messages earned, as the public API takes it, and how postbacks are taken."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2.conversion_fields import (
    Currency,
    attribution_in,
    event_in,
    external_id_in,
    moment_in,
)
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Flag,
    Index,
    ObjectId,
    PublicId,
    Required,
    Time,
    about,
    one_of,
    schema,
    up_to,
)
from sendrail.api.v2.fields import word
from sendrail.api.v2.operation import CHANGING, DELETING, POSTING, READING
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain import money
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.errors import InvalidInput, SendrailError, missing
from sendrail.domain.offer import CLICK_WINDOW_DAYS_MAX
from sendrail.domain.postback import PostbackSettings
from sendrail.domain.times import shown as shown_time
from sendrail.tracking.conversions import (
    ERRORS_MAX,
    RECORDS_MAX,
    RecordedBatch,
    RevenueRecord,
)
from sendrail.tracking.recording import RecordedConversion

_AMOUNT_MAX: Final = money.AMOUNT_MAX // money.UNIT
_EXTERNAL_LENGTH_MAX: Final = 255
# `migration` is the history import's.
_ATTRIBUTIONS: Final = (Attribution.SALE, Attribution.CLICK, Attribution.SEND)

_Amount = Annotated[float, schema(minimum=0, maximum=_AMOUNT_MAX)]
_Window = Annotated[int, schema(minimum=1, maximum=CLICK_WINDOW_DAYS_MAX)]


class Revenue(msgspec.Struct, gc=False):
    """`POST /v2/revenue`."""

    message_id: Annotated[Required[str], about("The message that earned it.")] = None
    revenue: Required[_Amount] = None
    attribution_type: Annotated[
        Annotated[str, one_of(_ATTRIBUTIONS)] | None,
        about(
            "`sale` and `click` count within the offer's window after a human click; `send` "
            "counts without one."
        ),
        msgspec.Meta(extra={"required": True}),
    ] = None
    offer_id: Annotated[
        str | None, about("Its id, or the network's; left out: that of the message's link.")
    ] = None
    timestamp: Annotated[Time | None, about("When it happened; left out: now.")] = None
    event: Annotated[
        Annotated[str, one_of(ConversionEvent)] | None,
        schema(default=str(ConversionEvent.SALE)),
        about("A refund or a chargeback takes its amount back."),
    ] = None
    external_id: Annotated[
        str | None,
        up_to(_EXTERNAL_LENGTH_MAX, "The transaction: a second one of an event changes nothing."),
    ] = None
    currency: Currency = None


class RevenueBatch(msgspec.Struct, gc=False):
    """`POST /v2/revenue/bulk`."""

    records: Annotated[
        list[msgspec.Raw] | None,
        schema(minItems=1, maxItems=RECORDS_MAX, items={"$ref": "#/components/schemas/Revenue"}),
        msgspec.Meta(extra={"required": True}),
    ] = None
    imported: Annotated[Flag, about("Marks them as brought from elsewhere.")] = None


class RevenueRecorded(msgspec.Struct):
    """What was recorded."""

    success: Always
    revenue_id: ObjectId
    message_id: PublicId
    revenue: Annotated[float, about("Negative where it takes something back.")]
    attributed: Annotated[bool, about("Whether it counts in sums.")]
    duplicate: Annotated[bool, about("Whether the transaction was there already.")]


class RevenueError(msgspec.Struct, omit_defaults=True):
    """Why one record of a batch was not recorded."""

    index: Index
    code: Annotated[
        str,
        one_of(
            (
                "invalid_json",
                "invalid_field",
                "missing_message_id",
                "missing_revenue",
                "missing_attribution_type",
                "invalid_attribution_type",
                "invalid_timestamp",
                "invalid_currency",
                "message_not_found",
                "offer_not_found",
            )
        ),
    ]
    error: str
    param: str | None = None


class RevenueBatchRecorded(msgspec.Struct):
    """What was recorded of a batch."""

    success_count: Count
    error_count: Count
    duplicate_count: Annotated[Count, about("How many of the successes were there already.")]
    total_revenue: Annotated[float, about("The sum of what is new.")]
    errors: Annotated[list[RevenueError], about(f"The first {ERRORS_MAX}.")]


class PostbackUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/postbacks`; what is left out stays as it is."""

    currency: Annotated[str | None, schema(pattern="^[A-Za-z]{3}$")] = None
    click_window_days: _Window | msgspec.UnsetType | None = msgspec.UNSET
    open_links: Annotated[
        bool | None,
        about("Whether `/conv?link_id=` needs no secret; any client can then report."),
    ] = None


class Postbacks(msgspec.Struct):
    """How the account takes conversions."""

    currency: str
    click_window_days: _Window | None
    open_links: bool
    has_postback_secret: bool


class AccountPostbackSecret(msgspec.Struct):
    """A new postback secret of the account; it is shown only here."""

    postback_secret: str
    old_valid_until: Time | None


_one: Final = msgspec.json.Decoder(Revenue).decode
_batch: Final = msgspec.json.Decoder(RevenueBatch).decode
_update: Final = msgspec.json.Decoder(PostbackUpdate).decode


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Record what a message earned."""
    given = _record(decoded(_one, request.body))

    def shape(recorded: RecordedConversion) -> RevenueRecorded:
        kept = recorded.conversion
        return RevenueRecorded(
            success=True,
            revenue_id=runtime.contact_ids.revenue(kept.id),
            message_id=given.message_id,
            revenue=money.shown(kept.amount),
            attributed=kept.attributed,
            duplicate=recorded.is_duplicate,
        )

    return await request.guard(
        lambda guard: runtime.tracking.conversions.record(request.account, given, guard=guard),
        shape,
    )


async def create_many(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Record many, each judged on its own."""
    fields = decoded(_batch, request.body)
    if not fields.records:
        raise missing("records")
    if len(fields.records) > RECORDS_MAX:
        raise InvalidInput(
            f"A batch holds at most {RECORDS_MAX:,} records",
            code="too_many_records",
            param="records",
        )
    records = [_record_in(bytes(raw)) for raw in fields.records]
    imported = fields.imported is True
    return await request.guard(
        lambda guard: runtime.tracking.conversions.record_many(
            request.account, records, imported=imported, guard=guard
        ),
        _shape_batch,
    )


async def postbacks(runtime: Runtime, request: ApiRequest) -> Postbacks:
    """Show how the account takes conversions."""
    return _settings(await runtime.tracking.postback_settings.settings(request.account))


async def set_postbacks(runtime: Runtime, request: ApiRequest) -> Postbacks:
    """Change how the account takes conversions."""
    fields = decoded(_update, request.body)
    days = fields.click_window_days
    if days == 0:
        raise InvalidInput(
            f"click_window_days must be 1 to {CLICK_WINDOW_DAYS_MAX}", param="click_window_days"
        )
    changed = await runtime.tracking.postback_settings.change(
        request.account,
        request.actor,
        currency=fields.currency,
        click_window_days=None if days is msgspec.UNSET else days or 0,
        open_links=fields.open_links,
    )
    return _settings(changed)


async def replace_secret(runtime: Runtime, request: ApiRequest) -> AccountPostbackSecret:
    """Give the account a new postback secret."""
    made = await runtime.tracking.postback_settings.replace_secret(request.account, request.actor)
    until = made.settings.old_secret_until
    return AccountPostbackSecret(made.secret, None if until is None else shown_time(until))


_RECORD_CODES: Final = (
    "missing_message_id",
    "missing_revenue",
    "missing_attribution_type",
    "invalid_attribution_type",
    "invalid_timestamp",
    "invalid_currency",
    "message_not_found",
    "offer_not_found",
)
_EXAMPLE: Final = {"message_id": "x7y8z9w0", "revenue": 24.99, "attribution_type": "sale"}

ENDPOINTS: Final = (
    Endpoint(
        "POST /revenue",
        create,
        id="createRevenue",
        summary="Record what a message earned",
        description=(
            "A record without `external_id` is new each time: send an `Idempotency-Key` with it, "
            "so that a repeated request counts once."
        ),
        request=Revenue,
        answer=RevenueRecorded,
        codes=(*POSTING, *_RECORD_CODES),
        examples={"sale": _EXAMPLE},
    ),
    Endpoint(
        "POST /revenue/bulk",
        create_many,
        id="createRevenues",
        summary="Record what many messages earned",
        description="Each record is judged on its own.",
        request=RevenueBatch,
        answer=RevenueBatchRecorded,
        codes=(*POSTING, "missing_records", "too_many_records"),
        examples={"one": {"records": [_EXAMPLE]}},
    ),
    Endpoint(
        "GET /postbacks",
        postbacks,
        id="getPostbacks",
        summary="Show how the account takes conversions",
        description="The account's currency, its click window, and whether links need a secret.",
        answer=Postbacks,
        codes=READING,
    ),
    Endpoint(
        "PUT /postbacks",
        set_postbacks,
        id="updatePostbacks",
        summary="Change how the account takes conversions",
        description="Changes what is given and leaves the rest.",
        request=PostbackUpdate,
        answer=Postbacks,
        codes=CHANGING,
        examples={"window": {"click_window_days": 30}},
    ),
    Endpoint(
        "PUT /postbacks/secret",
        replace_secret,
        id="replaceAccountPostbackSecret",
        summary="Replace the account's postback secret",
        description=(
            "For postbacks that name a link or a click. The secret is shown this once, and the "
            "one before stays good for 24 hours."
        ),
        answer=AccountPostbackSecret,
        codes=DELETING,
    ),
)


def _record_in(raw: bytes) -> RevenueRecord | SendrailError:
    try:
        return _record(decoded(_one, raw))
    except InvalidInput as error:
        return error


def _record(fields: Revenue) -> RevenueRecord:
    message_id, wanted = word(fields.message_id), word(fields.attribution_type)
    if message_id is None:
        raise missing("message_id")
    if fields.revenue is None:
        raise missing("revenue")
    if wanted is None:
        raise missing("attribution_type")
    amount = money.of_number(fields.revenue)
    if amount is None:
        raise InvalidInput(f"revenue must be a number from 0 to {_AMOUNT_MAX:,}", param="revenue")
    attribution = attribution_in(wanted, _ATTRIBUTIONS)
    event = event_in(fields.event)
    external_id = external_id_in(fields.external_id, _EXTERNAL_LENGTH_MAX)
    return RevenueRecord(
        message_id=message_id,
        amount=amount,
        attribution=attribution,
        offer_id=word(fields.offer_id),
        at=moment_in(fields.timestamp),
        event=event,
        external_id=external_id,
        currency=word(fields.currency) or "",
    )


def _shape_batch(found: RecordedBatch) -> RevenueBatchRecorded:
    recorded: Sequence[Any] = [
        each for each in found.outcomes if isinstance(each, RecordedConversion)
    ]
    errors = [
        RevenueError(index=at, code=each.code, error=each.message, param=each.param)
        for at, each in enumerate(found.outcomes)
        if isinstance(each, SendrailError)
    ]
    new = [each.conversion.amount for each in recorded if not each.is_duplicate]
    return RevenueBatchRecorded(
        success_count=len(recorded),
        error_count=len(errors),
        duplicate_count=len(recorded) - len(new),
        total_revenue=money.shown(sum(new)),
        errors=errors[:ERRORS_MAX],
    )


def _settings(found: PostbackSettings) -> Postbacks:
    return Postbacks(
        currency=found.currency,
        click_window_days=found.click_window_days,
        open_links=found.open_links,
        has_postback_secret=found.secret is not None,
    )
