"""Creatives: the texts that campaigns choose from, and one as it looks on a phone."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.audiences import page_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.creative import CreativeStatus, CreativeType
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
    at = page_of(ask)
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
    found = await ask.runtime.creatives.show(ask.account, ask.number("creative_id"))
    offers = {
        ref: await ask.runtime.tracking.offers.show(ask.account, ref)
        for ref in found.creative.offer_refs
    }
    return ask.page(
        "creative.html",
        found=found,
        creative=found.creative,
        links=[
            (each, offers[each.offer_ref], each.destination(offers[each.offer_ref].tracking_url))
            for each in found.creative.offer_links
        ],
        looks=LOOKS,
        types=TYPES,
        encodings=ENCODINGS,
    )


ROUTES: Final = (
    PageRoute(route="GET /creatives", answer=creatives, permission=Permission.SEE_PEOPLE),
    PageRoute(
        route="GET /creatives/{creative_id}", answer=creative, permission=Permission.SEE_PEOPLE
    ),
)
