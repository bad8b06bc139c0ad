"""Documents of journeys that are being written: they may have faults, and are drawn all the same.

Ways that a step does not name lead to the following one. Before steps are added or taken away, all
ways are named; afterwards those that lead to the following step need no name again.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.dashboard.journey_words import (
    END,
    NO_NAMES,
    StepBranch,
    StepNames,
    StepText,
    branches_of,
    step_text,
)
from sendrail.domain.journeys.document import DAYS_MAX, Step, StepKind
from sendrail.domain.journeys.faults import FaultLog
from sendrail.domain.journeys.reading_conditions import ConditionReader
from sendrail.domain.journeys.reading_steps import StepReader
from sendrail.domain.order import Fault
from sendrail.domain.times import DAY_MS

Document = dict[str, Any]
GivenStep = dict[str, Any]

KIND_WORDS: Final[Mapping[StepKind, tuple[str, str]]] = {
    StepKind.SEND: ("messages", "Send a message"),
    StepKind.WAIT: ("clock", "Wait for a time"),
    StepKind.WAIT_UNTIL: ("clock", "Wait until the clock shows"),
    StepKind.WAIT_EVENT: ("inbox", "Wait for something to happen"),
    StepKind.CONDITION: ("split", "Ask a question"),
    StepKind.SPLIT: ("split", "Split by chance"),
    StepKind.SET_FIELD: ("creatives", "Set a field"),
    StepKind.WEBHOOK: ("webhooks", "Tell an endpoint"),
    StepKind.ENTER_JOURNEY: ("journeys", "Enter another journey"),
    StepKind.UNSUBSCRIBE: ("leave", "Take off the list"),
    StepKind.EXIT: ("flag", "End the journey"),
}
# What a new step says, for its author to change.
_NEW: Final[Mapping[StepKind, GivenStep]] = {
    StepKind.SEND: {"body": ""},
    StepKind.WAIT: {"value": 1, "unit": "days"},
    StepKind.WAIT_UNTIL: {"time": "09:30"},
    StepKind.WAIT_EVENT: {
        "if": {"type": "event", "event": "reply", "since": "last_send"},
        "timeout": {"value": 2, "unit": "days"},
    },
    StepKind.CONDITION: {"if": {"type": "event", "event": "click"}},
    StepKind.SPLIT: {"branches": [{"percent": 50}, {"percent": 50}]},
    StepKind.SET_FIELD: {"field": "", "value": True},
}
_FORKS: Final[Mapping[str, tuple[str, ...]]] = {
    StepKind.WAIT_EVENT: ("yes", "no"),
    StepKind.CONDITION: ("yes", "no"),
    StepKind.UNSUBSCRIBE: (),
    StepKind.EXIT: (),
}
_LABELS: Final = {"yes": "yes", "no": "no", "next": ""}


class DraftStep(NamedTuple):
    """A step of a draft: as it was given, in words, where it leads, and what is wrong with it."""

    id: str
    at: int
    given: GivenStep
    text: StepText
    ways: Sequence[StepBranch]
    faults: Sequence[Fault]

    @property
    def kind(self) -> str:
        return str(self.given.get("kind", ""))


def steps_in(document: Mapping[str, Any]) -> list[GivenStep]:
    """Return the steps of a document that can be shown: objects with an id, each another one."""
    given = document.get("steps")
    found: dict[str, GivenStep] = {}
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str) and each["id"].strip():
            found.setdefault(each["id"], each)
    return list(found.values())


def is_plain(document: Mapping[str, Any]) -> bool:
    """Return whether forms can show all of its steps; else there is only the document itself."""
    given = document.get("steps")
    return given is None or (isinstance(given, list) and len(steps_in(document)) == len(given))


def drafted(
    document: Mapping[str, Any], faults: Sequence[Fault], known: StepNames = NO_NAMES
) -> list[DraftStep]:
    """Return the steps of a document, each with the faults that are its own.

    `known` are the names of what it names of the account.
    """
    steps = steps_in(document)
    log = FaultLog()
    ids = frozenset(each["id"] for each in steps)
    reader = StepReader(log, ConditionReader(log), ids, DAYS_MAX * DAY_MS)
    found = []
    for at, step in enumerate(steps):
        following = steps[at + 1]["id"] if at + 1 < len(steps) else END
        read = reader.read(step, step["id"], following, "")
        text, ways = _words(step, read, following, ids, known)
        own = [each for each in faults if is_of(each.param, at)]
        found.append(DraftStep(step["id"], at, step, text, ways, own))
    return found


def _words(
    step: GivenStep, read: Step | None, following: str, ids: frozenset[str], known: StepNames
) -> tuple[StepText, Sequence[StepBranch]]:
    """Return a step in words, as far as it can be read, and where it leads."""
    if read is not None:
        return step_text(read, known), branches_of(read)
    kind = str(step.get("kind"))
    is_known = kind in set(StepKind)
    icon, words = KIND_WORDS[StepKind(kind)] if is_known else ("alert", "A step")
    ways = [
        StepBranch(to if to in ids else END, _LABELS.get(name, name))
        for name, to in _ways(step, following)
    ]
    return StepText(icon, words, step["id"]), ways


def is_of(param: str | None, at: int) -> bool:
    """Return whether a fault's path is of the step at a place."""
    start = f"steps[{at}]"
    return param == start or bool(param and param.startswith(f"{start}."))


