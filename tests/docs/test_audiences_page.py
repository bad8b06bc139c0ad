"""The page about audiences says what the code reads, counts and refuses."""

import json
import re
from pathlib import Path

import pytest

from sendrail.api.v2 import audiences
from sendrail.contacts.audience_counts import SMALL_MAX
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audience_conditions import READERS
from sendrail.domain.audience_filter import (
    CHAIN_MAX,
    CONDITIONS_MAX,
    DEPTH_MAX,
    FIELD_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    VALUES_MAX,
    FlagField,
    NumberField,
    Operator,
    TimeField,
    TimeUnit,
)
from sendrail.domain.audience_filter_json import read_filter
from sendrail.storage.contacts.audience_targets import CONDITIONS_IN_ALL_MAX

PAGE = (Path(__file__).parents[2] / "docs" / "audiences.md").read_text("utf-8")
ROWS = re.findall(r"^\|(.*?)\|(.*?)\|(.*?)\|(.*?)\|$", PAGE, re.MULTILINE)[2:]


def words(cell):
    return re.findall(r"`([a-z_]+)`", cell)


def cases():
    """Return each condition that the table permits, with a value of its kind."""
    kind, fields = "", []
    for type_cell, field_cell, operator_cell, value_cell in ROWS:
        kind = (words(type_cell) or [kind])[0]
        fields = words(field_cell) or (fields if not type_cell.strip() else [])
        fields = ["plan"] if kind == "custom_field" else fields
        operators = words(operator_cell)
        for field in fields or [None]:
            for operator in operators:
                if operator in READERS:
                    continue
                yield kind, field, operator, value_cell


def condition(kind, field, operator, value_cell):
    built = {"condition_type": kind, "operator": operator}
    if field is not None:
        built["field"] = field
    if kind in ("list", "audience"):
        return built | {"list_id": 7, "audience_id": "a" * 24}
    if "none" in value_cell.split(":")[0]:
        return built
    if "unit" in value_cell:
        return built | {"value": 7, "unit": "days"}
    if "text" in value_cell and operator != "eq":
        value = "a"
    elif "`ok`" in value_cell:
        value = "ok"
    elif "`true`" in value_cell:
        value = True
    else:
        value = 5
    return built | {"value": [value] if operator in ("in", "not_in") else value}


CASES = list(cases())


@pytest.mark.parametrize(("kind", "field", "operator", "value_cell"), CASES)
def test_every_condition_of_the_table_is_read(kind, field, operator, value_cell):
    tree = {"operator": "AND", "conditions": [condition(kind, field, operator, value_cell)]}
    read_filter(tree)


def test_the_table_has_everything_there_is():
    kinds = {kind for kind, *_ in CASES}
    assert kinds == set(READERS)
    table = " ".join(" ".join(row) for row in ROWS)
    for word in (*TimeField, *NumberField, *FlagField, *Operator, *TimeUnit):
        assert f"`{word}`" in table, word


def test_the_example_is_a_filter():
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(list(read_filter(json.loads(example)).walk())) == 4


def test_the_limits_are_those_of_the_code():
    for limit in (
        f"{DEPTH_MAX} groups deep",
        f"{CONDITIONS_MAX} conditions, names of {FIELD_LENGTH_MAX} characters",
        f"texts of {TEXT_LENGTH_MAX:,}",
        f"1 to {VALUES_MAX:,}",
        f"{CONDITIONS_IN_ALL_MAX} conditions in all",
        f"{SMALL_MAX:,} contacts",
        f"every {SAMPLE_STEP}st number",
    ):
        assert limit in PAGE, limit
    assert CHAIN_MAX == 4, "the page says four"


def test_every_endpoint_is_in_the_table():
    for each in audiences.ENDPOINTS:
        assert f"/api/v2{each.path}`" in PAGE
