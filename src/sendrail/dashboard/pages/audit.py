"""The audit log: who did what, when, in which request."""

from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.audit import Action
from sendrail.domain.user import Permission

PER_PAGE: Final = 50
_PAGE_DIGITS_MAX: Final = 5


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
        newest=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1)) if len(entries) == PER_PAGE else None,
    )


ROUTES: Final = (PageRoute(route="GET /audit", answer=audit, permission=Permission.MANAGE),)
