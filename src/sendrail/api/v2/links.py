"""Links that are in no message, as the public API has them; its names are camelCase here."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import Count, ObjectId, Phone, RowId, Sender, Time, about, schema
from sendrail.api.v2.operation import FINDING, POSTING, READING, in_path, page_parameters
from sendrail.api.v2.orders import Metadata, read_metadata
from sendrail.api.v2.queries import Pagination, pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain import money, phone, sender_ids
from sendrail.domain.destinations import URL_CHARACTERS_MAX
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import ROW_ID_MAX, is_row_id
from sendrail.domain.order import Fault
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.short_ids import ALPHABET, LONG_LETTERS, SHORT_LETTERS
from sendrail.domain.times import shown as shown_time
from sendrail.tracking.short_links import NewShortLink, ShortLinkDetails

_LETTER: Final = f"[{ALPHABET}]"
_LinkId = Annotated[
    str,
    schema(pattern=f"^{_LETTER}{{{SHORT_LETTERS}}}({_LETTER}{{{LONG_LETTERS - SHORT_LETTERS}}})?$"),
]
_Url = Annotated[str, schema(format="uri", maxLength=URL_CHARACTERS_MAX)]
_ListId = Annotated[RowId, about("The list on whose tracking domain the link stands.")]
_ListNumber = Annotated[Sender, about("What the list sends from, in place of `listId`.")]
_Offer = Annotated[str, about("The offer, which must be active.")]
_External = Annotated[str, about("What its network calls the offer; `offerId` wins.")]
_DESTINATION: Final = about("Where it leads, with the macros that are filled when it is followed.")


class NewOfferShortLink(msgspec.Struct, rename="camel", gc=False):
    """`POST /v2/links`."""

    offer_id: _Offer | None = None
    external_offer_id: _External | None = None
    list_id: _ListId | None = None
    phone_number: _ListNumber | None = None


class NewShortLinkBody(msgspec.Struct, rename="camel", gc=False):
    """`POST /v2/links/shorten`."""

    url: Annotated[_Url | None, about("Where the link leads.")] = None
    offer_id: Annotated[
        str | None, about("The offer that it leads to, which must be active; wins over `url`.")
    ] = None
    list_id: _ListId | None = None
    phone_number: _ListNumber | None = None
    contact_phone: Annotated[
        Phone | None, about("Whose link it is: fills `{{contact.phone}}` in the URL.")
    ] = None
    metadata: Metadata = msgspec.UNSET


class OfferShortLink(msgspec.Struct, rename="camel"):
    """A new link to an offer."""

    short_url: str
    link_id: _LinkId
    click_tracker_url: Annotated[str, about("The short URL: it redirects once, to the offer.")]
    destination_url: Annotated[str, _DESTINATION]
    domain: Annotated[str, about("The tracking domain, with its scheme.")]
    offer_id: ObjectId


class ShortenedLink(msgspec.Struct, rename="camel"):
    """A new link to a URL or to an offer."""

    short_url: str
    link_id: _LinkId
    destination_url: Annotated[str, _DESTINATION]
    domain: Annotated[str, about("The tracking domain, without its scheme.")]
    offer_id: ObjectId | None
    filter_bots: bool


class ShortLink(msgspec.Struct, rename="camel"):
    """A link that is in no message, with its clicks."""

    short_url: Annotated[str | None, about("Null while its list has no tracking domain.")]
    link_id: _LinkId
    destination_url: Annotated[str, _DESTINATION]
    domain: Annotated[str | None, about("The tracking domain, without its scheme.")]
    offer_id: ObjectId | None
    filter_bots: bool
    list_id: RowId
    phone_number: Sender
    contact_phone: Phone | None
    metadata: msgspec.Raw
    clicks: Annotated[Count, about("Requests for it, those of machines included.")]
    human_clicks: Annotated[Count, about("Those of people.")]
    last_clicked_at: Annotated[Time | None, about("When a person last followed it.")]
    conversions: Annotated[Count, about("What was reported for it, refunds apart.")]
    revenue: Annotated[float, about("What these earned, less what was taken back.")]
    created_at: Time


class ShortLinkList(msgspec.Struct):
    """A page of links, newest first."""

    links: list[ShortLink]
    pagination: Pagination


_new_offer_link: Final = msgspec.json.Decoder(NewOfferShortLink).decode
_new_link: Final = msgspec.json.Decoder(NewShortLinkBody).decode


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Make a link to an offer."""
    fields = decoded(_new_offer_link, request.body)
    if not (_text(fields.offer_id) or _text(fields.external_offer_id)):
        # The call that takes a `url` as well has the same code.
        raise InvalidInput(
            "offerId or externalOfferId is required", code="missing_url_or_offer", param="offerId"
        )
    given = NewShortLink(
        offer=_text(fields.offer_id),
        external_offer=_text(fields.external_offer_id),
        list_id=_list_id(fields.list_id),
        list_number=_list_number(fields.phone_number),
    )
    return await request.guard(
        lambda guard: runtime.tracking.short_links.add(request.account, given, guard=guard),
        _offer_link,
    )


