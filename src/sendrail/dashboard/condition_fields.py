"""The conditions of a filter as fields of a form: which kinds there are, and what each asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

from sendrail.dashboard.form_parts import number
from sendrail.dashboard.showing import local_field
from sendrail.dashboard.typed_values import read_typed, type_of, typed
from sendrail.domain.audience_conditions import CUSTOM
from sendrail.domain.audience_filter import Operator, TimeUnit
from sendrail.domain.digits import number_written
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import read_row_id
from sendrail.domain.numbering import ValidationStatus
from sendrail.domain.times import read_instant, shown_finely

_TIMES: Final = {
    "within": "is within the last", "not_within": "is not within the last",
    "before": "is longer ago than", "after": "is less long ago than",
    "before_date": "is before", "after_date": "is after",
    "exists": "is known", "not_exists": "is not known",
}  # fmt: skip
_NUMBERS: Final = {
    "gte": "is at least", "lte": "is at most", "gt": "is more than", "lt": "is less than",
    "eq": "is", "ne": "is not",
}  # fmt: skip
_VALUES: Final = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of",
    "contains": "contains", "not_contains": "does not contain", "starts_with": "starts with",
    "ends_with": "ends with", "gt": "is more than", "gte": "is at least", "lt": "is less than",
    "lte": "is at most", "exists": "is known", "not_exists": "is not known",
}  # fmt: skip
_MEMBER: Final = {"in": "is in", "not_in": "is not in"}
_ON_LIST: Final = {"in": "is active on", "not_in": "is not active on"}
_ONE_OF: Final = {"in": "is", "not_in": "is not"}
UNITS: Final = tuple(TimeUnit)
STATUSES: Final = tuple(ValidationStatus)
_TEXTUAL: Final = frozenset({"contains", "not_contains", "starts_with", "ends_with"})
_ORDER: Final = frozenset({"gt", "gte", "lt", "lte"})
_MANY: Final = frozenset({"in", "not_in"})
_KNOWS: Final = frozenset({"exists", "not_exists"})
_DATES: Final = {"before_date": Operator.BEFORE, "after_date": Operator.AFTER}


class ConditionKind(NamedTuple):
    """A kind of condition: its words, which fields it has, and its operators with theirs.

    `shape` is time, number, flag, custom, validation, list or audience. One without a `section` is
    shown where a filter has it, and not offered anew.
    """

    section: str
    title: str
    shape: str
    operators: Mapping[str, str]


_HAPPENED, _OFTEN, _IS = "When it happened", "How often, how much", "What the contact is"
CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    "time.last_sent_at": ConditionKind(_HAPPENED, "The last message", "time", _TIMES),
    "time.last_clicked_at": ConditionKind(_HAPPENED, "The last click", "time", _TIMES),
    "revenue.last_revenue_at": ConditionKind(_HAPPENED, "The last purchase", "time", _TIMES),
    "time.last_revenue_at": ConditionKind("", "The last purchase", "time", _TIMES),
    "time.signup_date": ConditionKind(_HAPPENED, "The sign-up", "time", _TIMES),
    "count.send_count": ConditionKind(_OFTEN, "The number of messages", "number", _NUMBERS),
    "count.click_count": ConditionKind(_OFTEN, "The number of clicks", "number", _NUMBERS),
    "count.conversion_count": ConditionKind(
        _OFTEN, "The number of conversions", "number", _NUMBERS
    ),
    "revenue.conversion_count": ConditionKind(
        "", "The number of conversions", "number", _NUMBERS
    ),
    "revenue.revenue_total": ConditionKind(_OFTEN, "The revenue in all", "number", _NUMBERS),
    "revenue.avg_revenue": ConditionKind(_OFTEN, "The average revenue", "number", _NUMBERS),
    "custom_field": ConditionKind(_IS, "The custom field", "custom", _VALUES),
    "clicked": ConditionKind(
        _IS, "The contact", "flag", {"true": "has clicked", "false": "has never clicked"}
    ),
    "revenue.has_revenue": ConditionKind(
        _IS, "The contact", "flag",
        {"true": "has brought revenue", "false": "has brought no revenue"},
    ),
    "dnc": ConditionKind(
        _IS, "The contact", "flag", {"true": "is blocked", "false": "is not blocked"}
    ),
    "validation": ConditionKind(_IS, "The number", "validation", _ONE_OF),
    "list": ConditionKind(_IS, "The contact", "list", _ON_LIST),
    "audience": ConditionKind(_IS, "The number", "audience", _MEMBER),
}  # fmt: skip
# How a kind is offered, where its title alone does not say it.
_OFFERED: Final = {
    "clicked": "Has clicked", "revenue.has_revenue": "Has brought revenue", "dnc": "Is blocked",
    "validation": "What is known of the number", "list": "Is on a list",
    "audience": "Is in another audience", "custom_field": "A custom field",
}  # fmt: skip


def offered() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return the kinds to choose from, by section: the name of each, and its words."""
    found: dict[str, list[tuple[str, str]]] = {_IS: [], _HAPPENED: [], _OFTEN: []}
    for name, kind in CONDITIONS.items():
        if kind.section:
            found[kind.section].append((name, _OFFERED.get(name, kind.title)))
    return found


