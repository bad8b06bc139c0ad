"""The conditions of a filter in JSON: how each type of them is read."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from sendrail.domain import money
from sendrail.domain.audience_filter import (
    FIELD_LENGTH_MAX,
    NUMBER_MAX,
    TEXT_LENGTH_MAX,
    VALUES_MAX,
    AudienceCondition,
    Condition,
    CustomFieldCondition,
    FlagCondition,
    FlagField,
    ListCondition,
    NumberCondition,
    NumberField,
    Operator,
    TimeCondition,
    TimeField,
    TimeUnit,
    ValidationCondition,
)
from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import is_object_id, is_row_id
from sendrail.domain.numbering import ValidationStatus
from sendrail.domain.times import read_instant

Word = TypeVar("Word", bound=StrEnum)
Given = Mapping[str, Any]

CUSTOM: Final = "custom_fields."
_NO_TEXT: Final = "must not contain a NUL character or half of a surrogate pair"
# A hundred years of minutes.
_UNITS_MAX: Final = 52_560_000
_KNOWS: Final = (Operator.EXISTS, Operator.NOT_EXISTS)
_TIME: Final = (
    Operator.WITHIN,
    Operator.NOT_WITHIN,
    Operator.BEFORE,
    Operator.AFTER,
    *_KNOWS,
)
_AGO_ONLY: Final = (Operator.WITHIN, Operator.NOT_WITHIN)
_EQUALS: Final = (Operator.EQ, Operator.NE)
_ORDER: Final = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
MANY: Final = (Operator.IN, Operator.NOT_IN)
_TEXT: Final = (
    Operator.CONTAINS,
    Operator.NOT_CONTAINS,
    Operator.STARTS_WITH,
    Operator.ENDS_WITH,
)


@dataclass(frozen=True, slots=True)
class Place:
    """The way to a part of a filter, by which a fault names it."""

    path: str

    def at(self, name: str) -> "Place":
        """Return the way to a part within."""
        return Place(f"{self.path}.{name}")

    def fault(self, text: str) -> InvalidInput:
        """Return the fault of the part, which `text` says the right form of."""
        return InvalidInput(f"`{self.path}` {text}", code="invalid_filter", param=self.path)


def _read_time(given: Given, place: Place) -> TimeCondition:
    field = _word(given, "field", place, (*TimeField,))
    return _time(given, place, "time", TimeField(field))


def _read_count(given: Given, place: Place) -> NumberCondition:
    fields = (NumberField.SEND_COUNT, NumberField.CLICK_COUNT, NumberField.CONVERSION_COUNT)
    return _number_condition(given, place, "count", _word(given, "field", place, fields))


def _read_revenue(given: Given, place: Place) -> Condition:
    numbers = (NumberField.REVENUE_TOTAL, NumberField.AVG_REVENUE, NumberField.CONVERSION_COUNT)
    words = (FlagField.HAS_REVENUE, *numbers, TimeField.LAST_REVENUE_AT)
    field = _word(given, "field", place, words)
    if isinstance(field, FlagField):
        return _flag(given, place, "revenue", field)
    if isinstance(field, TimeField):
        return _time(given, place, "revenue", field)
    return _number_condition(given, place, "revenue", NumberField(field))


def _read_dnc(given: Given, place: Place) -> FlagCondition:
    _word(given, "field", place, (FlagField.ON_DNC,), default=FlagField.ON_DNC)
    return _flag(given, place, "dnc", FlagField.ON_DNC)


def _read_clicked(given: Given, place: Place) -> FlagCondition:
    _word(given, "field", place, (FlagField.CLICKED,), default=FlagField.CLICKED)
    return _flag(given, place, "clicked", FlagField.CLICKED)


def _read_custom(given: Given, place: Place) -> CustomFieldCondition:
    operators = (*_EQUALS, *_ORDER, *MANY, *_TEXT, *_KNOWS)
    operator = _word(given, "operator", place, operators)
    field, value_at = given.get("field"), place.at("value")
    # As fields are kept: blanks around a name are no part of it.
    name = field.removeprefix(CUSTOM).strip() if isinstance(field, str) else ""
    if (fault := field_name_fault(name)) is not None:
        raise place.at("field").fault(fault)
    value = given.get("value")
    if operator in _KNOWS:
        return CustomFieldCondition(name=name, operator=operator)
    if operator in MANY:
        values = tuple(_scalar(each, value_at) for each in _values(value, value_at))
    elif operator in _ORDER:
        values = (_number(value, value_at),)
    elif operator in _TEXT:
        values = (_text(value, value_at),)
    else:
        values = (_scalar(value, value_at),)
    return CustomFieldCondition(name=name, operator=operator, values=values)


def _read_validation(given: Given, place: Place) -> ValidationCondition:
    _word(given, "field", place, (_Only.VALIDATION_STATUS,), default=_Only.VALIDATION_STATUS)
    operator = _word(given, "operator", place, (*_EQUALS, *MANY))
    value, value_at = given.get("value"), place.at("value")
    values: list[Any] = _values(value, value_at) if operator in MANY else [value]
    if not all(isinstance(each, str) and each in set(ValidationStatus) for each in values):
        raise value_at.fault(f"must be one of {', '.join(ValidationStatus)}")
    return ValidationCondition(operator=operator, values=tuple(map(ValidationStatus, values)))


def _read_list(given: Given, place: Place) -> ListCondition:
    operator = _word(given, "operator", place, MANY, default=Operator.IN)
    list_id = given.get("list_id", given.get("listId"))
    if not (isinstance(list_id, int) and not isinstance(list_id, bool)):
        raise place.at("list_id").fault("must be the id of a list, a number")
    if not is_row_id(list_id):
        raise place.at("list_id").fault("must be the id of a list, 1 or more")
    return ListCondition(operator=operator, list_id=list_id)


def _read_audience(given: Given, place: Place) -> AudienceCondition:
    operator = _word(given, "operator", place, MANY, default=Operator.IN)
    audience = given.get("audience_id", given.get("audienceId"))
    if not (isinstance(audience, str) and is_object_id(audience)):
        raise place.at("audience_id").fault("must be the id of an audience, 24 digits")
    return AudienceCondition(operator=operator, audience=audience)


READERS: Final[Mapping[str, Callable[[Given, Place], Condition]]] = {
    "time": _read_time,
    "count": _read_count,
    "custom_field": _read_custom,
    "revenue": _read_revenue,
    "dnc": _read_dnc,
    "list": _read_list,
    "audience": _read_audience,
    "clicked": _read_clicked,
    "validation": _read_validation,
}


class _Only(StrEnum):
    """A field that is the only one of its type."""

    VALIDATION_STATUS = "validation_status"


# Parts of several types


def _time(given: Given, place: Place, kind: str, field: TimeField) -> TimeCondition:
    operator = _word(given, "operator", place, _TIME)
    if operator in _KNOWS:
        return TimeCondition(kind=kind, field=field, operator=operator)
    value, value_at = given.get("value"), place.at("value")
    if isinstance(value, str) and operator not in _AGO_ONLY:
        at = _moment(value, value_at)
        return TimeCondition(kind=kind, field=field, operator=operator, at=at)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _UNITS_MAX:
        either = "" if operator in _AGO_ONLY else ", or a time such as 2026-01-31T08:00:00Z"
        raise value_at.fault(f"must be a whole number from 0 to {_UNITS_MAX:,}{either}")
    unit = _word(given, "unit", place, (*TimeUnit,))
    return TimeCondition(kind=kind, field=field, operator=operator, value=value, unit=unit)


def _number_condition(given: Given, place: Place, kind: str, field: NumberField) -> NumberCondition:
    operator = _word(given, "operator", place, (*_EQUALS, *_ORDER))
    value = _number(given.get("value"), value_at := place.at("value"))
    if field in (NumberField.REVENUE_TOTAL, NumberField.AVG_REVENUE):
        amount = money.of_number(value)
        if amount is None or money.shown(amount) != value:
            raise value_at.fault(
                "must be an amount of at most 1,000,000,000 with at most 4 decimals"
            )
    return NumberCondition(kind=kind, field=field, operator=operator, value=value)


def _flag(given: Given, place: Place, kind: str, field: FlagField) -> FlagCondition:
    _word(given, "operator", place, (Operator.EQ,), default=Operator.EQ)
    value = given.get("value")
    if not isinstance(value, bool):
        raise place.at("value").fault("must be true or false")
    return FlagCondition(kind=kind, field=field, value=value)


def _word(
    given: Given, name: str, place: Place, words: Sequence[Word], *, default: Word | None = None
) -> Word:
    text = given.get(name)
    if text is None and default is not None:
        return default
    for word in words:
        if word == text:
            return word
    raise place.at(name).fault(f"must be one of {', '.join(words)}" if len(words) > 1 else
                               f"must be {words[0]}")  # fmt: skip


def _values(value: Any, place: Place) -> list[Any]:
    if not (isinstance(value, list) and 1 <= len(value) <= VALUES_MAX):
        raise place.fault(f"must be an array of 1 to {VALUES_MAX:,} values")
    return value


def _scalar(value: Any, place: Place) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, place, may_be_empty=True)
    if isinstance(value, int | float):
        return _number(value, place)
    raise place.fault("must be a text, a number, true or false")


def _text(value: Any, place: Place, *, may_be_empty: bool = False) -> str:
    shortest = 0 if may_be_empty else 1
    if not (isinstance(value, str) and shortest <= len(value) <= TEXT_LENGTH_MAX):
        raise place.fault(f"must be a text of {shortest} to {TEXT_LENGTH_MAX:,} characters")
    _check_text(value, place)
    return value


def field_name_fault(name: str) -> str | None:
    """Return what is wrong with the name of a custom field, as words that follow it."""
    if not name.strip() or len(name) > FIELD_LENGTH_MAX:
        return f"must be a field's name of at most {FIELD_LENGTH_MAX} characters"
    return _NO_TEXT if _is_unusable(name) else None


def _check_text(value: str, place: Place) -> None:
    if _is_unusable(value):
        raise place.fault(_NO_TEXT)


def _is_unusable(text: str) -> bool:
    """Return whether no database and no JSON reader keeps a text as it is."""
    return "\0" in text or any("\ud800" <= each <= "\udfff" for each in text)


def _number(value: Any, place: Place) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and abs(value) <= NUMBER_MAX):
        raise place.fault(f"must be a number of at most {NUMBER_MAX:,}")
    number: float = value
    return number


def _moment(text: str, place: Place) -> int:
    if (at := read_instant(text)) is None:
        raise place.fault("must be a time such as 2026-01-31T08:00:00Z")
    if at < 0:
        raise place.fault("must be a time of 1970 or later")
    return at
