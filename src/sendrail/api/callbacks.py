"""The door for carriers: their callbacks, by a connector's own URL or by the public API's paths.

Method, content type and proof are the carrier's business. A token is a secret in a path: nothing
here logs a path.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sendrail.api.bodies import Bodies
from sendrail.api.limits import CALLBACK_BYTES_MAX
from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest
from sendrail.connectors.callbacks import CallbackRouter
from sendrail.domain.ids import AccountId, read_row_id

_METHODS: Final = ("GET", "POST")


def callback_routes(router: CallbackRouter, bodies: Bodies) -> list[BaseRoute]:
    """Return the routes that carriers call."""
    door = _Door(router, bodies)
    return [
        Route("/callbacks/{token}", door.by_token, methods=_METHODS),
        Route("/api/webhook-feedbacks/{provider}", door.by_provider, methods=_METHODS),
        Route("/api/webhook-feedbacks/{provider}/{token}", door.by_token, methods=_METHODS),
    ]


class _Door:
    def __init__(self, router: CallbackRouter, bodies: Bodies) -> None:
        self._router = router
        self._bodies = bodies

    async def by_token(self, request: Request) -> Response:
        path = request.path_params
        with self._bodies.known.body(request, CALLBACK_BYTES_MAX) as body:
            # A token says whose it is before the body is kept.
            listener = await self._router.listener(path["token"], path.get("provider"))
            return _answer(await listener.hear(self._asked(request, await body.read())))

    async def by_provider(self, request: Request) -> Response:
        account = request.query_params.get("account", "")
        number = read_row_id(account)
        account_id = None if number is None else AccountId(number)
        with self._bodies.strangers.body(request, CALLBACK_BYTES_MAX) as body:
            asked = self._asked(request, await body.read())
            provider = request.path_params["provider"]
            return _answer(await self._router.hear_any(provider, asked, account_id))

    def _asked(self, request: Request, body: bytes) -> CallbackRequest:
        # As it came: a carrier signs the very bytes of its URL, not what they decode to.
        path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        return CallbackRequest(
            method=request.method,
            url=self._router.public(f"{path.partition('?')[0]}{'?' if query else ''}{query}"),
            headers=_headers(request),
            body=body,
        )


def _headers(request: Request) -> Mapping[str, str]:
    """Return the headers, those that come several times joined as HTTP joins them."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _answer(answer: CallbackAnswer) -> Response:
    return Response(answer.content, answer.status, media_type=answer.content_type)
