"""Creatives: the texts of campaigns, as the public API has them, and a preview of ours."""

from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2.creative_shapes import (
    CreativeArchived,
    CreativeList,
    CreativePreview,
    CreativeUpdate,
    NewCreative,
    OfferLink,
    PreviewRequest,
    SavedCreative,
    ShownCreative,
    saved,
    shown,
    shown_preview,
)
from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import RowId, one_of, schema
from sendrail.api.v2.fields import nonblank, number, sender
from sendrail.api.v2.operation import (
    CHANGING,
    DELETING,
    FINDING,
    LIST,
    POSTING,
    READING,
    RECIPIENT,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.orders import values_in
from sendrail.api.v2.queries import given, pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.campaigns.previews import PreviewInput
from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.domain.creative import CreativeStatus, CreativeType

_HELP: Final = {
    "status": f"`status` is one of {', '.join(CreativeStatus)}",
    "creative_type": f"`creative_type` is one of {', '.join(CreativeType)}",
}
_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Summer Sale Promo",
    "message": "Hi {{first_name|there}}, deals just for you: {{link1}} Reply STOP to opt out.",
    "offer_links": [
        {
            "key": "link1",
            "offer_id": "0123456789abcdef01234567",
            "url_params": {"sub1": "sms"},
        }
    ],
}

_new: Final = msgspec.json.Decoder(NewCreative).decode
_update: Final = msgspec.json.Decoder(CreativeUpdate).decode
_preview: Final = msgspec.json.Decoder(PreviewRequest).decode


