"""Where an enrolment stands, and what a turn comes to: plain values, for rows and for tests."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.journeys.document import SendStep
from sendrail.domain.journeys.facts import Facts

# The verdict on an order that became a message. Every other verdict is the code of a refusal.
QUEUED: Final = "queued"
# What is counted of a step when a contact comes to it, and when it leaves it.
ENTERED: Final = "entered"
LEFT: Final = "left"


class EndReason(StrEnum):
    """Why an enrolment is over."""

    COMPLETED = "completed"
    EXITED = "exited"
    EXPIRED = "expired"
    GOAL = "goal"
    EXIT_WHEN = "exit_when"
    UNSUBSCRIBED = "unsubscribed"
    BLOCKED = "blocked"
    ERASED = "erased"
    REMOVED = "removed"
    RESTARTED = "restarted"
    ARCHIVED = "archived"
    PAUSED_OUT = "paused_out"
    MIGRATED_OUT = "migrated_out"
    LIST_DELETED = "list_deleted"
    TOO_MANY_STEPS = "too_many_steps"
    # A message that can never be written, or a turn that failed again and again.
    UNUSABLE = "unusable"


class EnrolmentKey(NamedTuple):
    """What tells an enrolment from others, which decides its splits; the recipient is a number."""

    journey_id: int
    recipient: int


class Position(NamedTuple):
    """Where an enrolment stands. Times are milliseconds since the epoch.

    `seq` grows with each call of `advance`. `until` is the end of the rest that the step has begun,
    None where the step is still to be done. `due_at` is when the next turn is due, never after
    `ends_at`; what wakes the enrolment only sets it to an earlier time. `waits` are the bits of
    `facts.Wake` for which to wake it. `held` says why a message is put off ("" where none is), and
    `tries` how often the gate has done so. `last_send_at` is when it last came past a message,
    which was sent or skipped.
    """

    step: str
    entered_at: int
    ends_at: int
    arrived_at: int
    due_at: int
    seq: int = 0
    until: int | None = None
    waits: int = 0
    last_send_at: int | None = None
    sends: int = 0
    visits: int = 1
    tries: int = 0
    held: str = ""


class SetField(NamedTuple):
    """A custom field of the contact is to have a value; None takes it away."""

    step: str
    field: str
    value: Scalar | None


class UnsubscribeContact(NamedTuple):
    """The contact is to leave the list: source `journey:<id>`, reason `manual`, and a note."""

    step: str
    note: str


class PostWebhook(NamedTuple):
    """An event `journey.step` is to be put in the outbox, with the contact's fields by now."""

    step: str
    endpoint_id: int
    fields: Mapping[str, Scalar]


class EnterJourney(NamedTuple):
    """The contact is to enter another journey, under that one's rules."""

    step: str
    journey_id: int


Effect = SetField | UnsubscribeContact | PostWebhook | EnterJourney


class Turn(NamedTuple):
    """What a call of `advance` comes to, all of it to be written in one transaction.

    `counts` are (step, what) in the order in which they happened: `entered`, then how it was done,
    then `left`. How is `sent`, `skipped:<code>`, `refused:<code>`, `held:<code>`, `held_quiet`,
    `held_pace`, `held_queue`, `waits`, `done`, `yes`, `no`, `timeout` or `branch:<n>`, from 1.
    `facts` are those given, with what the turn has changed in them. With `send`, a verdict must
    follow; with `ended`, nothing does, and `note` is an exit step's reason or the code of the
    refusal that ended it.
    """

    position: Position
    facts: Facts
    counts: tuple[tuple[str, str], ...] = ()
    effects: tuple[Effect, ...] = ()
    send: SendStep | None = None
    ended: EndReason | None = None
    note: str = ""
