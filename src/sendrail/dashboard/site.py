"""The site: every route with its permission, and what holds for every answer.

A request passes here: the session is found, the role looked at, a form's token compared, and only
then its page is asked. A page that a role may not see is answered as if it were not there.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sendrail.app import Runtime
from sendrail.dashboard import sidebar
from sendrail.dashboard.answers import AnswerCache, mark_of
from sendrail.dashboard.asking import PART, PageRequest
from sendrail.dashboard.cookies import SessionCookies
from sendrail.dashboard.file_form import FileForm, is_file_form
from sendrail.dashboard.pages import ROUTES
from sendrail.dashboard.paths import PREFIX, BodyReader
from sendrail.dashboard.rendering import prepare, static
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    SendrailError,
    StorageUnavailable,
    Unauthorized,
)
from sendrail.people.signing_in import SignedInUser
from sendrail.people.tokens import form_token

_log = structlog.get_logger()

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    # With no referrer at all a browser would not say where a form was sent from, either.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_RAW_HEADERS: Final = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
_HEADER_NAMES: Final = frozenset(name for name, _ in _RAW_HEADERS)
_STATIC: Final = {
    "tokens.css": "text/css",
    "app.css": "text/css",
    "ours.css": "text/css",
    "app.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_STATUSES: Final[Sequence[tuple[type[SendrailError], int]]] = (
    (InvalidInput, 400),
    (Unauthorized, 403),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Overloaded, 429),
    (StorageUnavailable, 503),
)
_FILE_HEADERS: Final = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
_FORM_FIELD: Final = "form_token"


def make_site(runtime: Runtime, read_body: BodyReader) -> "PageRouter":
    """Return the application of the dashboard."""
    prepare()
    site = _Pages(runtime, read_body)
    routes = [Route(route.path, site.answering(route), methods=[route.method]) for route in ROUTES]
    files = [Route(f"/static/{name}", _file(name, kind)) for name, kind in _STATIC.items()]
    app = Starlette(
        routes=[*files, *routes],
        exception_handlers={HTTPException: site.no_such_page},
    )
    app.router.redirect_slashes = False
    return PageRouter(app, {(each.method, each.path): site.answering(each) for each in ROUTES})


class PageRouter:
    """The application; it finds the pages of fixed addresses at once, and the others by routes."""

    def __init__(
        self,
        others: ASGIApp,
        endpoints: Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]],
    ) -> None:
        self._others = others
        self._fixed = {
            (method, PREFIX + path): endpoint
            for (method, path), endpoint in endpoints.items()
            if "{" not in path
        }

    def knows(self, scope: Scope) -> bool:
        """Return whether a request is for a page of a fixed address."""
        return (scope["method"], scope["path"]) in self._fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._fixed.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._others(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class _Pages:
    """What stands before every page."""

    def __init__(self, runtime: Runtime, read_body: BodyReader) -> None:
        self._runtime = runtime
        self._read_body = read_body
        self._answers = AnswerCache(runtime.clock.monotonic)

    def answering(self, route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a route."""

        async def answer(request: Request) -> Response:
            ask = None
            try:
                ask = await self._asked(request)
                response = await self._admit(ask, route) or await _made(ask, route)
            except SendrailError as error:
                response = _refused(ask or self._nobody(request), error)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is answered as a page
                response = self._broken(request, error)
            if ask is not None and ask.part and request.method == "GET":
                response = _unless_known(ask, response)
            _add_headers(response)
            if getattr(request.state, "ends_connection", False):
                # What is left of the body is not read.
                response.headers["connection"] = "close"
            return response

        return answer

    def _nobody(self, request: Request) -> PageRequest:
        return PageRequest(
            runtime=self._runtime,
            request=request,
            session=None,
            signed_in=None,
            answers=self._answers,
        )

    async def _asked(self, request: Request) -> PageRequest:
        session = SessionCookies.of(request).session(request)
        found = await self._find(request, session) if session else None
        return PageRequest(
            runtime=self._runtime,
            request=request,
            session=session if found else None,
            signed_in=found,
            answers=self._answers,
        )

    async def _find(self, request: Request, session: str) -> SignedInUser | None:
        signing_in = self._runtime.people.signing_in
        if request.method == "GET" and PART in request.headers:
            return await signing_in.find_live(session)
        return await signing_in.find(session)

    async def _admit(self, ask: PageRequest, route: PageRoute) -> Response | None:
        """Return what is answered in place of the page, None where it may be asked."""
        if route.signed_in and ask.signed_in is None:
            return _to_sign_in(ask)
        if route.method == "POST":
            await self._expect_own_form(ask, route)
        if not route.signed_in:
            return None
        if route.permission is not None and not ask.may(route.permission):
            raise NotFound("There is no such page, or your role does not see it.")
        if route.confirmed and not self._runtime.people.signing_in.is_confirmed(ask.who):
            return RedirectResponse(
                f"{PREFIX}/confirm?next={quote(_return_path(ask), safe='')}", status_code=303
            )
        return None

    async def _expect_own_form(self, ask: PageRequest, route: PageRoute) -> None:
        """Read a form. Raises `Forbidden` where it is not one that we gave to this browser."""
        origin = ask.request.headers.get("origin")
        if origin is not None and _address(origin).netloc != ask.request.headers.get("host"):
            raise Forbidden("This form was sent from another site.", code="forbidden")
        kind = ask.request.headers.get("content-type", "")
        if route.takes_file and ask.signed_in is not None and is_file_form(kind):
            ask.file_form = FileForm(kind, self._read_body.stream(ask.request))
            await ask.file_form.read_fields()
        else:
            ask.body = await self._read_body.whole(ask.request, ask.signed_in is not None)
        token = ask.session or ask.cookies.door(ask.request)
        shown = ask.form.get(_FORM_FIELD, "").encode("utf-8", "replace")
        if not token or not hmac.compare_digest(form_token(token).encode(), shown):
            raise Forbidden(
                "This form is too old. Go back, load the page again and repeat what you did.",
                code="forbidden",
            )

    async def no_such_page(self, request: Request, error: Exception) -> Response:
        """Answer what has no route."""
        assert isinstance(error, HTTPException), "the handler is registered for HTTP errors"
        ask = await self._asked(request)
        response = _refused(ask, NotFound("There is no such page."))
        response.headers.update(_HEADERS)
        return response

    def _broken(self, request: Request, error: Exception) -> Response:
        """Answer what went wrong here."""
        # A path may have a token in it, so that only its beginning is logged.
        place = "/".join(request.url.path.split("/")[:3])
        _log.error("page_broke", request_id=request.state.request_id, path=place, exc_info=error)
        response = self._nobody(request).page(
            "error.html",
            status=500,
            title="Something broke here",
            text="Nothing that you did caused it. Report it with the request's id.",
        )
        response.headers["connection"] = "close"
        return response


