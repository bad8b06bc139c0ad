"""Schemas of fields: what a type says, and what the descriptions beside it add."""

from typing import Annotated, get_args, get_type_hints

import msgspec
import pytest
from msgspec import Meta

from sendrail.api.openapi import OPERATIONS
from sendrail.api.schemas import has_required, schema_of, schemas_of
from sendrail.api.v2.field_types import Count, Required, Time, one_of, schema

DESCRIBES = {"title", "description", "examples", "extra_json_schema", "extra"}


class Inner(msgspec.Struct):
    """Another one."""

    plain: str | None = None


class Outer(msgspec.Struct):
    """A request."""

    needed: Required[Count] = None
    chosen: Annotated[Annotated[str, one_of(["a", "b"])] | None, Meta(description="Which.")] = None
    inner: Annotated[Inner | None, Meta(description="More.")] = None
    some: Annotated[list[Inner], schema(maxItems=3)] = msgspec.field(default_factory=list)


def test_a_struct_has_the_schemas_of_its_fields_and_of_what_stands_in_them():
    assert schemas_of([Outer]) == {
        "Outer": {
            "type": "object",
            "description": "A request.",
            "properties": {
                "needed": {"type": "integer", "minimum": 0},
                "chosen": {"enum": ["a", "b", None], "description": "Which."},
                "inner": {
                    "anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}],
                    "description": "More.",
                },
                "some": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Inner"},
                    "maxItems": 3,
                },
            },
            "required": ["needed"],
        },
        "Inner": {
            "type": "object",
            "description": "Another one.",
            "properties": {"plain": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        },
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, {"type": "integer"}),
        (Annotated[int, schema(minimum=1), schema(minimum=2)], {"type": "integer", "minimum": 2}),
        (Annotated[bool, schema(const=True)], {"const": True}),
        (
            Annotated[bool | None, schema(type="boolean", enum=[False])],
            {"type": "boolean", "enum": [False]},
        ),
        (
            Time | None | msgspec.UnsetType,
            {
                "type": ["string", "null"],
                "format": "date-time",
                "examples": ["2026-01-31T08:00:00Z"],
            },
        ),
    ],
)
def test_a_type_has_the_schema_that_its_descriptions_make(kind, expected):
    assert schema_of(kind) == expected


def test_a_body_is_required_where_a_field_is():
    assert has_required(Outer)
    assert not has_required(Inner)


def metas(kind):
    """Return every `Meta` in a type, and in the structs that it holds."""
    if isinstance(kind, Meta):
        yield kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for hint in get_type_hints(kind, include_extras=True).values():
            yield from metas(hint)
    for part in (*getattr(kind, "__metadata__", ()), *get_args(kind)):
        yield from metas(part)


def test_no_description_changes_what_is_decoded():
    # A constraint in a `Meta` would answer with msgspec's words before the handler's own code.
    every = [
        meta
        for operation in OPERATIONS
        for struct in (operation.request, operation.answer)
        for meta in metas(struct)
    ]
    assert len(every) > 100
    for meta in every:
        given = {name for name, value, *_ in meta.__rich_repr__() if value is not None}
        assert given <= DESCRIBES, meta
