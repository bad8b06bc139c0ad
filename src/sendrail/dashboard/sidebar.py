"""The one figure of the sidebar: how many replies are unread.

It stands on every page, and is asked for again by itself, so that no page is made for it.
"""

from typing import Final

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.showing import unread_shown
from sendrail.domain.user import Permission

# The id of the element that is asked for again.
_PART: Final = "unread"


async def fill(ask: PageRequest) -> None:
    """Read the figures of the sidebar for a page that is about to be made."""
    if ask.may(Permission.SEE_PEOPLE) and not ask.part:
        ask.unread = await _unread(ask)


async def answer_part(ask: PageRequest) -> Response | None:
    """Return the part of the sidebar that is asked for again, None where another thing is."""
    if ask.part != _PART or not ask.may(Permission.SEE_PEOPLE):
        return None
    unread = await ask.answers.get(("unread", ask.account), lambda: _unread(ask))
    return HTMLResponse(Markup('<span id="{}">{}</span>').format(_PART, unread_shown(unread)))


async def _unread(ask: PageRequest) -> int:
    unread, _ = await ask.runtime.replies.waiting(ask.account)
    return unread
