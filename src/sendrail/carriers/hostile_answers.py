"""Corrupt answers to a submit, and the invariants of `read_answer` that the suite checks on them.

An answer decides whether a message is sent again. So one that is broken must never be read as if
the carrier had refused what it took, and must cost no neighbour in a batch its own answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from sendrail.carriers.hostile import ValidCallback, spoil
from sendrail.carriers.http.carrier import HttpCarrier
from sendrail.carriers.http.client import ANSWER_MAX
from sendrail.carriers.http.codes import outcome_by_status
from sendrail.carriers.http.exchange import Answer
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted, Uncertain
from sendrail.domain.errors import CarrierTrouble

# A longer detail probably quotes what a person wrote.
_DETAIL_MAX: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidAnswer:
    """An answer as the carrier gives it to a request with these messages.

    `batch` is the path, names joined by dots, of the JSON list with an element for each message;
    None where the answer is about one message.
    """

    messages: Sequence[OutboundMessage]
    answer: Answer
    batch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptAnswer:
    """An answer with one fault; with `in_element` the fault is in one element of a batch."""

    what: str
    answer: Answer
    in_element: bool = False


def spoil_answer(good: ValidAnswer) -> Iterator[CorruptAnswer]:
    """Yield the corrupt variants of an answer, each with one fault, that a client would read."""
    for spoiled in spoil(ValidCallback(raw=good.answer.body, batch=good.batch)):
        if len(spoiled.raw) <= ANSWER_MAX:
            yield CorruptAnswer(
                what=spoiled.what,
                answer=replace(good.answer, body=spoiled.raw),
                in_element=spoiled.rest is not None,
            )
    if good.batch is not None and b"[" in good.answer.body:
        yield CorruptAnswer(what="each element twice", answer=_doubled(good))


def answer_fault(carrier: HttpCarrier, good: ValidAnswer, spoiled: CorruptAnswer) -> str | None:
    """Return which invariant a carrier violates when it reads a corrupt answer, or None."""
    expected = outcomes_of(carrier, good.messages, good.answer)
    outcomes = outcomes_of(carrier, good.messages, spoiled.answer)
    if len(outcomes) != len(good.messages):
        return f"{len(outcomes)} outcomes for {len(good.messages)} messages"
    if flaws := [each for each in map(outcome_flaw, outcomes) if each]:
        return flaws[0]
    changed = [
        (before, after) for before, after in zip(expected, outcomes, strict=True) if before != after
    ]
    for before, after in changed:
        if isinstance(before, Submitted) and not isinstance(after, Submitted | Uncertain):
            return f"what was taken became {after}, and would be sent again or given up"
        if isinstance(after, Submitted) and not isinstance(before, Submitted):
            return f"what was refused became {after}"
    if spoiled.in_element and len(changed) > 1:
        return f"neighbours lost their answers: {changed}"
    return None


def outcomes_of(
    carrier: HttpCarrier, messages: Sequence[OutboundMessage], answer: Answer
) -> Sequence[Outcome]:
    """Return the outcome of each message; an answer that cannot be parsed counts by its status."""
    result: Outcome | Sequence[Outcome]
    try:
        result = carrier.read_answer(messages, answer)
    except CarrierTrouble:
        result = outcome_by_status(carrier.vendor, answer)
    return result if isinstance(result, Sequence) else [result] * len(messages)


def outcome_flaw(outcome: object) -> str | None:
    """Return what is wrong with an outcome that `read_answer` returned, or None."""
    if not isinstance(outcome, get_args(Outcome)):
        return f"{outcome!r:.100} is no outcome"
    if isinstance(outcome, Submitted):
        is_sound = isinstance(outcome.carrier_ref, str) and outcome.carrier_ref != ""
        return None if is_sound else "a message was taken under no reference"
    detail = getattr(outcome, "detail", "")
    if len(detail) > _DETAIL_MAX:
        return f"a detail of {len(detail)} characters"
    return None if detail.isprintable() else "a detail with control characters"


def _doubled(good: ValidAnswer) -> Answer:
    """Return the answer with its list twice over, as a gateway that repeats itself would."""
    body = good.answer.body
    begin, end = body.index(b"["), max(body.rfind(b"]"), body.index(b"["))
    inside = body[begin + 1 : end]
    return replace(good.answer, body=body[: begin + 1] + inside + b"," + inside + body[end:])