async def shorten(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Make a link to a URL or to an offer."""
    fields = decoded(_new_link, request.body)
    metadata = read_metadata(fields.metadata)
    if isinstance(metadata, Fault):
        raise InvalidInput(metadata.text, code=metadata.code, param=metadata.param)
    given = NewShortLink(
        url=_text(fields.url),
        offer=_text(fields.offer_id),
        list_id=_list_id(fields.list_id),
        list_number=_list_number(fields.phone_number),
        recipient=_recipient(fields.contact_phone),
        metadata=None if metadata is None else metadata.decode(),
    )
    return await request.guard(
        lambda guard: runtime.tracking.short_links.add(request.account, given, guard=guard),
        _shortened,
    )


async def page(runtime: Runtime, request: ApiRequest) -> ShortLinkList:
    """List links that are in no message."""
    at, per_page = read_page(request.query)
    found = await runtime.tracking.short_links.page(request.account, page=at, per_page=per_page)
    shown = [_shown(each) for each in found.links]
    return ShortLinkList(shown, pagination(at, per_page, found.total))


async def show(runtime: Runtime, request: ApiRequest) -> ShortLink:
    """Show a link that is in no message."""
    return _shown(await runtime.tracking.short_links.show(request.account, request.path["link_id"]))


# As the public API has them; the sending calls answer both with 400.
_STATUSES: Final = {"list_not_found": 404, "no_domain_configured": 409}
_CODES: Final = (
    *POSTING,
    "missing_url_or_offer",
    "missing_list_identifier",
    "invalid_phone",
    "offer_not_found",
    "list_not_found",
    "no_domain_configured",
)

ENDPOINTS: Final = (
    Endpoint(
        "POST /links",
        create,
        id="createLink",
        summary="Make a link to an offer",
        description=(
            "Each call makes a new link. Query parameters that are appended to it, such as "
            "`?sub1=a`, fill the macros of their names in the offer's URL when it is followed."
        ),
        request=NewOfferShortLink,
        answer=OfferShortLink,
        codes=_CODES,
        statuses=_STATUSES,
        examples={"offer": {"offerId": "5f1d7a2b9c3e4f5a6b7c8d9e", "phoneNumber": "+15550001000"}},
    ),
    Endpoint(
        "POST /links/shorten",
        shorten,
        id="shortenLink",
        summary="Make a link to a URL or an offer",
        description=(
            "Each call makes a new link, on the list's tracking domain. A URL's macros are those "
            "of offers; query parameters appended to the link fill those of their names."
        ),
        request=NewShortLinkBody,
        answer=ShortenedLink,
        codes=(*_CODES, "invalid_url", "metadata_too_large"),
        statuses=_STATUSES,
        examples={
            "url": {
                "url": "https://shop.example/cart?who={{contact.phone}}",
                "phoneNumber": "+15550001000",
                "contactPhone": "+15550100000",
                "metadata": {"cart": 7},
            }
        },
    ),
    Endpoint(
        "GET /links",
        page,
        id="listLinks",
        summary="List links that are in no message",
        description="Returns the links that were made by the calls here, newest first.",
        answer=ShortLinkList,
        codes=READING,
        parameters=page_parameters(),
    ),
    Endpoint(
        "GET /links/{link_id}",
        show,
        id="getLink",
        summary="Show a link that is in no message",
        description="Returns one link with its clicks; another account's looks like no link.",
        answer=ShortLink,
        codes=FINDING,
        parameters=(in_path("link_id", _LinkId, "The link's id: the end of its URL."),),
    ),
)


def _text(given: str | None) -> str | None:
    """Return a text without the blanks around it; a blank one is none."""
    return None if given is None else given.strip() or None


def _list_id(given: int | None) -> int | None:
    if given is not None and not is_row_id(given):
        # An id of no list: that it does not fit a row must not show.
        return ROW_ID_MAX
    return given


def _list_number(given: str | None) -> PhoneNumber | None:
    if (text := _text(given)) is None:
        return None
    number = sender_ids.parse(text)
    if number is None:
        raise InvalidInput(
            f"phoneNumber must be {sender_ids.FORM}", code="invalid_phone", param="phoneNumber"
        )
    return number


def _recipient(given: str | None) -> PhoneNumber | None:
    if (text := _text(given)) is None:
        return None
    number = phone.parse(text)
    if number is None:
        raise InvalidInput(
            "contactPhone must be an E.164 phone number, such as +15550100000",
            code="invalid_phone",
            param="contactPhone",
        )
    return number


def _offer_link(made: ShortLinkDetails) -> OfferShortLink:
    url, ref = made.short_url, made.link.offer_ref
    assert url is not None, "a link is made on a host"
    assert ref is not None, "a link is made to an offer"
    return OfferShortLink(
        short_url=url,
        link_id=made.id,
        click_tracker_url=url,
        destination_url=made.destination_url,
        domain=url.rpartition("/")[0],
        offer_id=ref,
    )


def _shortened(made: ShortLinkDetails) -> ShortenedLink:
    url, domain = made.short_url, _domain(made)
    assert url is not None, "a link is made on a host"
    assert domain is not None, "a link is made on a host"
    return ShortenedLink(
        short_url=url,
        link_id=made.id,
        destination_url=made.destination_url,
        domain=domain,
        offer_id=made.link.offer_ref,
        filter_bots=made.link.filter_bots,
    )


def _shown(found: ShortLinkDetails) -> ShortLink:
    link = found.link
    recipient, last = link.recipient, link.last_clicked_at
    return ShortLink(
        short_url=found.short_url,
        link_id=found.id,
        destination_url=found.destination_url,
        domain=_domain(found),
        offer_id=link.offer_ref,
        filter_bots=link.filter_bots,
        list_id=link.list_id,
        phone_number=link.list_number,
        contact_phone=None if recipient is None else phone.show(PhoneNumber(recipient)),
        metadata=msgspec.Raw((link.metadata or "null").encode()),
        clicks=link.clicks,
        human_clicks=link.human_clicks,
        last_clicked_at=None if last is None else shown_time(last),
        conversions=found.earned.conversions,
        revenue=money.shown(found.earned.revenue),
        created_at=shown_time(link.created_at),
    )


def _domain(found: ShortLinkDetails) -> str | None:
    """Return the host of a link, without the scheme."""
    host = found.host
    return None if host is None else host.prefix.partition("://")[2].removesuffix("/")
