"""A journey's document, read into a version, with every fault that it can have by itself.

What it names of the account (creatives, offers, endpoints …) is returned as references: whether it
exists is for the caller to look up.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys import graph
from sendrail.domain.journeys.conditions import (
    AudienceCondition,
    EventCondition,
    ListCondition,
    MessageCondition,
    Question,
    wakes,
    walk,
)
from sendrail.domain.journeys.document import (
    DAYS_MAX,
    DOCUMENT_BYTES_MAX,
    HOUR_MS,
    STEPS_MAX,
    ConditionStep,
    JourneyQuietHours,
    Occasion,
    Reentry,
    ReentryMode,
    Step,
    Trigger,
    Version,
    WaitEventStep,
)
from sendrail.domain.journeys.faults import FAULTS_MAX, FaultLog, StepReference, joined
from sendrail.domain.journeys.reading_conditions import OF_TRIGGERS, ConditionReader
from sendrail.domain.journeys.reading_steps import STEP_ID_LENGTH_MAX, UNITS, StepReader
from sendrail.domain.order import Fault
from sendrail.domain.times import DAY_MS

NAME_LENGTH_MAX: Final = 100
PRIORITY_MAX: Final = 1_000
_UNWRITABLE: Final = "holds a number or half a character that JSON has no form for"
SKIP_HOURS_MAX: Final = 720
ENTRIES_MAX: Final = 1_000
REENTRY_DAYS_MAX: Final = 3_650
# What a version is made of. A document may also say which list it is for, and its status.
KEYS: Final = (
    "name",
    "priority",
    "exclusive",
    "holds_other_sends",
    "max_days",
    "trigger",
    "reentry",
    "goal",
    "exit_when",
    "quiet_hours",
    "timezone",
    "skip_within_hours",
    "steps",
)
OF_JOURNEY: Final = ("list_number", "status", "overdue", "migrate")
_TRIGGER: Final = ("on", "when", "keyword", "offer_id", "event", "audience_id")
# The words that say the same in a journey without steps.
TRIGGER_WORDS: Final = {"list": Occasion.SIGNUP, "none": Occasion.API}
# What an occasion needs to know: its key, and whether the trigger must have it.
_OF_OCCASION: Final = (
    ("keyword", (Occasion.REPLY,), False),
    ("offer_id", (Occasion.CLICK, Occasion.CONVERSION), False),
    ("event", (Occasion.EVENT,), True),
)
# What a trigger says of some occasions only.
_NAMED_BY: Final = {name: frozenset(of) for name, of, _ in _OF_OCCASION} | {
    "audience_id": frozenset({Occasion.AUDIENCE})
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReading:
    """What became of a document: a version, or faults; warnings keep nothing from being run."""

    version: Version | None
    faults: Sequence[Fault]
    warnings: Sequence[Fault]
    references: Sequence[StepReference]


def read_document(document: Mapping[str, Any]) -> DocumentReading:
    """Return a decoded document as a version, or all faults in it."""
    return _DocumentReader(document).read()


def canonical(document: Mapping[str, Any]) -> str:
    """Return a document as it is stored: JSON, its keys in one order, nothing but the version's.

    Raises `InvalidInput` where it is too large, or is nothing that JSON can hold.
    """
    kept = {name: document[name] for name in KEYS if name in document}
    text = _written(kept)
    if text is None:
        raise InvalidInput(_UNWRITABLE, code="invalid_json", param="steps")
    if len(text.encode()) > DOCUMENT_BYTES_MAX:
        raise InvalidInput(
            f"A document has at most {DOCUMENT_BYTES_MAX:,} bytes",
            code="payload_too_large",
            param="steps",
        )
    return text


def digest(text: str) -> str:
    """Return the digest of a stored document, by which two are known to say the same."""
    return sha256(text.encode()).hexdigest()


class _DocumentReader:
    """One pass over a document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._given = document
        self._log = FaultLog()
        self._conditions = ConditionReader(self._log)

    def read(self) -> DocumentReading:
        log, given = self._log, self._given
        text = _written(given)
        if text is None:
            log.fault("invalid_json", _UNWRITABLE, "steps")
        elif len(text.encode()) > DOCUMENT_BYTES_MAX:
            # What is too large is not looked into.
            log.fault(
                "payload_too_large", f"may have at most {DOCUMENT_BYTES_MAX:,} bytes", "steps"
            )
        if log.faults:
            return DocumentReading(version=None, faults=log.faults, warnings=(), references=())
        log.expect_keys(given, (*KEYS, *OF_JOURNEY), "")
        days_max = self._number("max_days", 1, DAYS_MAX, DAYS_MAX)
        name = self._name()
        trigger = self._trigger()
        reentry = self._reentry()
        goal, exit_when = self._optional("goal"), self._optional("exit_when")
        reader = StepReader(log, self._conditions, _ids(given.get("steps")), days_max * DAY_MS)
        quiet_hours, timezone = self._quiet_hours(reader), reader.timezone(given, "")
        steps = self._steps(reader)
        version = Version(
            name=name,
            trigger=trigger,
            reentry=reentry,
            priority=self._number("priority", -PRIORITY_MAX, PRIORITY_MAX, 0),
            exclusive=log.flag(given, "exclusive", "", default=False),
            holds_other_sends=log.flag(given, "holds_other_sends", "", default=True),
            days_max=days_max,
            goal=goal,
            exit_when=exit_when,
            quiet_hours=quiet_hours,
            timezone=timezone,
            skip_within_ms=self._number("skip_within_hours", 0, SKIP_HOURS_MAX, 0) * HOUR_MS,
            first=next(iter(steps), ""),
            steps=steps,
            wakes=(wakes(goal) if goal else 0) | (wakes(exit_when) if exit_when else 0),
            **_needs(goal, exit_when, steps),
        )
        return DocumentReading(
            version=None if log.faults else version,
            faults=log.faults[:FAULTS_MAX],
            warnings=log.warnings[:FAULTS_MAX],
            references=log.references,
        )

    def _name(self) -> str:
        name = self._given.get("name")
        if name is None or (isinstance(name, str) and not name.strip()):
            self._log.fault("missing_name", "is missing", "name")
            return ""
        return self._log.text(name, "name", NAME_LENGTH_MAX).strip()

    def _number(self, name: str, least: int, most: int, default: int) -> int:
        value = self._given.get(name)
        found = default if value is None else self._log.number(value, name, least, most)
        return default if found is None else found

    def _optional(self, name: str) -> Question | None:
        value = self._given.get(name)
        return None if value is None else self._conditions.question(value, name)

    def _trigger(self) -> Trigger:
        given, log = self._given.get("trigger"), self._log
        if isinstance(given, str) and given in TRIGGER_WORDS:
            return Trigger(on=frozenset({TRIGGER_WORDS[given]}))
        on: list[Occasion | None] = []
        if isinstance(given, Mapping) and isinstance(given.get("on"), list):
            on = [
                self._conditions.word(each, Occasion, f"trigger.on[{index}]")
                for index, each in enumerate(given["on"][: len(Occasion) + 1])
            ]
        if not on or not isinstance(given, Mapping):
            log.fault("missing_trigger", 'is missing: {"on": ["signup"]}', "trigger")
            return Trigger(on=frozenset())
        occasions = frozenset(each for each in on if each is not None)
        said_of = {name for name, of in _NAMED_BY.items() if occasions & of}
        known = [name for name in _TRIGGER if name in said_of or name not in _NAMED_BY]
        log.expect_keys(given, known, "trigger")
        when, at = given.get("when"), "trigger.when"
        question = None
        if when is not None and when != {}:
            question = self._conditions.question(when, at, OF_TRIGGERS)
        elif Occasion.FIELD in occasions:
            log.fault("invalid_value", "must be a condition that the changed field makes true", at)
        details = {
            name: self._of_occasion(given, name, occasions & set(of), needed=needed)
            for name, of, needed in _OF_OCCASION
        }
        audience = ""
        if Occasion.AUDIENCE in occasions:
            audience = self._conditions.audience_id(given.get("audience_id"), "trigger.audience_id")
        return Trigger(on=occasions, when=question, audience=audience, **details)

    def _of_occasion(
        self, given: Mapping[str, Any], name: str, asked: frozenset[Occasion], *, needed: bool
    ) -> str:
        value = given.get(name)
        if not asked or (value is None and not needed):
            return ""
        return self._conditions.detail(name, value, joined("trigger", name))

    def _reentry(self) -> Reentry:
        given, at, log = self._given.get("reentry"), "reentry", self._log
        if given is None:
            return Reentry()
        mode = given.get("mode") if isinstance(given, Mapping) else None
        if not isinstance(mode, str) or mode not in set(ReentryMode):
            log.fault("invalid_reentry", f"must be {' or '.join(ReentryMode)}", "reentry.mode")
            return Reentry()
        keys = {ReentryMode.AFTER: ("value", "unit", "from"), ReentryMode.ALWAYS: ("max",)}
        log.expect_keys(given, ("mode", *keys.get(ReentryMode(mode), ())), at)
        if mode == ReentryMode.AFTER:
            return self._after(given)
        if mode == ReentryMode.ALWAYS:
            times = given.get("max", ENTRIES_MAX)
            if _is_whole(times, ENTRIES_MAX):
                return Reentry(mode=ReentryMode.ALWAYS, times_max=times)
            log.fault(
                "invalid_reentry", f"must be a number from 1 to {ENTRIES_MAX:,}", "reentry.max"
            )
        return Reentry()

    def _after(self, given: Mapping[str, Any]) -> Reentry:
        value, unit, start = given.get("value"), given.get("unit"), given.get("from", "entry")
        log = self._log
        if not _is_whole(value, REENTRY_DAYS_MAX):
            text = f"must be a whole number from 1 to {REENTRY_DAYS_MAX:,}"
            log.fault("invalid_reentry", text, "reentry.value")
            value = 1
        if not isinstance(unit, str) or unit not in UNITS:
            log.fault("invalid_reentry", f"must be {' or '.join(UNITS)}", "reentry.unit")
            unit = "days"
        if start not in ("entry", "exit"):
            log.fault("invalid_reentry", "must be entry or exit", "reentry.from")
        return Reentry(
            mode=ReentryMode.AFTER,
            after_ms=int(value or 1) * UNITS[unit],
            from_exit=start == "exit",
        )

    def _quiet_hours(self, reader: StepReader) -> JourneyQuietHours | None:
        given, code = self._given.get("quiet_hours"), "invalid_quiet_hours"
        if given is None:
            return None
        if not isinstance(given, Mapping):
            self._log.fault(code, 'must be {"from": "21:00", "to": "08:00"}', "quiet_hours")
            return None
        self._log.expect_keys(given, ("from", "to"), "quiet_hours")
        start = reader.minute(given.get("from"), "quiet_hours.from", code)
        end = reader.minute(given.get("to"), "quiet_hours.to", code)
        if start == end:
            self._log.fault(code, "must be another time than `from`", "quiet_hours.to")
        return JourneyQuietHours(start, end)

    def _steps(self, reader: StepReader) -> dict[str, Step]:
        given, log = self._given.get("steps"), self._log
        if not isinstance(given, list) or not given:
            log.fault("missing_steps", "must be an array of at least one step", "steps")
            return {}
        if len(given) > STEPS_MAX:
            log.fault("too_many_steps", f"may have at most {STEPS_MAX} steps", "steps")
            return {}
        before, names = len(log.faults), [self._id(each, at) for at, each in enumerate(given)]
        for at, name in enumerate(names):
            if name and name in names[:at]:
                log.fault(
                    "duplicate_step_id",
                    f"is {name!r}, which another step has already",
                    f"steps[{at}].id",
                )
        steps: dict[str, Step] = {}
        for at, (each, name) in enumerate(zip(given, names, strict=True)):
            if isinstance(each, Mapping):
                following = names[at + 1] if at + 1 < len(names) else ""
                step = reader.read(each, name, following, f"steps[{at}]")
                if step is not None:
                    steps[name] = step
        if len(log.faults) == before:
            self._graph(steps)
        return steps

    def _id(self, step: object, at: int) -> str:
        name = step.get("id") if isinstance(step, Mapping) else None
        if isinstance(name, str) and name.strip() and len(name) <= STEP_ID_LENGTH_MAX:
            return name
        text = f"must be a text of 1 to {STEP_ID_LENGTH_MAX} characters"
        self._log.fault("missing_step_id", text, f"steps[{at}].id")
        return ""

    def _graph(self, steps: Mapping[str, Step]) -> None:
        log, at = self._log, {name: f"steps[{index}]" for index, name in enumerate(steps)}
        for name in graph.restless_loops(steps):
            text = "is in a loop with no wait of an hour or more: add a wait, or a `since`"
            log.fault("loop_without_wait", text, at[name])
        for name in graph.unreachable(next(iter(steps)), steps):
            log.advise("unreachable_step", "is never reached", at[name])
        for name in graph.sends_in_a_row(steps):
            text = "may follow another message with no wait between"
            log.advise("send_without_wait", text, at[name])


