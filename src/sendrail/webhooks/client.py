"""HTTP/1.1 for posting events: kept connections to addresses that the guard has checked.

The bytes of a request are ours, those of an answer are read by httptools (llhttp, the parser of
Node.js). No redirect, no proxy, no cookie, no unpacking: what this file does not do cannot be
asked of it. A connection serves one request at a time; one that showed anything unexpected is not
used again.
"""

import asyncio
import ssl
from asyncio import AbstractEventLoop, Future, Task, TimerHandle
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, cast

import httptools
from aiohappyeyeballs import start_connection

from sendrail import __version__
from sendrail.webhooks.guard import AddressInfo

# Of an answer's body so much is kept; the connection of a longer one is given up.
ANSWER_BYTES_MAX: Final = 64 * 1024
# What may come before an answer's body: status and headers, and answers that only announce one.
HEAD_BYTES_MAX: Final = 32 * 1024
# All of an answer, with what is no part of its body: borders of chunks, extensions, trailers.
RECEIVED_BYTES_MAX: Final = 4 * ANSWER_BYTES_MAX
# Shorter than receivers keep connections that are idle: a request must not meet their closing.
_IDLE_SECONDS: Final = 15.0
# A host's other addresses are tried, too, while the first is silent (RFC 8305, 5).
_NEXT_ADDRESS_SECONDS: Final = 0.25
_NAMES_MAX: Final = 1_024
# RFC 8767, 5: an answer that has run out is better than none, where none comes soon. Lookups of
# hosts that nothing answers for are in all threads at times, and must not stop posts to others.
_LOOKUP_SECONDS: Final = 1.0
_STALE_SECONDS: Final = 3_600.0
_SWITCHING: Final = 101
_OK: Final = 200
_HEADERS: Final = (
    "Content-Type: application/json\r\n"
    f"User-Agent: Sendrail/{__version__}\r\n"
    "Accept: */*\r\n"
    "Accept-Encoding: identity\r\n"
)


class BrokenAnswer(Exception):
    """What came is no answer: the connection ended, or the bytes are not HTTP."""


class Resolver(Protocol):
    """Gives the addresses of a host that may be reached."""

    async def resolve(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Return them. Raises `OSError` where there is none, or one is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests of a method go, as a URL says it; made once for a URL."""

    is_tls: bool
    host: str
    port: int
    head: str

    @classmethod
    def of(cls, url: str, method: str = "POST") -> "Target":
        """Read a URL that the guard has accepted."""
        # Loaded where it is used: no start needs it.
        from yarl import URL

        parts = URL(url)
        assert parts.raw_host is not None, "the guard accepts no URL without a host"
        assert parts.port is not None, "and none of a scheme without a port"
        authority = cast("str", parts.host_port_subcomponent).removesuffix(".")
        head = f"{method} {parts.raw_path_qs} HTTP/1.1\r\nHost: {authority}\r\n{_HEADERS}"
        return cls(parts.scheme == "https", parts.raw_host, parts.port, head)

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What a connection is good for."""
        return self.is_tls, self.host, self.port


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as far as it is read: its body may be cut off, or have broken off."""

    status: int
    retry_after: str | None
    body: bytes


class Client:
    """Posts over connections that are kept; one for a process, used in one event loop."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        tls: ssl.SSLContext | None,
        connect_seconds: float,
        total_seconds: float,
        names_kept_seconds: float,
    ) -> None:
        """Make a client; `tls` None is that of a browser: public certificates, of the name."""
        self._names = _Names(resolver, names_kept_seconds)
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._idle: dict[tuple[bool, str, int], list[_Connection]] = {}
        self._open: set[_Connection] = set()
        self._sweep: TimerHandle | None = None

    async def send(self, target: Target, headers: str, body: bytes) -> Response:
        """Send a body; `headers` are lines that each end in CR LF.

        Raises `TimeoutError`, another `OSError` where there is no connection, or `BrokenAnswer`.
        An answer whose status has come is one, even if its body breaks off or never ends.
        """
        request = f"{target.head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body
        connection = None
        try:
            async with asyncio.timeout(self._total_seconds):
                connection = self._kept(target) or await self._connect(target)
                return await connection.ask(request)
        except TimeoutError:
            response = connection.so_far() if connection is not None else None
            if response is None:
                raise
            return response
        finally:
            if connection is not None:
                self._put_back(target, connection)

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()

    # Connections

    def _kept(self, target: Target) -> "_Connection | None":
        kept = self._idle.get(target.origin)
        while kept:
            # The one used last is the one least likely to be closed by its other end by now.
            if (connection := kept.pop()).is_reusable:
                return connection
        return None

    def _put_back(self, target: Target, connection: "_Connection") -> None:
        if not connection.is_reusable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(target.origin, []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(_IDLE_SECONDS, self._close_idle, loop)

    def _close_idle(self, loop: AbstractEventLoop) -> None:
        before = loop.time() - _IDLE_SECONDS
        left = {}
        for origin, connections in self._idle.items():
            for old in [each for each in connections if each.idle_since <= before]:
                old.close()
            kept = [each for each in connections if each.is_reusable and each.idle_since > before]
            if kept:
                left[origin] = kept
        self._idle = left
        again = _IDLE_SECONDS / 4
        self._sweep = loop.call_later(again, self._close_idle, loop) if left else None

    async def _connect(self, target: Target) -> "_Connection":
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_seconds):
            addresses = await self._names.addresses(target.host, target.port)
            socket = await start_connection(
                addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, loop=loop
            )
            tls: dict[str, Any] = {}
            if target.is_tls:
                # The certificate is that of the name, though the address is pinned.
                tls = {"ssl": self._context(), "server_hostname": target.host.removesuffix(".")}
            try:
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop, self._open), sock=socket, **tls
                )
            except BaseException:
                socket.close()
                raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(("http/1.1",))
        return self._tls


