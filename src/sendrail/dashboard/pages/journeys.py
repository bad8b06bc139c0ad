"""Journeys: their graphs with the people at each step, pause and resume, and where a contact is."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response

from sendrail.contacts.journey_documents import JourneyDetails
from sendrail.contacts.journey_progress import ContactProgress, VersionCounts
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_standing import standing, step_titles, version_of
from sendrail.dashboard.journey_starts import journey_starts
from sendrail.dashboard.journey_step_forms import Parts
from sendrail.dashboard.journey_view import LOOKS, drawing, version_steps
from sendrail.dashboard.named_choices import names_of
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.errors import InvalidInput, NotFound, SendrailError
from sendrail.domain.ids import read_row_id
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.task import TaskState
from sendrail.domain.sender import ListStatus
from sendrail.domain.user import Permission
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

PER_PAGE: Final = 50
# Of the messages to a contact, so many are looked through for those of the journey.
_TRACE_MAX: Final = 50
_NEWEST: Final = MessagePlace(2**62, 2**62)
# What becomes of those whose turn came while a journey was paused.
_OVERDUE: Final = {
    "shift": "Time stood still: waits go on",
    "catch_up": "Time went on: who is due goes on now",
    "exit": "Time went on: who is due leaves",
}
_TASKS: Final = {
    "resume": "Resume",
    "exit": "Take off",
    "backfill": "Let enter",
    "migrate": "Move to a newer version",
}
_TASK_LOOKS: Final = {
    TaskState.RUNNING: ("sent", "going on"),
    TaskState.DONE: ("ok", "done"),
    TaskState.CANCELLED: ("dropped idle", "stopped"),
}
_ENDS: Final = {
    "migrated": "went on in another version",
    "completed": "reached the end",
    "exited": "ended by a step",
    "expired": "ran out of time",
    "goal": "reached the goal",
    "exit_when": "met the exit condition",
    "unsubscribed": "opted out",
    "blocked": "were blocked",
    "erased": "were erased",
    "removed": "were taken off",
    "restarted": "began anew",
    "archived": "were on it when it was archived",
    "paused_out": "were paused for too long",
    "migrated_out": "were on a version that was left",
    "list_deleted": "were on a list that was deleted",
    "too_many_steps": "took too many steps",
    "unusable": "met a step that cannot be done",
}


async def journeys(ask: PageRequest) -> Response:
    """Show a page of journeys, by status."""
    return await listed(ask)


async def listed(ask: PageRequest, fault: SendrailError | None = None) -> Response:
    """Show the page, with what is wrong with a new journey."""
    wanted = ask.query.get("status", "")
    status = JourneyStatus(wanted) if wanted in set(JourneyStatus) else None
    page = ask.page_number
    found = await ask.runtime.journeys.page(
        ask.account, status=status, page=page, per_page=PER_PAGE
    )
    lists = await ask.runtime.lists.all(ask.account)
    names = {each.id: each.name for each in lists}
    rows = []
    for journey, _ in found.journeys:
        counts = None
        if journey.active_version is not None:
            counts = await ask.runtime.journey_progress.stats(ask.account, journey.id)
        rows.append((journey, counts, 0 if counts is None else _on_it(counts)))
    return ask.page(
        "journeys.html",
        status=400 if fault else 200,
        fault=fault,
        lists=[each for each in lists if each.status is not ListStatus.DELETED],
        starts=list(journey_starts().values()),
        given=Parts(ask.form if fault else {}),
        rows=rows,
        total=found.total,
        names=names,
        looks=LOOKS,
        chosen=status,
        newer=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1), said=None) if found.total > page * PER_PAGE else None,
    )


async def journey(ask: PageRequest) -> Response:
    """Show one journey: the graph of a version, the people at its steps, its versions."""
    return await _page(ask, None)


async def pause(ask: PageRequest) -> Response:
    """Let no contact enter it or go on; time stands still for those on it."""
    return await _move(ask, JourneyStatus.PAUSED, "The journey is paused.")


async def resume(ask: PageRequest) -> Response:
    """Let it go on, as it is said for those whose turn came meanwhile; a draft stays a draft."""
    overdue = ask.field("overdue") or None
    return await _move(ask, JourneyStatus.ACTIVE, "The journey is active.", overdue)


async def people(ask: PageRequest) -> Response:
    """Show who is on a journey, and where one contact is and why."""
    found = await _found(ask)
    journey_id, page = found.journey.id, ask.page_number
    searched = ask.query.get("q", "").strip()
    recipient = phone.parse(digits_in(searched)) if searched else None
    seen = None
    if recipient is not None:
        progress = ask.runtime.journey_progress
        seen = await progress.find(ask.account, journey_id, recipient)
    where = None
    if seen is not None:
        version = await version_of(ask, found.journey.id, seen.enrolment.version)
        stretch = await ask.runtime.messages.search(
            ask.account, MessageFilter(recipient=recipient), _NEWEST, _TRACE_MAX
        )
        where = standing(
            seen,
            found.journey,
            version,
            ask.times,
            sent=stretch.messages,
            offers=await _offers(ask, seen),
        )
    listed = await ask.runtime.journeys.enrolment_page(
        ask.account, journey_id, page=page, per_page=PER_PAGE
    )
    return ask.page(
        "journey_people.html",
        journey=found.journey,
        looks=LOOKS,
        searched=searched,
        recipient=recipient,
        where=where,
        listed=listed,
        steps=await step_titles(
            ask, [(journey_id, each.version, each.step) for each in listed.enrolments]
        ),
        newer=ask.url(page=None) if page > 1 else None,
        older=ask.url(page=str(page + 1), said=None) if listed.total > page * PER_PAGE else None,
    )


async def cancel_task(ask: PageRequest) -> Response:
    """End a task over many contacts where it is; what it has done stays."""
    journey_id, task_id = ask.number("journey_id"), ask.number("task_id")
    task = await ask.runtime.journey_progress.task(ask.account, journey_id, task_id)
    if task.state is not TaskState.RUNNING:
        return ask.go(f"/journeys/{journey_id}", "It was over already.")
    ended = await ask.runtime.journey_progress.cancel(ask.account, journey_id, task_id, ask.actor)
    return ask.go(
        f"/journeys/{journey_id}", f"Stopped. What was done to {ended.done:,} contacts stays."
    )


async def _move(
    ask: PageRequest, status: JourneyStatus, said: str, overdue: str | None = None
) -> Response:
    journey_id = ask.number("journey_id")
    try:
        await ask.runtime.journey_documents.change(
            ask.account, journey_id, {}, ask.actor, status=status, overdue=overdue
        )
    except InvalidInput as fault:
        return await _page(ask, fault)
    return ask.go(f"/journeys/{journey_id}", said)


async def _page(ask: PageRequest, fault: SendrailError | None) -> Response:
    found = await _found(ask)
    journey_id = found.journey.id
    versions = await ask.runtime.journey_documents.versions(
        ask.account, journey_id, per_page=PER_PAGE
    )
    number, document = _chosen(ask, found)
    if number:
        document = (
            await ask.runtime.journey_documents.version(ask.account, journey_id, number)
        ).document
    faults: Sequence[Any] = ()
    if found.journey.draft is not None:
        reading = await ask.runtime.journey_documents.validate(ask.account, journey_id, {})
        faults = reading.faults
    counts = (
        await ask.runtime.journey_progress.stats(ask.account, journey_id, number)
        if (number)
        else None
    )
    read = read_document(json.loads(document) if document else {})
    known = await names_of(ask, read.references)
    steps = version_steps(read.version if document else None, counts, document, known)
    names = {each.id: each.name for each in await ask.runtime.lists.all(ask.account)}
    return ask.page(
        "journey.html",
        status=400 if fault else 200,
        journey=found.journey,
        list_name=names.get(found.journey.list_id, found.list_number),
        looks=LOOKS,
        fault=fault,
        faults=faults,
        number=number,
        is_draft=bool(document) and not number,
        counts=counts,
        on_it=None if counts is None else _on_it(counts),
        ends=[(_ENDS.get(what, what), count) for what, count in counts.ended.items()]
        if counts
        else [],
        **drawing(steps),
        versions=versions,
        tasks=(await ask.runtime.journey_progress.tasks(ask.account, journey_id, per_page=5)).tasks,
        task_words=_TASKS,
        task_looks=_TASK_LOOKS,
        overdue=_OVERDUE,
    )


async def _found(ask: PageRequest) -> JourneyDetails:
    return await ask.runtime.journey_documents.show(ask.account, ask.number("journey_id"))


def _chosen(ask: PageRequest, found: JourneyDetails) -> tuple[int, str]:
    """Return the version that is asked for, and the draft's document where that is shown."""
    wanted, draft = ask.query.get("version", ""), found.journey.draft or ""
    if wanted == "draft" and draft:
        return 0, draft
    if (version := read_row_id(wanted)) is not None:
        if not version:
            raise NotFound("The journey has no such version.")
        return version, ""
    return (found.journey.active_version, "") if found.journey.active_version else (0, draft)