def _add_headers(response: Response) -> None:
    """Give an answer the headers that all of them have, in place of its own of these names."""
    own = [each for each in response.raw_headers if each[0] not in _HEADER_NAMES]
    response.raw_headers[:] = own + _RAW_HEADERS


async def _made(ask: PageRequest, route: PageRoute) -> Response:
    """Return a page, or the part of the sidebar that every page has."""
    if (part := await sidebar.answer_part(ask)) is not None:
        return part
    await sidebar.fill(ask)
    return await route.answer(ask)


def _unless_known(ask: PageRequest, response: Response) -> Response:
    """Return the answer to a tab that asks again: a 304 where it has the same already."""
    if "etag" in response.headers or response.status_code != HTTPStatus.OK:
        return response
    if isinstance(response, StreamingResponse):
        # It has no content to be marked yet.
        return response
    mark = mark_of(bytes(response.body))
    response.headers["etag"] = mark
    return ask.known(mark) or response


def _to_sign_in(ask: PageRequest) -> Response:
    if ask.request.method != "GET":
        return RedirectResponse(f"{PREFIX}/sign-in", status_code=303)
    place = quote(_return_path(ask), safe="")
    return RedirectResponse(f"{PREFIX}/sign-in?next={place}", status_code=303)


def _return_path(ask: PageRequest) -> str:
    """Return where to go on afterwards: the page itself, or the one that a form stood on."""
    if ask.request.method == "GET":
        query = ask.request.url.query
        return ask.request.url.path.removeprefix(PREFIX) + (f"?{query}" if query else "")
    came_from = _address(ask.request.headers.get("referer", ""))
    is_ours = came_from.path.startswith(f"{PREFIX}/")
    return came_from.path.removeprefix(PREFIX) if is_ours else "/"


def _address(header: str) -> SplitResult:
    """Return the address that a header names; one of nothing where it names none."""
    try:
        return urlsplit(header)
    except ValueError:
        return urlsplit("")


def _refused(ask: PageRequest, error: SendrailError) -> Response:
    status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 400)
    if error.code == "payload_too_large":
        status = 413
    title = {403: "This is not allowed", 404: "Nothing here", 409: "Not now"}.get(
        status, "This could not be done"
    )
    return ask.page("error.html", status=status, title=title, text=error.message)


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    @cache
    def tag() -> str:
        return f'"{hashlib.sha256(static(name)).hexdigest()[:32]}"'

    async def answer(request: Request) -> Response:
        headers = {"cache-control": "max-age=300", "etag": tag(), **_FILE_HEADERS}
        if tag() in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(static(name), media_type=kind, headers=headers)

    return answer
