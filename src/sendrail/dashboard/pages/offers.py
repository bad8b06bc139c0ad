"""Offers: what links lead to, what it pays, and for how long a click counts for it."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.offer import OfferStatus, PayoutType
from sendrail.domain.user import Permission

LOOKS: Final = {
    OfferStatus.ACTIVE: ("ok", "Active"),
    OfferStatus.PAUSED: ("idle half", "Paused"),
    OfferStatus.EXPIRED: ("warn", "Expired"),
    OfferStatus.ARCHIVED: ("dropped idle", "Archived"),
}
PAYS: Final = {PayoutType.CPA: "for each conversion", PayoutType.CPC: "for each click"}
PER_PAGE: Final = 50


async def offers(ask: PageRequest) -> Response:
    """Show a page of offers."""
    named = ask.query.get("status", "")
    status = OfferStatus(named) if named in set(OfferStatus) else None
    at = ask.page_number
    found = await ask.runtime.tracking.offers.page(ask.account, status, page=at, per_page=PER_PAGE)
    has_more = found.total > at * PER_PAGE
    return ask.page(
        "offers.html",
        found=found.offers,
        total=found.total,
        looks=LOOKS,
        pays=PAYS,
        currency=await currency_of(ask),
        view=status.value if status else "",
        is_filtered=status is not None or at > 1,
        newest=ask.url(page=None, said=None) if at > 1 else None,
        older=ask.url(page=str(at + 1), said=None) if has_more else None,
    )


async def offer(ask: PageRequest) -> Response:
    """Show one offer; its secrets are never shown again."""
    found = await ask.runtime.tracking.offers.show(ask.account, ask.path("offer_id"))
    return ask.page(
        "offer.html",
        found=found,
        looks=LOOKS,
        pays=PAYS,
        currency=await currency_of(ask),
    )


async def currency_of(ask: PageRequest) -> str:
    """Return the currency that payouts are in, the account's."""
    return (await ask.runtime.tracking.postback_settings.settings(ask.account)).currency


ROUTES: Final = (
    PageRoute(route="GET /offers", answer=offers, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /offers/{offer_id}", answer=offer, permission=Permission.SEE_FIGURES),
)
