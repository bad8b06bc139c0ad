"""JSON answers, with the headers that their status asks for."""

from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from sendrail.api.errors import RETRY_AFTER_SECONDS

# Personal data are for the caller who asked, not for a cache on the way.
PRIVATE: Final = {"cache-control": "no-store"}
_JSON: Final = "application/json"
# For answers that are written to the connection as they are.
_HEADS: Final = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"content-type: {_JSON}\r\n"
        "x-content-type-options: nosniff\r\n"
        + (
            f"retry-after: {RETRY_AFTER_SECONDS[status.value]}\r\n"
            if status.value in RETRY_AFTER_SECONDS
            else ""
        )
    )
    for status in HTTPStatus
}


def json_answer(status: int, content: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return an answer whose body is JSON."""
    given = dict(headers or {})
    if status in RETRY_AFTER_SECONDS:
        given["retry-after"] = str(RETRY_AFTER_SECONDS[status])
    return Response(content, status, given, media_type=_JSON)


def head_of(status: int) -> str:
    """Return how an answer in JSON begins; what is its own, and the empty line, follow."""
    return _HEADS[status]
