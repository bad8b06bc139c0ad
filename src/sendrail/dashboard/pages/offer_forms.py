"""Offers as forms: new ones and changes."""

from collections.abc import Mapping
from typing import Final, Literal

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import money_of, said_at, whole
from sendrail.dashboard.pages.offers import LOOKS, PAYS, currency_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import money
from sendrail.domain.errors import SendrailError
from sendrail.domain.offer import Offer, OfferPlatform, OfferStatus
from sendrail.domain.user import Permission
from sendrail.tracking.offers import SETTABLE, OfferChange, end_of

_TEXTS: Final = (
    "name", "tracking_url", "fallback_url", "external_platform", "external_id", "advertiser_id",
)  # fmt: skip
_BOTS: Final = {"yes": True, "no": False}
_NEW: Final[Mapping[str, str]] = {"payout_type": "cpa", "status": "active"}


async def new(ask: PageRequest) -> Response:
    """Show the form of a new offer."""
    return await _page(ask, _NEW)


async def add(ask: PageRequest) -> Response:
    """Add the offer of a form."""
    try:
        made = await ask.runtime.tracking.offers.add(ask.account, _given(ask, None), ask.actor)
    except SendrailError as fault:
        return await _page(ask, ask.form, fault=fault)
    return ask.go(f"/offers/{made.ref}", "The offer is added.")


async def edit(ask: PageRequest) -> Response:
    """Show the form of an offer."""
    found = await ask.runtime.tracking.offers.show(ask.account, ask.path("offer_id"))
    return await _page(ask, _fields(ask, found), found)


async def change(ask: PageRequest) -> Response:
    """Change an offer."""
    found = await ask.runtime.tracking.offers.show(ask.account, ask.path("offer_id"))
    try:
        given = _given(ask, found)
        await ask.runtime.tracking.offers.change(ask.account, found.ref, given, ask.actor)
    except SendrailError as fault:
        return await _page(ask, ask.form, found, fault)
    return ask.go(f"/offers/{found.ref}", "The offer is changed.")


def _given(ask: PageRequest, found: Offer | None) -> OfferChange:
    """Return a form as the service takes it. Raises `InvalidInput` for what is no number."""
    days = whole(ask.field("click_window_days"), "click_window_days")
    # Empty is as the account says.
    bots: bool | Literal[""] = _BOTS.get(ask.field("filter_bots"), "")
    # An offer that has ended keeps its status until it is given another.
    status = ask.field("status")
    return OfferChange(
        **{name: ask.field(name) for name in _TEXTS},
        payout=money_of(ask.field("payout"), "payout") or 0,
        payout_type=ask.field("payout_type") or None,
        click_window_days=days or 0,
        # What is shown may be the account's word: it is the offer's own once it is another.
        filter_bots=None if found is not None and bots == found.filter_bots else bots,
        pixel_amounts=ask.field("pixel_amounts") == "yes",
        status=status if status in SETTABLE else None,
        expires_at=_end(ask, found),
        metadata=_metadata(ask, found),
    )


def _metadata(ask: PageRequest, found: Offer | None) -> Mapping[str, str | None] | None:
    """Return the notes of a form, None where they are as before: a value may have many lines."""
    text = ask.form.get("metadata", "")
    if found is not None and text == _notes(found):
        return None
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    kept: dict[str, str | None] = {name.strip(): value.strip() for name, _, value in pairs}
    gone: dict[str, str | None] = dict.fromkeys(found.metadata if found else (), None)
    return gone | kept


def _notes(found: Offer) -> str:
    return "\n".join(f"{name}={text}" for name, text in found.metadata.items())


def _end(ask: PageRequest, found: Offer | None) -> int | None:
    """Return the end of a form, None where it is as before: a clock shows some times twice."""
    text = ask.field("expires_at")
    if found is not None and text == ask.times.field(found.expires_at):
        return None
    return end_of(text, ask.times.zone) if text else 0


def _fields(ask: PageRequest, found: Offer) -> Mapping[str, str]:
    texts = {name: str(getattr(found, name) or "") for name in _TEXTS}
    return texts | {
        "payout": money.written(found.payout) if found.payout else "",
        "payout_type": found.payout_type.value,
        "click_window_days": str(found.click_window_days or ""),
        "filter_bots": {None: "", True: "yes", False: "no"}[found.filter_bots],
        "pixel_amounts": "yes" if found.pixel_amounts else "",
        "status": found.status.value,
        "expires_at": ask.times.field(found.expires_at),
        "metadata": _notes(found),
    }


async def _page(
    ask: PageRequest,
    given: Mapping[str, str],
    found: Offer | None = None,
    fault: SendrailError | None = None,
) -> Response:
    statuses = [each for each in SETTABLE if found or each is not OfferStatus.ARCHIVED]
    if found is not None and found.status not in statuses:
        statuses = [found.status, *statuses]
    return ask.page(
        "offer_form.html",
        status=400 if fault else 200,
        given=given,
        found=found,
        fault=fault,
        currency=await currency_of(ask),
        said_at=said_at,
        pays=[(each.value, words) for each, words in PAYS.items()],
        platforms=[(each.value, each.value.capitalize()) for each in OfferPlatform],
        statuses=[(each.value, LOOKS[each][1]) for each in statuses],
    )


_SEND: Final = Permission.SEND
ROUTES: Final = (
    PageRoute(route="GET /offers/new", answer=new, permission=_SEND),
    PageRoute(route="POST /offers/new", answer=add, permission=_SEND),
    PageRoute(route="GET /offers/{offer_id}/edit", answer=edit, permission=_SEND),
    PageRoute(route="POST /offers/{offer_id}/edit", answer=change, permission=_SEND),
)
