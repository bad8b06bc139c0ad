"""Campaigns as forms: new ones and changes, with the preflight's notes beside their fields."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.campaign_form import ScheduleForm
from sendrail.dashboard.form_parts import in_words, said_at
from sendrail.dashboard.named_choices import (
    audiences_shown,
    creatives_shown,
    lists_shown,
    offers_shown,
)
from sendrail.dashboard.pages.campaigns import LATE, OUTSIDE
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.text_previews import previews
from sendrail.domain.creative import Creative
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import read_row_id
from sendrail.domain.placeholders import LINK_KEYS
from sendrail.domain.schedule import WEEKDAYS, Schedule, ScheduleStatus
from sendrail.domain.user import Permission

_SAVE: Final = "save"
# In a note of the preflight: whether it keeps the campaign from being sent, and what it says.
Notes = Mapping[str, Sequence[tuple[str, str]]]


async def new(ask: PageRequest) -> Response:
    """Show the form of a new campaign."""
    return await _page(ask, ScheduleForm.new())


async def add(ask: PageRequest) -> Response:
    """Add the campaign of a form as a draft, or change the form as its button says."""
    return await _sent(ask, None)


async def edit(ask: PageRequest) -> Response:
    """Show the form of a campaign."""
    found = await ask.runtime.schedules.show(ask.account, ask.path("schedule_id"))
    return await _page(ask, ScheduleForm.of(found), found)


async def change(ask: PageRequest) -> Response:
    """Change a campaign, or its form as its button says."""
    found = await ask.runtime.schedules.show(ask.account, ask.path("schedule_id"))
    return await _sent(ask, found)


async def measured(ask: PageRequest) -> Response:
    """Show the texts of a form on a phone, for the part of the page that does."""
    form = ScheduleForm.read(ask.form, ask.many)
    return ask.page("text_previews.html", **await _previews(ask, form))


async def _sent(ask: PageRequest, found: Schedule | None) -> Response:
    form, deed = ScheduleForm.read(ask.form, ask.many), ask.field("do") or _SAVE
    if deed == "text":
        form.add_text(await _creative(ask))
        return await _page(ask, form, found)
    if deed != _SAVE:
        form.edit(deed)
        return await _page(ask, form, found)
    schedules = ask.runtime.schedules
    try:
        given = form.given(found)
        if found is None:
            ref = (await schedules.add(ask.account, given, ask.actor)).schedule.ref
            return ask.go(f"/campaigns/{ref}", "The campaign is added as a draft.")
        await schedules.change(ask.account, found.ref, given, ask.actor)
    except SendrailError as fault:
        return await _page(ask, form, found, fault=fault)
    return ask.go(f"/campaigns/{found.ref}", "The campaign is changed.")


async def _creative(ask: PageRequest) -> Creative | None:
    """Return the creative that a new text is to be like, None for an empty one."""
    if (like := read_row_id(ask.field("like"))) is None:
        return None
    try:
        return (await ask.runtime.creatives.show(ask.account, like)).creative
    except NotFound:
        return None


async def _page(
    ask: PageRequest,
    form: ScheduleForm,
    found: Schedule | None = None,
    *,
    fault: SendrailError | None = None,
) -> Response:
    return ask.page(
        "campaign_form.html",
        status=400 if fault else 200,
        form=form,
        found=found,
        fault=fault,
        said_at=said_at,
        notes=await _notes(ask, found) if fault is None else {},
        zone=await ask.runtime.schedules.timezone(ask.account),
        weekdays=WEEKDAYS,
        keys=[(key, key) for key in LINK_KEYS],
        late=LATE,
        outside=OUTSIDE,
        **await _choices(ask, form),
        **await _previews(ask, form),
    )


async def _notes(ask: PageRequest, found: Schedule | None) -> Notes:
    """Return the notes of a stored campaign's preflight, by the fields that they are about."""
    if found is None or found.status in {ScheduleStatus.COMPLETE, ScheduleStatus.ARCHIVE}:
        return {}
    check = await ask.runtime.schedules.preflight(ask.account, found.ref)
    notes: dict[str, list[tuple[str, str]]] = {}
    for look, some in (("bad", check.errors), ("warn", check.warnings)):
        for each in some:
            notes.setdefault(each.param or "", []).append((look, in_words(each.code, each.text)))
    return notes


async def _choices(ask: PageRequest, form: ScheduleForm) -> Mapping[str, Any]:
    """Return what the fields of a campaign can name."""
    offers = [link.get("offer_id") for text in form.texts for link in text.links]
    return {
        "audiences": await audiences_shown(ask, form.chosen.get("audiences", ())),
        "lists": await lists_shown(ask),
        "creatives": await creatives_shown(ask),
        "offers": await offers_shown(ask, offers),
    }


async def _previews(ask: PageRequest, form: ScheduleForm) -> Mapping[str, Any]:
    texts = [
        (each.get("variant_name") or f"Variant {at}", each.get("message"))
        for at, each in enumerate(form.texts, 1)
    ]
    return await previews(ask, texts if form.get("send_type") != "automated" else [])


_SEND: Final = Permission.SEND
_ONE: Final = "/campaigns/{schedule_id}"
ROUTES: Final = (
    PageRoute(route="GET /campaigns/new", answer=new, permission=_SEND),
    PageRoute(route="POST /campaigns/new", answer=add, permission=_SEND),
    PageRoute(route="POST /campaigns/texts", answer=measured, permission=_SEND),
    PageRoute(route=f"GET {_ONE}/edit", answer=edit, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/edit", answer=change, permission=_SEND),
)