def _on_it(counts: VersionCounts) -> int:
    return max(0, counts.entered - sum(counts.ended.values()))


async def _offers(ask: PageRequest, progress: ContactProgress) -> dict[str, str]:
    """Return the names of the offers that a contact clicked or bought, by their public ids."""
    refs = {each.detail for each in progress.events if each.kind in {Wake.CLICK, Wake.CONVERSION}}
    names = {}
    for ref in refs:
        with suppress(NotFound):
            names[ref] = (await ask.runtime.tracking.offers.show(ask.account, ref)).name
    return names


_AT: Final = "/journeys/{journey_id}"
ROUTES: Final = (
    PageRoute(route="GET /journeys", answer=journeys, permission=Permission.SEE_FIGURES),
    PageRoute(route=f"GET {_AT}", answer=journey, permission=Permission.SEE_FIGURES),
    PageRoute(route=f"GET {_AT}/people", answer=people, permission=Permission.SEE_PEOPLE),
    PageRoute(route=f"POST {_AT}/pause", answer=pause, permission=Permission.SEND),
    PageRoute(route=f"POST {_AT}/resume", answer=resume, permission=Permission.SEND),
    PageRoute(
        route=f"POST {_AT}/tasks/{{task_id}}/cancel", answer=cancel_task, permission=Permission.SEND
    ),
)
