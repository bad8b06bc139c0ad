"""Lists: their senders, rates and connectors; one is changed, paused, resumed and verified."""

from typing import Final

from starlette.responses import Response

from sendrail.contacts.lists import ListChange
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import plain_number, said_at, whole
from sendrail.dashboard.pages.settings import SCOPES
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import (
    CarrierTrouble,
    Conflict,
    InvalidInput,
    SendrailError,
    StorageUnavailable,
)
from sendrail.domain.quiet_hours import QuietScope
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.user import Permission
from sendrail.domain.verification import Step
from sendrail.intake.lookup import WAITING_MAX

LOOKS: Final = {
    ListStatus.ACTIVE: ("ok", "Active"),
    ListStatus.PAUSED: ("idle half", "Paused"),
    ListStatus.DELETED: ("dropped idle", "Deleted"),
}

# In their order; a step is done once the next one is due.
_STEPS: Final = tuple(Step)


async def lists(ask: PageRequest) -> Response:
    """Show the account's lists."""
    return ask.page(
        "lists.html",
        lists=await ask.runtime.lists.all_details(ask.account, estimated=True),
        looks=LOOKS,
    )


async def one_list(ask: PageRequest) -> Response:
    """Show one list with its settings."""
    return await list_page(ask)


async def change(ask: PageRequest) -> Response:
    """Change name, brand, rate, connectors and quiet hours; a field that is not there stays."""
    try:
        wanted = ListChange(
            name=ask.field("list_name"),
            brand=ask.field("brand_name") or None,
            rate=_rate(ask),
            connector=ask.field("connector") or None,
            second_connector=ask.form.get("second_connector"),
            quiet_scope=_scope(ask),
            quiet_hours=ask.form.get("quiet_hours"),
        )
        await ask.runtime.lists.update_by_id(ask.account, ask.number("list_id"), wanted, ask.actor)
    except InvalidInput as fault:
        return await list_page(ask, fault)
    return ask.go(f"/lists/{ask.number('list_id')}", "The list is changed.")


async def ask_pause(ask: PageRequest) -> Response:
    """Ask before a list is paused: what waits is lost by it."""
    return await list_page(ask, asks="pause")


async def pause(ask: PageRequest) -> Response:
    """Stop sending from a list; what waits is dropped when its turn comes."""
    return await _set(ask, ListStatus.PAUSED, "The list is paused.")


async def resume(ask: PageRequest) -> Response:
    """Let a paused list send again."""
    return await _set(ask, ListStatus.ACTIVE, "The list sends again.")


async def check(ask: PageRequest) -> Response:
    """Take the first step of a verification: try the credentials. Nothing is sent."""
    sender = await _to_verify(ask)
    try:
        await ask.runtime.verification.check(ask.account, sender.number)
    except CarrierTrouble as trouble:
        return await list_page(ask, trouble)
    return ask.go(f"/lists/{sender.id}", "The credentials work. Send the test message next.")


async def send_test(ask: PageRequest) -> Response:
    """Take the second step: send a real message to a handset, which answers it."""
    sender = await _to_verify(ask)
    try:
        to = plain_number(ask.field("to"))
        await ask.runtime.verification.send_test(ask.account, sender.number, to)
    except (CarrierTrouble, StorageUnavailable):
        raise
    except SendrailError as fault:
        return await list_page(ask, fault)
    said = "The test message is on its way. Answer it on the handset."
    return ask.go(f"/lists/{sender.id}", said)


async def _to_verify(ask: PageRequest) -> SendingList:
    """Return the list. Raises `Conflict` where it needs no verification."""
    sender = await ask.runtime.lists.find_sender(ask.account, ask.number("list_id"))
    if not sender.byoc or sender.verified_at is not None:
        raise Conflict("This list needs no verification.")
    return sender


def _rate(ask: PageRequest) -> int:
    rate = whole(ask.field("rate"), "rate")
    if rate is None:
        raise InvalidInput("A rate is a whole number of messages a minute.", param="rate")
    return rate


def _scope(ask: PageRequest) -> QuietScope | None:
    text = ask.field("quiet_scope")
    if text not in {"", *QuietScope}:
        raise InvalidInput("Quiet hours are kept by campaigns, all or none.", param="quiet_scope")
    return QuietScope(text) if text else None


async def _set(ask: PageRequest, status: ListStatus, said: str) -> Response:
    list_id = ask.number("list_id")
    await ask.runtime.lists.update_by_id(ask.account, list_id, ListChange(status=status), ask.actor)
    return ask.go(f"/lists/{list_id}", said)


async def list_page(
    ask: PageRequest, fault: SendrailError | None = None, *, asks: str = ""
) -> Response:
    """Return a list's page; `asks` is the deed that it asks about, `pause` or `delete`."""
    found = await ask.runtime.lists.find_by_id(ask.account, ask.number("list_id"), estimated=True)
    sender = found.sender
    usable = await ask.runtime.connectors.all(ask.account)
    verifying = None
    if sender.byoc and sender.verified_at is None and sender.status is not ListStatus.DELETED:
        verifying = await ask.runtime.verification.status(ask.account, sender.number)
    return ask.page(
        "list.html",
        status=400 if fault else 200,
        found=found,
        sender=sender,
        asks=asks if asks != "pause" or sender.status is ListStatus.ACTIVE else "",
        verifying=verifying,
        steps=_STEPS,
        waiting=await ask.runtime.messages.waiting_of(ask.account, sender.id),
        waiting_max=WAITING_MAX,
        now=ask.runtime.clock.now(),
        scopes=[(each.value, words) for each, words in SCOPES.items()],
        connectors=[(each.connector.name, each.connector.name) for each in usable],
        seconds=[
            (each.connector.name, each.connector.name)
            for each in usable
            if each.connector.account_id is None
        ],
        said_at=said_at,
        account_hours=(await ask.runtime.account_settings.show(ask.account)).quiet_hours,
        looks=LOOKS,
        fault=fault,
        given=ask.form if fault else {},
    )


_VERIFY: Final = "/lists/{list_id}/verify"


ROUTES: Final = (
    PageRoute(route="GET /lists", answer=lists, permission=Permission.SEE_FIGURES),
    PageRoute(route="GET /lists/{list_id}", answer=one_list, permission=Permission.SEE_FIGURES),
    PageRoute(route="POST /lists/{list_id}", answer=change, permission=Permission.SEND),
    PageRoute(route="GET /lists/{list_id}/pause", answer=ask_pause, permission=Permission.SEND),
    PageRoute(route=f"POST {_VERIFY}/check", answer=check, permission=Permission.MANAGE),
    PageRoute(route=f"POST {_VERIFY}/test", answer=send_test, permission=Permission.MANAGE),
    PageRoute(route="POST /lists/{list_id}/pause", answer=pause, permission=Permission.SEND),
    PageRoute(route="POST /lists/{list_id}/resume", answer=resume, permission=Permission.SEND),
)
