"""The settings of the account: its name, clock and country, what stands around texts, and words."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from sendrail.campaigns.account_settings import AccountSettingsChange
from sendrail.contacts.frames import FrameChange
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import said_at
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import SendrailError
from sendrail.domain.local_time import zone_names
from sendrail.domain.quiet_hours import QuietScope
from sendrail.domain.user import Permission

SCOPES: Final = {
    QuietScope.CAMPAIGNS: "campaigns and journeys",
    QuietScope.ALL: "every message",
    QuietScope.NONE: "nothing: it is transactional",
}
_USUAL: Final = frozenset({"prepend", "append"})


async def settings(ask: PageRequest) -> Response:
    """Show the settings of the account."""
    return await _page(ask)


async def change_account(ask: PageRequest) -> Response:
    """Change name, clock and country."""
    change = AccountSettingsChange(
        name=ask.field("name"), timezone=ask.field("timezone"), country=ask.field("country")
    )
    return await _change(ask, "account", change)


async def change_texts(ask: PageRequest) -> Response:
    """Change what stands before and after texts, or use the usual texts again."""
    frame = FrameChange(inherited=_USUAL)
    if ask.field("do") != "usual":
        # Blanks at their ends are part of them.
        frame = FrameChange(prepend=_text(ask, "prepend_text"), append=_text(ask, "append_text"))
    return await _change(ask, "texts", AccountSettingsChange(frame=frame))


async def change_words(ask: PageRequest) -> Response:
    """Change the words that no text may contain, and those that mean STOP."""
    change = AccountSettingsChange(
        blocked_words=_words(ask, "blocked_words"), stop_words=_words(ask, "stop_words")
    )
    return await _change(ask, "words", change)


async def change_quiet_hours(ask: PageRequest) -> Response:
    """Change the quiet hours of lists that have none of their own."""
    return await _change(ask, "quiet", AccountSettingsChange(quiet_hours=ask.field("quiet_hours")))


async def change_links(ask: PageRequest) -> Response:
    """Change whether machines see the filter page, and what it says."""
    texts = {name: ask.field(f"page_{name}") for name in ("title", "text", "button", "language")}
    try:
        await ask.runtime.tracking.link_settings.change(
            ask.account, ask.actor, filter_bots=ask.field("filter_bots") == "yes", **texts
        )
    except SendrailError as fault:
        return await _page(ask, "links", fault)
    return ask.go("/settings", "The settings are changed.")


async def _change(ask: PageRequest, part: str, change: AccountSettingsChange) -> Response:
    try:
        await ask.runtime.account_settings.change(ask.account, change, ask.actor)
    except SendrailError as fault:
        return await _page(ask, part, fault)
    return ask.go("/settings", "The settings are changed.")


def _text(ask: PageRequest, name: str) -> str:
    return ask.form.get(name, "")


def _words(ask: PageRequest, name: str) -> list[str]:
    lines = ask.form.get(name, "").replace(",", "\n").splitlines()
    return [line.strip() for line in lines if line.strip()]


async def _page(ask: PageRequest, part: str = "", fault: SendrailError | None = None) -> Response:
    given = await _stored(ask)
    if fault is not None:
        given |= ask.form
    lists = await ask.runtime.lists.all(ask.account)
    return ask.page(
        "settings.html",
        status=400 if fault else 200,
        given=given,
        part=part,
        fault=fault,
        said_at=said_at,
        zones=sorted(zone_names()),
        lists=lists,
        scopes=SCOPES,
        rules=ask.runtime.settings.quiet_hours,
    )


async def _stored(ask: PageRequest) -> dict[str, Any]:
    found = await ask.runtime.account_settings.show(ask.account)
    links = await ask.runtime.tracking.link_settings.show(ask.account)
    page: Mapping[str, str] = {
        "page_title": links.words.title,
        "page_text": links.words.text,
        "page_button": links.words.button,
        "page_language": links.words.language,
    }
    return {
        "name": found.name,
        "timezone": found.timezone,
        "country": found.country,
        "prepend_text": found.frame.prepend,
        "append_text": found.frame.append,
        "blocked_words": "\n".join(found.blocked_words),
        "stop_words": "\n".join(found.stop_words),
        "quiet_hours": found.quiet_hours,
        "filter_bots": "yes" if links.filter_bots else "no",
        **page,
    }


_MANAGE: Final = Permission.MANAGE
ROUTES: Final = (
    PageRoute(route="GET /settings", answer=settings, permission=Permission.SEE_FIGURES),
    PageRoute(route="POST /settings/account", answer=change_account, permission=_MANAGE),
    PageRoute(route="POST /settings/texts", answer=change_texts, permission=_MANAGE),
    PageRoute(route="POST /settings/words", answer=change_words, permission=_MANAGE),
    PageRoute(route="POST /settings/quiet", answer=change_quiet_hours, permission=_MANAGE),
    PageRoute(route="POST /settings/links", answer=change_links, permission=_MANAGE),
)
