"""The graph of a document's steps: where each leads, what is never reached, and what never rests.

A cycle is allowed where each way round it rests: for an hour at least, or until the clock shows a
time. A `wait_event` step that is satisfied rests for no time, so its `yes` counts only where what
it waits for must happen anew: an event since the step, or since the last message.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sendrail.domain.journeys.conditions import (
    ConditionGroup,
    EventCondition,
    EventSince,
    Question,
)
from sendrail.domain.journeys.document import (
    LOOP_WAIT_MS,
    ConditionStep,
    ExitStep,
    SendStep,
    SplitStep,
    Step,
    UnsubscribeStep,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
)


class StepEdge(NamedTuple):
    """A way from one step to another; `rests_ms` is how long one rests on it at least."""

    to: str
    rests_ms: int = 0


def edges(step: Step) -> list[StepEdge]:
    """Return the ways from a step to others; those to the end of the journey are left out."""
    return [edge for edge in _edges(step) if edge.to]


def _edges(step: Step) -> Iterator[StepEdge]:
    if isinstance(step, UnsubscribeStep | ExitStep):
        return
    if isinstance(step, WaitEventStep):
        yield StepEdge(step.yes, step.timeout_ms if _needs_news(step.question) else 0)
        yield StepEdge(step.no, step.timeout_ms)
    elif isinstance(step, ConditionStep):
        yield StepEdge(step.yes)
        yield StepEdge(step.no)
    elif isinstance(step, SplitStep):
        for branch in step.branches:
            yield StepEdge(branch.next)
    elif isinstance(step, WaitStep):
        yield StepEdge(step.next, step.milliseconds)
    elif isinstance(step, WaitUntilStep):
        # Never the same time of the same day twice.
        yield StepEdge(step.next, LOOP_WAIT_MS)
    else:
        yield StepEdge(step.next)


def _needs_news(question: Question) -> bool:
    if isinstance(question, EventCondition):
        return question.since is not EventSince.ENROLLMENT
    if not isinstance(question, ConditionGroup):
        return False
    parts = [_needs_news(each) for each in (*question.conditions, *question.groups)]
    return any(parts) if question.needs_all else all(parts)


def unreachable(first: str, steps: Mapping[str, Step]) -> list[str]:
    """Return the steps to which no way leads, in the order of the document."""
    seen = {first} | set(_reached(steps[first], steps, edges))
    return [each for each in steps if each not in seen]


def restless_loops(steps: Mapping[str, Step]) -> list[str]:
    """Return a step of each cycle on which there is no rest of an hour, each once."""
    restless = {
        name: [edge.to for edge in edges(step) if edge.rests_ms < LOOP_WAIT_MS]
        for name, step in steps.items()
    }
    return list(_one_of_each(_without_ends(restless)))


def sends_in_a_row(steps: Mapping[str, Step]) -> list[str]:
    """Return the messages that may follow another one with no rest between."""
    found: dict[str, None] = {}
    for step in steps.values():
        if isinstance(step, SendStep):
            for name in _reached(step, steps, _restless_to_send):
                if isinstance(steps[name], SendStep):
                    found[name] = None
    return [name for name in steps if name in found]


def _restless_to_send(step: Step) -> list[StepEdge]:
    return [edge for edge in edges(step) if not edge.rests_ms]


def _reached(
    start: Step, steps: Mapping[str, Step], ways: Callable[[Step], list[StepEdge]]
) -> Iterator[str]:
    """Yield what can be reached from a step, each once."""
    seen: set[str] = set()
    waiting = [edge.to for edge in ways(start)]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting += [edge.to for edge in ways(steps[name])]


def _without_ends(ways: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return what is left when steps that lead to no cycle are taken away, one after the other."""
    left = {name: set(to) for name, to in ways.items()}
    while ended := [name for name, to in left.items() if not to]:
        for name in ended:
            del left[name]
        for to in left.values():
            to.difference_update(ended)
    return {name: [each for each in ways[name] if each in to] for name, to in left.items()}


def _one_of_each(ways: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield one step of each group of cycles, where every step leads to a cycle."""
    done: set[str] = set()
    for start in ways:
        trail: list[str] = []
        name = start
        while name not in done and name not in trail:
            trail.append(name)
            name = ways[name][0]
        if name not in done:
            yield name
        done.update(trail)
