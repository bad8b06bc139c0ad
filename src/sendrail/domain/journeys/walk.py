"""A turn of a journey under way: where it has come to, and what was done so far.

Steps (`turn.py`) decide what is done; here is what they can do: go, rest, hold, end, ask for the
message of a step.
"""

from collections.abc import Mapping
from typing import Final

from sendrail.domain.journeys.conditions import Horizon, Question, holds
from sendrail.domain.journeys.document import (
    MINUTE_MS,
    SENDS_MAX,
    VISITS_MAX,
    SendStep,
    Version,
    WaitEventStep,
)
from sendrail.domain.journeys.facts import Facts, MessageState
from sendrail.domain.journeys.local_hours import quiet_end, zone_for
from sendrail.domain.journeys.position import (
    ENTERED,
    LEFT,
    QUEUED,
    Effect,
    EndReason,
    EnrolmentKey,
    Position,
    Turn,
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


class StepWalk:
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
            self.hold(self.facts.held_by, self.facts.send_from)
        elif self._has_had_one():
            self._pass(step, "skipped:sent_recently")
        else:
            self.send = step

    def judged(self, verdict: str) -> None:
        """Apply the verdict on the message that was asked for."""
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
