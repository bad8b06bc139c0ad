"""Tracking domains with the DNS record that each needs, and clicks by the kind of visitor."""

from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.click_classes import ClickClass
from sendrail.domain.errors import Conflict, InvalidInput, SendrailError
from sendrail.domain.tracking_domain import DomainStatus
from sendrail.domain.user import Permission

PER_PAGE: Final = 50
LOOKS: Final = {
    DomainStatus.UNVERIFIED: ("queued idle", "Not verified"),
    DomainStatus.VERIFIED: ("ok", "Verified"),
    DomainStatus.FAILING: ("bad", "Failing"),
}
CLASS_LOOKS: Final = {
    ClickClass.HUMAN: ("ok", "Person"),
    ClickClass.UNKNOWN: ("queued idle", "Unknown"),
    ClickClass.BOT: ("dropped idle", "Bot"),
    ClickClass.PREVIEW: ("dropped idle", "Preview"),
    ClickClass.PREFETCH: ("dropped idle", "Prefetch"),
}


async def domains(ask: PageRequest) -> Response:
    """Show the account's tracking domains."""
    return await _page(ask, None)


async def add(ask: PageRequest) -> Response:
    """Add a domain; the account's first one is its default."""
    try:
        added = await ask.runtime.tracking.domains.add(ask.account, ask.field("domain"), ask.actor)
    except (InvalidInput, Conflict) as fault:
        return await _page(ask, fault)
    return ask.go("/domains", f"{added.domain.host} is added. Set its DNS record, then verify it.")


async def verify(ask: PageRequest) -> Response:
    """Ask a domain over HTTPS now."""
    domain_id = ask.number("domain_id")
    found = (await ask.runtime.tracking.domains.verify(ask.account, domain_id)).domain
    said = "leads here." if found.problem is None else f"does not lead here: {found.problem}."
    return ask.go("/domains", f"{found.host} {said}")


async def use(ask: PageRequest) -> Response:
    """Make a domain the one that links stand on where a list names no other."""
    found = await ask.runtime.tracking.domains.change(
        ask.account, ask.number("domain_id"), ask.actor, is_default=True
    )
    return ask.go("/domains", f"{found.domain.host} is the default.")


async def clicks(ask: PageRequest) -> Response:
    """Show a page of clicks, newest first, of one kind of visitor or of all."""
    wanted = ask.query.get("class", "")
    kind = next((each for each in ClickClass if each.name.lower() == wanted), None)
    page = ask.page_number
    found = await ask.runtime.tracking.clicks.page(
        ask.account, click_class=kind, page=page, per_page=PER_PAGE
    )
    return ask.page(
        "clicks.html",
        clicks=[
            (
                each,
                ask.runtime.ids.show(each.number) if each.position is not None else "",
                (each.agent or b"").decode("utf-8", "replace"),
            )
            for each in found
        ],
        looks=CLASS_LOOKS,
        kind=kind,
        newer=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1), said=None) if len(found) == PER_PAGE else None,
    )


async def _page(ask: PageRequest, fault: SendrailError | None) -> Response:
    return ask.page(
        "domains.html",
        status=400 if fault else 200,
        domains=await ask.runtime.tracking.domains.all(ask.account),
        looks=LOOKS,
        fault=fault,
        given=ask.form.get("domain", "") if fault else "",
        target=urlsplit(ask.runtime.settings.public_url).hostname or "",
    )


_AT: Final = "/domains/{domain_id}"
ROUTES: Final = (
    PageRoute(route="GET /domains", answer=domains, permission=Permission.SEE_FIGURES),
    PageRoute(route="POST /domains", answer=add, permission=Permission.MANAGE),
    PageRoute(route=f"POST {_AT}/verify", answer=verify, permission=Permission.MANAGE),
    PageRoute(route=f"POST {_AT}/default", answer=use, permission=Permission.MANAGE),
    PageRoute(route="GET /clicks", answer=clicks, permission=Permission.SEE_PEOPLE),
)
