"""What descriptions of operations are made of.

A struct says which fields there are and of which type. What a struct cannot say, because the
handlers check it with a code of its own (a phone number's form, what is required), stands beside
each operation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import msgspec

from sendrail.api.v2 import operation as described_by
from sendrail.api.v2.queries import PAGE_MAX, PER_PAGE, PER_PAGE_MAX
from sendrail.api.v2.sending import Call
from sendrail.domain import sender_ids

PHONE: Final = {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}
_PLAIN: Final = r"""A-Za-z0-9!"#$%&'()*,./:;<=>?@_-"""
SENDER: Final = {
    "type": "string",
    "anyOf": [
        {"pattern": PHONE["pattern"]},
        {"pattern": "^[1-9][0-9]{2,7}$"},
        {
            "maxLength": 11,
            "allOf": [
                {"pattern": f"^[{_PLAIN}]([+ {_PLAIN}]*[+{_PLAIN}])?$"},
                {"pattern": "[A-Za-z]"},
            ],
        },
    ],
    "description": f"What a list sends from: {sender_ids.FORM}.",
}
MESSAGE_ID: Final = {"type": "string", "pattern": "^[0-9A-Za-z]{8}$", "examples": ["x7y8z9w0"]}
TIME: Final = {"type": "string", "format": "date-time", "examples": ["2026-01-31T08:00:00Z"]}
TIME_OR_NULL: Final = {**TIME, "type": ["string", "null"]}
TEXT: Final = {"type": "string", "minLength": 1, "pattern": r"\S"}
FLAG: Final = {"type": ["boolean", "null"], "default": False}
OBJECT: Final = {"type": ["object", "null"]}
COUNT: Final = {"type": "integer", "minimum": 0}
INDEX: Final = {**COUNT, "description": "Its place in the batch, from 0."}
CONTACT_ID: Final = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
ROW_ID: Final = {"type": "integer", "minimum": 1}
TRUE: Final = {"const": True}
GIVEN_NUMBER: Final = {
    "type": ["string", "null"],
    "description": "As it was given, if it was text.",
}
PAGINATION: Final[dict[str, dict[str, Any]]] = {
    "page": {"type": "integer", "minimum": 1},
    "per_page": {"type": "integer", "minimum": 1},
    "total": COUNT,
    "total_pages": COUNT,
    "total_is_exact": {"type": "boolean", "description": "If not, `total` is a lower bound."},
}
CURSOR_PAGINATION: Final[dict[str, dict[str, Any]]] = {
    **PAGINATION,
    "next_cursor": {
        "type": ["string", "null"],
        "description": "Where the next page begins, however far that is; null at the end.",
    },
}

ASKING: Final = ("missing_api_key", "invalid_api_key", "account_suspended")
BROKEN: Final = ("internal_error", "storage_unavailable")
POSTING: Final = (
    *ASKING,
    "invalid_json",
    "invalid_field",
    "invalid_idempotency_key",
    "idempotency_in_progress",
    "payload_too_large",
    "unsupported_media_type",
    "idempotency_key_reused",
    "overloaded",
    "storage_full",
    *BROKEN,
)

# Where a body is changed or taken away: no idempotency key is needed to do it twice.
CHANGING: Final = (
    *ASKING,
    "invalid_json",
    "invalid_field",
    "payload_too_large",
    "unsupported_media_type",
    "overloaded",
    "storage_full",
    *BROKEN,
)
READING: Final = (*ASKING, "invalid_parameter", "query_too_broad", *BROKEN)
FINDING: Final = (*ASKING, "not_found", *BROKEN)
# What any path may answer, whatever was asked of it.
ANYWHERE: Final = (
    "invalid_request",
    "method_not_allowed",
    "request_timeout",
    "query_too_long",
    "head_too_large",
)

# The sandbox's list, and a number that its simulator delivers to.
LIST: Final = "+15550001000"
RECIPIENT: Final = "+15550100000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing to ask for; `request` names the schema of its body, `is_batch` of many."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    description: str
    # None where the answer is a file and nothing else.
    answer: type[msgspec.Struct] | None
    codes: tuple[str, ...]
    request: type[msgspec.Struct] | None = None
    # A body that is a file, by an example of one; and what a file that is answered holds.
    file_in: str | None = None
    file_out: str | None = None
    is_batch: bool = False
    # Whether a refusal is kept with the idempotency key, as the gate's are.
    keeps_refusals: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[dict[str, Any], ...] = ()


def described(endpoints: Iterable[described_by.Operation]) -> Iterator[Operation]:
    """Return the operations of endpoints that are described beside their code."""
    for endpoint in endpoints:
        yield Operation(
            method=endpoint.method.lower(),
            path=endpoint.path,
            tag=endpoint.tag,
            is_batch=isinstance(endpoint, Call) and endpoint.is_batch,
            keeps_refusals=isinstance(endpoint, Call),
            **{
                each.name: getattr(endpoint, each.name)
                for each in fields(described_by.Operation)
                if each.name != "route"
            },
        )


def query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the description of a query's parameter."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def in_path(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the description of a part of the path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


CURSOR: Final = query(
    "cursor",
    {"type": "string", "minLength": 1},
    "Where to go on: the `next_cursor` of the answer before, instead of a page.",
)


def page_parameters(per_page_max: int = PER_PAGE_MAX) -> tuple[dict[str, Any], ...]:
    """Return the parameters of every list that comes in pages."""
    return (
        query(
            "page",
            {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 1},
            "Which page.",
        ),
        query(
            "per_page",
            {"type": "integer", "minimum": 1, "maximum": per_page_max, "default": PER_PAGE},
            "How many on a page.",
        ),
    )
