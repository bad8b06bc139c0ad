"""What a tracking domain serves: links and what belongs to them, and nothing of the API.

Also the question of a proxy that gets certificates on demand, whether a host is a tracking domain.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from sendrail.domain.filter_page import NOT_FOUND_PAGE, PAGE_HEADERS
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.verifying import PATH, DomainProofs

TLS_PATH: Final = "/internal/tls"
# No cache between us and a browser keeps what may change with the next click.
FRESH: Final = {
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
}
# Each answer has one of these already.
_PAGE: Final = {
    name.decode(): value.decode()
    for name, value in PAGE_HEADERS
    if name != b"x-content-type-options"
}
_ROBOTS: Final = "User-agent: *\nDisallow: /\n"
_DAY: Final = {"cache-control": "max-age=86400"}
# What a proxy adds: a request that was passed on comes from outside, whatever its peer.
_PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def make_tracking_host(
    proofs: DomainProofs, more: Sequence[BaseRoute], handlers: Mapping[Any, Any]
) -> ASGIApp:
    """Return the application of the tracking domains' hosts, with routes and handlers of others.

    Each request has its `TrackingDomain` as `request.state.domain`.
    """

    async def prove(request: Request) -> Response:
        domain: TrackingDomain = request.state.domain
        if request.path_params["token"] != domain.token:
            raise HTTPException(404)
        return PlainTextResponse(proofs.proof(domain.token), headers=FRESH)

    return Starlette(
        routes=[
            Route("/", _home),
            Route("/robots.txt", _robots),
            Route("/favicon.ico", _no_icon),
            Route(f"{PATH}{{token}}", prove),
            *more,
        ],
        exception_handlers={**handlers, HTTPException: _nothing},
    )


def tls_route(hosts: TrackingHosts) -> Route:
    """Return the route by which a proxy of this machine asks whether a host is ours."""

    async def ask(request: Request) -> Response:
        peer = request.client.host if request.client else ""
        is_near = _is_loopback(peer) and not any(name in request.headers for name in _PASSED_ON)
        is_ours = is_near and hosts.find(request.query_params.get("domain", "")) is not None
        return Response(status_code=200 if is_ours else 404)

    return Route(TLS_PATH, ask)


async def _home(request: Request) -> Response:
    domain: TrackingDomain = request.state.domain
    if domain.home_url is None:
        raise HTTPException(404)
    return RedirectResponse(domain.home_url, 302, FRESH)


async def _robots(_: Request) -> Response:
    return PlainTextResponse(_ROBOTS, headers=_DAY)


async def _no_icon(_: Request) -> Response:
    return Response(status_code=204, headers=_DAY)


async def _nothing(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "the handler is registered for HTTP errors"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return Response(NOT_FOUND_PAGE, 404, _PAGE)
    headers = {**(error.headers or {}), **FRESH}
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers)


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