@dataclass(slots=True)
class ConditionForm:
    """One condition as it is edited: its kind, and what stands in its fields.

    `values` are those of a field of which several can be chosen. Moments are in `zone`.
    """

    path: str
    kind: str
    fields: dict[str, str] = field(default_factory=dict)
    values: Sequence[str] = ()
    zone: tzinfo = UTC

    @classmethod
    def read(
        cls, path: str, kind: str, fields: Mapping[str, str], many: Mapping[str, Sequence[str]]
    ) -> "ConditionForm":
        """Return a condition as a form has it."""
        mine = {name: fields[f"{path}.{name}"] for name in _FIELDS if f"{path}.{name}" in fields}
        return cls(path, kind, mine, tuple(many.get(f"{path}.status", ())))

    @property
    def about(self) -> ConditionKind:
        return CONDITIONS[self.kind]

    def get(self, name: str) -> str:
        """Return what stands in a field."""
        return self.fields.get(name, "")

    def given(self) -> dict[str, Any]:
        """Return it as the API takes it. Raises `InvalidInput` for what is no value."""
        kind, _, about = self.kind.partition(".")
        given: dict[str, Any] = {"condition_type": kind, "operator": self.get("operator")}
        if about:
            given["field"] = about
        return given | _GIVEN[self.about.shape](self)

    def fault(self, name: str, text: str) -> InvalidInput:
        """Return the fault of a field."""
        return InvalidInput(text, code="invalid_filter", param=f"{self.path}.{name}")


_FIELDS: Final = (
    "operator", "value", "values", "unit", "at", "field", "as", "list_id", "audience_id",
)  # fmt: skip


def condition_from(shown: Mapping[str, Any], path: str, zone: tzinfo) -> ConditionForm:
    """Return the form of a condition that the API shows; moments are written in a zone."""
    kind, about = shown["conditionType"], shown.get("field")
    name = f"{kind}.{about}" if f"{kind}.{about}" in CONDITIONS else kind
    made = ConditionForm(path, name, {"operator": shown["operator"]}, zone=zone)
    value: Any = shown.get("value")
    match CONDITIONS[name].shape:
        case "time":
            _show_time(made, shown)
        case "number":
            made.fields["value"] = number_written(shown["value"])
        case "flag":
            made.fields["operator"] = "true" if value else "false"
        case "custom":
            made.fields["field"] = str(about).removeprefix(CUSTOM)
            _show_values(made, value)
        case "validation":
            made.values = tuple(value) if isinstance(value, list) else (str(value),)
            is_one = shown["operator"] in {Operator.EQ, Operator.IN}
            made.fields["operator"] = "in" if is_one else "not_in"
        case "list":
            made.fields["list_id"] = str(shown["listId"])
        case _:
            made.fields["audience_id"] = str(shown["audienceId"])
    return made


def _show_time(made: ConditionForm, shown: Mapping[str, Any]) -> None:
    value = shown.get("value")
    if isinstance(value, str):
        made.fields["at"] = local_field(datetime.fromisoformat(value).astimezone(made.zone))
        made.fields["operator"] += "_date"
    elif value is not None:
        made.fields |= {"value": str(value), "unit": shown["unit"]}


def _show_values(made: ConditionForm, value: Any) -> None:
    values = value if isinstance(value, list) else [value]
    if value is None:
        return
    kind = type_of(values)
    texts = [typed(each, kind) for each in values]
    made.fields |= {"as": kind, "values" if isinstance(value, list) else "value": "\n".join(texts)}


def _time_given(form: ConditionForm) -> dict[str, Any]:
    operator = form.get("operator")
    if operator in _KNOWS:
        return {}
    if operator not in _DATES:
        return {"value": _whole(form.get("value")), "unit": form.get("unit")}
    if (at := read_instant(form.get("at"), form.zone)) is None:
        raise form.fault("at", "This is a day with a time of day.")
    return {"operator": _DATES[operator], "value": shown_finely(at)}


def _whole(text: str) -> int | str:
    found = read_row_id(text.strip())
    return text if found is None else found


def _number_given(form: ConditionForm) -> dict[str, Any]:
    return {"value": _number(form, form.get("value"), "value")}


def _number(form: ConditionForm, text: str, name: str) -> float:
    if (found := number(text)) is None:
        raise form.fault(name, "This is a number, such as 5 or 12.50.")
    return found


def _flag_given(form: ConditionForm) -> dict[str, Any]:
    return {"operator": Operator.EQ, "value": form.get("operator") != "false"}


def _custom_given(form: ConditionForm) -> dict[str, Any]:
    operator, given = form.get("operator"), {"field": CUSTOM + form.get("field").strip()}
    if operator in _KNOWS:
        return given
    if operator in _MANY:
        lines = [each for each in form.get("values").splitlines() if each.strip()]
        return given | {"value": [_scalar(form, each.strip(), "values") for each in lines]}
    if operator in _TEXTUAL and form.get("as") != "json":
        return given | {"value": form.get("value")}
    if operator in _ORDER:
        return given | {"value": _number(form, form.get("value"), "value")}
    return given | {"value": _scalar(form, form.get("value"), "value")}


def _scalar(form: ConditionForm, text: str, name: str) -> Any:
    return read_typed(text, form.get("as"), lambda words: form.fault(name, words))


def _validation_given(form: ConditionForm) -> dict[str, Any]:
    if not form.values:
        raise form.fault("value", "Choose at least one.")
    return {"value": list(form.values)}


def _list_given(form: ConditionForm) -> dict[str, Any]:
    if not isinstance(found := _whole(form.get("list_id")), int):
        raise form.fault("list_id", "Choose a list.")
    return {"list_id": found}


def _audience_given(form: ConditionForm) -> dict[str, Any]:
    if not (found := form.get("audience_id")):
        raise form.fault("audience_id", "Choose an audience.")
    return {"audience_id": found}


_GIVEN: Final = {
    "time": _time_given, "number": _number_given, "flag": _flag_given, "custom": _custom_given,
    "validation": _validation_given, "list": _list_given, "audience": _audience_given,
}  # fmt: skip
