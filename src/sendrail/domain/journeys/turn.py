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

from sendrail.domain.journeys.conditions import Horizon, Question, holds
from sendrail.domain.journeys.document import (
    MINUTE_MS,
    PARTS,
    SENDS_MAX,
    TURN_STEPS_MAX,
    VISITS_MAX,
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
from sendrail.domain.journeys.facts import Facts, MessageState
from sendrail.domain.journeys.local_hours import next_local, quiet_end, zone_for
from sendrail.domain.journeys.position import (
    ENTERED,
    LEFT,
    QUEUED,
    Effect,
    EndReason,
    EnrolmentKey,
    EnterJourney,
    Position,
    PostWebhook,
    SetField,
    Turn,
    UnsubscribeContact,
)
from sendrail.domain.order import Refusal

_HELD_MINUTES_MAX: Final = 60
# What a refusal means for the enrolment: the message is skipped, put off, or the last one.
_SKIPPING: Final = frozenset({Refusal.DUPLICATE_MESSAGE, Refusal.BLOCKED_CONTENT})
UNWRITABLE: Final = frozenset({"unknown_macro", "message_too_long"})
_HOLDING: Final = frozenset({
    Refusal.LIST_INACTIVE,
    Refusal.ACCOUNT_SUSPENDED,
    Refusal.WEBHOOK_NOT_CONFIGURED,
    Refusal.QUEUE_FULL,
})  # fmt: skip
_ENDING: Final[Mapping[str, EndReason]] = {
    Refusal.CONTACT_UNSUBSCRIBED: EndReason.UNSUBSCRIBED,
    Refusal.CONTACT_BLOCKED: EndReason.BLOCKED,
    Refusal.LIST_NOT_FOUND: EndReason.LIST_DELETED,
}


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
    walk = _Walk(version, position, facts, now, key)
    if verdict is not None:
        walk.sent = True
        walk.judged(verdict)
        return walk.turn()
    if position.seq == 0 and position.step:
        walk.count(ENTERED)
    if not walk.is_over():
        walk.wake()
    return walk.turn()


class _Walk:
    """One call of `advance` under way: the position in parts, and what was done so far."""

    __slots__ = (
        "arrived_at",
        "counts",
        "effects",
        "ended",
        "facts",
        "held",
        "key",
        "last_send_at",
        "note",
        "now",
        "rests",
        "send",
        "sends",
        "sent",
        "step",
        "tries",
        "until",
        "version",
        "visits",
        "was",
    )

    def __init__(
        self, version: Version, was: Position, facts: Facts, now: int, key: EnrolmentKey
    ) -> None:
        self.version = version
        self.was = was
        self.facts = facts
        self.now = now
        self.key = key
        self.step = was.step
        self.arrived_at = was.arrived_at
        self.until: int | None = was.until
        self.last_send_at = was.last_send_at
        self.sends = was.sends
        self.visits = was.visits
        self.tries = was.tries
        self.held = was.held
        self.counts: list[tuple[str, str]] = []
        self.effects: list[Effect] = []
        self.send: SendStep | None = None
        self.ended: EndReason | None = None
        self.note = ""
        # When the next turn is due; 0 while the walk goes on.
        self.rests = 0
        self.sent = False

    def turn(self) -> Turn:
        """Return what it came to."""
        was = self.was
        waits = self.version.wakes
        if self.until is not None and isinstance(
            step := self.version.steps[self.step], WaitEventStep
        ):
            waits |= step.wakes
        position = Position(
            self.step,
            was.entered_at,
            was.ends_at,
            self.arrived_at,
            min(self.rests or self.now, was.ends_at),
            was.seq + 1,
            self.until,
            waits,
            self.last_send_at,
            self.sends,
            self.visits,
            self.tries,
            self.held,
        )
        return Turn(
            position,
            self.facts,
            tuple(self.counts),
            tuple(self.effects),
            self.send,
            self.ended,
            self.note,
        )

    # What a turn begins with.

    def is_over(self) -> bool:
        """End it where its goal is reached, where it is to be left, or where its time is over."""
        if self._is_reached():
            return True
        if self.now >= self.was.ends_at:
            self.end(EndReason.EXPIRED)
            return True
        return False

    def wake(self) -> None:
        """Go on from where it rests, or rest on."""
        if not self.step:
            self.rest(self.was.ends_at)
            return
        if self.until is not None:
            self._after_rest(self.until)
        steps, left = self.version.steps, TURN_STEPS_MAX
        while not (self.rests or self.ended or self.send):
            if not left:
                # The rest of a long way is a turn of its own, due at once.
                self.rest(self.now, begun=False)
                return
            left -= 1
            step = steps[self.step]
            _DOING[type(step)](self, step)

    def _after_rest(self, until: int) -> None:
        step = self.version.steps[self.step]
        if isinstance(step, WaitEventStep):
            if self.holds(step.question):
                self.go(step.yes, "yes")
            elif self.now >= until:
                self.go(step.no, "timeout")
            else:
                self.rest(until)
            return
        assert isinstance(step, WaitStep | WaitUntilStep), "no other step begins a rest"
        if self.now >= until:
            self.go(step.next, "done")
        else:
            self.rest(until)

    def _is_reached(self) -> bool:
        version = self.version
        if version.goal is not None and self.holds(version.goal):
            self.end(EndReason.GOAL)
        elif version.exit_when is not None and self.holds(version.exit_when):
            self.end(EndReason.EXIT_WHEN)
        return self.ended is not None

    # What a step may do with the walk.

    def holds(self, question: Question) -> bool:
        """Return whether a question is answered by yes now."""
        entered = self.was.entered_at
        last_send = entered if self.last_send_at is None else self.last_send_at
        return holds(question, self.facts, Horizon(entered, self.arrived_at, last_send))

    def count(self, what: str) -> None:
        """Note what was done at the step."""
        self.counts.append((self.step, what))

    def go(self, to: str, how: str) -> None:
        """Leave the step, done in some way, for another; "" is the end."""
        self.count(how)
        self.until = None
        self.tries, self.held = 0, ""
        if not to:
            self.end(EndReason.COMPLETED)
            return
        if self.visits >= VISITS_MAX:
            self.end(EndReason.TOO_MANY_STEPS)
            return
        self.count(LEFT)
        self.visits += 1
        self.step, self.arrived_at = to, self.now
        self.count(ENTERED)

    def rest(self, due_at: int, *, begun: bool = True) -> None:
        """Rest until a time: the end of the step's rest, or the time at which it is done."""
        self.until = due_at if begun and self.step else None
        self.rests = due_at

    def begin_rest(self, until: int) -> None:
        """Begin the rest of the step."""
        self.count("waits")
        self.rest(until)

    def hold(self, why: str, due_at: int) -> None:
        """Put the message of the step off."""
        if self.held != why:
            self.count(why)
        self.held = why
        self.rest(due_at, begun=False)

    def end(self, reason: EndReason, note: str = "") -> None:
        """End the enrolment at the step where it stands."""
        if self.step:
            self.count(LEFT)
        self.until = None
        self.ended, self.note = reason, note

    def ask(self, step: SendStep) -> None:
        """Ask for the message of a step, where it may leave now."""
        if self.sends >= SENDS_MAX:
            self.end(EndReason.TOO_MANY_STEPS)
        elif self.sent:
            # The verdict on one message is known before the next one is asked for.
            self.rest(self.now, begun=False)
        elif self._is_reached():
            return
        elif (until := self._quiet_until(step)) is not None:
            self.hold("held_quiet", until)
        elif self.facts.send_from > self.now:
            self.hold("held_pace", self.facts.send_from)
        elif self._has_had_one():
            self._pass(step, "skipped:sent_recently")
        else:
            self.send = step

    def judged(self, verdict: str) -> None:
        """Apply the verdict on the message that was asked for, and go on."""
        step = self.version.steps[self.step]
        assert isinstance(step, SendStep), "a verdict is on a message"
        if verdict == QUEUED:
            self.sends += 1
            self.facts = self.facts._replace(
                last_message=MessageState.PENDING, last_sent_at=self.now
            )
            self._pass(step, "sent")
        elif verdict in _SKIPPING or (verdict in UNWRITABLE and not step.exits_on_missing):
            self._pass(step, f"skipped:{verdict}")
        elif verdict in _HOLDING:
            minutes = min(1 << min(self.tries, 6), _HELD_MINUTES_MAX)
            self.tries += 1
            self.hold(f"held:{verdict}", self.now + minutes * MINUTE_MS)
        else:
            self.count(f"refused:{verdict}")
            self.end(_ENDING.get(verdict, EndReason.UNUSABLE), verdict)
        self.wake()

    def _pass(self, step: SendStep, how: str) -> None:
        # A skipped one counts as well: else an answer to the message before it would be an answer
        # to this one, and a cycle could go round by it for ever.
        self.last_send_at = self.now
        self.go(step.next, how)

    def _quiet_until(self, step: SendStep) -> int | None:
        quiet = self.version.quiet_hours
        if quiet is None or step.ignores_quiet_hours:
            return None
        return quiet_end(self.now, quiet, zone_for(self.version, self.facts))

    def _has_had_one(self) -> bool:
        last, within = self.facts.last_sent_at, self.version.skip_within_ms
        return within > 0 and last is not None and self.now - last < within


# How each kind of step is done.


def _send(walk: _Walk, step: SendStep) -> None:
    walk.ask(step)


def _wait(walk: _Walk, step: WaitStep) -> None:
    walk.begin_rest(walk.now + step.milliseconds)


def _wait_until(walk: _Walk, step: WaitUntilStep) -> None:
    zone = zone_for(walk.version, walk.facts, step.timezone)
    walk.begin_rest(next_local(walk.now, step.minute, step.days, zone))


def _wait_event(walk: _Walk, step: WaitEventStep) -> None:
    if walk.holds(step.question):
        walk.go(step.yes, "yes")
    else:
        walk.begin_rest(walk.now + step.timeout_ms)


def _condition(walk: _Walk, step: ConditionStep) -> None:
    yes = walk.holds(step.question)
    walk.go(step.yes if yes else step.no, "yes" if yes else "no")


def _split(walk: _Walk, step: SplitStep) -> None:
    at = share_of(walk.key, step, walk.was.entered_at)
    number = next(n for n, branch in enumerate(step.branches, 1) if at < branch.below)
    walk.go(step.branches[number - 1].next, f"branch:{number}")


def _set_field(walk: _Walk, step: SetFieldStep) -> None:
    fields = dict(walk.facts.fields)
    if step.value is None:
        fields.pop(step.field, None)
    else:
        fields[step.field] = step.value
    walk.facts = walk.facts._replace(fields=fields)
    walk.effects.append(SetField(step.id, step.field, step.value))
    walk.go(step.next, "done")


def _unsubscribe(walk: _Walk, step: UnsubscribeStep) -> None:
    walk.effects.append(UnsubscribeContact(step.id, step.reason))
    walk.count("done")
    walk.end(EndReason.UNSUBSCRIBED, step.reason)


def _webhook(walk: _Walk, step: WebhookStep) -> None:
    walk.effects.append(PostWebhook(step.id, step.endpoint_id, walk.facts.fields))
    walk.go(step.next, "done")


def _enter_journey(walk: _Walk, step: EnterJourneyStep) -> None:
    walk.effects.append(EnterJourney(step.id, step.journey_id))
    walk.go(step.next, "done")


def _exit(walk: _Walk, step: ExitStep) -> None:
    walk.count("done")
    walk.end(EndReason.EXITED, step.reason)


_DOING: Final[Mapping[type[Step], Callable[[_Walk, Any], None]]] = {
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
