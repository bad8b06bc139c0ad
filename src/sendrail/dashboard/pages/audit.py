"""The audit log: who did what, when, in which request."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.showing import number_shown
from sendrail.domain.audit import Action, AuditEntry
from sendrail.domain.user import Permission

PER_PAGE: Final = 50
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
    page = ask.page_number
    entries = await ask.runtime.audit.page(ask.account, action=action, page=page, per_page=PER_PAGE)
    return ask.page(
        "audit.html",
        entries=entries,
        actions=list(Action),
        action=action,
        places=[_place(each) for each in entries],
        abouts=[_about(each) for each in entries],
        details=[_details(each) for each in entries],
        newest=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1)) if len(entries) == PER_PAGE else None,
    )


def _place(entry: AuditEntry) -> str:
    """Return the path of the page of what an entry is about, empty where there is none."""
    kind, _, name = entry.about.partition(" ")
    gone = entry.action.endswith((".removed", ".revoked"))
    return _PLACES[kind].format(quote(name, safe="")) if kind in _PLACES and not gone else ""


def _about(entry: AuditEntry) -> str:
    """Return what an entry is about, a number as pages write it: `list +1 555 010 1184`."""
    kind, _, name = entry.about.partition(" ")
    return f"{kind} {number_shown(name)}".rstrip()


def _details(entry: AuditEntry) -> str:
    """Return what an entry says beyond its action: `fields name, rate; status paused; new`."""
    return "; ".join(_said(*each) for each in entry.details.items())


def _said(name: str, value: object) -> str:
    words = name.replace("_", " ")
    if isinstance(value, bool):
        words = words.removeprefix("is ")
        return words if value else f"not {words}"
    if isinstance(value, list | tuple):
        return f"{words} {', '.join(map(_written, value))}"
    return f"{words} {_written(value)}"


def _written(value: object) -> str:
    """Return a value as pages write it: telephone numbers in groups, the API's names in words."""
    text = str(value)
    return number_shown(text) if text.startswith("+") else text.replace("_", " ")


ROUTES: Final = (PageRoute(route="GET /audit", answer=audit, permission=Permission.MANAGE),)
