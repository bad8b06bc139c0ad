"""Conditions of a document, read with every fault in them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from sendrail.domain.contact import Scalar
from sendrail.domain.ids import ROW_ID_MAX, is_object_id
from sendrail.domain.journeys.conditions import (
    AudienceCondition,
    ComparisonOperator,
    Condition,
    ConditionGroup,
    EventCondition,
    EventSince,
    FieldCondition,
    ListCondition,
    MessageCondition,
    Question,
    folded,
)
from sendrail.domain.journeys.document import CONDITIONS_MAX, DEPTH_MAX
from sendrail.domain.journeys.facts import EventKind, MessageState
from sendrail.domain.journeys.faults import FaultLog, joined

Word = TypeVar("Word", bound=StrEnum)

FIELD_LENGTH_MAX: Final = 100
TEXT_LENGTH_MAX: Final = 1_000
VALUES_MAX: Final = 100
# What a float holds exactly.
NUMBER_MAX: Final = 2**53
_CUSTOM: Final = "custom_fields."
_GROUP: Final = ("operator", "conditions", "groups")
_OPERATORS: Final = {"AND": True, "OR": False}
_INSIDE: Final = {"in": True, "not_in": False}
# What may be asked of a contact that is on no journey yet.
OF_TRIGGERS: Final = ("list", "custom_field", "audience", "event_data")
EVERY: Final = (*OF_TRIGGERS, "event", "message")
_MANY: Final = (ComparisonOperator.IN, ComparisonOperator.NOT_IN)


def read_scalar(log: FaultLog, value: object, path: str, length_max: int) -> Scalar | None:
    """Return a value that a field or an event may have, None where that is at fault."""
    if isinstance(value, str) and len(value) <= length_max and "\0" not in value:
        return value
    # A truth value is a number as well.
    if isinstance(value, int | float) and -NUMBER_MAX <= value <= NUMBER_MAX:
        return value
    text = f"must be true, false, a number or a text of at most {length_max:,} characters"
    log.fault("invalid_value", text, path)
    return None


class ConditionReader:
    """Reads the conditions of one document, and counts them."""

    def __init__(self, log: FaultLog) -> None:
        self._log = log
        self._count = 0

    def question(self, value: object, path: str, types: tuple[str, ...] = EVERY) -> Question | None:
        """Return a condition or a group, or None where it is neither or has a fault."""
        is_group = isinstance(value, Mapping) and (
            "conditions" in value or "groups" in value or "operator" in value
        ) and "type" not in value  # fmt: skip
        return self._group(value, path, types, 1) if is_group else self._one(value, path, types)

    def _group(
        self, value: object, path: str, types: tuple[str, ...], depth: int
    ) -> ConditionGroup | None:
        log = self._log
        if not isinstance(value, Mapping):
            log.fault(
                "invalid_value", 'must be a group: {"operator": "AND", "conditions": […]}', path
            )
            return None
        if depth > DEPTH_MAX:
            log.fault("filter_too_large", f"is nested in more than {DEPTH_MAX} groups", path)
            return None
        log.expect_keys(value, _GROUP, path)
        operator = value.get("operator", "AND")
        needs_all = _OPERATORS.get(operator) if isinstance(operator, str) else None
        if needs_all is None:
            log.fault("invalid_operator", "must be AND or OR", joined(path, "operator"))
        conditions = [
            self._one(each, f"{joined(path, 'conditions')}[{index}]", types)
            for index, each in enumerate(self._array(value, "conditions", path))
        ]
        groups = [
            self._group(each, f"{joined(path, 'groups')}[{index}]", types, depth + 1)
            for index, each in enumerate(self._array(value, "groups", path))
        ]
        if not conditions and not groups:
            log.fault("empty_filter_group", "is empty: give it a condition, or leave it out", path)
        if needs_all is None or None in conditions or None in groups:
            return None
        return ConditionGroup(
            needs_all=needs_all,
            conditions=tuple(each for each in conditions if each is not None),
            groups=tuple(each for each in groups if each is not None),
        )

    def _array(self, given: Mapping[str, Any], name: str, path: str) -> list[Any]:
        value = given.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._log.fault("invalid_value", "must be an array", joined(path, name))
            return []
        # Whatever is behind the limit is one fault, not thousands.
        return value[: CONDITIONS_MAX + 1]

    def _one(self, value: object, path: str, types: tuple[str, ...]) -> Condition | None:
        self._count += 1
        if self._count > CONDITIONS_MAX:
            if self._count == CONDITIONS_MAX + 1:
                self._log.fault(
                    "filter_too_large",
                    f"is one condition too many: {CONDITIONS_MAX} are allowed",
                    path,
                )
            return None
        if not isinstance(value, Mapping):
            self._log.fault(
                "invalid_value", 'must be a condition: {"type": "custom_field", …}', path
            )
            return None
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in types:
            self._log.fault("invalid_value", f"must be {' or '.join(types)}", joined(path, "type"))
            return None
        before = len(self._log.faults)
        found = _READERS[kind](self, value, path)
        return found if len(self._log.faults) == before else None

    # One type of condition each.

    def read_list(self, given: Mapping[str, Any], path: str) -> ListCondition:
        self._log.expect_keys(given, ("type", "op", "list_id"), path)
        inside, list_id = self._inside(given, path), given.get("list_id")
        if list_id is not None:
            at = joined(path, "list_id")
            if (list_id := self._log.number(list_id, at, 1, ROW_ID_MAX)) is not None:
                self._log.refer("list", list_id, at)
        return ListCondition(list_id=list_id, inside=inside)

    def read_audience(self, given: Mapping[str, Any], path: str) -> AudienceCondition:
        self._log.expect_keys(given, ("type", "op", "audience_id"), path)
        audience = self.audience_id(given.get("audience_id"), joined(path, "audience_id"))
        return AudienceCondition(audience=audience, inside=self._inside(given, path))

    def audience_id(self, value: object, path: str) -> str:
        """Return the public id of an audience."""
        if isinstance(value, str) and is_object_id(value):
            self._log.refer("audience", value, path)
            return value
        self._log.fault("invalid_value", "must be the id of an audience, 24 digits", path)
        return ""

    def read_field(self, given: Mapping[str, Any], path: str) -> FieldCondition:
        self._log.expect_keys(given, ("type", "field", "op", "operator", "value"), path)
        name = "operator" if "op" not in given and "operator" in given else "op"
        field = self.field_name(given.get("field"), joined(path, "field"))
        op = self.word(
            given.get(name), ComparisonOperator, joined(path, name), code="invalid_operator"
        )
        values: tuple[Scalar, ...] = ()
        if op is ComparisonOperator.EXISTS:
            if given.get("value") not in (None, True):
                # It would be read as its opposite.
                text = "has no place beside `exists`: it holds where there is any value"
                self._log.fault("invalid_value", text, joined(path, "value"))
        elif op is not None:
            values = self._values(given.get("value"), op, joined(path, "value"))
        return FieldCondition(
            field=field,
            comparison=op or ComparisonOperator.EXISTS,
            values=values,
            of_event=given.get("type") == "event_data",
        )

    def read_event(self, given: Mapping[str, Any], path: str) -> EventCondition:
        event = self.word(given.get("event"), EventKind, joined(path, "event"))
        since = EventSince.ENROLLMENT
        if given.get("since") is not None:
            since = self.word(given["since"], EventSince, joined(path, "since")) or since
        name = _DETAILS.get(event) if event is not None else None
        known = ("type", "event", "since", *((name,) if name else ()))
        if event is not None:
            self._log.expect_keys(given, known, path)
        detail = ""
        if name is not None and (event is EventKind.CUSTOM or given.get(name) is not None):
            detail = self.detail(name, given.get(name), joined(path, name))
        return EventCondition(event=event or EventKind.CLICK, detail=detail, since=since)

    def detail(self, name: str, value: object, path: str) -> str:
        """Return the keyword, offer or name that an event has; a keyword is folded."""
        text = self._log.text(value, path, FIELD_LENGTH_MAX).strip()
        if name == "keyword" and text:
            if not folded(text):
                self._log.fault("invalid_value", "must have a letter or a digit", path)
            return folded(text)
        if name == "offer_id" and text:
            self._log.refer("offer", text, path)
        return text

    def read_message(self, given: Mapping[str, Any], path: str) -> MessageCondition:
        self._log.expect_keys(given, ("type", "status"), path)
        status = self.word(given.get("status"), MessageState, joined(path, "status"))
        return MessageCondition(status=status or MessageState.PENDING)

    # Parts of several types.

    def field_name(self, value: object, path: str) -> str:
        """Return the name of a custom field, without the prefix that it may have."""
        name = value.removeprefix(_CUSTOM).strip() if isinstance(value, str) else value
        return self._log.text(name, path, FIELD_LENGTH_MAX)

    def scalar(self, value: object, path: str) -> Scalar | None:
        """Return the value of a custom field."""
        return read_scalar(self._log, value, path, TEXT_LENGTH_MAX)

    def word(
        self, value: object, words: type[Word], path: str, *, code: str = "invalid_value"
    ) -> Word | None:
        """Return one of an enumeration's words."""
        if isinstance(value, str) and value in set(words):
            return words(value)
        self._log.fault(code, f"must be {' or '.join(words)}", path)
        return None

    def _inside(self, given: Mapping[str, Any], path: str) -> bool:
        op = given.get("op", "in")
        if isinstance(op, str) and op in _INSIDE:
            return _INSIDE[op]
        self._log.fault("invalid_operator", "must be in or not_in", joined(path, "op"))
        return True

    def _values(self, value: object, op: ComparisonOperator, path: str) -> tuple[Scalar, ...]:
        if op in _MANY:
            if not isinstance(value, list) or not 1 <= len(value) <= VALUES_MAX:
                self._log.fault(
                    "invalid_value", f"must be an array of 1 to {VALUES_MAX} values", path
                )
                return ()
            found = [self.scalar(each, f"{path}[{at}]") for at, each in enumerate(value)]
            return tuple(each for each in found if each is not None)
        if op is ComparisonOperator.CONTAINS:
            return (self._log.text(value, path, TEXT_LENGTH_MAX, blank=True),)
        one = self.scalar(value, path)
        return () if one is None else (one,)


_DETAILS: Final = {
    EventKind.REPLY: "keyword",
    EventKind.CLICK: "offer_id",
    EventKind.CONVERSION: "offer_id",
    EventKind.CUSTOM: "name",
}
_READERS: Final[Mapping[str, Callable[[ConditionReader, Mapping[str, Any], str], Condition]]] = {
    "list": ConditionReader.read_list,
    "audience": ConditionReader.read_audience,
    "custom_field": ConditionReader.read_field,
    "event_data": ConditionReader.read_field,
    "event": ConditionReader.read_event,
    "message": ConditionReader.read_message,
}
