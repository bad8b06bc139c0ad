"""The filter of an audience in words: a line for each condition, indented by its group."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.domain.audience_filter import (
    AudienceCondition,
    Condition,
    CustomFieldCondition,
    FilterGroup,
    FlagCondition,
    FlagField,
    ListCondition,
    NumberCondition,
    NumberField,
    Operator,
    TimeCondition,
    TimeField,
    ValidationCondition,
)
from sendrail.domain.contact import Scalar
from sendrail.domain.times import shown as shown_time

_VALUES_SHOWN: Final = 10
_TIMES: Final = {
    TimeField.LAST_SENT_AT: "last message",
    TimeField.LAST_CLICKED_AT: "last click",
    TimeField.LAST_REVENUE_AT: "last purchase",
    TimeField.SIGNUP_DATE: "sign-up",
}
_NUMBERS: Final = {
    NumberField.SEND_COUNT: "number of messages",
    NumberField.CLICK_COUNT: "number of clicks",
    NumberField.CONVERSION_COUNT: "number of conversions",
    NumberField.REVENUE_TOTAL: "revenue in all",
    NumberField.AVG_REVENUE: "average revenue",
}
_FLAGS: Final = {
    FlagField.HAS_REVENUE: ("has brought revenue", "has brought no revenue"),
    FlagField.ON_DNC: ("is blocked", "is not blocked"),
    FlagField.CLICKED: ("has clicked", "has never clicked"),
}
_OPERATORS: Final = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.GT: "is more than",
    Operator.GTE: "is at least",
    Operator.LT: "is less than",
    Operator.LTE: "is at most",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.CONTAINS: "contains",
    Operator.NOT_CONTAINS: "does not contain",
    Operator.STARTS_WITH: "starts with",
    Operator.ENDS_WITH: "ends with",
    Operator.EXISTS: "is known",
    Operator.NOT_EXISTS: "is not known",
    Operator.WITHIN: "is within the last",
    Operator.NOT_WITHIN: "is not within the last",
    Operator.BEFORE: "is before",
    Operator.AFTER: "is after",
}
_AGO: Final = frozenset({Operator.WITHIN, Operator.NOT_WITHIN})
_DENYING: Final = frozenset({Operator.NE, Operator.NOT_IN, Operator.NOT_EXISTS})


class FilterLine(NamedTuple):
    """A condition in words, or what a group needs; `depth` is 0 for the outermost group."""

    depth: int
    text: str
    is_group: bool = False


def filter_lines(
    group: FilterGroup, lists: Mapping[int, str], audiences: Mapping[str, str], depth: int = 0
) -> Iterator[FilterLine]:
    """Yield a filter line by line; lists and audiences are named by their ids."""
    needs = "All of these hold" if group.needs_all else "One of these holds"
    yield FilterLine(depth, needs, is_group=True)
    for condition in group.conditions:
        yield FilterLine(depth + 1, _words(condition, lists, audiences))
    for inner in group.groups:
        yield from filter_lines(inner, lists, audiences, depth + 1)


def _words(  # noqa: PLR0911 - one a type
    condition: Condition, lists: Mapping[int, str], audiences: Mapping[str, str]
) -> str:
    match condition:
        case TimeCondition():
            return f"The {_TIMES[condition.field]} {_time_words(condition)}"
        case NumberCondition(field=field, operator=operator, value=value):
            return f"The {_NUMBERS[field]} {_OPERATORS[operator]} {value:,g}"
        case FlagCondition(field=field, value=value):
            return f"The contact {_FLAGS[field][0 if value else 1]}"
        case CustomFieldCondition(name=name, operator=operator, values=values):
            return f"The field {name} {_OPERATORS[operator]} {_some(values)}".rstrip()
        case ValidationCondition(operator=operator, values=values):
            return f"The number {_OPERATORS[operator]} {_some([each.value for each in values])}"
        case ListCondition(operator=operator, list_id=list_id):
            name = lists.get(list_id, f"list {list_id}")
            return f"The contact is {_not(operator)}active on {name}"
        case AudienceCondition(operator=operator, audience=ref):
            return f"The number is {_not(operator)}in {audiences.get(ref, ref)}"


def _time_words(condition: TimeCondition) -> str:
    words = _OPERATORS[condition.operator]
    if condition.at is not None:
        return f"{words} {shown_time(condition.at)}"
    if condition.unit is None:
        return words
    ago = "" if condition.operator in _AGO else " ago"
    return f"{words} {condition.value} {condition.unit.value}{ago}"


def _some(values: Sequence[Scalar]) -> str:
    shown = ", ".join(str(each) for each in values[:_VALUES_SHOWN])
    more = len(values) - _VALUES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _not(operator: Operator) -> str:
    return "not " if operator in _DENYING else ""
