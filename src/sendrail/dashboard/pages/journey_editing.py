"""Journeys as forms: a new one, its steps, its rules, its document, and its activation."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from sendrail.contacts.journey_documents import JourneyDetails
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_conditions import (
    OPERATORS,
    SINCE,
    json_of,
    rows_typed,
    without_questions,
)
from sendrail.dashboard.journey_drafts import (
    KIND_WORDS,
    drafted,
    is_plain,
    steps_in,
    with_changed,
    with_step,
    without_step,
)
from sendrail.dashboard.journey_form_values import (
    by_field,
    rule_values,
    said_fault,
    step_values,
)
from sendrail.dashboard.journey_starts import EMPTY, journey_starts
from sendrail.dashboard.journey_step_forms import rules_of, step_of, way_of
from sendrail.dashboard.journey_view import LOOKS, draft_steps, drawing
from sendrail.dashboard.named_choices import names_of
from sendrail.dashboard.pages import journeys as overview
from sendrail.dashboard.pages.sending import cost_of
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.typed_values import TYPES
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, SendrailError
from sendrail.domain.journeys.document import StepKind
from sendrail.domain.journeys.reading import canonical, digest, read_document
from sendrail.domain.user import Permission

# The questions of a form, each with what the template calls it.
_QUESTIONS: Final = {
    "if": "question", "trigger.when": "entry", "goal": "goal", "exit_when": "exit_when",
}  # fmt: skip


async def create(ask: PageRequest) -> Response:
    """Make a draft, from nothing or from one of the programs."""
    start = journey_starts().get(ask.field("start"))
    document = {**(start.document if start else EMPTY), "name": ask.field("name")}
    lists = await ask.runtime.lists.all(ask.account)
    sender = next((each for each in lists if str(each.id) == ask.field("list")), None)
    if sender is None:
        return await overview.listed(ask, InvalidInput("Choose a list.", param="list"))
    try:
        added = await ask.runtime.journey_documents.add(
            ask.account, sender.number, document, ask.actor
        )
    except (InvalidInput, Conflict) as fault:
        return await overview.listed(ask, fault)
    return ask.go(f"/journeys/{added.journey.id}/edit", "The draft is made.")


async def edit(ask: PageRequest) -> Response:
    """Show the draft as forms: its steps one by one, its rules, or the whole document."""
    return await _page(ask)


async def add_step(ask: PageRequest) -> Response:
    """Put a step behind another one, on the way that led on from there."""
    document, kind = await _expected(ask), ask.field("kind")
    if kind not in set(StepKind):
        raise InvalidInput("Choose what the step does.")
    changes, name = with_step(steps_in(document), StepKind(kind), ask.form.get("after", ""))
    return await _kept(ask, changes, f"?step={quote(name, safe='')}", "The step is there.")


async def save_step(ask: PageRequest) -> Response:
    """Change a step as its form says."""
    document, step = await _step(ask)
    try:
        changed = step_of(ask.form, step)
    except InvalidInput as fault:
        rest = step_of(without_questions(ask.form, _QUESTIONS), step)
        rest |= {"id": step["id"], "if": step.get("if")}
        return await _page(ask, fault, with_changed(steps_in(document), step["id"], rest))
    changes = with_changed(steps_in(document), step["id"], changed)
    return await _kept(
        ask, changes, f"?step={quote(changed['id'], safe='')}", "The draft is saved."
    )


async def remove_step(ask: PageRequest) -> Response:
    """Take a step away; what led to it leads on to where it did."""
    document, step = await _step(ask)
    changes = without_step(steps_in(document), step["id"])
    return await _kept(ask, changes, "", "The step is gone.")


async def save_rules(ask: PageRequest) -> Response:
    """Change who enters, who leaves, and when the journey is quiet."""
    await _expected(ask)
    try:
        changes = rules_of(ask.form)
    except InvalidInput as fault:
        return await _page(ask, fault, rules_of(without_questions(ask.form, _QUESTIONS)))
    return await _kept(ask, changes, "?view=rules", "The draft is saved.")


async def save_document(ask: PageRequest) -> Response:
    """Change the document as a whole."""
    document = await _expected(ask)
    try:
        changes = json_of(ask.form.get("document", ""), "document")
    except InvalidInput as fault:
        return await _page(ask, fault)
    if not isinstance(changes, dict):
        return await _page(ask, InvalidInput("A document is a JSON object.", param="document"))
    # A part that is there no more is as without it.
    gone = {name: None for name in document if name != "name"}
    return await _kept(ask, gone | changes, "?view=document", "The draft is saved.")


async def activate(ask: PageRequest) -> Response:
    """Freeze the draft as the next version, for those who enter from then on."""
    journey_id, found = ask.number("journey_id"), await _found(ask)
    if found.journey.status is JourneyStatus.PAUSED:
        # To become active would only resume it, and leave the draft a draft.
        return await _page(ask, Conflict("The journey is paused: resume it first."))
    try:
        found = await ask.runtime.journey_documents.change(
            ask.account, journey_id, {}, ask.actor, status=JourneyStatus.ACTIVE
        )
    except (InvalidInput, Conflict) as fault:
        return await _page(ask, fault)
    said = f"Version {found.journey.active_version} is active."
    return ask.go(f"/journeys/{journey_id}", said)


async def _found(ask: PageRequest) -> JourneyDetails:
    return await ask.runtime.journey_documents.show(ask.account, ask.number("journey_id"))


def _document(found: JourneyDetails) -> dict[str, Any]:
    """Return the draft, or what a first change would make one of."""
    text = found.journey.draft or (found.active.document if found.active else None)
    if text is None:
        return {"name": found.journey.name, "trigger": found.journey.trigger.value}
    document: dict[str, Any] = json.loads(text)
    return document


def _mark(document: Mapping[str, Any]) -> str:
    """Return what a form brings back, to notice that another user or tab has changed the draft."""
    return digest(canonical(document))[:16]


async def _expected(ask: PageRequest) -> dict[str, Any]:
    """Return the draft that the form was made for. Raises `Conflict` where it is another."""
    found = await _found(ask)
    document = _document(found)
    if ask.field("mark") != _mark(document):
        raise Conflict(
            "The draft was changed meanwhile, by another user or in another tab. Go back, load "
            "the page again and repeat what you did."
        )
    return document


async def _step(ask: PageRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    document = await _expected(ask)
    wanted = ask.form.get("step", "")
    step = next((each for each in steps_in(document) if each["id"] == wanted), None)
    if step is None:
        raise NotFound("The draft has no such step.")
    return document, step


async def _kept(ask: PageRequest, changes: Mapping[str, Any], query: str, said: str) -> Response:
    journey_id = ask.number("journey_id")
    try:
        await ask.runtime.journey_documents.change(ask.account, journey_id, changes, ask.actor)
    except (InvalidInput, Conflict) as fault:
        return await _page(ask, fault, changes)
    return ask.go(f"/journeys/{journey_id}/edit{query}", said)


async def _page(
    ask: PageRequest,
    fault: SendrailError | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Response:
    """Show the draft, with changes that could not be kept."""
    found = await _found(ask)
    mark, document = _mark(_document(found)), _document(found) | dict(changes or {})
    validate = ask.runtime.journey_documents.validate
    reading = await validate(ask.account, found.journey.id, changes or {})
    known = await names_of(ask, read_document(document).references)
    steps = drafted(document, reading.faults, known)
    opened = ask.query.get("step") or ask.field("step")
    step = next((each for each in steps if each.id == opened), None)
    view = ask.query.get("view", "")
    if ask.request.method == "POST":
        view = ask.request.url.path.rpartition("/")[2]
    trigger = read_document({**document, "steps": [{"id": "x", "kind": "exit"}]}).version
    values = {} if step is None else await step_values(ask, step, steps)
    if view == "rules":
        values = await rule_values(ask, document)
    own = by_field(reading.faults if step is None else step.faults, step)
    if fault and fault.param and fault.param.startswith(tuple(_QUESTIONS)):
        # Nothing of the form is kept: what was asked stands there as it was typed.
        asked = {of: rows_typed(ask.form, each) for each, of in _QUESTIONS.items() if of in values}
        values |= asked
        own[fault.param] = fault.message
    return ask.page(
        "journey_edit.html",
        status=400 if fault else 200,
        journey=found.journey,
        looks=LOOKS,
        fault=fault,
        view=view if view in {"rules", "document"} else "" if is_plain(document) else "document",
        mark=mark,
        text=(fault and ask.form.get("document")) or _shown(document),
        faults=[said_fault(each, steps) for each in reading.faults],
        warnings=[said_fault(each, steps) for each in reading.warnings],
        step=step,
        own=own,
        cost_of=cost_of,
        kinds=KIND_WORDS,
        words=(OPERATORS, TYPES, SINCE),
        ids=[each.id for each in steps],
        titles={each.id: each.text.title for each in steps},
        way_of=way_of,
        **drawing(draft_steps(steps, trigger.trigger if trigger else None, known)),
        **values,
    )


def _shown(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


_AT: Final = "/journeys/{journey_id}"
_DEEDS: Final = (
    (f"POST {_AT}/steps", add_step),
    (f"POST {_AT}/step", save_step),
    (f"POST {_AT}/step/remove", remove_step),
    (f"POST {_AT}/rules", save_rules),
    (f"POST {_AT}/document", save_document),
    (f"POST {_AT}/activate", activate),
)
ROUTES: Final = (
    PageRoute(route="POST /journeys", answer=create, permission=Permission.SEND),
    PageRoute(route=f"GET {_AT}/edit", answer=edit, permission=Permission.SEND),
    *(
        PageRoute(route=route, answer=answer, permission=Permission.SEND)
        for route, answer in _DEEDS
    ),
)
