"""Connectors: their states, their settings without secrets; one is tested, paused and resumed."""

from typing import Final

from starlette.responses import Response

from sendrail.connectors.service import ConnectorSummary
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.attention import CONNECTOR_LOOKS
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.setting_fields import label_of
from sendrail.domain.errors import CarrierTrouble, NotFound
from sendrail.domain.user import Permission


async def connectors(ask: PageRequest) -> Response:
    """Show the connectors that the account can use."""
    found = await ask.runtime.connectors.all(ask.account)
    return ask.page("connectors.html", connectors=found, looks=CONNECTOR_LOOKS)


async def connector(ask: PageRequest) -> Response:
    """Show one connector."""
    return await connector_page(ask)


async def test(ask: PageRequest) -> Response:
    """Try its credentials; no message is sent."""
    await ours(ask)
    try:
        said = await ask.runtime.connectors.test(ask.account, ask.path("name"))
    except CarrierTrouble as trouble:
        return await connector_page(ask, trouble=trouble)
    return await connector_page(ask, worked=said)


async def pause(ask: PageRequest) -> Response:
    """Submit nothing more by it; receipts and replies are still taken."""
    await ours(ask)
    await ask.runtime.connectors.pause(ask.account, ask.path("name"), ask.actor)
    return ask.go(f"/connectors/{ask.path('name')}", "The connector is paused.")


async def resume(ask: PageRequest) -> Response:
    """Submit by it again."""
    await ours(ask)
    await ask.runtime.connectors.resume(ask.account, ask.path("name"), ask.actor)
    return ask.go(f"/connectors/{ask.path('name')}", "The connector is open again.")


def may_change(ask: PageRequest, found: ConnectorSummary) -> bool:
    """Return whether it is the account's own, or its user an operator."""
    is_own = found.connector.account_id is not None
    return ask.may(Permission.MANAGE if is_own else Permission.OPERATE)


async def ours(ask: PageRequest) -> ConnectorSummary:
    """Return the connector of a page that the user may change. Raises `NotFound`."""
    found = await ask.runtime.connectors.find(ask.account, ask.path("name"))
    if not may_change(ask, found):
        raise NotFound("There is no such page, or your role does not see it.")
    return found


async def connector_page(
    ask: PageRequest,
    *,
    trouble: CarrierTrouble | None = None,
    worked: str = "",
    asks: bool = False,
) -> Response:
    """Return the page of one connector; with `asks` it asks whether to remove it."""
    found = await ask.runtime.connectors.find(ask.account, ask.path("name"))
    return ask.page(
        "connector.html",
        found=found,
        connector=found.connector,
        report=found.report,
        looks=CONNECTOR_LOOKS,
        may_change=may_change(ask, found),
        trouble=trouble,
        worked=worked,
        asks=asks,
        label_of=label_of,
    )


ROUTES: Final = (
    PageRoute(route="GET /connectors", answer=connectors, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /connectors/{name}", answer=connector, permission=Permission.SEE_FIGURES),
    PageRoute(route="POST /connectors/{name}/test", answer=test, permission=Permission.MANAGE),
    PageRoute(route="POST /connectors/{name}/pause", answer=pause, permission=Permission.MANAGE),
    PageRoute(route="POST /connectors/{name}/resume", answer=resume, permission=Permission.MANAGE),
)