def _written(document: Mapping[str, Any]) -> str | None:
    """Return a document as JSON in UTF-8, or None where there is none for it."""
    try:
        text = json.dumps(
            document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
        )
        text.encode()
    except (ValueError, RecursionError):
        return None
    return text


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _ids(steps: object) -> frozenset[str]:
    if not isinstance(steps, list):
        return frozenset()
    named = (each.get("id") for each in steps if isinstance(each, Mapping))
    return frozenset(name for name in named if isinstance(name, str) and name.strip())


def _needs(
    goal: Question | None, exit_when: Question | None, steps: Mapping[str, Step]
) -> dict[str, Any]:
    """Return which facts the turns of a version may need."""
    asked = [each for each in (goal, exit_when) if each is not None]
    asked += [
        step.question for step in steps.values() if isinstance(step, WaitEventStep | ConditionStep)
    ]
    found = [each for question in asked for each in walk(question)]
    lists = (each.list_id for each in found if isinstance(each, ListCondition))
    return {
        "lists": frozenset(each for each in lists if each is not None),
        "audiences": frozenset(e.audience for e in found if isinstance(e, AudienceCondition)),
        "asks_message": any(isinstance(each, MessageCondition) for each in found),
        "asks_events": any(isinstance(each, EventCondition) for each in found),
    }
