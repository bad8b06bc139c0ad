"""Offers: what links lead to, as the public API has them."""

from typing import Annotated, Final, Literal

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    ObjectId,
    Required,
    Time,
    about,
    one_of,
    schema,
    up_to,
)
from sendrail.api.v2.fields import cleared_by_null, nonblank
from sendrail.api.v2.operation import (
    CHANGING,
    DELETING,
    FINDING,
    POSTING,
    READING,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.queries import Pagination, given, pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain import money, offer
from sendrail.domain.destinations import URL_CHARACTERS_MAX
from sendrail.domain.errors import InvalidInput
from sendrail.domain.link_macros import CONTACT_MACROS, MACROS
from sendrail.domain.offer import OfferPlatform, OfferStatus, PayoutType
from sendrail.domain.times import shown as shown_time
from sendrail.tracking.offers import ID_LENGTH_MAX, SETTABLE, OfferChange, end_of

_STATUS_HELP: Final = f"`status` is one of {', '.join(OfferStatus)}"
_MACROS: Final = ", ".join(f"`{{{{{name}}}}}`" for name in (*MACROS, *CONTACT_MACROS))
_AMOUNT_MAX: Final = money.AMOUNT_MAX // money.UNIT

_Name = Annotated[str, schema(minLength=1, maxLength=offer.NAME_LENGTH_MAX, pattern=r"\S")]
_Url = Annotated[
    str,
    schema(format="uri", maxLength=URL_CHARACTERS_MAX),
    about(
        f"Where its links lead. Macros are filled for each recipient: {_MACROS}, "
        "and `{{contact.custom_fields.NAME}}`."
    ),
]
_Amount = Annotated[float, schema(minimum=0, maximum=_AMOUNT_MAX)]
_Payout = Annotated[
    _Amount, about("What one conversion pays, or one click, in the account's currency.")
]
_PayoutType = Annotated[str, one_of(PayoutType)]
_PLATFORM: Final = schema(anyOf=[{"enum": list(OfferPlatform)}, {"type": "null"}])
_Window = Annotated[int, schema(minimum=1, maximum=offer.CLICK_WINDOW_DAYS_MAX)]
_WINDOW: Final = about(
    "For how many days after its first click a message earns by this offer; null is the account's."
)
_EXTERNAL: Final = up_to(ID_LENGTH_MAX, "What the network calls the offer.")
_ADVERTISER: Final = up_to(ID_LENGTH_MAX, "What the network calls the advertiser.")
_FALLBACK: Final = about("Where its links lead while it is paused or expired.")
_EXPIRES: Final = about("When it ends by itself; null is never.")
_PIXEL: Final = about("Whether a pixel's own amount counts; if not, the offer's payout does.")
_Gone = msgspec.UnsetType


class NewOffer(msgspec.Struct, gc=False):
    """`POST /v2/offers`."""

    name: Required[_Name] = None
    tracking_url: Required[_Url] = None
    fallback_url: Annotated[str | None, _FALLBACK] = None
    external_platform: Annotated[str | None, _PLATFORM] = None
    external_id: Annotated[str | None, _EXTERNAL] = None
    advertiser_id: Annotated[str | None, _ADVERTISER] = None
    payout: Annotated[_Payout | None, schema(default=0)] = None
    payout_type: Annotated[_PayoutType | None, schema(default=str(PayoutType.CPA))] = None
    click_window_days: Annotated[_Window | None, _WINDOW] = None
    filter_bots: Annotated[
        bool | None,
        about(
            "Whether a click that looks like a machine's sees a page first; by default as the "
            "account's link settings say."
        ),
    ] = None
    pixel_amounts: Annotated[bool | None, schema(default=False), _PIXEL] = None
    status: Annotated[
        Annotated[str, one_of((OfferStatus.ACTIVE, OfferStatus.PAUSED))] | None,
        schema(default=str(OfferStatus.ACTIVE)),
    ] = None
    expires_at: Annotated[Time | None, _EXPIRES] = None
    metadata: Annotated[dict[str, str] | None, about("The caller's own texts.")] = None


class OfferUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/offers/{offer_id}`; what is left out stays as it is."""

    name: _Name | None = None
    tracking_url: _Url | None = None
    fallback_url: Annotated[str | _Gone | None, _FALLBACK] = msgspec.UNSET
    external_platform: Annotated[str | _Gone | None, _PLATFORM] = msgspec.UNSET
    external_id: Annotated[str | _Gone | None, _EXTERNAL] = msgspec.UNSET
    advertiser_id: Annotated[str | _Gone | None, _ADVERTISER] = msgspec.UNSET
    payout: _Payout | None = None
    payout_type: _PayoutType | None = None
    click_window_days: Annotated[_Window | _Gone | None, _WINDOW] = msgspec.UNSET
    filter_bots: Annotated[bool | _Gone | None, about("Null is as the account says.")] = (
        msgspec.UNSET
    )
    pixel_amounts: Annotated[bool | None, _PIXEL] = None
    status: Annotated[
        Annotated[str, one_of(SETTABLE)] | None,
        about("`active` brings an archived offer back."),
    ] = None
    expires_at: Annotated[Time | _Gone | None, _EXPIRES] = msgspec.UNSET
    metadata: Annotated[
        dict[str, str | None] | None, about("Merged into what is there; null removes a key.")
    ] = None


class Offer(msgspec.Struct):
    """An offer."""

    id: ObjectId
    slug: str
    name: str
    tracking_url: str
    fallback_url: str | None
    external_platform: Annotated[str | None, _PLATFORM]
    external_id: str | None
    advertiser_id: str | None
    payout: _Amount
    payout_type: _PayoutType
    click_window_days: _Window | None
    filter_bots: bool
    pixel_amounts: bool
    status: Annotated[str, one_of(OfferStatus)]
    expires_at: Time | None
    metadata: dict[str, str]
    has_postback_secret: bool
    created_at: Time
    updated_at: Time


class SavedOffer(Offer):
    """An offer that was made or changed: its fields, and once more as `offer`."""

    success: Always
    offer: Offer


class OfferList(msgspec.Struct):
    """A page of offers, newest first."""

    offers: list[Offer]
    pagination: Pagination


class OfferArchived(msgspec.Struct):
    """The answer to an offer that was archived."""

    success: Always
    archived: Always


class PostbackSecret(msgspec.Struct):
    """A new postback secret; it is shown only here."""

    offer_id: ObjectId
    postback_secret: str
    old_valid_until: Annotated[
        Time | None, about("Until when the secret before is good as well; null if there was none.")
    ]


_new: Final = msgspec.json.Decoder(NewOffer).decode
_update: Final = msgspec.json.Decoder(OfferUpdate).decode


async def page(runtime: Runtime, request: ApiRequest) -> OfferList:
    """List offers."""
    at, per_page = read_page(request.query)
    status = given(request.query, "status", _status, {"status": _STATUS_HELP})
    found = await runtime.tracking.offers.page(request.account, status, page=at, per_page=per_page)
    return OfferList([_shown(each) for each in found.offers], pagination(at, per_page, found.total))


async def show(runtime: Runtime, request: ApiRequest) -> Offer:
    """Show one offer."""
    return _shown(await runtime.tracking.offers.show(request.account, request.path["offer_id"]))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add an offer."""
    fields = decoded(_new, request.body)
    change = OfferChange(
        name=fields.name,
        tracking_url=fields.tracking_url,
        fallback_url=fields.fallback_url,
        external_platform=nonblank(fields.external_platform),
        external_id=fields.external_id,
        advertiser_id=fields.advertiser_id,
        payout=_amount(fields.payout),
        payout_type=fields.payout_type,
        click_window_days=_days(fields.click_window_days),
        filter_bots=fields.filter_bots,
        pixel_amounts=fields.pixel_amounts,
        status=fields.status,
        expires_at=None if fields.expires_at is None else end_of(fields.expires_at),
        metadata=fields.metadata,
    )
    return await request.guard(
        lambda guard: runtime.tracking.offers.add(
            request.account, change, request.actor, guard=guard
        ),
        _saved,
    )


async def update(runtime: Runtime, request: ApiRequest) -> SavedOffer:
    """Change an offer, pause it, archive it or bring it back."""
    fields = decoded(_update, request.body)
    change = OfferChange(
        name=fields.name,
        tracking_url=fields.tracking_url,
        fallback_url=cleared_by_null(fields.fallback_url),
        external_platform=cleared_by_null(fields.external_platform),
        external_id=cleared_by_null(fields.external_id),
        advertiser_id=cleared_by_null(fields.advertiser_id),
        payout=_amount(fields.payout),
        payout_type=fields.payout_type,
        click_window_days=_window(fields.click_window_days),
        filter_bots=_filter(fields.filter_bots),
        pixel_amounts=fields.pixel_amounts,
        status=fields.status,
        expires_at=_end(fields.expires_at),
        metadata=fields.metadata,
    )
    offer_id = request.path["offer_id"]
    return _saved(
        await runtime.tracking.offers.change(request.account, offer_id, change, request.actor)
    )


async def archive(runtime: Runtime, request: ApiRequest) -> OfferArchived:
    """Archive an offer; what was sent keeps leading to it."""
    await runtime.tracking.offers.archive(request.account, request.path["offer_id"], request.actor)
    return OfferArchived(success=True, archived=True)


async def replace_secret(runtime: Runtime, request: ApiRequest) -> PostbackSecret:
    """Give an offer a new postback secret."""
    made = await runtime.tracking.offers.replace_secret(
        request.account, request.path["offer_id"], request.actor
    )
    until = made.offer.old_secret_until
    return PostbackSecret(
        offer_id=made.offer.ref,
        postback_secret=made.secret,
        old_valid_until=None if until is None else shown_time(until),
    )


_ID: Final = (in_path("offer_id", ObjectId, "The offer's id."),)
_FIELD_CODES: Final = (
    "name_too_long",
    "invalid_url",
    "invalid_external_platform",
    "invalid_payout_type",
    "invalid_status",
    "metadata_too_large",
)

ENDPOINTS: Final = (
    Endpoint(
        "GET /offers",
        page,
        id="listOffers",
        summary="List offers",
        description="Returns the offers, newest first; archived ones only if they are asked for.",
        answer=OfferList,
        codes=READING,
        parameters=(
            *page_parameters(),
            query(
                "status",
                Annotated[str, schema(type="string", enum=list(OfferStatus))],
                "Only of this status.",
            ),
        ),
    ),
    Endpoint(
        "POST /offers",
        create,
        id="createOffer",
        summary="Add an offer",
        description="An offer is what links lead to, and what a conversion pays for.",
        request=NewOffer,
        answer=SavedOffer,
        codes=(
            *POSTING,
            "missing_name",
            "missing_tracking_url",
            *_FIELD_CODES,
            "too_many_offers",
        ),
        examples={
            "summer": {
                "name": "Summer Promo",
                "tracking_url": "https://shop.example/summer?click={{click_id}}",
                "external_platform": "everflow",
                "external_id": "812",
                "payout": 12.5,
                "click_window_days": 30,
                "metadata": {"season": "summer"},
            }
        },
    ),
    Endpoint(
        "GET /offers/{offer_id}",
        show,
        id="getOffer",
        summary="Show an offer",
        description="Returns one offer; another account's looks like no offer.",
        answer=Offer,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /offers/{offer_id}",
        update,
        id="updateOffer",
        summary="Change, pause or resume an offer",
        description=(
            "Changes what is given and leaves the rest. Links that were sent lead to the changed "
            "URL from then on; while an offer is paused they lead to its fallback URL."
        ),
        request=OfferUpdate,
        answer=SavedOffer,
        codes=(*CHANGING, "missing_name", "missing_tracking_url", *_FIELD_CODES, "not_found"),
        parameters=_ID,
        examples={"paused": {"status": "paused", "metadata": {"season": None}}},
    ),
    Endpoint(
        "DELETE /offers/{offer_id}",
        archive,
        id="deleteOffer",
        summary="Archive an offer",
        description=(
            "Hides the offer from new links. What was sent keeps leading to it, and `PUT` with "
            '`{"status": "active"}` brings it back.'
        ),
        answer=OfferArchived,
        codes=DELETING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /offers/{offer_id}/postback-secret",
        replace_secret,
        id="replacePostbackSecret",
        summary="Replace an offer's postback secret",
        description=(
            "Makes a new secret for the network's postbacks and shows it this once. The one "
            "before stays good for 24 hours."
        ),
        answer=PostbackSecret,
        codes=DELETING,
        parameters=_ID,
    ),
)


def _status(text: str) -> OfferStatus | None:
    return OfferStatus(text) if text in set(OfferStatus) else None


def _amount(value: float | None) -> int | None:
    if value is None:
        return None
    amount = money.of_number(value)
    if amount is None:
        raise InvalidInput(f"payout must be a number from 0 to {_AMOUNT_MAX:,}", param="payout")
    return amount


def _days(value: int | None) -> int | None:
    # Within the service 0 takes a window away; a caller does that by null.
    if value == 0:
        raise InvalidInput(
            f"click_window_days must be 1 to {offer.CLICK_WINDOW_DAYS_MAX}",
            param="click_window_days",
        )
    return value


def _window(value: int | _Gone | None) -> int | None:
    return None if value is msgspec.UNSET else 0 if value is None else _days(value)


def _filter(given: bool | msgspec.UnsetType | None) -> bool | Literal[""] | None:
    """Return what a change calls the filter: None leaves it as it is, and null takes it away."""
    if given is msgspec.UNSET:
        return None
    return "" if given is None else given


def _end(text: str | _Gone | None) -> int | None:
    return None if text is msgspec.UNSET else 0 if text is None else end_of(text)


def _shown(found: offer.Offer) -> Offer:
    return Offer(
        id=found.ref,
        slug=found.slug,
        name=found.name,
        tracking_url=found.tracking_url,
        fallback_url=found.fallback_url,
        external_platform=found.external_platform,
        external_id=found.external_id,
        advertiser_id=found.advertiser_id,
        payout=money.shown(found.payout),
        payout_type=found.payout_type,
        click_window_days=found.click_window_days,
        filter_bots=bool(found.filter_bots),
        pixel_amounts=found.pixel_amounts,
        status=found.status,
        expires_at=None if found.expires_at is None else shown_time(found.expires_at),
        metadata=dict(found.metadata),
        has_postback_secret=found.secret is not None,
        created_at=shown_time(found.created_at),
        updated_at=shown_time(found.updated_at),
    )


def _saved(found: offer.Offer) -> SavedOffer:
    plain = _shown(found)
    return SavedOffer(**msgspec.structs.asdict(plain), success=True, offer=plain)