class _Connection(asyncio.Protocol):
    """One connection: a request's bytes go out, and what comes back becomes its response."""

    def __init__(self, loop: AbstractEventLoop, opened: "set[_Connection]") -> None:
        self._loop = loop
        self._opened = opened
        self._parser = httptools.HttpResponseParser(self)
        # As forgiving as aiohttp and curl are: receivers by hand end lines in LF only.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._answer: Future[Response] | None = None
        self._retry_after: str | None = None
        self._parts: list[bytes] = []
        self.is_reusable = False
        self.idle_since = 0.0

    def ask(self, request: bytes) -> "Future[Response]":
        """Send a request; return the response to come."""
        assert self._answer is None, "one request at a time"
        self.is_reusable = False
        self._forget()
        self._has_ended = self._has_more = self._keeps = False
        self._received = 0
        self._answer = self._loop.create_future()
        self._transport.write(request)
        return self._answer

    def so_far(self) -> Response | None:
        """Return a response that is not complete, once its headers are."""
        if not self._has_head:
            return None
        return Response(self._status, self._retry_after, b"".join(self._parts)[:ANSWER_BYTES_MAX])

    def close(self) -> None:
        """End in order."""
        self.is_reusable = False
        self._transport.close()

    def abort(self) -> None:
        """End at once, whatever the other end does."""
        self.is_reusable = False
        self._transport.abort()

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        self._opened.discard(self)
        self._break_off(exc or BrokenAnswer("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Nothing was asked: it must not be taken for the answer to what is asked next.
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing like that was asked for, and what follows would be no HTTP.
            self._has_ended = self._has_more = True
        except httptools.HttpParserError as error:
            self._break_off(BrokenAnswer(str(error)))
            return
        if self._has_ended:
            self._complete(reusable=self._keeps and not self._has_more)
        elif not self._has_head and self._received > HEAD_BYTES_MAX:
            self._break_off(BrokenAnswer("its headers are too long"))
        elif self._size > ANSWER_BYTES_MAX or self._received > RECEIVED_BYTES_MAX:
            self._complete(reusable=False)

    # What the parser says

    def on_message_begin(self) -> None:
        self._has_more = self._has_ended

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and not self._has_ended:
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if not self._has_ended:
            self._status = self._parser.get_status_code()
            # Others below 200 announce that the answer is to come.
            self._has_head = self._status >= _OK or self._status == _SWITCHING

    def on_body(self, body: bytes) -> None:
        if self._size <= ANSWER_BYTES_MAX and not self._has_ended:
            self._parts.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._keeps = not self._has_more and self._parser.should_keep_alive()
            self._has_ended = True
        else:
            self._forget()

    # What becomes of the answer

    def _forget(self) -> None:
        self._status, self._size = 0, 0
        self._has_head = False
        self._retry_after = None
        self._parts = []

    def _complete(self, *, reusable: bool) -> None:
        answer, self._answer = self._answer, None
        response = self.so_far()
        assert answer is not None, "an answer is complete once"
        assert response is not None, "and has a head by then"
        self.is_reusable = reusable
        answer.set_result(response)

    def _break_off(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if (response := self.so_far()) is not None:
            # The status has come, and that is the answer; its text is for the operator's eyes.
            answer.set_result(response)
        else:
            answer.set_exception(error)


class _Known(NamedTuple):
    addresses: Sequence[AddressInfo]
    came_at: float


class _Lookup(NamedTuple):
    task: "Task[Sequence[AddressInfo]]"
    began_at: float


@dataclass(slots=True)
class _Names:
    """The addresses of hosts: looked up once for all that wait, and kept for a moment.

    Where looking up takes long, those from before are used for an hour. An address was checked
    when it came, so that a memory of it is safe. Times are seconds of the event loop.
    """

    resolver: Resolver
    kept_seconds: float
    stale_seconds: float = _STALE_SECONDS
    _known: dict[tuple[str, int], _Known] = field(default_factory=dict)
    _asked: dict[tuple[str, int], _Lookup] = field(default_factory=dict)

    async def addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        loop, name = asyncio.get_running_loop(), (host, port)
        now = loop.time()
        known = self._known.get(name)
        if known is not None and now < known.came_at + self.kept_seconds:
            return known.addresses
        if (lookup := self._asked.get(name)) is None:
            lookup = self._asked[name] = _Lookup(loop.create_task(self._ask(name)), now)
            # Where all callers have stopped waiting, none reads what went wrong.
            lookup.task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if known is not None and now < known.came_at + self.stale_seconds:
            await asyncio.wait([lookup.task], timeout=lookup.began_at + _LOOKUP_SECONDS - now)
            if not lookup.task.done():
                return known.addresses
        # One that waits no longer must not end it for the others.
        return await asyncio.shield(lookup.task)

    async def _ask(self, name: tuple[str, int]) -> Sequence[AddressInfo]:
        try:
            found = await self.resolver.resolve(*name)
        except OSError:
            # It leads nowhere now, or where nothing may go.
            self._known.pop(name, None)
            raise
        finally:
            del self._asked[name]
        self._known.pop(name, None)
        if len(self._known) >= _NAMES_MAX:
            del self._known[next(iter(self._known))]
        self._known[name] = _Known(found, asyncio.get_running_loop().time())
        return found
