"""The ASGI application: every route, and the shape every answer has.

The sending calls are here too, so that any ASGI server can run the whole API; under our own server
the fast lane answers them before they get this far, by the same `SendingCalls`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sendrail.api.auth import account_of, caller_of
from sendrail.api.bodies import Bodies
from sendrail.api.callbacks import callback_routes
from sendrail.api.errors import error_body, shown, status_of
from sendrail.api.limits import (
    BODY_BYTES_MAX,
    FORM_BYTES_MAX,
    QUERY_BYTES_MAX,
    QUERY_FIELDS_MAX,
)
from sendrail.api.link_door import LinkDoor, LinkRoute, link_door
from sendrail.api.pages import page_routes
from sendrail.api.postbacks import network_routes, postback_routes
from sendrail.api.request_ids import request_id
from sendrail.api.resources import resource_routes
from sendrail.api.responses import json_answer
from sendrail.api.tracking_host import make_tracking_host, tls_route
from sendrail.api.v2.calls import CALLS, Call
from sendrail.api.v2.sending import BASES, SendingCalls, SendingRequest
from sendrail.api.v2.uploads import file_stream
from sendrail.app import Runtime
from sendrail.dashboard.mount import DashboardRoutes
from sendrail.dashboard.paths import PREFIX as DASHBOARD
from sendrail.dashboard.paths import BodyReader
from sendrail.domain.errors import SendrailError
from sendrail.domain.upload import UPLOAD_BYTES_MAX
from sendrail.telemetry import CONTENT_TYPE
from sendrail.tracking.hosts import TrackingHosts

_log = structlog.get_logger()


def make_app(
    runtime: Runtime,
    calls: SendingCalls,
    is_ready: Callable[[], bool],
    bodies: Bodies | None = None,
    links: LinkDoor | None = None,
) -> ASGIApp:
    """Return the application over a runtime's services."""
    bodies = bodies or Bodies()
    link_route = LinkRoute(links or link_door(runtime), bodies)
    dashboard = DashboardRoutes(runtime, _body_reader(runtime, bodies))
    routes: list[BaseRoute] = [
        *dashboard.routes(),
        *(
            Route(base + call.path, _sending(runtime, calls, call, bodies), methods=["POST"])
            for base in BASES
            for call in CALLS
        ),
        *resource_routes(runtime, BASES, bodies),
        *_probes(runtime, is_ready),
        *callback_routes(runtime.callbacks, bodies),
        *page_routes(),
        tls_route(runtime.tracking.hosts),
        *postback_routes(runtime, bodies),
        *network_routes(runtime, bodies),
        link_route,
    ]
    return _EveryAnswer(_app(routes), _by_host(runtime, bodies, link_route), dashboard.at_once)


def make_link_host(
    runtime: Runtime,
    is_ready: Callable[[], bool],
    bodies: Bodies | None = None,
    links: LinkDoor | None = None,
) -> ASGIApp:
    """Return the application of a process that serves links, and nothing of the API."""
    bodies = bodies or Bodies()
    link_route = LinkRoute(links or link_door(runtime), bodies)
    routes = [*_probes(runtime, is_ready), tls_route(runtime.tracking.hosts), link_route]
    return _EveryAnswer(_app(routes), _by_host(runtime, bodies, link_route))


def _by_host(runtime: Runtime, bodies: Bodies, link_route: LinkRoute) -> "_ByHost":
    tracking_host = make_tracking_host(
        runtime.tracking.proofs, [*postback_routes(runtime, bodies), link_route], _HANDLERS
    )
    return _ByHost(runtime.tracking.hosts, tracking_host)


def make_probes(runtime: Runtime, is_ready: Callable[[], bool]) -> ASGIApp:
    """Return the application of a process that serves nothing else: its probes."""
    return _EveryAnswer(_app(_probes(runtime, is_ready)))


def _app(routes: list[BaseRoute]) -> ASGIApp:
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, **_HANDLERS},
    )
    # A path with a slash too many is not found; a redirect would turn a POST into a GET.
    app.router.redirect_slashes = False
    return app


def _body_reader(runtime: Runtime, bodies: Bodies) -> BodyReader:
    bytes_max = min(runtime.settings.import_bytes_max, UPLOAD_BYTES_MAX) + FORM_BYTES_MAX

    async def whole(request: Request, is_known: bool) -> bytes:
        budget = bodies.known if is_known else bodies.strangers
        with budget.body(request, FORM_BYTES_MAX) as body:
            return await body.read()

    return BodyReader(whole, lambda request: file_stream(request, bytes_max))


def _probes(runtime: Runtime, is_ready: Callable[[], bool]) -> list[BaseRoute]:
    async def metrics(_: Request) -> Response:
        return Response(runtime.metrics.render(), media_type=CONTENT_TYPE)

    return [
        Route("/healthz", _healthz),
        Route("/readyz", _readyz(is_ready)),
        Route("/metrics", metrics),
    ]


class _Awaited(SendingRequest):
    """A request of a sending call that a task waits for."""

    __slots__ = ("_name", "response")

    def __init__(self, name: str) -> None:
        self._name = name
        self.raws = ()
        self.idempotency = None
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def answer(self, status: int, content: bytes, *, replayed: bool = False) -> None:
        if not self.response.done():
            headers = {"idempotency-replayed": "true"} if replayed else {}
            self.response.set_result(json_answer(status, content, headers))

    def request_id(self) -> str:
        return self._name