def param_in(param: str | None, at: int) -> str:
    """Return the path of a fault within its step; "" for the step as a whole."""
    return (param or "").removeprefix(f"steps[{at}]").removeprefix(".")


# Ways, by their names.


def _places(step: GivenStep) -> Iterator[tuple[GivenStep, str]]:
    """Yield what holds a way of a step, and its key there."""
    kind = step.get("kind")
    if kind == StepKind.SPLIT:
        branches = step.get("branches")
        for each in branches if isinstance(branches, list) else ():
            if isinstance(each, dict):
                yield each, "next"
        return
    for name in _FORKS.get(str(kind), ("next",)):
        yield step, name


def _ways(step: GivenStep, following: str) -> Iterator[tuple[str, str]]:
    for number, (holder, name) in enumerate(_places(step), 1):
        to = holder.get(name, following)
        label = name if holder is step else f"way {number}"
        yield label, to if isinstance(to, str) else END


def _named(steps: Sequence[GivenStep]) -> list[GivenStep]:
    """Return steps all of whose ways are named."""
    found = copy.deepcopy(list(steps))
    for at, step in enumerate(found):
        following = found[at + 1]["id"] if at + 1 < len(found) else None
        for holder, name in _places(step):
            holder.setdefault(name, following)
    return found


def _short(steps: list[GivenStep]) -> list[GivenStep]:
    """Return steps without the ways that need no name."""
    for at, step in enumerate(steps):
        following = steps[at + 1]["id"] if at + 1 < len(steps) else None
        if "next" in step and step["next"] == following:
            del step["next"]
    return steps


def _lead_on(steps: Sequence[GivenStep], way: Callable[[Any], Any]) -> None:
    for step in steps:
        for holder, name in _places(step):
            if name in holder:
                holder[name] = way(holder[name])


def with_step(steps: Sequence[GivenStep], kind: StepKind, after: str) -> tuple[Document, str]:
    """Return the steps with a new one behind another, or at the beginning, and its id.

    What led on from that one leads through the new step now.
    """
    named = _named(steps)
    name = _new_id(kind, {each["id"] for each in steps})
    at = next((n for n, each in enumerate(named, 1) if each["id"] == after), 0)
    step: GivenStep = {"id": name, "kind": kind.value} | copy.deepcopy(dict(_NEW.get(kind, {})))
    to = named[at]["id"] if at < len(named) else None
    if at:
        before = named[at - 1]
        if "next" in before and before.get("kind") != StepKind.SPLIT:
            to, before["next"] = before["next"], name
    for holder, key in _places(step):
        holder[key] = to
    return {"steps": _short([*named[:at], step, *named[at:]])}, name


def without_step(steps: Sequence[GivenStep], name: str) -> Document:
    """Return the steps without one; what led to it leads to where its first way did."""
    named = _named(steps)
    gone = next(each for each in named if each["id"] == name)
    to = next((holder.get(key) for holder, key in _places(gone)), None)
    to = None if to == name else to
    left = [each for each in named if each["id"] != name]
    _lead_on(left, lambda way: to if way == name else way)
    return {"steps": _short(left)}


def with_changed(steps: Sequence[GivenStep], name: str, changed: GivenStep) -> Document:
    """Return the steps with one of them changed; what leads to it follows its name."""
    found = [copy.deepcopy(each) for each in steps]
    if changed["id"] != name:
        _lead_on(found, lambda way: changed["id"] if way == name else way)
        _lead_on([changed], lambda way: changed["id"] if way == name else way)
    return {"steps": [changed if each["id"] == name else each for each in found]}


def _new_id(kind: StepKind, known: set[str]) -> str:
    return next(name for n in range(1, 1_000) if (name := f"{kind.value}_{n}") not in known)
