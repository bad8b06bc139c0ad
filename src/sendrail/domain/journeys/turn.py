"""One turn of an enrolment: from where a contact rests on a journey to where it rests next.

`advance` is pure: the same version, position, facts, time, key and verdict give the same turn, on
each replay and in every process. A turn asks for one message at most. Where it does, its `send` is
set and the enrolment stands at that step: the caller renders the text (`texts.py`), submits the
order, and calls `advance` again with the turn's position and facts, the same time, and the verdict.
Everything of both calls belongs in one transaction. `simulate.py` is such a caller.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

from sendrail.domain.journeys.document import (
    PARTS,
    TURN_STEPS_MAX,
    ConditionStep,
    EnterJourneyStep,
    ExitStep,
    SendStep,
    SetFieldStep,
    SplitStep,
    Step,
    UnsubscribeStep,
    Version,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
    WebhookStep,
)
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.journeys.local_hours import next_local, zone_for
from sendrail.domain.journeys.position import (
    ENTERED,
    EndReason,
    EnrolmentKey,
    EnterJourney,
    Position,
    PostWebhook,
    SetField,
    Turn,
    UnsubscribeContact,
)
from sendrail.domain.journeys.walk import StepWalk


def enter(version: Version, now: int) -> Position:
    """Return where a contact that enters now begins; its first turn is due at once."""
    ends_at = now + version.duration_ms
    return Position(
        step=version.first,
        entered_at=now,
        ends_at=ends_at,
        arrived_at=now,
        due_at=now if version.first else ends_at,
    )


def advance(  # noqa: PLR0917 - what a turn depends on
    version: Version,
    position: Position,
    facts: Facts,
    now: int,
    key: EnrolmentKey,
    verdict: str | None = None,
) -> Turn:
    """Take an enrolment as far as it gets at a time, `now` in milliseconds.

    A call before `due_at` is right at any time: it answers what has happened since, or rests on.
    `verdict` is `QUEUED` or the code of a refusal, for the message that the turn asked for.
    """
    walk = StepWalk(version, position, facts, now, key)
    if verdict is not None:
        walk.sent = True
        walk.judged(verdict)
        _go_on(walk)
        return walk.turn()
    if position.seq == 0 and position.step:
        walk.count(ENTERED)
    if not walk.is_over():
        _go_on(walk)
    return walk.turn()


def _go_on(walk: StepWalk) -> None:
    """Go on from where it rests until it rests again, or rest on."""
    if not walk.step:
        walk.rest(walk.was.ends_at)
        return
    if walk.until is not None:
        _after_rest(walk, walk.until)
    steps, left = walk.version.steps, TURN_STEPS_MAX
    while not (walk.rests or walk.ended or walk.send):
        if not left:
            # The rest of a long way is a turn of its own, due at once.
            walk.rest(walk.now, begun=False)
            return
        left -= 1
        step = steps[walk.step]
        _DOING[type(step)](walk, step)


def _after_rest(walk: StepWalk, until: int) -> None:
    step = walk.version.steps[walk.step]
    if isinstance(step, WaitEventStep):
        if walk.holds(step.question):
            walk.go(step.yes, "yes")
        elif walk.now >= until:
            walk.go(step.no, "timeout")
        else:
            walk.rest(until)
        return
    assert isinstance(step, WaitStep | WaitUntilStep), "no other step begins a rest"
    if walk.now >= until:
        walk.go(step.next, "done")
    else:
        walk.rest(until)


# How each kind of step is done.


def _send(walk: StepWalk, step: SendStep) -> None:
    walk.ask(step)


def _wait(walk: StepWalk, step: WaitStep) -> None:
    walk.begin_rest(walk.now + step.milliseconds)


def _wait_until(walk: StepWalk, step: WaitUntilStep) -> None:
    zone = zone_for(walk.version, walk.facts, step.timezone)
    walk.begin_rest(next_local(walk.now, step.minute, step.days, zone))


def _wait_event(walk: StepWalk, step: WaitEventStep) -> None:
    if walk.holds(step.question):
        walk.go(step.yes, "yes")
    else:
        walk.begin_rest(walk.now + step.timeout_ms)


def _condition(walk: StepWalk, step: ConditionStep) -> None:
    yes = walk.holds(step.question)
    walk.go(step.yes if yes else step.no, "yes" if yes else "no")


def _split(walk: StepWalk, step: SplitStep) -> None:
    at = share_of(walk.key, step, walk.was.entered_at)
    number = next(n for n, branch in enumerate(step.branches, 1) if at < branch.below)
    walk.go(step.branches[number - 1].next, f"branch:{number}")


def _set_field(walk: StepWalk, step: SetFieldStep) -> None:
    fields = dict(walk.facts.fields)
    if step.value is None:
        fields.pop(step.field, None)
    else:
        fields[step.field] = step.value
    walk.facts = walk.facts._replace(fields=fields)
    walk.effects.append(SetField(step.id, step.field, step.value))
    walk.go(step.next, "done")


def _unsubscribe(walk: StepWalk, step: UnsubscribeStep) -> None:
    walk.effects.append(UnsubscribeContact(step.id, step.reason))
    walk.count("done")
    walk.end(EndReason.UNSUBSCRIBED, step.reason)


def _webhook(walk: StepWalk, step: WebhookStep) -> None:
    walk.effects.append(PostWebhook(step.id, step.endpoint_id, walk.facts.fields))
    walk.go(step.next, "done")


def _enter_journey(walk: StepWalk, step: EnterJourneyStep) -> None:
    walk.effects.append(EnterJourney(step.id, step.journey_id))
    walk.go(step.next, "done")


def _exit(walk: StepWalk, step: ExitStep) -> None:
    walk.count("done")
    walk.end(EndReason.EXITED, step.reason)


_DOING: Final[Mapping[type[Step], Callable[[StepWalk, Any], None]]] = {
    SendStep: _send,
    WaitStep: _wait,
    WaitUntilStep: _wait_until,
    WaitEventStep: _wait_event,
    ConditionStep: _condition,
    SplitStep: _split,
    SetFieldStep: _set_field,
    UnsubscribeStep: _unsubscribe,
    WebhookStep: _webhook,
    EnterJourneyStep: _enter_journey,
    ExitStep: _exit,
}


def share_of(key: EnrolmentKey, step: SplitStep, entered_at: int) -> int:
    """Return where a contact falls at a split, from 0 to 9,999: hundredths of a percent.

    It is a digest of the journey, the contact, the step and, but for a sticky one, the time of its
    entry: the same for ever and everywhere, and even over the contacts.
    """
    entry = "" if step.sticky else str(entered_at)
    text = f"{key.journey_id} {key.recipient} {entry} {step.id}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest()) * PARTS >> 64
