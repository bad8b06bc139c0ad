"""The door of short links: what both ways in know of it, and the ordinary one of the two.

A link stands on a tracking domain; the sandbox's stand on the server's own address. Its answers
carry nothing that the API's have: only browsers read them.
"""

import asyncio
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from sendrail.api.bodies import Bodies
from sendrail.app import Runtime
from sendrail.domain.click_classes import means_prefetch
from sendrail.domain.filter_page import FORM_BYTES_MAX, PAGE_HEADERS, token_in
from sendrail.domain.link_paths import id_in
from sendrail.domain.short_ids import SHORT_LETTERS
from sendrail.domain.tracking_domain import TrackingDomain, host_of
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest
from sendrail.tracking.peers import PeerAddresses
from sendrail.tracking.redirect import RedirectService

FORWARDED_FOR: Final = b"x-forwarded-for"
ALLOW: Final = "GET, HEAD"
# A link is followed by GET: more than this behind a path is no browser's.
TARGET_BYTES_MAX: Final = 4_096
_HOSTS_KEPT: Final = 1_024
_ANSWERED: Final = ("GET", "HEAD", "POST")

# No cache between us and a browser keeps what may change with the next click. 301 and 308 would be
# kept by default (RFC 9110, 15.4.2).
_FRESH: Final = (
    (b"cache-control", b"private, no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)


class LinkDoor:
    """Takes requests for links, and tells them from others by their path and host."""

    def __init__(
        self, service: RedirectService, hosts: TrackingHosts, peers: PeerAddresses
    ) -> None:
        self.offer = service.offer
        self.visitor = peers.visitor
        # The same mapping always, which changes in place.
        self.domains = hosts.by_host

    def domain(self, host: bytes) -> TrackingDomain | None:
        """Return the tracking domain that the value of a `Host` header names, or None."""
        return self.domains.get(_host_named(host)) if self.domains else None


def link_door(runtime: Runtime) -> LinkDoor:
    """Return the door to a runtime's links."""
    tracking = runtime.tracking
    return LinkDoor(tracking.redirects, tracking.hosts, tracking.peers)


@lru_cache(maxsize=_HOSTS_KEPT)
def _host_named(header: bytes) -> str:
    return host_of(header.decode("latin-1"))


def is_served(text: str, domain: TrackingDomain | None) -> bool:
    """Return whether a short id may be meant: on the server's own address only a short one is."""
    return domain is not None or len(text) == SHORT_LETTERS


def headers_of(answer: LinkAnswer) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer, all but what its connection wants."""
    headers = list(PAGE_HEADERS if answer.page else _FRESH)
    if answer.location is not None:
        headers.insert(0, (b"location", answer.location))
    if answer.retry_after is not None:
        headers.append((b"retry-after", b"%d" % answer.retry_after))
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", ALLOW.encode("ascii")))
    headers.append((b"content-length", b"%d" % len(answer.page)))
    return headers


def head_of(answer: LinkAnswer) -> bytes:
    """Return an answer's head as it is written, without the empty line at its end."""
    if answer.status == HTTPStatus.FOUND:
        # In one piece: nearly every answer is this one.
        return b"".join((_FOUND, answer.location or b"", _FOUND_END))
    status = HTTPStatus(answer.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode("ascii")]
    lines += [b"%s: %s" % header for header in headers_of(answer)]
    return b"\r\n".join([*lines, b""])


_FOUND: Final = b"HTTP/1.1 302 Found\r\nlocation: "
_FOUND_END: Final = b"".join(b"\r\n%s: %s" % header for header in _FRESH) + (
    b"\r\ncontent-length: 0\r\n"
)


class _AwaitedLink(LinkRequest):
    """A request for a link that a task waits for."""

    __slots__ = ("answer",)

    answer: asyncio.Future[LinkAnswer]

    def resolve(self, answer: LinkAnswer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


class LinkRoute(Route):
    """The route of links, of every method; a path without the shape of one is another's."""

    def __init__(self, door: LinkDoor, bodies: Bodies) -> None:
        self._door = door
        self._bodies = bodies
        super().__init__("/{link_id}", self._follow)
        self.methods = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what may be a link of the host that the request came to."""
        text = id_in(_target_of(scope))
        if text is None or not is_served(text, scope["state"].get("domain")):
            return Match.NONE, {}
        return super().matches(scope)

    async def _follow(self, request: Request) -> Response:
        method = request.method
        if method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ALLOW})
        if method not in _ANSWERED:
            raise HTTPException(405, headers={"allow": ALLOW})
        text = id_in(_target_of(request.scope))
        assert text is not None, "the route has matched"
        headers = request.headers.raw
        forwarded = b",".join(value for name, value in headers if name == FORWARDED_FOR)
        link = _AwaitedLink(
            text,
            getattr(request.state, "domain", None),
            self._door.visitor(request.client.host if request.client else "", forwarded or None),
            dict(headers).get(b"user-agent", b""),
            is_head=method == "HEAD",
            is_prefetch=any(means_prefetch(name, value) for name, value in headers),
            token=await self._token_in(request) if method == "POST" else None,
            query=request.scope["query_string"],
        )
        link.answer = asyncio.get_running_loop().create_future()
        self._door.offer(link)
        return _response(await link.answer)

    async def _token_in(self, request: Request) -> str:
        """Return what the form of the filter page shows. Raises `SendrailError` for a long one."""
        with self._bodies.strangers.body(request, FORM_BYTES_MAX) as body:
            return token_in(await body.read())


def _target_of(scope: Scope) -> bytes:
    """Return the path of a request as it came; a server that does not say it has decoded it."""
    raw: bytes | None = scope.get("raw_path")
    return scope["path"].encode() if raw is None else raw


def _response(answer: LinkAnswer) -> Response:
    response = Response(answer.page, answer.status)
    # Who gives every answer its headers gives it this one.
    response.raw_headers = [each for each in headers_of(answer) if each[0] != _SNIFF]
    return response


_SNIFF: Final = b"x-content-type-options"
