"""Filters are read from the documented JSON, shown in the documented JSON, and bounded."""

import copy
import json
import re

import pytest

from sendrail.domain.audience_filter import (
    CONDITIONS_MAX,
    DEPTH_MAX,
    FIELD_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    VALUES_MAX,
)
from sendrail.domain.audience_filter_json import read_filter, shown_filter
from sendrail.domain.errors import InvalidInput

TIME = {
    "condition_type": "time",
    "field": "last_clicked_at",
    "operator": "within",
    "value": 7,
    "unit": "days",
}
COUNT = {"condition_type": "count", "field": "click_count", "operator": "gte", "value": 2}
FIELD = {
    "condition_type": "custom_field",
    "field": "custom_fields.plan",
    "operator": "eq",
    "value": "pro",
}
REVENUE = {"condition_type": "revenue", "field": "avg_revenue", "operator": "gt", "value": 24.99}


def of(*conditions, groups=(), operator="AND"):
    return {"operator": operator, "conditions": list(conditions), "groups": list(groups)}


def nested(levels):
    found = of(COUNT)
    for _ in range(levels - 1):
        found = of(groups=[found])
    return found


def shown(condition):
    return shown_filter(read_filter(of(condition)))["conditions"][0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TIME, {"conditionType": "time"}),
        (TIME | {"operator": "exists"}, {"conditionType": "time"}),
        (
            TIME | {"operator": "before", "value": "2026-01-31T09:00:00+01:00"},
            {"conditionType": "time", "value": "2026-01-31T08:00:00Z"},
        ),
        (
            TIME | {"operator": "after", "value": "2026-01-31T08:00:00.5Z"},
            {"conditionType": "time", "value": "2026-01-31T08:00:00.500Z"},
        ),
        (COUNT, {"conditionType": "count"}),
        (COUNT | {"field": "conversion_count"}, {"conditionType": "count"}),
        (FIELD, {"conditionType": "custom_field"}),
        (FIELD | {"field": "plan"}, {"conditionType": "custom_field", "field": FIELD["field"]}),
        (FIELD | {"operator": "in", "value": ["a", 1, True]}, {"conditionType": "custom_field"}),
        (REVENUE, {"conditionType": "revenue"}),
        (
            {"condition_type": "revenue", "field": "has_revenue", "value": True},
            {"conditionType": "revenue", "operator": "eq"},
        ),
        (TIME | {"condition_type": "revenue", "field": "last_revenue_at"}, {
            "conditionType": "revenue"}),
        (
            {"condition_type": "dnc", "field": "on_dnc", "operator": "eq", "value": False},
            {"conditionType": "dnc"},
        ),
        ({"condition_type": "clicked", "value": True}, {
            "conditionType": "clicked", "field": "clicked", "operator": "eq"}),
        (
            {"condition_type": "validation", "operator": "not_in", "value": ["invalid"]},
            {"conditionType": "validation", "field": "validation_status"},
        ),
        ({"condition_type": "list", "list_id": 7}, {
            "conditionType": "list", "operator": "in", "listId": 7}),
        (
            {"condition_type": "audience", "operator": "not_in", "audience_id": "a" * 24},
            {"conditionType": "audience", "audienceId": "a" * 24},
        ),
    ],
)  # fmt: skip
def test_a_condition_is_written_in_snake_case_and_shown_in_the_documented_form(given, expected):
    found = shown(given)
    kept = {name: value for name, value in given.items() if not name.endswith(("_type", "_id"))}
    if given.get("operator") == "exists" or (
        isinstance(given.get("value"), str) and "T" in str(given["value"])
    ):
        kept.pop("unit", None)
        if given["operator"] == "exists":
            kept.pop("value")
    assert found == kept | expected
    # What was shown can be given again, and is the same.
    assert shown(found) == found


def test_groups_keep_their_order_and_their_operators():
    tree = of(COUNT, groups=[of(FIELD, TIME, operator="OR"), of(groups=[of(REVENUE)])])
    found = shown_filter(read_filter(tree))
    assert found["operator"] == "AND"
    assert [each["operator"] for each in found["groups"]] == ["OR", "AND"]
    assert [each["field"] for each in found["groups"][0]["conditions"]] == [
        "custom_fields.plan",
        "last_clicked_at",
    ]
    assert read_filter(found) == read_filter(tree)


