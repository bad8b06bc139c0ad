"""A journey tried out: the way of an invented contact, on a clock that does not wait.

It calls `advance` as the engine does, at the moments at which the engine would: when a turn is
due, and when something happens for which the enrolment waits. Nothing is written or sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.journeys.conditions import Horizon, holds
from sendrail.domain.journeys.document import KINDS, SendStep, StepKind, Version
from sendrail.domain.journeys.event_data import remembered
from sendrail.domain.journeys.facts import (
    NO_DATA,
    WAKES,
    Event,
    EventKind,
    Facts,
    MessageState,
    Wake,
)
from sendrail.domain.journeys.faults import FaultLog, FaultyDocument
from sendrail.domain.journeys.position import (
    ENTERED,
    LEFT,
    QUEUED,
    EndReason,
    EnrolmentKey,
    Position,
    Turn,
)
from sendrail.domain.journeys.texts import ContactNames, UnwritableText, text_for, text_values
from sendrail.domain.journeys.turn import advance, enter
from sendrail.domain.placeholders import Template

EVENTS_MAX: Final = 500
# More than any version and script can take: an hour is a turn where a message is held all month,
# and an event is one.
_TURNS_MAX: Final = 5_000
_NAMELESS: Final = ContactNames()
_INVENTED: Final = EnrolmentKey(0, 0)


class FieldChange(NamedTuple):
    """A custom field of the contact gets a value, or None, which takes it away."""

    field: str
    value: Scalar | None


class ScriptedEvent(NamedTuple):
    """What happens to the contact, so many milliseconds after it entered; `data` as in `Facts`."""

    after_ms: int
    what: EventKind | FieldChange | MessageState
    detail: str = ""
    data: Mapping[str, Scalar] = NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationInput:
    """Who enters when, and what happens then.

    `verdicts` are the codes by which the gate refuses the messages of some steps; every other one
    is queued. `creatives` are the texts of those that the version sends, by their ids.
    """

    facts: Facts
    starts_at: int
    names: ContactNames = _NAMELESS
    events: Sequence[ScriptedEvent] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    creatives: Mapping[int, Template] = field(default_factory=dict)
    key: EnrolmentKey = _INVENTED


class PathStep(NamedTuple):
    """What is done at a step, and when; `until` is the end of a rest, `text` that of a message.

    `did` is a word of `Turn.counts`.
    """

    at: int
    step: str
    kind: StepKind
    did: str
    until: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationResult:
    """The way of the contact, and how it ends.

    `enters` says whether the trigger's condition holds at the start; the way is shown in any case.
    """

    enters: bool
    path: Sequence[PathStep]
    ended: EndReason
    ended_at: int
    note: str
    fields: Mapping[str, Scalar]


def simulate(version: Version, given: SimulationInput) -> SimulationResult:
    """Return the whole way of a contact through a version; it takes 30 days at most.

    Raises `FaultyDocument` for a verdict on a message that the version has not.
    """
    _expect_sends(version, given.verdicts)
    return _Simulation(version, given).run()


def _expect_sends(version: Version, verdicts: Mapping[str, str]) -> None:
    log = FaultLog()
    for name in verdicts:
        if not isinstance(version.steps.get(name), SendStep):
            log.fault("unknown_step", "must be the id of a step that sends", f"verdicts.{name}")
    if log.faults:
        raise FaultyDocument(log.faults)


class _Simulation:
    def __init__(self, version: Version, given: SimulationInput) -> None:
        self._version = version
        self._given = given
        self._facts = given.facts
        self._position = enter(version, given.starts_at)
        self._path: list[PathStep] = []

    def run(self) -> SimulationResult:
        start = self._given.starts_at
        enters = self._enters()
        script = sorted(self._given.events, key=lambda event: event.after_ms)
        waiting = list(reversed(script))
        for _ in range(_TURNS_MAX):
            now = self._position.due_at
            while waiting and start + waiting[-1].after_ms <= now:
                event = waiting.pop()
                if self._position.waits & self._happens(event):
                    now = start + event.after_ms
                    break
            turn = self._turn(now)
            if turn.ended is not None:
                return SimulationResult(
                    enters=enters,
                    path=self._path,
                    ended=turn.ended,
                    ended_at=now,
                    note=turn.note,
                    fields=self._facts.fields,
                )
        raise AssertionError("each turn goes on, or rests until later")

    def _enters(self) -> bool:
        asked, at = self._version.trigger.when, self._given.starts_at
        return asked is None or holds(asked, self._facts, Horizon(at, at, at))

    def _happens(self, event: ScriptedEvent) -> int:
        """Apply an event to the facts, and return the bits of what waits for it."""
        facts, what = self._facts, event.what
        if isinstance(what, EventKind):
            happened = Event(what, self._given.starts_at + event.after_ms, event.detail)
            data = remembered(facts.event_data, event.data)
            self._facts = facts._replace(events=(*facts.events, happened), event_data=data)
            return WAKES[what]
        if isinstance(what, MessageState):
            if facts.last_message is not None:
                self._facts = facts._replace(last_message=what)
            return Wake.MESSAGE
        fields = dict(facts.fields)
        if what.value is None:
            fields.pop(what.field, None)
        else:
            fields[what.field] = what.value
        self._facts = facts._replace(fields=fields)
        return Wake.FIELD

    def _turn(self, now: int) -> Turn:
        key = self._given.key
        turn = advance(self._version, self._position, self._facts, now, key)
        self._note(turn, now)
        if turn.send is not None:
            verdict, text = self._sent(turn.send, turn.facts)
            turn = advance(self._version, turn.position, turn.facts, now, key, verdict)
            self._note(turn, now, text)
        self._position, self._facts = turn.position, turn.facts
        return turn

    def _sent(self, step: SendStep, facts: Facts) -> tuple[str, str | None]:
        """Return the verdict on the message of a step, and its text where there is one."""
        template = step.template
        if template is None:
            assert step.creative_id is not None, "a message has a text or a creative"
            template = self._given.creatives.get(step.creative_id)
        written = None
        if template is not None:
            written = text_for(template, text_values(self._given.names, facts))
        if isinstance(written, UnwritableText):
            return written.code, None
        verdict = self._given.verdicts.get(step.id, QUEUED)
        return verdict, written.text if written is not None and verdict == QUEUED else None

    def _note(self, turn: Turn, now: int, text: str | None = None) -> None:
        position = turn.position
        for name, did in turn.counts:
            if did in _COMING_AND_GOING:
                continue
            kind = KINDS[type(self._version.steps[name])]
            until = _until(position, did)
            is_sent = did == "sent"
            self._path.append(PathStep(now, name, kind, did, until, text if is_sent else None))


_COMING_AND_GOING: Final = frozenset({ENTERED, LEFT})


def _until(position: Position, did: str) -> int | None:
    if did == "waits":
        return position.until
    return position.due_at if did.startswith("held") else None
