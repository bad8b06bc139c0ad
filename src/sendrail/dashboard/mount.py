"""Where the dashboard stands beside the API.

It is loaded at the first request for it: a process that serves no page neither has its templates
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
    from sendrail.dashboard.site import PageRouter


class DashboardRoutes:
    """The application, made when it is first asked for."""

    def __init__(self, runtime: "Runtime", read_body: BodyReader) -> None:
        self._runtime = runtime
        self._read_body = read_body
        self._site: PageRouter | None = None
        self._making = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the dashboard."""
        return [
            Route(PREFIX, _home, methods=["GET"]),
            Mount(PREFIX, app=self),
        ]

    def at_once(self, scope: Scope) -> ASGIApp | None:
        """Return what answers a page of a fixed address; None where it takes a route to find it.

        Every open tab asks every few seconds, so that its way is the shortest that there is.
        """
        return self._site if self._site is not None and self._site.knows(scope) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._site is None:
            async with self._making:
                if self._site is None:
                    # Beside the loop: reading the modules takes longer than a turn of it may.
                    self._site = await asyncio.to_thread(_make, self._runtime, self._read_body)
        await self._site(scope, receive, send)


async def _home(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/", status_code=307)


def _make(runtime: "Runtime", read_body: BodyReader) -> "PageRouter":
    from sendrail.dashboard.site import make_site

    return make_site(runtime, read_body)
