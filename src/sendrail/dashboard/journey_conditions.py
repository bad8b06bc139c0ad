"""Conditions of journeys as rows of a form: one for each condition, joined by all or any.

A group within a group has no rows: it is shown, and changed, as JSON.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.contacts.inputs import json_in
from sendrail.dashboard.named_choices import NamedChoice
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import read_row_id
from sendrail.domain.journeys.facts import MessageState

# Rows without anything, to be filled in.
SPARE: Final = 2
ROWS_MAX: Final = 20
# What a row asks, as the words of its choice.
KINDS: Final[Mapping[str, str]] = {
    "": "Nothing",
    "custom_field": "Field",
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
    "list:in",
    "list:not_in",
    "audience:in",
    "audience:not_in",
)
# The field beside the choice that says more of a condition; it is named as in the document.
DETAILS: Final[Mapping[str, str]] = {
    "custom_field": "field",
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
_EVENTS: Final = ("click", "reply", "conversion", "custom")
_OF_EVENTS: Final = frozenset(DETAILS[each] for each in _EVENTS)
_GROUP: Final = {"operator", "conditions", "groups"}


class ConditionRow(NamedTuple):
    """One condition as its row shows it; `at` is its place in the document, as faults name it."""

    kind: str = ""
    detail: str = ""
    op: str = "eq"
    value: str = ""
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
    elif kind == "custom_field":
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
    if kind == "custom_field" and op not in list(OPERATORS):
        return None
    return ConditionRow(
        kind=kind,
        detail="" if detail is None else str(detail),
        op=str(op) if kind == "custom_field" else "eq",
        value=written(condition.get("value")) if "value" in condition else "",
        since=str(since),
        at=path,
    )


def question_of(form: Mapping[str, str], name: str) -> Any:
    """Return the question that a form says, None where it says none.

    Raises `InvalidInput` for JSON that is none.
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
    if detail or kind in {"custom_field", "custom", "message"}:
        found[name] = number_of(detail) if name == "list_id" else detail
    if kind == "custom_field":
        found["op"] = op
        if op != "exists":
            found["value"] = read_value(form.get(f"{row}.value", ""), many=op in {"in", "not_in"})
    since = form.get(f"{row}.since", "enrollment")
    if kind in _EVENTS and since in SINCE and since != "enrollment":
        found["since"] = since
    return found


# Values of custom fields: 3 is a number, "3" a text, true a truth value.


def written(value: object) -> str:
    """Return a value as a form shows it."""
    if isinstance(value, list):
        each = [written(one) for one in value]
        if any("," in one or not one or one != one.strip() for one in each):
            return json.dumps(value, ensure_ascii=False)
        return ", ".join(each)
    if isinstance(value, str):
        is_odd = read_value(value) != value or value[:1] in {'"', "["}
        return json.dumps(value, ensure_ascii=False) if is_odd else value
    return json.dumps(value, ensure_ascii=False)


def read_value(text: str, *, many: bool = False) -> Any:
    """Return the value that a form says; of `many`, an array."""
    text = text.strip()
    if many:
        if text.startswith("["):
            try:
                return json_in(text)
            except ValueError:
                pass
        return [read_value(each) for each in text.split(",") if each.strip()]
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