def _sending(
    runtime: Runtime, calls: SendingCalls, call: Call, bodies: Bodies
) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        headers = dict(request.headers.raw)
        with bodies.known.body(request, BODY_BYTES_MAX) as body:
            # A body this way may be large: its caller is known before it is kept.
            await account_of(runtime.store, request.headers.raw)
            content = await body.read()
            awaited = _Awaited(request.state.request_id)
            calls.offer(
                awaited,
                call,
                caller=caller_of(request.headers.raw),
                content_type=headers.get(b"content-type", b""),
                idempotency_key=headers.get(b"idempotency-key"),
                body=content,
            )
            return await awaited.response

    return send


async def _healthz(_: Request) -> Response:
    return json_answer(200, b'{"status":"ok"}')


def _readyz(is_ready: Callable[[], bool]) -> Callable[[Request], Awaitable[Response]]:
    async def readyz(_: Request) -> Response:
        ready = is_ready()
        word = b"ready" if ready else b"not ready"
        return json_answer(200 if ready else 503, b'{"status":"' + word + b'"}')

    return readyz


async def _our_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SendrailError), "the handler is registered for our errors"
    ends = getattr(request.state, "ends_connection", False)
    headers = {"connection": "close"} if ends else {}
    status, body = shown(error, request.state.request_id)
    status = getattr(request.state, "statuses", {}).get(error.code, status)
    return json_answer(status, body, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "the handler is registered for HTTP errors"
    code, text = {
        404: ("not_found", _NO_SUCH_PATH),
        405: ("method_not_allowed", f"This path does not answer {request.method}"),
    }.get(error.status_code, ("internal_error", error.detail))
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return json_answer(error.status_code, error_body(code, text, request.state.request_id), headers)


async def _gone(_: Request, __: Exception) -> Response:
    # The client has gone, and nothing here went wrong.
    return Response(status_code=400)


async def _broken(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id
    # A callback's token is a secret in a path.
    path = request.url.path.replace(request.path_params.get("token") or "\0", "…")
    if path.startswith(f"{DASHBOARD}/"):
        # So is that of an invitation, and none of its routes has been read yet.
        path = "/".join(path.split("/")[:3])
    _log.error("request_broke", request_id=request_id, path=path, exc_info=error)
    text = "Something broke here; please report it with the request id"
    # The server ends the connection after it: without this the client's next request on it is lost.
    closing = {"connection": "close"}
    return json_answer(500, error_body("internal_error", text, request_id), closing)


_NO_SUCH_PATH: Final = "There is nothing at this path"
_HANDLERS: Final = {SendrailError: _our_error, ClientDisconnect: _gone, Exception: _broken}


class _ByHost:
    """Finds the application of a request by its host: a tracking domain has one of its own."""

    def __init__(self, hosts: TrackingHosts, links: ASGIApp) -> None:
        self._hosts = hosts
        self._links = links

    def application(self, scope: Scope, headers: Mapping[bytes, bytes]) -> ASGIApp | None:
        """Return what serves a tracking domain, None where the host is none."""
        header = headers.get(b"host", b"").decode("latin-1")
        domain = self._hosts.find(header)
        if domain is None:
            return None
        scope["state"]["domain"] = domain
        return self._links


class _EveryAnswer:
    """Gives each request an id, and each answer the headers that all of them have."""

    def __init__(
        self,
        app: ASGIApp,
        by_host: _ByHost | None = None,
        at_once: Callable[[Scope], ASGIApp | None] = lambda _: None,
    ) -> None:
        """Answer by an application; `at_once` names another one for what need not go through it."""
        self._app = app
        self._by_host = by_host
        self._at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query: bytes = scope["query_string"]
        app = self._app
        if len(query) > QUERY_BYTES_MAX or query.count(b"&") >= QUERY_FIELDS_MAX:
            # Before anything reads it, and whatever there is at the path.
            app = _query_too_long
        headers = dict(scope["headers"])
        name = request_id(headers.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = name
        if app is self._app and self._by_host is not None:
            app = self._by_host.application(scope, headers) or self._at_once(scope) or app
        if app is self._app and "\0" in scope["path"]:
            # PostgreSQL cannot be asked for such a text, and nothing has it in its name.
            app = _no_such_path
        common = [
            (b"x-request-id", name.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
        ]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(common)
            await send(message)

        await app(scope, receive, send_with_headers)


async def _no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    body = error_body("not_found", _NO_SUCH_PATH, scope["state"]["request_id"])
    await json_answer(404, body)(scope, receive, send)


async def _query_too_long(scope: Scope, receive: Receive, send: Send) -> None:
    text = (
        f"The query is longer than {QUERY_BYTES_MAX // 1024} KiB or has more than "
        f"{QUERY_FIELDS_MAX} fields. Send fewer or shorter ones"
    )
    body = error_body("query_too_long", text, scope["state"]["request_id"])
    await json_answer(status_of("query_too_long"), body)(scope, receive, send)
