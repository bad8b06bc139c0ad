"""JSON answers, with the headers that their status asks for."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sendrail.api.errors import RETRY_AFTER_SECONDS, error_body

BODY_BYTES_MAX: Final = 5_000_000
TOO_LARGE: Final = "The body is larger than 5 MB"
# What is told of people is for who asked, not for a cache on the way.
PRIVATE: Final = {"cache-control": "no-store"}
_JSON: Final = "application/json"


def json_answer(status: int, content: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return an answer whose body is JSON."""
    given = dict(headers or {})
    if status in RETRY_AFTER_SECONDS:
        given["retry-after"] = str(RETRY_AFTER_SECONDS[status])
    return Response(content, status, given, media_type=_JSON)


def too_large(request: Request) -> Response:
    """Return the answer to a body that was not read to its end."""
    body = error_body("payload_too_large", TOO_LARGE, request.state.request_id)
    return json_answer(413, body, {"connection": "close"})