FIRST = "filter.conditions[0]"
FAULTS = {
    "no object": ([], "invalid_filter", "filter"),
    "no operator": ({"conditions": [COUNT]}, "invalid_filter", "filter.operator"),
    "another operator": (of(COUNT, operator="NOT"), "invalid_filter", "filter.operator"),
    "an unknown part": (of(COUNT) | {"condition": []}, "invalid_filter", "filter.condition"),
    "no array": (of(COUNT) | {"groups": {}}, "invalid_filter", "filter.groups"),
    "empty": (of(), "empty_filter_group", "filter"),
    "empty within": (of(COUNT, groups=[of()]), "empty_filter_group", "filter.groups[0]"),
    "no condition": (of(7), "invalid_filter", FIRST),
    "no type": (of({}), "invalid_filter", f"{FIRST}.condition_type"),
    "an unknown type": (of({"condition_type": []}), "invalid_filter", f"{FIRST}.condition_type"),
    "another's field": (of(COUNT | {"field": "plan"}), "invalid_filter", f"{FIRST}.field"),
    "another's operator": (
        of(COUNT | {"operator": "contains"}), "invalid_filter", f"{FIRST}.operator",
    ),
    "a text for a number": (of(COUNT | {"value": "2"}), "invalid_filter", f"{FIRST}.value"),
    "a flag for a number": (of(COUNT | {"value": True}), "invalid_filter", f"{FIRST}.value"),
    "no number": (of(COUNT | {"value": float("nan")}), "invalid_filter", f"{FIRST}.value"),
    "beyond exactness": (of(COUNT | {"value": 2**53 + 1}), "invalid_filter", f"{FIRST}.value"),
    "too fine an amount": (of(REVENUE | {"value": 1.00001}), "invalid_filter", f"{FIRST}.value"),
    "no unit": (of(TIME | {"unit": "weeks"}), "invalid_filter", f"{FIRST}.unit"),
    "a broken time": (
        of(TIME | {"operator": "before", "value": "soon"}), "invalid_filter", f"{FIRST}.value",
    ),
    "within a time": (of(TIME | {"value": "2026-01-31"}), "invalid_filter", f"{FIRST}.value"),
    "a time before all": (of(TIME | {"value": -1}), "invalid_filter", f"{FIRST}.value"),
    "no name": (of(FIELD | {"field": "custom_fields. "}), "invalid_filter", f"{FIRST}.field"),
    "a NUL in a name": (
        of(FIELD | {"field": "custom_fields.a\0b"}), "invalid_filter", f"{FIRST}.field",
    ),
    "a NUL": (of(FIELD | {"value": "a\0"}), "invalid_filter", f"{FIRST}.value"),
    "half a character": (of(FIELD | {"value": "\ud83d"}), "invalid_filter", f"{FIRST}.value"),
    "a number to contain": (
        of(FIELD | {"operator": "contains", "value": 5}), "invalid_filter", f"{FIRST}.value",
    ),
    "nothing to contain": (
        of(FIELD | {"operator": "contains", "value": ""}), "invalid_filter", f"{FIRST}.value",
    ),
    "null": (of(FIELD | {"value": None}), "invalid_filter", f"{FIRST}.value"),
    "an order of texts": (
        of(FIELD | {"operator": "gt", "value": "b"}), "invalid_filter", f"{FIRST}.value",
    ),
    "in nothing": (of(FIELD | {"operator": "in", "value": []}), "invalid_filter", f"{FIRST}.value"),
    "an unknown status": (
        of({"condition_type": "validation", "operator": "eq", "value": "good"}),
        "invalid_filter", f"{FIRST}.value",
    ),
    "no list": (
        of({"condition_type": "list", "list_id": "7"}), "invalid_filter", f"{FIRST}.list_id",
    ),
    "a list of truth": (
        of({"condition_type": "list", "list_id": True}), "invalid_filter", f"{FIRST}.list_id",
    ),
    "no audience": (
        of({"condition_type": "audience", "audience_id": "x"}),
        "invalid_filter", f"{FIRST}.audience_id",
    ),
}  # fmt: skip


def test_an_empty_filter_is_answered_with_a_condition_that_holds_for_everyone():
    with pytest.raises(InvalidInput) as refused:
        read_filter(of())
    condition = json.loads(re.search(r"\{.*\}", refused.value.message).group())
    assert read_filter(of(condition)).conditions
    with pytest.raises(InvalidInput, match="or leave it out"):
        read_filter(of(COUNT, groups=[of()]))


@pytest.mark.parametrize(("tree", "code", "param"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_by_the_way_to_it(tree, code, param):
    with pytest.raises(InvalidInput) as caught:
        read_filter(tree)
    assert (caught.value.code, caught.value.param) == (code, param)


BOUNDS = {
    "levels": (nested, DEPTH_MAX, "filter_too_large"),
    "conditions": (lambda n: of(*[COUNT] * n), CONDITIONS_MAX, "filter_too_large"),
    "conditions in groups": (
        lambda n: of(groups=[of(COUNT), of(*[COUNT] * (n - 1))]),
        CONDITIONS_MAX,
        "filter_too_large",
    ),
    "values": (
        lambda n: of(FIELD | {"operator": "in", "value": list(range(n))}),
        VALUES_MAX,
        "invalid_filter",
    ),
    "a name": (lambda n: of(FIELD | {"field": "n" * n}), FIELD_LENGTH_MAX, "invalid_filter"),
    "a text": (lambda n: of(FIELD | {"value": "é" * n}), TEXT_LENGTH_MAX, "invalid_filter"),
}


@pytest.mark.parametrize(("tree_of", "most", "code"), BOUNDS.values(), ids=BOUNDS)
def test_what_is_at_a_limit_is_taken_and_one_more_is_not(tree_of, most, code):
    read_filter(tree_of(most))
    with pytest.raises(InvalidInput) as caught:
        read_filter(tree_of(most + 1))
    assert caught.value.code == code


def test_reading_leaves_what_was_given_as_it_is():
    tree = of(TIME, FIELD | {"operator": "in", "value": [1, "a"]}, groups=[of(COUNT)])
    before = copy.deepcopy(tree)
    read_filter(tree)
    assert tree == before
