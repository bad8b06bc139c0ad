"""The audit log: who did what, when, in which request."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.audit import Action, AuditEntry
from sendrail.domain.user import Permission

PER_PAGE: Final = 50
_PAGE_DIGITS_MAX: Final = 5
# Where the objects have their pages, by the word that entries begin with.
_PLACES: Final = {
    "audience": "/audiences/{}",
    "connector": "/connectors/{}",
    "creative": "/creatives/{}",
    "endpoint": "/webhooks/{}",
    "journey": "/journeys/{}",
    "offer": "/offers/{}",
    "schedule": "/campaigns/{}",
}


async def audit(ask: PageRequest) -> Response:
    """Show a page of entries, newest first."""
    wanted = ask.query.get("action", "")
    action = Action(wanted) if wanted in list(Action) else None
    text = ask.query.get("page", "1")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _PAGE_DIGITS_MAX
    page = max(1, int(text)) if is_number else 1
    entries = await ask.runtime.audit.page(ask.account, action=action, page=page, per_page=PER_PAGE)
    return ask.page(
        "audit.html",
        entries=entries,
        actions=list(Action),
        action=action,
        places=[_place(each) for each in entries],
        details=[_details(each) for each in entries],
        newest=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1)) if len(entries) == PER_PAGE else None,
    )


def _place(entry: AuditEntry) -> str:
    """Return the path of the page of what an entry is about, empty where there is none."""
    kind, _, name = entry.about.partition(" ")
    gone = entry.action.endswith((".removed", ".revoked"))
    return _PLACES[kind].format(quote(name, safe="")) if kind in _PLACES and not gone else ""


def _details(entry: AuditEntry) -> str:
    """Return what an entry says beyond its action: `fields name, rate; status paused`."""
    said = []
    for name, value in entry.details.items():
        if isinstance(value, list | tuple):
            value = ", ".join(map(str, value))  # noqa: PLW2901 - as it is written
        elif isinstance(value, bool):
            value = "yes" if value else "no"  # noqa: PLW2901
        said.append(f"{name} {value}".replace("_", " "))
    return "; ".join(said)


ROUTES: Final = (PageRoute(route="GET /audit", answer=audit, permission=Permission.MANAGE),)
