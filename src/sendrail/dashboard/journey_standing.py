"""Where a contact is on a journey and why, in sentences."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.contacts.journey_progress import ContactProgress
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_words import said, step_text
from sendrail.dashboard.showing import ReaderTimes
from sendrail.domain.contact import Journey, JourneyStatus
from sendrail.domain.journeys.document import SendStep, Step, Version, WaitEventStep
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.origin import OriginKind
from sendrail.intake.lookup import FoundMessage
from sendrail.journeys.positions import EnrolmentState, state_of
from sendrail.storage.journeys.enrolments import StoredEnrolment

ENDED: Final = {
    "completed": "It came to the end of the journey.",
    "exited": "A step ended the journey for it.",
    "expired": "It was on the journey for the longest time that is allowed.",
    "goal": "It reached the journey’s goal.",  # noqa: RUF001
    "exit_when": "The journey’s exit condition held.",  # noqa: RUF001
    "unsubscribed": "It left the list.",
    "blocked": "It was blocked.",
    "erased": "It was erased.",
    "removed": "It was taken off the journey.",
    "restarted": "It began the journey anew.",
    "archived": "The journey was archived.",
    "paused_out": "The journey was paused for too long.",
    "migrated_out": "Its version was left, and it had no place in the new one.",
    "list_deleted": "The list was deleted.",
    "too_many_steps": "It took more steps than a way through a journey may have.",
    "unusable": "A step could not be done, again and again.",
}
_HAPPENED: Final = {
    Wake.CLICK: "Clicked a link",
    Wake.REPLY: "Replied",
    Wake.CONVERSION: "Bought",
    Wake.CUSTOM: "An event",
}


class ContactPosition(NamedTuple):
    """What is said of a contact: how it is, the sentences of why, and what happened to it."""

    look: str
    title: str
    why: Sequence[str]
    enrolment: StoredEnrolment
    state: EnrolmentState
    events: Sequence[tuple[int, str, str]]


async def step_titles(
    ask: PageRequest, places: Iterable[tuple[int, int, str]]
) -> dict[tuple[int, int, str], str]:
    """Return what steps do; each is named by its journey, its version and its id there."""
    wanted = {each for each in places if each[1] and each[2]}
    versions = {
        (journey_id, number): await version_of(ask, journey_id, number)
        for journey_id, number in {each[:2] for each in wanted}
    }
    titles: dict[tuple[int, int, str], str] = {}
    for journey_id, number, name in wanted:
        version = versions.get((journey_id, number))
        if version is not None and name in version.steps:
            titles[journey_id, number, name] = step_text(version.steps[name]).title
    return titles


async def version_of(ask: PageRequest, journey_id: int, number: int) -> Version | None:
    """Return a version of a journey, None for 0. Raises `NotFound` where there is none."""
    if not number:
        return None
    stored = await ask.runtime.journey_documents.version(ask.account, journey_id, number)
    return read_document(json.loads(stored.document)).version


def standing(
    progress: ContactProgress,
    journey: Journey,
    version: Version | None,
    times: ReaderTimes,
    *,
    sent: Sequence[FoundMessage],
    offers: Mapping[str, str],
) -> ContactPosition:
    """Return where a contact is, or was, on a journey; `version` is None where it has no steps.

    `sent` are messages to the contact, of which those of this passage are shown, and `offers` the
    names of offers by their public ids.
    """
    row = progress.enrolment
    state = state_of(row)
    step = version.steps.get(row.step) if version else None
    events = _trace(progress, journey, step, sent, offers)
    if not row.is_running:
        why = [ENDED.get(row.end_reason or "", "It is over.")]
        if step is not None:
            why.append(f"The last step was {_quoted(step)}.")
        return ContactPosition("dropped idle", "No longer on it", why, row, state, events)
    title = f"At {_quoted(step)}" if step else "On it, without steps"
    look = "idle half" if journey.status is JourneyStatus.PAUSED or state.held else "sent"
    why = _reasons(row, state, journey, step, times)
    return ContactPosition(look, title, why, row, state, events)


def _quoted(step: Step) -> str:
    return f"“{step_text(step).title}”"


def _trace(
    progress: ContactProgress,
    journey: Journey,
    step: Step | None,
    sent: Sequence[FoundMessage],
    offers: Mapping[str, str],
) -> list[tuple[int, str, str]]:
    """Return what is known of the way so far, oldest first: entry, messages, what happened."""
    row = progress.enrolment
    found = [(row.started_at, "Entered", f"version {row.version}" if row.version else "")]
    found += [
        # Of a click and a conversion the detail is an offer's public id.
        (each.at, _HAPPENED[Wake(each.kind)], offers.get(each.detail, each.detail))
        for each in progress.events
        if each.kind in _HAPPENED
    ]
    for message in sent:
        origin, at = message.stored.origin, message.stored.created_at
        is_ours = origin is not None and origin.kind is OriginKind.JOURNEY
        if origin is not None and is_ours and origin.of_id == journey.id and at >= row.started_at:
            found.append((at, f"Sent {origin.part}", message.body))
    if row.is_running and step is not None and row.arrived_at > row.started_at:
        found.append((row.arrived_at, f"Came to {_quoted(step)}", ""))
    if not row.is_running:
        found.append((row.ends_at, "Ended", (row.end_reason or "").replace("_", " ")))
    return sorted(found, key=lambda each: each[0])


def _reasons(
    row: StoredEnrolment,
    state: EnrolmentState,
    journey: Journey,
    step: Step | None,
    times: ReaderTimes,
) -> list[str]:
    due = state.parked if state.parked is not None else row.due_at
    when = times.near(due) if due is not None and due > times.now else "now"
    if journey.status is JourneyStatus.PAUSED:
        return ["The journey is paused: no contact goes on before it is resumed."]
    found = []
    if state.failures:
        found.append(f"Its last turn broke here, {state.failures} times in a row.")
    if state.held:
        held = state.held.replace("_", " ")
        found.append(f"Its message is held back ({held}); tries so far: {state.tries}.")
        found.append(f"The next try is {_at(when)}.")
    elif step is None:
        found.append(f"It stays until something takes it off, at most until {when}.")
    elif isinstance(step, WaitEventStep):
        found.append(f"It waits until this holds: {said(step.question)}.")
        found.append(f"Without that it goes on {_at(when)}.")
    elif isinstance(step, SendStep) and when == "now":
        found.append("Its message is about to be made.")
    else:
        found.append(f"It goes on {_at(when)}.")
    return found


def _at(when: str) -> str:
    return when if when == "now" else f"at {when}"
