"""A version of a journey as it was read: its steps by their ids, and its rules.

A version never changes. An interpreter of a later release runs every version that was ever stored:
kinds of steps and fields are only added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.creative import OfferLink
from sendrail.domain.journeys.conditions import Question
from sendrail.domain.placeholders import Template
from sendrail.domain.times import DAY_MS

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
# The limits of a version.
DAYS_MAX: Final = 30
STEPS_MAX: Final = 200
DOCUMENT_BYTES_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 5
CONDITIONS_MAX: Final = 50
BRANCHES_MAX: Final = 10
LOOP_WAIT_MS: Final = HOUR_MS
# The limits of one way through it, and of one turn.
SENDS_MAX: Final = 100
VISITS_MAX: Final = 500
TURN_STEPS_MAX: Final = 50
# The journeys that a contact is led through, one by the other, behind the first.
HOPS_MAX: Final = 10
# A split is exact to a hundredth of a percent.
PARTS: Final = 10_000


class StepKind(StrEnum):
    """What a step does."""

    SEND = "send"
    WAIT = "wait"
    WAIT_UNTIL = "wait_until"
    WAIT_EVENT = "wait_event"
    CONDITION = "condition"
    SPLIT = "split"
    SET_FIELD = "set_field"
    UNSUBSCRIBE = "unsubscribe"
    WEBHOOK = "webhook"
    ENTER_JOURNEY = "enter_journey"
    EXIT = "exit"


class Occasion(StrEnum):
    """When a trigger is asked."""

    SIGNUP = "signup"
    FIELD = "field"
    REPLY = "reply"
    CLICK = "click"
    CONVERSION = "conversion"
    # A custom event, by its name.
    EVENT = "event"
    API = "api"
    AUDIENCE = "audience"
    JOURNEY = "journey"


class ReentryMode(StrEnum):
    """When a contact may go through a journey again."""

    ONCE = "once"
    AFTER = "after"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendStep:
    """A message: a text of its own, or a creative's; the next step is "" where the journey ends.

    `template` is None with a creative. `exits_on_missing` ends the enrolment where a field without
    a default has no value, or the text is too long; otherwise the message is skipped.
    """

    id: str
    next: str
    template: Template | None = None
    creative_id: int | None = None
    offer_links: tuple[OfferLink, ...] = ()
    exits_on_missing: bool = False
    ignores_quiet_hours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStep:
    """A rest of so many milliseconds."""

    id: str
    next: str
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntilStep:
    """A rest until the local clock shows a time: minutes of the day, on days where 0 is Monday.

    `timezone` is None for the contact's.
    """

    id: str
    next: str
    minute: int
    days: frozenset[int]
    timezone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEventStep:
    """A rest until a question is answered by yes, for so many milliseconds at most.

    `wakes` are the bits of `facts.Wake` that may change the answer.
    """

    id: str
    question: Question
    timeout_ms: int
    yes: str
    no: str
    wakes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionStep:
    """A fork by what is known."""

    id: str
    question: Question
    yes: str
    no: str


class Branch(NamedTuple):
    """One way of a split: `below` is its upper bound in hundredths of a percent."""

    below: int
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStep:
    """A fork by chance; a sticky one decides the same each time a contact comes through."""

    id: str
    branches: tuple[Branch, ...]
    sticky: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFieldStep:
    """A custom field of the contact gets a value; None takes it away."""

    id: str
    next: str
    field: str
    value: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeStep:
    """The contact leaves the list, which ends the enrolment."""

    id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStep:
    """An event `journey.step` to one of the account's endpoints; nothing waits for it."""

    id: str
    next: str
    endpoint_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterJourneyStep:
    """The contact enters another journey, under that one's rules, and goes on here."""

    id: str
    next: str
    journey_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStep:
    """The enrolment ends."""

    id: str
    reason: str = ""


Step = (
    SendStep
    | WaitStep
    | WaitUntilStep
    | WaitEventStep
    | ConditionStep
    | SplitStep
    | SetFieldStep
    | UnsubscribeStep
    | WebhookStep
    | EnterJourneyStep
    | ExitStep
)

KINDS: Final[Mapping[type, StepKind]] = {
    SendStep: StepKind.SEND,
    WaitStep: StepKind.WAIT,
    WaitUntilStep: StepKind.WAIT_UNTIL,
    WaitEventStep: StepKind.WAIT_EVENT,
    ConditionStep: StepKind.CONDITION,
    SplitStep: StepKind.SPLIT,
    SetFieldStep: StepKind.SET_FIELD,
    UnsubscribeStep: StepKind.UNSUBSCRIBE,
    WebhookStep: StepKind.WEBHOOK,
    EnterJourneyStep: StepKind.ENTER_JOURNEY,
    ExitStep: StepKind.EXIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What puts contacts on a journey: occasions, and a question asked over the facts after them.

    `keyword` (folded) belongs to replies, `offer_id` to clicks and conversions, `event` to custom
    events, `audience` to the audience that a contact enters.
    """

    on: frozenset[Occasion]
    when: Question | None = None
    keyword: str = ""
    offer_id: str = ""
    event: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reentry:
    """When a contact that was on the journey may enter again.

    `after_ms` counts from the last entry, or from the last end where `from_exit` is set;
    `times_max` is the number of entries in all, 0 without a limit.
    """

    mode: ReentryMode = ReentryMode.ONCE
    after_ms: int = 0
    from_exit: bool = False
    times_max: int = 0


class JourneyQuietHours(NamedTuple):
    """The local time in which a journey sends nothing: minutes of the day, the end excluded.

    The end may be before the start: 21:00 to 08:00 is the night.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a document says, ready to be run. Without steps, a contact rests until it expires.

    `wakes` are the bits of `facts.Wake` that the goal and the exit condition wait for, wherever an
    enrolment rests. `lists`, `audiences`, `asks_message` and `asks_events` say which facts a turn
    may need.
    """

    name: str = ""
    trigger: Trigger = Trigger(on=frozenset({Occasion.API}))
    reentry: Reentry = field(default_factory=Reentry)
    priority: int = 0
    exclusive: bool = False
    holds_other_sends: bool = True
    days_max: int = DAYS_MAX
    goal: Question | None = None
    exit_when: Question | None = None
    quiet_hours: JourneyQuietHours | None = None
    timezone: str | None = None
    skip_within_ms: int = 0
    first: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)
    wakes: int = 0
    lists: frozenset[int] = frozenset()
    audiences: frozenset[str] = frozenset()
    asks_message: bool = False
    asks_events: bool = False

    @property
    def duration_ms(self) -> int:
        """How long an enrolment lasts at most."""
        return self.days_max * DAY_MS
