"""Lists as forms: a sender is added with its connector, and a list is deleted."""

from typing import Final

from starlette.responses import Response

from sendrail.contacts.inputs import choice_of, list_number_of
from sendrail.contacts.lists import ListChange
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import plain_number, said_at, whole
from sendrail.dashboard.pages.lists import list_page
from sendrail.dashboard.pages.settings import SCOPES
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import sender_ids
from sendrail.domain.errors import SendrailError
from sendrail.domain.quiet_hours import QuietScope
from sendrail.domain.sender import ListStatus, OnUncertain
from sendrail.domain.user import Permission

# The fields beside which a fault can stand.
_FIELDS: Final = frozenset(
    {
        "list_number", "list_name", "brand_name", "rate", "connector", "second_connector",
        "quiet_hours",
    }
)  # fmt: skip


async def new(ask: PageRequest) -> Response:
    """Show the form of a new list."""
    return await _page(ask)


async def add(ask: PageRequest) -> Response:
    """Add the list of a form."""
    try:
        text = plain_number(ask.field("list_number"))
        made = await ask.runtime.lists.add(
            ask.account,
            list_number_of(text),
            sender_name=sender_ids.text_beside(text),
            name=ask.field("list_name"),
            brand=ask.field("brand_name"),
            rate=whole(ask.field("rate"), "rate"),
            connector=ask.field("connector"),
            second_connector=ask.field("second_connector"),
            on_uncertain=choice_of(
                OnUncertain, ask.field("on_uncertain") or OnUncertain.HOLD, "on_uncertain"
            ),
            quiet_scope=choice_of(
                QuietScope, ask.field("quiet_scope") or QuietScope.CAMPAIGNS, "quiet_scope"
            ),
            quiet_hours=ask.field("quiet_hours"),
            actor=ask.actor,
        )
    except SendrailError as fault:
        return await _page(ask, fault)
    said = "The list is added."
    if made.sender.byoc:
        said = "The list is added. Verify it below: until then it sends nothing."
    return ask.go(f"/lists/{made.sender.id}", said)


async def ask_delete(ask: PageRequest) -> Response:
    """Ask before a list is deleted."""
    return await list_page(ask, asks="delete")


async def delete(ask: PageRequest) -> Response:
    """Delete a list: it is hidden, and its opt-outs outlive it."""
    gone = ListChange(status=ListStatus.DELETED)
    found = await ask.runtime.lists.update_by_id(
        ask.account, ask.number("list_id"), gone, ask.actor
    )
    return ask.go("/lists", f"{found.sender.name} is deleted.")


async def _page(ask: PageRequest, fault: SendrailError | None = None) -> Response:
    usable = await ask.runtime.connectors.all(ask.account)
    settings = await ask.runtime.account_settings.show(ask.account)
    only = usable[0].connector.name if len(usable) == 1 else ""
    first = {
        "connector": ask.query.get("connector", only),
        "rate": f"{ask.runtime.settings.default_list_rate:,}",
        "quiet_scope": QuietScope.CAMPAIGNS.value,
        "on_uncertain": OnUncertain.HOLD.value,
    }
    return ask.page(
        "list_form.html",
        status=400 if fault else 200,
        given=ask.form if fault else first,
        fault=fault,
        is_placed=fault is not None and fault.param in _FIELDS,
        connectors=[(each.connector.name, each.connector.name) for each in usable],
        # An account's own carrier can be a list's first connector only.
        seconds=[
            (each.connector.name, each.connector.name)
            for each in usable
            if each.connector.account_id is None
        ],
        scopes=[(each.value, words) for each, words in SCOPES.items()],
        account_hours=settings.quiet_hours,
        said_at=said_at,
    )


ROUTES: Final = (
    PageRoute(route="GET /lists/new", answer=new, permission=Permission.SEND),
    PageRoute(route="POST /lists/new", answer=add, permission=Permission.SEND),
    PageRoute(route="GET /lists/{list_id}/delete", answer=ask_delete, permission=Permission.SEND),
    PageRoute(route="POST /lists/{list_id}/delete", answer=delete, permission=Permission.SEND),
)
