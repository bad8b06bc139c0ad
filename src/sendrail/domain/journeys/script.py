"""A simulation as its author writes it, in JSON: who enters when, and what happens then."""

from collections.abc import Mapping
from typing import Any, Final

from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.document import DAYS_MAX
from sendrail.domain.journeys.event_data import data_in
from sendrail.domain.journeys.facts import EventKind, Facts, MessageState
from sendrail.domain.journeys.faults import FaultLog, FaultyDocument
from sendrail.domain.journeys.position import QUEUED
from sendrail.domain.journeys.reading_conditions import ConditionReader
from sendrail.domain.journeys.reading_steps import UNITS
from sendrail.domain.journeys.simulate import (
    EVENTS_MAX,
    FieldChange,
    ScriptedEvent,
    SimulationInput,
)
from sendrail.domain.journeys.texts import ContactNames
from sendrail.domain.journeys.walk import UNWRITABLE
from sendrail.domain.local_time import zone_of
from sendrail.domain.order import Refusal
from sendrail.domain.times import DAY_MS, read_instant

# What can happen beside an event: a field of the contact changes, or a carrier reports.
FIELD: Final = "field"
MESSAGE: Final = "message"
HAPPENINGS: Final = (*map(str, EventKind), FIELD, MESSAGE)
# What may become of a step's message: another journey, or this one, never keeps it from being sent.
VERDICTS: Final = (
    QUEUED,
    *(each.value for each in Refusal if each is not Refusal.JOURNEY_CONFLICT),
    *sorted(UNWRITABLE),
)
_FIELDS_MAX: Final = 100
# From the first year whose local times are sure to be written, 1971, to the last, 9998.
_INSTANTS: Final = range(31_536_000_000, 253_370_764_800_000)


def read_script(given: Mapping[str, Any], now: int) -> SimulationInput:
    """Return a simulation; without `starts_at` it starts now, in milliseconds.

    Raises `FaultyDocument` with every fault in it.
    """
    log = FaultLog()
    reader = ConditionReader(log)
    contact = _object(log, given, "contact")
    starts_at = _moment(log, given.get("starts_at"), "starts_at", now)
    facts = Facts(
        fields=_fields(log, reader, contact),
        event_data=data_in(log, contact.get("event_data"), "contact.event_data"),
        active=log.flag(contact, "active", "contact", default=True),
        lists=frozenset(each for each in _array(log, contact, "list_ids") if _is_id(each)),
        audiences=frozenset(
            each for each in _array(log, contact, "audience_ids") if isinstance(each, str)
        ),
        timezone=_timezone(log, contact),
        last_sent_at=_moment(log, contact.get("last_sent_at"), "contact.last_sent_at", None),
    )
    names = ContactNames(
        first_name=_text(log, contact, "first_name"),
        last_name=_text(log, contact, "last_name"),
        timezone=facts.timezone,
    )
    events = _array(log, given, "events")
    if len(events) > EVENTS_MAX:
        log.fault("invalid_value", f"may have at most {EVENTS_MAX} events", "events")
        events = []
    script = [_event(log, reader, each, f"events[{at}]") for at, each in enumerate(events)]
    verdicts = _verdicts(log, given)
    if log.faults:
        raise FaultyDocument(log.faults)
    return SimulationInput(
        facts=facts,
        starts_at=now if starts_at is None else starts_at,
        names=names,
        events=[each for each in script if each is not None],
        verdicts=verdicts,
    )


def _verdicts(log: FaultLog, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the codes by which the messages of some steps are refused."""
    found = _object(log, given, "verdicts")
    for step, code in found.items():
        if code not in VERDICTS:
            log.fault("invalid_value", f"must be {' or '.join(VERDICTS)}", f"verdicts.{step}")
    return {step: str(code) for step, code in found.items()}


def _event(
    log: FaultLog, reader: ConditionReader, given: object, path: str
) -> ScriptedEvent | None:
    if not isinstance(given, Mapping):
        log.fault("invalid_value", 'must be an event: {"after": {…}, "event": "click"}', path)
        return None
    after, word = _after(log, given.get("after"), f"{path}.after"), given.get("event")
    if word == FIELD:
        value: Scalar | None = given.get("value")
        if value is not None:
            value = reader.scalar(value, f"{path}.value")
        name = reader.field_name(given.get("field"), f"{path}.field")
        return ScriptedEvent(after, FieldChange(name, value))
    if word == MESSAGE:
        status = reader.word(given.get("status"), MessageState, f"{path}.status")
        return None if status is None else ScriptedEvent(after, status)
    if word not in HAPPENINGS:
        log.fault("invalid_value", f"must be {' or '.join(HAPPENINGS)}", f"{path}.event")
        return None
    detail, data = _text(log, given, "detail", path) or "", {}
    if word == EventKind.CUSTOM:
        data = data_in(log, given.get("data"), f"{path}.data")
    return ScriptedEvent(after, EventKind(word), detail, data)


def _after(log: FaultLog, given: object, path: str) -> int:
    value = given.get("value") if isinstance(given, Mapping) else None
    unit = given.get("unit") if isinstance(given, Mapping) else None
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(unit, str):
        milliseconds = value * UNITS.get(unit, 0)
        if unit in UNITS and 0 <= milliseconds <= DAYS_MAX * DAY_MS:
            return milliseconds
    text = f'must be at most {DAYS_MAX} days: {{"value": 2, "unit": "{" or ".join(UNITS)}"}}'
    log.fault("invalid_duration", text, path)
    return 0


def _fields(
    log: FaultLog, reader: ConditionReader, contact: Mapping[str, Any]
) -> dict[str, Scalar]:
    path, found = "contact.custom_fields", _object(log, contact, "custom_fields", "contact")
    if len(found) > _FIELDS_MAX:
        log.fault("invalid_value", f"may have at most {_FIELDS_MAX} fields", path)
        return {}
    read = {name: reader.scalar(value, f"{path}.{name}") for name, value in found.items()}
    return {name: value for name, value in read.items() if value is not None}


def _timezone(log: FaultLog, contact: Mapping[str, Any]) -> str | None:
    name = _text(log, contact, "timezone")
    if name is None:
        return None
    try:
        return zone_of(name, "contact.timezone").key
    except InvalidInput as fault:
        log.fault(
            fault.code,
            "must be the name of a time zone, such as America/New_York",
            "contact.timezone",
        )
        return None


def _text(log: FaultLog, given: Mapping[str, Any], name: str, path: str = "contact") -> str | None:
    value = given.get(name)
    return None if value is None else log.text(value, f"{path}.{name}", 1_000, blank=True)


def _moment(log: FaultLog, given: object, path: str, default: int | None) -> int | None:
    if given is None:
        return default
    at = read_instant(given, zone=None) if isinstance(given, str) else None
    if at is None or at not in _INSTANTS:
        log.fault("invalid_value", "must be a time such as 2026-01-31T08:00:00Z", path)
        return default
    return at


def _object(
    log: FaultLog, given: Mapping[str, Any], name: str, path: str = ""
) -> Mapping[str, Any]:
    value = given.get(name)
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    log.fault("invalid_value", "must be an object", f"{path}.{name}" if path else name)
    return {}


def _array(log: FaultLog, given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    if value is None or isinstance(value, list):
        return value or []
    log.fault("invalid_value", "must be an array", name)
    return []


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
