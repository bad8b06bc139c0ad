"""The resources over HTTP: routes from the endpoints' tables, and what all of them have in common.

The order of faults is that of the sending calls: the body's size, the key, the account, the
body's type, the idempotency key, and then what the endpoint itself finds.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sendrail.api.auth import account_of, actor_of
from sendrail.api.bodies import Bodies
from sendrail.api.limits import BODY_BYTES_MAX
from sendrail.api.responses import PRIVATE, json_answer
from sendrail.api.v2 import blocks, contacts, erasure, journeys, lists, messages
from sendrail.api.v2.request import ApiRequest, Endpoint, Replayed, encode, promise_of
from sendrail.api.v2.sending import is_json
from sendrail.app import Runtime
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId

ENDPOINTS: Final[Sequence[Endpoint]] = (
    *messages.ENDPOINTS,
    *contacts.ENDPOINTS,
    *erasure.ENDPOINTS,
    *lists.ENDPOINTS,
    *blocks.ENDPOINTS,
    *journeys.ENDPOINTS,
)


def resource_routes(runtime: Runtime, bases: Iterable[str], bodies: Bodies) -> list[BaseRoute]:
    """Return the routes of every resource, under each base path."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [
        Route(base + path, _answering(runtime, base, methods, bodies), methods=list(methods))
        for base in bases
        for path, methods in by_path.items()
    ]


def _answering(
    runtime: Runtime, base: str, methods: dict[str, Endpoint], bodies: Bodies
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        # A HEAD is answered as its GET; the server leaves the body out.
        endpoint = methods.get(request.method) or methods["GET"]
        if endpoint.request is None:
            account = await account_of(runtime.store, request.headers.raw)
            return await _answer(runtime, base, endpoint, request, account, b"")
        with bodies.known.body(request, BODY_BYTES_MAX) as body:
            # Who asks is known before anything is kept.
            account = await account_of(runtime.store, request.headers.raw)
            content = await body.read()
            kind = request.headers.get("content-type")
            if not content and kind is None:
                # A call without a body is one without fields, and told which of them it wants.
                content = b"{}"
            elif not is_json((kind or "").encode("latin-1")):
                raise InvalidInput(
                    "Send the body as `Content-Type: application/json`",
                    code="unsupported_media_type",
                )
            return await _answer(runtime, base, endpoint, request, account, content)

    return answer


async def _answer(  # noqa: PLR0917 - the parts of a request
    runtime: Runtime,
    base: str,
    endpoint: Endpoint,
    request: Request,
    account: AccountId,
    body: bytes,
) -> Response:
    promise = None
    if endpoint.method == "POST":
        path = request.url.path.removeprefix(base)
        key = dict(request.headers.raw).get(b"idempotency-key")
        promise = promise_of(account, key, "POST", path, body, runtime.clock.now)
    asked = ApiRequest(
        account=account,
        actor=actor_of(request),
        request_id=request.state.request_id,
        path=request.path_params,
        query=request.query_params,
        body=body,
        promise=promise,
    )
    try:
        told = await endpoint.handler(runtime, asked)
    except Replayed as before:
        replayed = {"idempotency-replayed": "true"}
        return json_answer(before.kept.status, before.kept.answer, PRIVATE | replayed)
    return json_answer(200, encode(told), PRIVATE)
