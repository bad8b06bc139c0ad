"""What is different between two documents of a journey, step by step."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.dashboard.journey_drafts import steps_in

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"


class PartChange(NamedTuple):
    """A part of a document or of a step, before and after; "" where it is not there."""

    name: str
    before: str
    after: str


class StepChange(NamedTuple):
    """A step that came, went, or says something else."""

    id: str
    kind: str
    how: str
    parts: Sequence[PartChange]


class DocumentChanges(NamedTuple):
    """What another document says otherwise, beside its steps and in them."""

    rules: Sequence[PartChange]
    steps: Sequence[StepChange]
    is_reordered: bool


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> DocumentChanges:
    """Return what is different, in the order of the document that came after."""
    old = {each["id"]: each for each in steps_in(before)}
    new = {each["id"]: each for each in steps_in(after)}
    steps = [
        change
        for name in [*new, *(each for each in old if each not in new)]
        if (change := _step(name, old.get(name), new.get(name))) is not None
    ]
    kept = [name for name in new if name in old]
    return DocumentChanges(
        _parts(before, after, {"steps"}), steps, kept != [name for name in old if name in new]
    )


def _step(
    name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> StepChange | None:
    parts = _parts(old or {}, new or {}, {"id", "kind"} if old is None or new is None else {"id"})
    how = ADDED if old is None else REMOVED if new is None else CHANGED
    if how == CHANGED and not parts:
        return None
    return StepChange(name, str((new or old or {}).get("kind", "")), how, parts)


def _parts(before: Mapping[str, Any], after: Mapping[str, Any], but: set[str]) -> list[PartChange]:
    names = [*after, *(each for each in before if each not in after)]
    found = []
    for name in names:
        old, new = _shown(before, name), _shown(after, name)
        if name not in but and old != new:
            found.append(PartChange(name, old, new))
    return found


def _shown(given: Mapping[str, Any], name: str) -> str:
    if name not in given:
        return ""
    value = given[name]
    if isinstance(value, str):
        return value
    if name == "next" and value is None:
        return "the end"
    return "" if value is None else json.dumps(value, ensure_ascii=False)
