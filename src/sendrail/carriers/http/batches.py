"""The answer to many messages at once: each element is read alone and judged by its own words."""

from collections.abc import Callable, Iterable

import msgspec

from sendrail.domain.delivery import Outcome, Submitted, Uncertain
from sendrail.domain.errors import CarrierTrouble

ElementReader = Callable[[bytes], tuple[str, Outcome]]


def outcomes_by_id(elements: Iterable[msgspec.Raw], read: ElementReader) -> dict[str, Outcome]:
    """Return the outcome of each message that an answer names, by the id it has there.

    `read` returns the id and the outcome of one element. An element that it cannot read names no
    message and harms none. Where two elements contradict each other about a message, one that says
    it was taken counts; otherwise it is uncertain.
    """
    found: dict[str, Outcome] = {}
    for element in elements:
        try:
            name, outcome = read(bytes(element))
        except CarrierTrouble:
            continue
        before = found.setdefault(name, outcome)
        if before != outcome:
            found[name] = _of_two(before, outcome)
    return found


def _of_two(before: Outcome, after: Outcome) -> Outcome:
    taken = (each for each in (before, after) if isinstance(each, Submitted))
    return next(taken, Uncertain("the carrier's answer contradicts itself about this message"))
