"""Creatives: the texts that campaigns choose from, and one as it looks on a phone."""

from typing import Final

from starlette.responses import Response

from sendrail.campaigns.previews import Preview, PreviewInput
from sendrail.contacts.inputs import list_number_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import said_at
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.creative import CreativeStatus, CreativeType
from sendrail.domain.errors import InvalidInput
from sendrail.domain.text import Encoding
from sendrail.domain.user import Permission

LOOKS: Final = {
    CreativeStatus.ACTIVE: ("ok", "Active"),
    CreativeStatus.PAUSED: ("idle half", "Paused"),
    CreativeStatus.ARCHIVED: ("dropped idle", "Archived"),
}
TYPES: Final = {
    CreativeType.AUTOMATED: "Chosen by success",
    CreativeType.ONE_TIME: "For one campaign",
    CreativeType.WELCOME: "For welcome journeys",
}
ENCODINGS: Final = {Encoding.GSM7: "GSM-7", Encoding.UCS2: "UCS-2"}
PER_PAGE: Final = 50


async def creatives(ask: PageRequest) -> Response:
    """Show a page of creatives."""
    named = ask.query.get("status", "")
    status = CreativeStatus(named) if named in set(CreativeStatus) else CreativeStatus.ACTIVE
    kind = ask.query.get("type", "")
    of_type = CreativeType(kind) if kind in set(CreativeType) else None
    at = ask.page_number
    found = await ask.runtime.creatives.page(
        ask.account, status, of_type, page=at, per_page=PER_PAGE
    )
    return ask.page(
        "creatives.html",
        found=found.creatives,
        total=found.total,
        looks=LOOKS,
        types=TYPES,
        encodings=ENCODINGS,
        view=status.value,
        kind=of_type.value if of_type else "",
        first=ask.url(page=None, said=None) if at > 1 else None,
        following=ask.url(page=str(at + 1), said=None) if found.total > at * PER_PAGE else None,
        is_filtered=bool(kind or named) or at > 1,
    )


async def creative(ask: PageRequest) -> Response:
    """Show one creative as a phone shows it, and what it costs."""
    return await _page(ask)


async def creative_for(ask: PageRequest) -> Response:
    """Show a creative as one contact would get it.

    The number comes by a form, because an address stays in histories and logs.
    """
    try:
        shown = await ask.runtime.creatives.preview(
            ask.account, ask.number("creative_id"), await _asked_for(ask)
        )
    except InvalidInput as fault:
        return await _page(ask, fault=fault)
    return await _page(ask, shown)


async def _asked_for(ask: PageRequest) -> PreviewInput:
    """Return the contact and list of the form; without a list, the newest that has the contact."""
    recipient = phone.parse(digits_in(ask.field("number")))
    if recipient is None:
        raise InvalidInput(
            "This is no number. Write it with its country code, such as +1 555 010 1184.",
            param="number",
        )
    if ask.field("list"):
        list_number = list_number_of(ask.field("list"))
    else:
        found = await ask.runtime.contacts.page(ask.account, recipient=recipient, per_page=1)
        if not found.contacts:
            raise InvalidInput("This number is on none of your lists.", param="number")
        on = found.contacts[0].contact.list_id
        list_number = (await ask.runtime.lists.find_sender(ask.account, on)).number
    return PreviewInput(list_number=list_number, recipient=recipient)


async def _page(
    ask: PageRequest, shown: Preview | None = None, fault: InvalidInput | None = None
) -> Response:
    found = await ask.runtime.creatives.show(ask.account, ask.number("creative_id"))
    offers = {
        ref: await ask.runtime.tracking.offers.show(ask.account, ref)
        for ref in found.creative.offer_refs
    }
    lists = await ask.runtime.lists.all(ask.account)
    return ask.page(
        "creative.html",
        status=400 if fault else 200,
        found=found,
        creative=found.creative,
        links=[
            (each, offers[each.offer_ref], each.destination(offers[each.offer_ref].tracking_url))
            for each in found.creative.offer_links
        ],
        looks=LOOKS,
        types=TYPES,
        encodings=ENCODINGS,
        lists=[(sender_of(each), each.name) for each in lists],
        given=ask.form if ask.request.method == "POST" else {},
        shown=shown,
        shown_to=digits_in(ask.field("number")) if shown else "",
        said_at=said_at,
        fault=fault,
    )


_AT: Final = "/creatives/{creative_id}"
ROUTES: Final = (
    PageRoute(route="GET /creatives", answer=creatives, permission=Permission.SEE_PEOPLE),
    PageRoute(route=f"GET {_AT}", answer=creative, permission=Permission.SEE_PEOPLE),
    PageRoute(route=f"POST {_AT}/preview", answer=creative_for, permission=Permission.SEE_PEOPLE),
)
