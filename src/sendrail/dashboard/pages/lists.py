"""Lists: their senders, rates and connectors; one is paused and resumed, and its rate changed."""

from typing import Final

from starlette.responses import Response

from sendrail.contacts.lists import ListChange
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.settings import SCOPES
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.quiet_hours import QuietScope
from sendrail.domain.sender import ListStatus
from sendrail.domain.user import Permission

LOOKS: Final = {
    ListStatus.ACTIVE: ("ok", "Active"),
    ListStatus.PAUSED: ("idle half", "Paused"),
    ListStatus.DELETED: ("dropped idle", "Deleted"),
}


async def lists(ask: PageRequest) -> Response:
    """Show the account's lists."""
    return ask.page(
        "lists.html", lists=await ask.runtime.lists.all_details(ask.account), looks=LOOKS
    )


async def one_list(ask: PageRequest) -> Response:
    """Show one list with its settings."""
    return await _page(ask, None)


async def change(ask: PageRequest) -> Response:
    """Change name, brand and rate."""
    try:
        wanted = ListChange(
            name=ask.field("name"),
            brand=ask.field("brand") or None,
            rate=_rate(ask),
            quiet_scope=_scope(ask),
            quiet_hours=ask.form.get("quiet_hours"),
        )
        await ask.runtime.lists.update_by_id(ask.account, ask.number("list_id"), wanted, ask.actor)
    except InvalidInput as fault:
        return await _page(ask, fault)
    return ask.go(f"/lists/{ask.number('list_id')}", "The list is changed.")


async def pause(ask: PageRequest) -> Response:
    """Stop sending from a list; what waits is dropped when its turn comes."""
    return await _set(ask, ListStatus.PAUSED, "The list is paused.")


async def resume(ask: PageRequest) -> Response:
    """Let a paused list send again."""
    return await _set(ask, ListStatus.ACTIVE, "The list sends again.")


def _rate(ask: PageRequest) -> int:
    text = ask.field("rate").replace(",", "")
    if not text.isascii() or not text.isdecimal():
        raise InvalidInput("A rate is a whole number of messages a minute.", param="rate")
    return int(text[:12])


def _scope(ask: PageRequest) -> QuietScope | None:
    text = ask.field("quiet_scope")
    if text not in {"", *QuietScope}:
        raise InvalidInput("Quiet hours are kept by campaigns, all or none.", param="quiet_scope")
    return QuietScope(text) if text else None


async def _set(ask: PageRequest, status: ListStatus, said: str) -> Response:
    list_id = ask.number("list_id")
    await ask.runtime.lists.update_by_id(ask.account, list_id, ListChange(status=status), ask.actor)
    return ask.go(f"/lists/{list_id}", said)


async def _page(ask: PageRequest, fault: SendrailError | None) -> Response:
    found = await ask.runtime.lists.find_by_id(ask.account, ask.number("list_id"))
    return ask.page(
        "list.html",
        status=400 if fault else 200,
        found=found,
        sender=found.sender,
        scopes=SCOPES,
        account_hours=(await ask.runtime.account_settings.show(ask.account)).quiet_hours,
        looks=LOOKS,
        fault=fault,
        given=ask.form if fault else {},
    )


ROUTES: Final = (
    PageRoute(route="GET /lists", answer=lists, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /lists/{list_id}", answer=one_list, permission=Permission.SEE_FIGURES),
    PageRoute(route="POST /lists/{list_id}", answer=change, permission=Permission.SEND),
    PageRoute(route="POST /lists/{list_id}/pause", answer=pause, permission=Permission.SEND),
    PageRoute(route="POST /lists/{list_id}/resume", answer=resume, permission=Permission.SEND),
)
