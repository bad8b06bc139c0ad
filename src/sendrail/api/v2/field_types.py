"""Types of fields, with what the API's description says of them beyond the type.

A `Meta` here describes and never checks: handlers check values themselves, with an error code for
each fault. So a pattern or a limit stands in `extra_json_schema`, which decoding ignores, and not
in the arguments of `Meta` that constrain.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta, Struct

from sendrail.domain import sender_ids

T = TypeVar("T")

SCHEMAS: Final = "#/components/schemas/"
REQUIRED: Final = "required"
_PHONE: Final = r"^\+[1-9][0-9]{6,14}$"
_PLAIN: Final = r"""A-Za-z0-9!"#$%&'()*,./:;<=>?@_-"""


def schema(**more: Any) -> Meta:
    """Return a `Meta` that adds to a field's schema, or replaces parts of it."""
    return Meta(extra_json_schema=more)


def about(description: str) -> Meta:
    """Return a `Meta` that says what a field means."""
    return Meta(description=description)


def one_of(values: Iterable[str]) -> Meta:
    """Return a `Meta` for one of these words; they stand in place of the type."""
    return schema(enum=[str(value) for value in values])


def up_to(length: int, description: str) -> Meta:
    """Return a `Meta` for a text of at most so many characters."""
    return Meta(description=description, extra_json_schema={"maxLength": length})


def batch_of(struct: type[Struct], most: int) -> Meta:
    """Return a `Meta` for an array of at least one and at most so many of a struct."""
    return schema(minItems=1, maxItems=most, items={"$ref": SCHEMAS + struct.__name__})


# A field that a request must have. The struct lets it be absent or null, because the handler
# answers that with an error code of its own.
Required = Annotated[T | None, Meta(extra={REQUIRED: True})]

Phone = Annotated[str, schema(pattern=_PHONE)]
Sender = Annotated[
    str,
    schema(
        anyOf=[
            {"pattern": _PHONE},
            {"pattern": "^[1-9][0-9]{2,7}$"},
            {
                "maxLength": 11,
                "allOf": [
                    {"pattern": f"^[{_PLAIN}]([+ {_PLAIN}]*[+{_PLAIN}])?$"},
                    {"pattern": "[A-Za-z]"},
                ],
            },
        ]
    ),
    about(f"What a list sends from: {sender_ids.FORM}."),
]
# A message's id, as callers know it.
PublicId = Annotated[str, schema(pattern="^[0-9A-Za-z]{8}$"), Meta(examples=["x7y8z9w0"])]
Time = Annotated[str, schema(format="date-time"), Meta(examples=["2026-01-31T08:00:00Z"])]
Flag = Annotated[bool | None, schema(default=False)]
Count = Annotated[int, schema(minimum=0)]
Index = Annotated[Count, about("Its place in the batch, from 0.")]
GivenNumber = Annotated[str | None, about("As it was given, if it was text.")]
Positive = Annotated[int, schema(minimum=1)]
RowId = Positive
ObjectId = Annotated[str, schema(pattern="^[0-9a-f]{24}$")]
ContactId = ObjectId
Always = Annotated[bool, schema(const=True)]
