"""Audiences as forms: new ones and changes, counted as the filter grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from sendrail.contacts.audience_counts import AudienceEstimate
from sendrail.contacts.audiences import AudienceChange
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.condition_fields import STATUSES, UNITS, offered
from sendrail.dashboard.filter_form import (
    FilterForm,
    edited,
    empty_form,
    form_of,
    group_of,
    read_form,
)
from sendrail.dashboard.form_parts import row_ids, said_at
from sendrail.dashboard.named_choices import audiences_shown, lists_shown
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.typed_values import TYPES
from sendrail.domain.audience import Audience, AudienceStatus
from sendrail.domain.errors import InvalidInput, NotFound, SendrailError
from sendrail.domain.user import Permission

_SAVE: Final = "save"


@dataclass(frozen=True, slots=True)
class AudienceForm:
    """What stands in the form of an audience."""

    filter: FilterForm
    name: str = ""
    description: str = ""
    source_lists: frozenset[int] = frozenset()

    @classmethod
    def read(cls, ask: PageRequest) -> "AudienceForm":
        """Return the form that was sent."""
        return cls(
            read_form(ask.form, ask.many),
            ask.field("name"),
            ask.field("description"),
            frozenset(row_ids(ask.many.get("source_lists", ()), "source_lists")),
        )

    @classmethod
    def of(cls, ask: PageRequest, found: Audience) -> "AudienceForm":
        """Return the form of an audience that is stored."""
        return cls(
            form_of(found.filter, ask.times.zone),
            found.name,
            found.description,
            frozenset(found.source_lists),
        )


async def new(ask: PageRequest) -> Response:
    """Show the form of a new audience."""
    return await _page(ask, AudienceForm(empty_form()))


async def add(ask: PageRequest) -> Response:
    """Add the audience of a form, or change the form as its button says."""
    return await _sent(ask, None)


async def edit(ask: PageRequest) -> Response:
    """Show the form of an audience."""
    found = await ask.runtime.audiences.show(ask.account, ask.path("audience_id"))
    return await _page(ask, AudienceForm.of(ask, found), found)


async def change(ask: PageRequest) -> Response:
    """Change an audience, or its form as its button says."""
    found = await ask.runtime.audiences.show(ask.account, ask.path("audience_id"))
    return await _sent(ask, found)


async def count(ask: PageRequest) -> Response:
    """Answer how many a form reaches, for the part of the page that shows it."""
    size, fault = await _size(ask, AudienceForm.read(ask))
    return ask.page("audience_size.html", size=size, size_fault=fault)


async def archive(ask: PageRequest) -> Response:
    """Hide an audience from campaigns to come."""
    ref = ask.path("audience_id")
    await ask.runtime.audiences.archive(ask.account, ref, ask.actor)
    return ask.go(f"/audiences/{ref}", "The audience is archived.")


async def restore(ask: PageRequest) -> Response:
    """Bring an archived audience back."""
    ref = ask.path("audience_id")
    wanted = AudienceChange(status=AudienceStatus.ACTIVE.value)
    await ask.runtime.audiences.change(ask.account, ref, wanted, ask.actor)
    return ask.go(f"/audiences/{ref}", "The audience is active again.")


async def _sent(ask: PageRequest, found: Audience | None) -> Response:
    form, deed = AudienceForm.read(ask), ask.field("do") or _SAVE
    if deed != _SAVE:
        return await _page(ask, form, found, added=edited(form.filter, deed, ask.form) or deed)
    try:
        given = AudienceChange(
            name=form.name,
            description=form.description,
            source_lists=sorted(form.source_lists),
            filter=group_of(form.filter, ask.times.zone),
        )
        audiences = ask.runtime.audiences
        if found is None:
            made = await audiences.add(ask.account, given, ask.actor)
            return ask.go(f"/audiences/{made.ref}", "The audience is added.")
        await audiences.change(ask.account, found.ref, given, ask.actor)
    except SendrailError as fault:
        return await _page(ask, form, found, fault=fault)
    return ask.go(f"/audiences/{found.ref}", "The audience is changed.")


async def _size(
    ask: PageRequest, form: AudienceForm
) -> tuple[AudienceEstimate | None, SendrailError | None]:
    """Return how many a form reaches, or what keeps it from being counted."""
    try:
        group = group_of(form.filter, ask.times.zone)
        lists = sorted(form.source_lists)
        return await ask.runtime.audience_counts.preview(ask.account, lists, group), None
    except (InvalidInput, NotFound) as fault:
        return None, fault


async def _page(
    ask: PageRequest,
    form: AudienceForm,
    found: Audience | None = None,
    *,
    fault: SendrailError | None = None,
    added: str = "",
) -> Response:
    size, size_fault = await _size(ask, form)
    return ask.page(
        "audience_form.html",
        status=400 if fault else 200,
        form=form,
        found=found,
        fault=fault,
        size=size,
        size_fault=size_fault,
        added=added,
        offered=offered(),
        types=TYPES,
        units=[(each.value, each.value) for each in UNITS],
        statuses=STATUSES,
        said_at=said_at,
        **await _choices(ask, form, found),
    )


async def _choices(
    ask: PageRequest, form: AudienceForm, found: Audience | None
) -> Mapping[str, Any]:
    """Return the lists and the audiences that a condition may name."""
    chosen = [
        condition.get("audience_id")
        for group in form.filter.walk()
        for condition in group.conditions
    ]
    return {
        "lists": await lists_shown(ask),
        "audiences": await audiences_shown(ask, chosen, but=found.ref if found else ""),
    }


_SEND: Final = Permission.SEND
_ONE: Final = "/audiences/{audience_id}"
ROUTES: Final = (
    PageRoute(route="GET /audiences/new", answer=new, permission=_SEND),
    PageRoute(route="POST /audiences/new", answer=add, permission=_SEND),
    PageRoute(route="POST /audiences/count", answer=count, permission=_SEND),
    PageRoute(route=f"GET {_ONE}/edit", answer=edit, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/edit", answer=change, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/archive", answer=archive, permission=_SEND),
    PageRoute(route=f"POST {_ONE}/restore", answer=restore, permission=_SEND),
)
