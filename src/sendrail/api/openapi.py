"""The API's description as an OpenAPI 3.1 document.

Made from the structs the handlers themselves read and write and from the table of operations, so
that it cannot differ from the code. `python -m sendrail.api.openapi` prints it.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from inspect import cleandoc
from itertools import groupby
from typing import Any, Final

import msgspec

from sendrail.api.errors import CODES, DOC_PATH, RETRY_AFTER_SECONDS, ErrorBody, status_of
from sendrail.api.request_ids import LENGTH_MAX
from sendrail.api.resources import ENDPOINTS
from sendrail.api.schemas import has_required, schema_of, schemas_of
from sendrail.api.v2.calls import CALLS, Call
from sendrail.api.v2.field_types import SCHEMAS
from sendrail.api.v2.operation import Operation
from sendrail.api.v2.orders import BATCH_MAX, Batch
from sendrail.api.v2.sending import IDEMPOTENCY_KEY_MAX

OPERATIONS: Final[Sequence[Operation]] = (*CALLS, *ENDPOINTS)

_BASE: Final = "/api/v2"
_JSON: Final = "application/json"
_CSV: Final = "text/csv"
_REQUEST_ID: Final = "01979c1e-5f00-7000-8000-0123456789ab"

_ABOUT: Final = f"""\
Send SMS and follow each message to its end; keep the contacts, lists and journeys behind it.

A request carries its API key as `X-Api-Key`. Every answer has an `X-Request-Id`: yours, where it
is at most {LENGTH_MAX} letters, digits, `-` or `_`, or else a new one. Errors have a
machine-readable `code`; [a page of its own]({DOC_PATH}) explains each.

With an `Idempotency-Key` a POST can be repeated safely: the same key and body within 24 hours get
the same answer again, and nothing is done twice.
"""
_HEADERS: Final = {
    "X-Request-Id": {
        "description": "Names the request, in our log too.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^[A-Za-z0-9_-]{{1,{LENGTH_MAX}}}$"},
    },
    "Retry-After": {
        "description": "In how many seconds to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer to an earlier request of the same key.",
        "schema": {"type": "string", "const": "true"},
    },
}
_PARAMETERS: Final = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name for this request that you choose, such as a UUID.",
        "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX},
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "Your own name for the request.",
        "schema": {"type": "string"},
    },
}
_SECURITY_SCHEMES: Final = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, as `Authorization: Bearer …`.",
    },
}


@cache
def render() -> bytes:
    """Return the document as JSON."""
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sendrail API",
            "version": "2",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": _BASE}],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in OPERATIONS)],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _paths() -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return paths


def _operation(operation: Operation) -> dict[str, Any]:
    names = ["RequestId"]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
    }
    if operation.method == "POST":
        names.append("IdempotencyKey")
    if operation.request is not None:
        is_batch = isinstance(operation, Call) and operation.is_batch
        name = _batch_name(operation.request) if is_batch else operation.request.__name__
        described["requestBody"] = {
            # Where every field may be left out, so may the body.
            "required": has_required(operation.request),
            "content": {
                _JSON: {
                    "schema": _ref(name),
                    "examples": {
                        title: {"value": value} for title, value in operation.examples.items()
                    },
                }
            },
        }
    if operation.file_in is not None:
        example = {"columns": {"value": operation.file_in}}
        content = {_CSV: {"schema": {"type": "string"}, "examples": example}}
        described["requestBody"] = {"required": True, "content": content}
    described["parameters"] = [
        *(each | {"schema": schema_of(each["schema"])} for each in operation.parameters),
        *({"$ref": f"#/components/parameters/{name}"} for name in names),
    ]
    described["responses"] = dict(_responses(operation))
    return described


def _responses(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    headers = {"X-Request-Id": _header("X-Request-Id")}
    replayed = (
        {"Idempotency-Replayed": _header("Idempotency-Replayed")}
        if operation.method == "POST"
        else {}
    )
    content: dict[str, Any] = {}
    about = operation.file_out or ""
    if operation.answer is not None:
        about = cleandoc(operation.answer.__doc__ or "")
        content[_JSON] = {"schema": _ref(operation.answer.__name__)}
    if operation.file_out is not None:
        schema = {"type": "string", "description": operation.file_out}
        content[_CSV] = {"schema": schema}
    yield "200", {"description": about, "headers": headers | replayed, "content": content}
    known = list(CODES)

    def status_here(code: str) -> int:
        return operation.statuses.get(code, status_of(code))

    codes = sorted(set(operation.codes), key=lambda code: (status_here(code), known.index(code)))
    for status, group in groupby(codes, status_here):
        answered = dict(headers)
        if status in RETRY_AFTER_SECONDS:
            answered["Retry-After"] = _header("Retry-After")
        # The gate's answers are kept with the key; what fails before or after it is not.
        if isinstance(operation, Call) and status == status_of("list_not_found"):
            answered |= replayed
        yield str(status), _error_response(list(group), answered)


def _error_response(codes: list[str], headers: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "\n".join(f"- `{code}`: {CODES[code][1]}" for code in codes),
        "headers": headers,
        "content": {
            _JSON: {
                "schema": {
                    "allOf": [
                        _ref(ErrorBody.__name__),
                        {"properties": {"code": {"enum": codes}}},
                    ]
                },
                "examples": {code: {"value": _error(code)} for code in codes},
            }
        },
    }


def _error(code: str) -> dict[str, str]:
    return {
        "error": CODES[code][1],
        "code": code,
        "request_id": _REQUEST_ID,
        "doc_url": f"{DOC_PATH}#{code}",
    }


def _schemas() -> dict[str, Any]:
    structs = {
        kind for each in OPERATIONS for kind in (each.request, each.answer, each.item) if kind
    }
    schemas = schemas_of({*structs, ErrorBody})
    for struct in {each.request for each in CALLS if each.is_batch and each.request}:
        schemas |= _batch_schemas(struct, schemas[struct.__name__])
    return {name: schemas[name] for name in sorted(schemas)}


def _batch_schemas(struct: type[msgspec.Struct], single: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of a batch and of one message in it, whose list number may be shared."""
    item = f"{_batch_name(struct)}Item"
    required = [name for name in single["required"] if name != "list_number"]
    return {
        item: {**single, "description": "One message of a batch.", "required": required},
        _batch_name(struct): {
            "type": "object",
            "description": f"Up to {BATCH_MAX:,} messages.",
            "required": ["messages"],
            "properties": {
                "messages": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": BATCH_MAX,
                    "items": _ref(item),
                },
                "list_number": {
                    "type": ["string", "null"],
                    "description": "The list of the messages that name none.",
                },
            },
        },
    }


def _batch_name(struct: type[msgspec.Struct]) -> str:
    return f"{struct.__name__}{Batch.__name__}"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": SCHEMAS + name}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(render(), indent=2) + b"\n")
