"""A journey as its pages show it: a row and a card for each step, and the ways between them."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sendrail.contacts.journey_progress import StepCounts, VersionCounts
from sendrail.dashboard.journey_drafts import DraftStep
from sendrail.dashboard.journey_graph import (
    CARD_HEIGHT,
    CARD_WIDTH,
    LETTER,
    JourneyPlan,
    plan,
)
from sendrail.dashboard.journey_words import (
    END,
    NO_NAMES,
    StepBranch,
    StepNames,
    StepText,
    branches_of,
    done_text,
    step_text,
    trigger_text,
)
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.journeys.document import Trigger, Version

# No step of a document has this id: they begin with a letter or a digit.
TRIGGER: Final = " trigger"
_TITLE_LENGTH, _FACT_LENGTH = 21, 25
LOOKS: Final = {
    JourneyStatus.DRAFT: ("queued idle", "Draft"),
    JourneyStatus.ACTIVE: ("ok", "Active"),
    JourneyStatus.PAUSED: ("idle half", "Paused"),
    JourneyStatus.ARCHIVED: ("dropped idle", "Archived"),
}


class StepView(NamedTuple):
    """A step as a page shows it: in words, with its counts and where it leads."""

    id: str
    text: StepText
    here: int | None
    came: int | None
    left: int | None
    ways: Sequence[tuple[str, str, int | None]]
    body: str = ""
    is_bad: bool = False


def version_steps(
    version: Version | None,
    counts: VersionCounts | None,
    document: str,
    known: StepNames = NO_NAMES,
) -> list[StepView]:
    """Return the rows of a version: the trigger, each step of the document, and the end."""
    if version is None:
        return []
    of = {each.step: each for each in counts.steps} if counts else {}
    bodies = [str(each.get("body", "")) for each in json.loads(document).get("steps") or []]
    entered = counts.entered if counts else None
    rows = [_start(trigger_text(version.trigger, known), version.first, entered)]
    for step, body in zip(version.steps.values(), bodies, strict=True):
        ways = branches_of(step)
        rows.append(_step(step.id, step_text(step, known), of.get(step.id), ways, body))
    return _with_end(rows, counts.ended.get("completed", 0) if counts else None)


def draft_steps(
    steps: Sequence[DraftStep], trigger: Trigger | None, known: StepNames = NO_NAMES
) -> list[StepView]:
    """Return the rows of a draft, which may have faults."""
    text = (
        trigger_text(trigger, known) if trigger else StepText("contacts", "Nothing starts it yet")
    )
    rows = [_start(text, steps[0].id if steps else END, None)]
    for each in steps:
        ways = [(way.to, way.label, None) for way in each.ways]
        body = str(each.given.get("body") or "")
        rows.append(StepView(each.id, each.text, None, None, None, ways, body, bool(each.faults)))
    return _with_end(rows, None)


def _start(text: StepText, first: str, entered: int | None) -> StepView:
    return StepView(TRIGGER, text, None, entered, None, [(first or END, "", None)])


def _with_end(rows: list[StepView], done: int | None) -> list[StepView]:
    if any(to == END for row in rows for to, _, _ in row.ways):
        fact = f"{done:,} have finished" if done is not None else ""
        rows.append(StepView(END, StepText("flag", "End", fact), None, done, None, []))
    return rows


def _step(
    name: str, text: StepText, found: StepCounts | None, ways: Sequence[StepBranch], body: str
) -> StepView:
    if found is None:
        led: list[tuple[str, str, int | None]] = [(each.to, each.label, None) for each in ways]
        return StepView(name, text, None, None, None, led, body)
    if done := done_text(found.did):
        text = text._replace(fact=done)
    led = [
        (each.to, each.label, found.did.get(each.counted, 0) if each.counted else None)
        for each in ways
    ]
    return StepView(name, text, found.here, found.entered, found.left, led, body)


def drawing(steps: Sequence[StepView]) -> dict[str, Any]:
    """Return what the template of the graph needs."""
    return {
        "steps": steps,
        "drawn": _drawn(steps),
        "card": (CARD_WIDTH, CARD_HEIGHT),
        "cut": _cut,
        "letter": LETTER,
        "lengths": (_TITLE_LENGTH, _FACT_LENGTH),
        "here_at": _here_width,
    }


def _drawn(steps: Sequence[StepView]) -> JourneyPlan | None:
    if not steps:
        return None
    ways = {each.id: _lines(each) for each in steps}
    return plan([each.id for each in steps], ways)


def _lines(step: StepView) -> list[StepBranch]:
    """Return the lines from a step: one to each other, named for all ways that take it."""
    labels: dict[str, list[str]] = {}
    for to, label, count in step.ways:
        labels.setdefault(to, []).append(label if count is None else f"{label} {count:,}")
    return [StepBranch(to, ", ".join(filter(None, names))) for to, names in labels.items()]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _here_width(text: str) -> int:
    """Return how wide the mark is that says how many are at a step."""
    return 7 * len(text) + 12
