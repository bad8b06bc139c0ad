"""Where the dashboard stands beside the API.

It is loaded at the first request for it: a process that nobody looks at neither has its templates
in memory nor takes the time to read them.
"""

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sendrail.dashboard.paths import PREFIX, BodyReader

if TYPE_CHECKING:
    from sendrail.app import Runtime


def dashboard_routes(runtime: "Runtime", read_body: BodyReader) -> list[BaseRoute]:
    """Return the routes of the dashboard."""
    return [
        Route(PREFIX, _home, methods=["GET"]),
        Mount(PREFIX, app=_Deferred(runtime, read_body)),
    ]


async def _home(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/", status_code=307)


class _Deferred:
    """The application, made when it is first asked for."""

    def __init__(self, runtime: "Runtime", read_body: BodyReader) -> None:
        self._runtime = runtime
        self._read_body = read_body
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            async with self._making:
                if self._app is None:
                    # Beside the loop: reading the modules takes longer than a turn of it may.
                    self._app = await asyncio.to_thread(_make, self._runtime, self._read_body)
        await self._app(scope, receive, send)


def _make(runtime: "Runtime", read_body: BodyReader) -> ASGIApp:
    from sendrail.dashboard.site import make_site

    return make_site(runtime, read_body)
