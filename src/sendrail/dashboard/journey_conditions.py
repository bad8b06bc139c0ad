"""Conditions of journeys as rows of a form: one for each condition, joined by all or any.

A group within a group has no rows: it is shown, and changed, as JSON.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.contacts.inputs import json_in
from sendrail.dashboard.named_choices import NamedChoice
from sendrail.dashboard.typed_values import read_typed, type_of, typed
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import read_row_id
from sendrail.domain.journeys.facts import MessageState

# Rows without anything, to be filled in.
SPARE: Final = 2
ROWS_MAX: Final = 20
# What a row asks, as the words of its choice.
KINDS: Final[Mapping[str, str]] = {
    "": "Nothing",
    "custom_field": "Custom field",
    "event_data": "What an event said",
    "click": "Clicked a link",
    "reply": "Replied",
    "conversion": "Bought",
    "custom": "Had an event",
    "message": "Last message is",
    "list:in": "On the list",
    "list:not_in": "Not on the list",
    "audience:in": "In an audience",
    "audience:not_in": "Not in an audience",
}
OF_TRIGGERS: Final = (
    "",
    "custom_field",
    "event_data",
    "list:in",
    "list:not_in",
    "audience:in",
    "audience:not_in",
)
# The field beside the choice that says more of a condition; it is named as in the document.
DETAILS: Final[Mapping[str, str]] = {
    "custom_field": "field",
    "event_data": "field",
    "click": "offer_id",
    "reply": "keyword",
    "conversion": "offer_id",
    "custom": "name",
    "message": "status",
    "list:in": "list_id",
    "list:not_in": "list_id",
    "audience:in": "audience_id",
    "audience:not_in": "audience_id",
}
_STATES: Final = (
    (MessageState.PENDING.value, "on its way"),
    (MessageState.DELIVERED.value, "delivered"),
    (MessageState.UNDELIVERED.value, "undelivered"),
    (MessageState.FAILED.value, "failed"),
)
OPERATORS: Final[Mapping[str, str]] = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "exists": "is set",
    "contains": "contains",
}
SINCE: Final[Mapping[str, str]] = {
    "enrollment": "since they entered",
    "step": "since this step",
    "last_send": "since the last message",
}
# What is compared with a value.
_COMPARED: Final = ("custom_field", "event_data")
_MANY: Final = ("in", "not_in")
_EVENTS: Final = ("click", "reply", "conversion", "custom")
_OF_EVENTS: Final = frozenset(DETAILS[each] for each in _EVENTS)
_GROUP: Final = {"operator", "conditions", "groups"}


class ConditionRow(NamedTuple):
    """One condition as its row shows it; `at` is its place in the document, as faults name it."""

    kind: str = ""
    detail: str = ""
    op: str = "eq"
    value: str = ""
    # As what the value is meant: one of `TYPES`.
    type: str = "text"
    since: str = "enrollment"
    at: str = ""

    def filled(self, name: str) -> str:
        """Return what stands in one of the fields that say more, such as `offer_id`."""
        return self.detail if DETAILS.get(self.kind) == name else ""


class RowDetail(NamedTuple):
    """A field of a row: one to type in, with a hint, or the choices and what stands for none."""

    name: str
    label: str
    hint: str
    options: Sequence[NamedChoice] | None = None


class ConditionFields(NamedTuple):
    """What the rows of a question offer: its kinds of conditions, and their fields."""

    kinds: Mapping[str, str]
    details: Sequence[RowDetail]
    has_events: bool


def condition_fields(
    lists: Sequence[NamedChoice],
    audiences: Sequence[NamedChoice],
    offers: Sequence[NamedChoice] = (),
    kinds: Collection[str] = tuple(KINDS),
) -> ConditionFields:
    """Return what rows of some kinds offer, with what the account lets choose by name."""
    every = (
        RowDetail("field", "Field", "field"),
        RowDetail("keyword", "Word of the reply", "any word"),
        RowDetail("name", "Name of the event", "its name"),
        RowDetail("status", "What became of it", "", _STATES),
        RowDetail("offer_id", "Offer", "Any offer", offers),
        RowDetail("list_id", "List", "The journey’s list", lists),  # noqa: RUF001
        RowDetail("audience_id", "Audience", "Choose an audience", audiences),
    )
    used = {DETAILS[each] for each in kinds if each}
    return ConditionFields(
        {each: KINDS[each] for each in kinds},
        [each for each in every if each.name in used],
        not used.isdisjoint(_OF_EVENTS),
    )


class ConditionRows(NamedTuple):
    """A question as a form shows it: rows, or JSON where rows cannot say it."""

    rows: Sequence[ConditionRow]
    needs_all: bool = True
    written: str = ""

    @property
    def is_written(self) -> bool:
        return bool(self.written)

    def chosen(self, name: str) -> list[str]:
        """Return what the rows have chosen in a field, such as `offer_id`."""
        return [row.filled(name) for row in self.rows]


def rows_of(question: object, path: str) -> ConditionRows:
    """Return a question of a document as rows, with some to spare."""
    if question is None or question == {}:
        return ConditionRows([ConditionRow()] * SPARE)
    found = _found(question, path)
    if found is None or len(found.rows) > ROWS_MAX:
        text = json.dumps(question, ensure_ascii=False, indent=1)
        return ConditionRows((), written=text)
    return found._replace(rows=[*found.rows, *[ConditionRow()] * SPARE])


def _found(question: object, path: str) -> ConditionRows | None:
    if not isinstance(question, Mapping):
        return None
    if "type" in question:
        row = _row(question, path)
        return None if row is None else ConditionRows([row])
    conditions, operator = question.get("conditions"), question.get("operator", "AND")
    is_plain = set(question) <= _GROUP and not question.get("groups")
    if not is_plain or not isinstance(conditions, list) or operator not in ("AND", "OR"):
        return None
    rows = [_row(each, f"{path}.conditions[{at}]") for at, each in enumerate(conditions)]
    if None in rows:
        return None
    return ConditionRows([each for each in rows if each], operator == "AND")


def _row(condition: object, path: str) -> ConditionRow | None:
    """Return the row of a condition, None where it says what no row can."""
    if not isinstance(condition, Mapping):
        return None
    kind = str(condition.get("type"))
    known = {"type"}
    if kind == "event":
        kind = str(condition.get("event"))
        known |= {"event", "since"}
    elif kind in {"list", "audience"}:
        kind = f"{kind}:{condition.get('op', 'in')}"
        known |= {"op"}
    elif kind in _COMPARED:
        known |= {"op", "operator", "value"}
    if kind not in DETAILS:
        return None
    name = DETAILS[kind]
    detail = condition.get(name)
    op = condition.get("op", condition.get("operator", "eq"))
    since = condition.get("since") or "enrollment"
    is_plain = detail is None or (isinstance(detail, str | int) and not isinstance(detail, bool))
    if not set(condition) <= known | {name} or not is_plain or since not in list(SINCE):
        return None
    if kind not in _COMPARED:
        op = "eq"
    elif op not in list(OPERATORS):
        return None
    value, value_type = _value_in(condition, str(op))
    return ConditionRow(
        kind=kind,
        detail="" if detail is None else str(detail),
        op=str(op),
        value=value,
        type=value_type,
        since=str(since),
        at=path,
    )


def _value_in(condition: Mapping[str, Any], op: str) -> tuple[str, str]:
    """Return what stands in the field of a condition's value, and as what it is meant."""
    if "value" not in condition or op == "exists":
        return "", "text"
    value = condition["value"]
    if op not in _MANY or not isinstance(value, list):
        # A list is none of the other types.
        kind = type_of([value])
        return typed(value, kind), kind
    kind = type_of(value)
    texts = [typed(each, kind) for each in value]
    if not texts or kind == "json" or any("," in each for each in texts):
        return json.dumps(value, ensure_ascii=False), "json"
    return ", ".join(texts), kind