async def page(runtime: Runtime, request: ApiRequest) -> CreativeList:
    """List creatives."""
    at, per_page = read_page(request.query)
    status = given(request.query, "status", _status, _HELP) or CreativeStatus.ACTIVE
    kind = given(request.query, "creative_type", _type, _HELP)
    found = await runtime.creatives.page(request.account, status, kind, page=at, per_page=per_page)
    return CreativeList(
        creatives=[shown(each) for each in found.creatives],
        pagination=pagination(at, per_page, found.total),
    )


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a creative."""
    wanted = _given(decoded(_new, request.body))
    return await request.guard(
        lambda guard: runtime.creatives.add(request.account, wanted, request.actor, guard=guard),
        saved,
    )


async def show(runtime: Runtime, request: ApiRequest) -> ShownCreative:
    """Show a creative."""
    return shown(await runtime.creatives.show(request.account, request.path_id("creative_id")))


async def update(runtime: Runtime, request: ApiRequest) -> SavedCreative:
    """Change a creative."""
    wanted = _given(decoded(_update, request.body))
    creative_id = request.path_id("creative_id")
    return saved(
        await runtime.creatives.change(request.account, creative_id, wanted, request.actor)
    )


async def archive(runtime: Runtime, request: ApiRequest) -> CreativeArchived:
    """Archive a creative."""
    await runtime.creatives.archive(request.account, request.path_id("creative_id"), request.actor)
    return CreativeArchived(success=True, archived=True)


async def preview(runtime: Runtime, request: ApiRequest) -> CreativePreview:
    """Show a creative as a contact would get it."""
    creative_id = request.path_id("creative_id")
    fields = decoded(_preview, request.body)
    list_number, recipient = nonblank(fields.list_number), nonblank(fields.phone_number)
    wanted = PreviewInput(
        list_number=None if list_number is None else sender("list_number", list_number)[0],
        recipient=None if recipient is None else number("phone_number", recipient),
        values=values_in(fields.contact_data),
    )
    return shown_preview(await runtime.creatives.preview(request.account, creative_id, wanted))


_ID: Final = (in_path("creative_id", RowId, "The creative's id."),)
_LINK_CODES: Final = (
    "missing_link_placeholder",
    "unknown_macro",
    "missing_offer_links_for_placeholders",
    "missing_offer_link_key",
    "missing_offer_link_offer_id",
    "offer_not_found",
    "invalid_url",
)
_FIELD_CODES: Final = (
    "missing_name",
    "missing_message",
    "missing_offer_links",
    "name_too_long",
    "message_too_long",
    "invalid_status",
    "invalid_creative_type",
    *_LINK_CODES,
)
# As documented: a creative is at fault that names an offer which is not there.
_STATUSES: Final = {"offer_not_found": 400}

ENDPOINTS: Final = (
    Endpoint(
        "GET /creatives",
        page,
        id="listCreatives",
        summary="List creatives",
        description="Returns the creatives of a status, oldest first; the active ones by default.",
        answer=CreativeList,
        codes=READING,
        parameters=(
            *page_parameters(),
            query(
                "status",
                Annotated[
                    str,
                    schema(type="string", default=str(CreativeStatus.ACTIVE)),
                    one_of(CreativeStatus),
                ],
                "Only of this status.",
            ),
            query(
                "creative_type",
                Annotated[str, schema(type="string"), one_of(CreativeType)],
                "Only of this type.",
            ),
        ),
    ),
    Endpoint(
        "POST /creatives",
        create,
        id="createCreative",
        summary="Add a creative",
        description=(
            "A creative is a text for many, with at least one `{{linkN}}` and an offer behind "
            "each. The answer has the documented counts, the true size, and warnings."
        ),
        request=NewCreative,
        answer=SavedCreative,
        codes=(*POSTING, *_FIELD_CODES, "too_many_creatives"),
        statuses=_STATUSES,
        examples={"summer": _EXAMPLE},
    ),
    Endpoint(
        "GET /creatives/{creative_id}",
        show,
        id="getCreative",
        summary="Show a creative",
        description="Returns one creative; another account's looks like no creative.",
        answer=ShownCreative,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /creatives/{creative_id}",
        update,
        id="updateCreative",
        summary="Change a creative",
        description=(
            "Changes what is given, and counts anew. What was sent stays as it was; `offer_links` "
            "are replaced as a whole."
        ),
        request=CreativeUpdate,
        answer=SavedCreative,
        codes=(*CHANGING, *_FIELD_CODES, "not_found"),
        statuses=_STATUSES,
        parameters=_ID,
        examples={"paused": {"status": "paused"}},
    ),
    Endpoint(
        "DELETE /creatives/{creative_id}",
        archive,
        id="deleteCreative",
        summary="Archive a creative",
        description=(
            'Hides the creative from new campaigns; `PUT` with `{"status": "active"}` brings it '
            "back."
        ),
        answer=CreativeArchived,
        codes=DELETING,
        parameters=_ID,
    ),
    Endpoint(
        "POST /creatives/{creative_id}/preview",
        preview,
        id="previewCreative",
        summary="Preview a creative",
        description=(
            "Returns the text as one contact would get it, with its size and where its links "
            "lead. Name a contact of a list, or give values; nothing is sent."
        ),
        request=PreviewRequest,
        answer=CreativePreview,
        codes=(
            *POSTING,
            "not_found",
            "invalid_phone",
            "invalid_list_number",
            "missing_list_number",
            "list_not_found",
            "list_contact_not_found",
            "missing_field",
        ),
        parameters=_ID,
        examples={
            "contact": {
                "list_number": LIST,
                "phone_number": RECIPIENT,
                "contact_data": {"first_name": "Ann"},
            }
        },
    ),
)


def _status(text: str) -> CreativeStatus | None:
    return CreativeStatus(text) if text in set(CreativeStatus) else None


def _type(text: str) -> CreativeType | None:
    return CreativeType(text) if text in set(CreativeType) else None


def _given(fields: NewCreative | CreativeUpdate) -> CreativeInput:
    return CreativeInput(
        name=fields.name,
        message=fields.message,
        offer_links=None if fields.offer_links is None else [_link(e) for e in fields.offer_links],
        status=fields.status,
        creative_type=fields.creative_type,
    )


def _link(fields: OfferLink) -> LinkInput:
    return LinkInput(
        key=fields.key,
        offer_id=fields.offer_id,
        url=fields.url,
        url_params=fields.url_params or {},
    )
