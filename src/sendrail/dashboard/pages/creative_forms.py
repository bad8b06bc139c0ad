"""Creatives as forms: the text, its links, and how a phone shows it as it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from sendrail.campaigns.reading import CreativeInput
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import (
    LinkForm,
    add_link,
    links_of,
    read_links,
    remove_link,
    said_at,
)
from sendrail.dashboard.named_choices import offers_shown
from sendrail.dashboard.pages.creatives import LOOKS, TYPES
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.text_previews import previews
from sendrail.domain.creative import Creative, CreativeStatus, CreativeType
from sendrail.domain.errors import SendrailError
from sendrail.domain.placeholders import LINK_KEYS
from sendrail.domain.user import Permission

_SAVE: Final = "save"
_LINKS: Final = "offer_links"


@dataclass(slots=True)
class CreativeForm:
    """A creative as it is edited."""

    name: str
    message: str
    status: str
    creative_type: str
    links: list[LinkForm]

    @classmethod
    def new(cls) -> "CreativeForm":
        """Return the form of a creative that says nothing yet, with a place for its link."""
        made = cls("", "", CreativeStatus.ACTIVE.value, CreativeType.AUTOMATED.value, [])
        add_link(_LINKS, made.links)
        return made

    @classmethod
    def read(cls, ask: PageRequest) -> "CreativeForm":
        """Return the form that was sent."""
        return cls(
            ask.field("name"),
            ask.form.get("message", ""),
            ask.field("status"),
            ask.field("creative_type"),
            read_links(_LINKS, ask.form),
        )

    @classmethod
    def of(cls, found: Creative) -> "CreativeForm":
        """Return the form of a creative that is stored."""
        return cls(
            found.name,
            found.message,
            found.status.value,
            found.creative_type.value,
            links_of(_LINKS, found.offer_links),
        )

    def given(self) -> CreativeInput:
        """Return it as the service takes it."""
        return CreativeInput(
            name=self.name,
            message=self.message,
            status=self.status or None,
            creative_type=self.creative_type or None,
            offer_links=[each.given() for each in self.links],
        )


async def new(ask: PageRequest) -> Response:
    """Show the form of a new creative."""
    return await _page(ask, CreativeForm.new())


async def add(ask: PageRequest) -> Response:
    """Add the creative of a form, or change the form as its button says."""
    return await _sent(ask, None)


async def edit(ask: PageRequest) -> Response:
    """Show the form of a creative."""
    found = (await ask.runtime.creatives.show(ask.account, ask.number("creative_id"))).creative
    return await _page(ask, CreativeForm.of(found), found)


async def change(ask: PageRequest) -> Response:
    """Change a creative, or its form as its button says."""
    found = (await ask.runtime.creatives.show(ask.account, ask.number("creative_id"))).creative
    return await _sent(ask, found)


async def measured(ask: PageRequest) -> Response:
    """Show the text of a form on a phone, for the part of the page that does."""
    return ask.page("text_previews.html", **await previews(ask, _texts(CreativeForm.read(ask))))


async def _sent(ask: PageRequest, found: Creative | None) -> Response:
    form, deed = CreativeForm.read(ask), ask.field("do") or _SAVE
    if deed == "link":
        add_link(_LINKS, form.links)
    elif deed != _SAVE:
        remove_link(_LINKS, form.links, deed.removeprefix("remove "))
    if deed != _SAVE:
        return await _page(ask, form, found)
    creatives = ask.runtime.creatives
    try:
        if found is None:
            made = await creatives.add(ask.account, form.given(), ask.actor)
            return ask.go(f"/creatives/{made.creative.id}", "The creative is added.")
        await creatives.change(ask.account, found.id, form.given(), ask.actor)
    except SendrailError as fault:
        return await _page(ask, form, found, fault)
    return ask.go(f"/creatives/{found.id}", "The creative is changed.")


def _texts(form: CreativeForm) -> Sequence[tuple[str, str]]:
    return [(form.name or "The text", form.message)]


async def _page(
    ask: PageRequest,
    form: CreativeForm,
    found: Creative | None = None,
    fault: SendrailError | None = None,
) -> Response:
    # A new one is not archived from the start.
    looks = [each for each in LOOKS if found is not None or each is not CreativeStatus.ARCHIVED]
    return ask.page(
        "creative_form.html",
        status=400 if fault else 200,
        form=form,
        found=found,
        fault=fault,
        said_at=said_at,
        offers=await offers_shown(ask, [each.get("offer_id") for each in form.links]),
        keys=[(key, key) for key in LINK_KEYS],
        types=[(each.value, words) for each, words in TYPES.items()],
        statuses=[(each.value, LOOKS[each][1]) for each in looks],
        **await previews(ask, _texts(form)),
    )


_SEND: Final = Permission.SEND
_ONE: Final = "/creatives/{creative_id}"
ROUTES: Final = (
    PageRoute(route="GET /creatives/new", answer=new, permission=_SEND),
    PageRoute(route="POST /creatives/new", answer=add, permission=_SEND),
    PageRoute(route="POST /creatives/text", answer=measured, permission=_SEND),
    PageRoute(route=f"GET {_ONE}/edit", answer=edit, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/edit", answer=change, permission=_SEND),
)