def rows_typed(form: Mapping[str, str], name: str) -> ConditionRows:
    """Return a question as it was typed, with what could not be read."""
    if text := form.get(f"{name}.json", ""):
        return ConditionRows((), written=text)
    rows = []
    for at in range(ROWS_MAX + SPARE):
        row = f"{name}[{at}]"
        if f"{row}.kind" in form:
            kind = form[f"{row}.kind"]
            rest = {
                each: form.get(f"{row}.{each}", "") for each in ("op", "value", "type", "since")
            }
            detail = form.get(f"{row}.{DETAILS.get(kind)}", "")
            rows.append(ConditionRow(kind, detail, at=row, **rest))
    return ConditionRows(rows, form.get(f"{name}.operator") != "OR")


def without_questions(form: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return a form without what it says of some questions."""
    starts = tuple(f"{each}{behind}" for each in names for behind in (".", "["))
    return {each: value for each, value in form.items() if not each.startswith(starts)}


def question_of(form: Mapping[str, str], name: str) -> Any:
    """Return the question that a form says, None where it says none.

    Raises `InvalidInput` for JSON that is none, and for a value that is not what it is meant as.
    """
    if text := form.get(f"{name}.json", "").strip():
        return json_of(text, name)
    conditions = []
    for at in range(ROWS_MAX + SPARE):
        kind = form.get(f"{name}[{at}].kind", "")
        if kind in DETAILS:
            conditions.append(_condition(form, f"{name}[{at}]", kind))
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]
    operator = "OR" if form.get(f"{name}.operator") == "OR" else "AND"
    return {"operator": operator, "conditions": conditions}


def _condition(form: Mapping[str, str], row: str, kind: str) -> dict[str, Any]:
    name = DETAILS[kind]
    detail = form.get(f"{row}.{name}", "").strip()
    op = form.get(f"{row}.op", "eq")
    found: dict[str, Any] = {"type": kind}
    if kind in _EVENTS:
        found = {"type": "event", "event": kind}
    elif ":" in kind:
        found = {"type": kind.partition(":")[0], "op": kind.partition(":")[2]}
    if detail or kind in {*_COMPARED, "custom", "message"}:
        found[name] = number_of(detail) if name == "list_id" else detail
    if kind in _COMPARED:
        found["op"] = op
        if op != "exists":
            found["value"] = _value_of(form, row, op)
    since = form.get(f"{row}.since", "enrollment")
    if kind in _EVENTS and since in SINCE and since != "enrollment":
        found["since"] = since
    return found


def _value_of(form: Mapping[str, str], row: str, op: str) -> Any:
    text, kind = form.get(f"{row}.value", "").strip(), form.get(f"{row}.type", "text")

    def fault(words: str) -> InvalidInput:
        return InvalidInput(words, code="invalid_value", param=f"{row}.value")

    if op == "contains" and kind != "json":
        return text
    if op in _MANY and kind != "json":
        parts = (each.strip() for each in text.split(","))
        return [read_typed(each, kind, fault) for each in parts if each]
    return read_typed(text, kind, fault)


# A value on its own: 3 is a number, "3" a text, true a truth value.


def written(value: object) -> str:
    """Return a value as a form shows it."""
    if isinstance(value, str):
        is_odd = read_value(value) != value or value[:1] in {'"', "["}
        return json.dumps(value, ensure_ascii=False) if is_odd else value
    return json.dumps(value, ensure_ascii=False)


def read_value(text: str) -> Any:
    """Return the value that a form says."""
    text = text.strip()
    if text.startswith("["):
        return text
    try:
        found = json_in(text)
    except ValueError:
        return text
    is_number = isinstance(found, int | float) and text.lstrip("-")[:1].isdigit()
    return found if isinstance(found, bool | str) or is_number else text


def number_of(text: str) -> int | str:
    """Return an id or a count that a form says, or the text where it is none: a fault says so."""
    found = read_row_id(text)
    return text if found is None else found


def json_of(text: str, param: str) -> Any:
    """Return the JSON of a field. Raises `InvalidInput`."""
    try:
        return json_in(text)
    except ValueError as error:
        raise InvalidInput(
            f"This is not valid JSON: {error}", code="invalid_json", param=param
        ) from None
