"""The door for carriers: their callbacks, by a link's own URL or by the public API's paths.

Method, content type and proof are the carrier's business. A token is a secret in a path: nothing
here logs a path.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sendrail.api.bodies import read_body
from sendrail.api.errors import error_body
from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest
from sendrail.domain.ids import AccountId
from sendrail.links.callbacks import CallbackDesk

BODY_BYTES_MAX: Final = 256 * 1024
_METHODS: Final = ("GET", "POST")


def callback_routes(desk: CallbackDesk) -> list[BaseRoute]:
    """Return the routes that carriers call."""
    door = _Door(desk)
    return [
        Route("/callbacks/{token}", door.by_token, methods=_METHODS),
        Route("/api/webhook-feedbacks/{provider}", door.by_provider, methods=_METHODS),
        Route("/api/webhook-feedbacks/{provider}/{token}", door.by_token, methods=_METHODS),
    ]


class _Door:
    def __init__(self, desk: CallbackDesk) -> None:
        self._desk = desk

    async def by_token(self, request: Request) -> Response:
        said = await self._read(request)
        if said is None:
            return _too_large(request)
        path = request.path_params
        return _answer(await self._desk.hear(path["token"], said, path.get("provider")))

    async def by_provider(self, request: Request) -> Response:
        said = await self._read(request)
        if said is None:
            return _too_large(request)
        account = request.query_params.get("account", "")
        account_id = AccountId(int(account)) if _is_row_id(account) else None
        return _answer(await self._desk.hear_any(request.path_params["provider"], said, account_id))

    async def _read(self, request: Request) -> CallbackRequest | None:
        body = await read_body(request, BODY_BYTES_MAX)
        if body is None:
            return None
        # As it came: a carrier signs the very bytes of its URL, not what they decode to.
        path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        return CallbackRequest(
            method=request.method,
            url=self._desk.public(f"{path.partition('?')[0]}{'?' if query else ''}{query}"),
            headers=_headers(request),
            body=body,
        )


def _headers(request: Request) -> Mapping[str, str]:
    """Return the headers, those that come several times joined as HTTP joins them."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_row_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len(str(2**63))


def _answer(answer: CallbackAnswer) -> Response:
    return Response(answer.content, answer.status, media_type=answer.content_type)


def _too_large(request: Request) -> Response:
    text = f"The body is larger than {BODY_BYTES_MAX // 1024} KiB"
    body = error_body("payload_too_large", text, request.state.request_id)
    return Response(body, 413, {"connection": "close"}, media_type="application/json")
