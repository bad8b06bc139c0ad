"""The filter of an audience in JSON: read from what a caller gave, and written as it is shown.

The public API takes `condition_type` and `list_id` and shows `conditionType` and `listId`; both
are read, so that what was shown can be given again. Each fault is an `InvalidInput` whose `param`
is the way to it, such as `filter.groups[0].conditions[2].value`.
"""

from collections.abc import Sequence
from typing import Any, Final

from sendrail.domain.audience_conditions import CUSTOM, MANY, READERS, Place
from sendrail.domain.audience_filter import (
    CONDITIONS_MAX,
    DEPTH_MAX,
    AudienceCondition,
    Condition,
    CustomFieldCondition,
    FilterGroup,
    FlagCondition,
    ListCondition,
    NumberCondition,
    Operator,
    TimeCondition,
    ValidationCondition,
)
from sendrail.domain.errors import InvalidInput
from sendrail.domain.times import shown as shown_time
from sendrail.domain.times import shown_finely

_OPERATORS: Final = {"AND": True, "OR": False}
_GROUP_KEYS: Final = frozenset({"operator", "conditions", "groups"})
# What may be done with an empty group: the whole filter cannot be left out.
_OR_NONE: Final = "give it a condition, or leave it out"
_EVERYONE: Final = (
    'give it a condition; {"condition_type": "count", "field": "send_count", "operator": "gte", '
    '"value": 0} holds for everyone'
)


def read_filter(value: Any, param: str = "filter") -> FilterGroup:
    """Return the tree of a decoded JSON value. Raises `InvalidInput` for the first fault in it."""
    reading = _Reading()
    return reading.group(value, Place(param), 1)


def shown_filter(group: FilterGroup) -> dict[str, Any]:
    """Return a tree as the public API shows it; read again, it is the same tree."""
    return {
        "operator": "AND" if group.needs_all else "OR",
        "conditions": [_shown_condition(each) for each in group.conditions],
        "groups": [shown_filter(each) for each in group.groups],
    }


class _Reading:
    """One pass over a tree, which counts its conditions."""

    def __init__(self) -> None:
        self._conditions = 0

    def group(self, value: Any, place: Place, depth: int) -> FilterGroup:
        if not isinstance(value, dict):
            raise place.fault(
                'must be a group: {"operator": "AND", "conditions": […], "groups": […]}'
            )
        for key in value:
            if key not in _GROUP_KEYS:
                raise place.at(key).fault("is not part of a group, which has operator, conditions "
                                          "and groups")  # fmt: skip
        if depth > DEPTH_MAX:
            raise InvalidInput(
                f"Groups can be nested at most {DEPTH_MAX} deep; remove a level",
                code="filter_too_large",
                param=place.path,
            )
        needs_all = _OPERATORS.get(str(value.get("operator")))
        if needs_all is None:
            raise place.at("operator").fault("must be AND or OR")
        found = FilterGroup(
            needs_all=needs_all,
            conditions=tuple(
                self._condition(each, place.at(f"conditions[{index}]"))
                for index, each in enumerate(_array(value, "conditions", place))
            ),
            groups=tuple(
                self.group(each, place.at(f"groups[{index}]"), depth + 1)
                for index, each in enumerate(_array(value, "groups", place))
            ),
        )
        if not found.conditions and not found.groups:
            raise InvalidInput(
                f"`{place.path}` is an empty group: {_EVERYONE if depth == 1 else _OR_NONE}",
                code="empty_filter_group",
                param=place.path,
            )
        return found

    def _condition(self, value: Any, place: Place) -> Any:
        self._conditions += 1
        if self._conditions > CONDITIONS_MAX:
            raise InvalidInput(
                f"A filter has at most {CONDITIONS_MAX} conditions; one `in` can replace "
                "many that differ by their value",
                code="filter_too_large",
                param=place.path,
            )
        if not isinstance(value, dict):
            raise place.fault('must be a condition, such as {"condition_type": "count", …}')
        kind = value.get("condition_type", value.get("conditionType"))
        reader = READERS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise place.at("condition_type").fault(f"must be one of {', '.join(READERS)}")
        return reader(value, place)


def _array(group: dict[str, Any], name: str, place: Place) -> list[Any]:
    value = group.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise place.at(name).fault("must be an array")
    return value


def _shown_condition(condition: Condition) -> dict[str, Any]:  # noqa: PLR0911 - one a type
    match condition:
        case TimeCondition():
            return _shown_time(condition)
        case NumberCondition(kind=kind, field=field, operator=operator, value=value):
            return _shown(kind, field, operator) | {"value": value}
        case FlagCondition(kind=kind, field=field, value=value):
            return _shown(kind, field, Operator.EQ) | {"value": value}
        case CustomFieldCondition(name=name, operator=operator, values=values):
            shown = _shown("custom_field", CUSTOM + name, operator)
            return shown | _shown_values(operator, values)
        case ValidationCondition(operator=operator, values=values):
            shown = _shown("validation", "validation_status", operator)
            return shown | _shown_values(operator, [each.value for each in values])
        case ListCondition(operator=operator, list_id=list_id):
            return {"conditionType": "list", "operator": operator.value, "listId": list_id}
        case AudienceCondition(operator=operator, audience=audience):
            return {
                "conditionType": "audience", "operator": operator.value, "audienceId": audience,
            }  # fmt: skip


def _shown_time(condition: TimeCondition) -> dict[str, Any]:
    shown = _shown(condition.kind, condition.field, condition.operator)
    if condition.at is not None:
        is_whole = condition.at % 1_000 == 0
        at = shown_time(condition.at) if is_whole else shown_finely(condition.at)
        return shown | {"value": at}
    if condition.unit is None:
        return shown
    return shown | {"value": condition.value, "unit": condition.unit.value}


def _shown(kind: str, field: str, operator: Operator) -> dict[str, Any]:
    return {"conditionType": kind, "field": str(field), "operator": operator.value}


def _shown_values(operator: Operator, values: Sequence[Any]) -> dict[str, Any]:
    if not values:
        return {}
    return {"value": list(values) if operator in MANY else values[0]}
