"""One connection: HTTP/1.1 between the socket and the application, with a bound on everything.

httptools parses and uvicorn's cycle runs the application; what lies between is here: whose turn it
is to be answered, when to read and when to pause, and how a connection ends. Answers keep the order
of their requests. A refusal comes in its turn too, and it reaches the client: what still comes is
read and thrown away until the client hangs up.

What a connection holds is free when it is lost: nothing refers to itself in a circle then.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from sendrail.api import limits
from sendrail.api.cycle import PACE, Pace, RequestCycle
from sendrail.api.errors import error_body, status_of
from sendrail.api.request_ids import request_id
from sendrail.api.responses import head_of

# What speaks of the connection alone, in a request that offers to upgrade it.
_HOP_BY_HOP: Final = frozenset({b"connection", b"http2-settings", b"upgrade"})
# Every request has this mark in its first line, and is no shorter than "GET / HTTP/1.1" with two
# line ends.
_MARK: Final = b"HTTP/"
_SMALLEST: Final = 18
# One may have begun already, and takes no more than its last byte.
_ALL_BUT_ONE: Final = limits.OUTSTANDING_MAX - 1
_NO_HTTP: Final = "This is no HTTP/1.1 request"
_ONE_HOST: Final = "A request of HTTP/1.1 has one Host header"
_LONG_HEAD: Final = (
    f"The head of the request has more than {limits.HEAD_BYTES_MAX // 1024} KiB or "
    f"{limits.HEAD_FIELDS_MAX} fields. Send fewer and shorter headers"
)
_SLOW: Final = (
    f"The request was not whole after {limits.REQUEST_SECONDS_MAX:.0f} s. Send it again, in "
    "smaller parts if need be"
)


class PendingResponse(Protocol):
    """A request that waits for its answer, or for those before it to have theirs."""

    # Whether the connection ends with it.
    closes: bool

    @property
    def response(self) -> bytes | None:
        """Return the whole answer once it is there; a cycle writes its own."""
        ...


class _Refusal:
    """The last turn: an answer that is there already."""

    __slots__ = ("closes", "response")

    def __init__(self, response: bytes) -> None:
        self.closes = True
        self.response = response


class ParsingStopped(Exception):
    """Stops the parser: nothing further is taken from this connection."""


class Connection(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport
    flow: FlowControl

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.loop = _loop or asyncio.get_running_loop()
        self._app = config.loaded_app
        # uvicorn's set names its own classes; it asks of a connection what this one has.
        self._connections: set[Any] = cast("set[Any]", server_state.connections)
        self._tasks = server_state.tasks
        self._app_state = app_state
        self.parser = self._new_parser()
        # The request that comes in; after its head, the headers are its trailers.
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.receiving = False
        self.touched_at = self.loop.time()
        self._cycle: RequestCycle | None = None
        self._declining = False
        # Whether the parser has got on with the last piece, and what it keeps from before.
        self.moved = False
        self.kept = 0
        # Requests without an answer, in their order; the first is being answered.
        self.turns: deque[PendingResponse] = deque()
        # What was read and not parsed, because enough is outstanding, and how far it is parsed.
        self._rest = b""
        self._at = 0
        self._going_on = False
        # Whether requests are still taken. After one that ends the connection none is.
        self.taking = True
        self.stopping = False
        # Since when the client reads none of its answers.
        self._stalled_at: float | None = None
        # An answer was the last; what still comes is thrown away.
        self._lingering = False
        self._hung_up = False
        self._to_waste = limits.LINGER_BYTES_MAX

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What comes after the last request is ours to leave.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's is one in all but its base class.
        self.transport = cast("asyncio.Transport", transport)
        self.flow = FlowControl(self.transport)
        self._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Let go of all that was held for the client."""
        self._connections.discard(self)
        self.taking = False
        self.drop_input()
        self._drop_turns()
        self.flow.resume_writing()
        del self.parser

    def eof_received(self) -> bool:
        """Note that the client sends no more; its requests are still answered."""
        self._hung_up = True
        if self.taking and self._rest:
            # What was read before is not parsed yet.
            return True
        return self._has_last_turns()

    def _has_last_turns(self) -> bool:
        """Take no further requests; return whether some still want their answers."""
        if self.taking and self.receiving:
            self._give_up()
        self.taking = False
        if self._lingering or not self.turns:
            return False
        self.turns[-1].closes = True
        return True

    def pause_writing(self) -> None:
        """Take no further requests from a client that does not read its answers."""
        self.flow.pause_writing()
        self._stalled_at = self.loop.time()
        self.look_at_reading()

    def resume_writing(self) -> None:
        """Go on once the answers have gone out."""
        self.flow.resume_writing()
        self._stalled_at = None
        self.look_at_reading()

    # Reading

    def data_received(self, data: bytes) -> None:
        """Take what has come, as far as there is room for requests."""
        if not self.taking:
            self._waste(len(data))
        elif self._rest or len(data) > (_ALL_BUT_ONE - len(self.turns)) * _SMALLEST:
            self._rest = self._rest[self._at :] + data
            self._at = 0
            self._go_on()
        else:
            try:
                self.parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as stop:
                self._stopped(stop, data)
            if self.receiving or len(self.turns) > _ALL_BUT_ONE:
                self._take_stock(len(data))

    def _go_on(self) -> None:
        """Parse as many requests as there is room for, and leave the others for later.

        Up to the mark of one too many there are no more whole requests than there is room for.
        """
        self._going_on = False
        data, begin = self._rest, self._at
        if not self.taking or not data:
            return
        end = begin
        room = limits.OUTSTANDING_MAX - len(self.turns)
        if self.receiving and self._cycle is None:
            # The one that has begun will want a place.
            room -= 1
        for _ in range(room + 1):
            end = data.find(_MARK, end + 1)
            if end < 0:
                self._rest, self._at = b"", 0
                break
        else:
            self._at = end
        piece = memoryview(data)[begin : None if end < 0 else end]
        # A long piece may hold a long head: then it is measured, however it came.
        self.kept += 1
        self._feed(piece)
        self._take_stock(len(piece))
        if self._hung_up and self.taking and not self._rest and not self._has_last_turns():
            self.transport.close()

    def _feed(self, data: bytes | memoryview) -> None:
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as stop:
            self._stopped(stop, data)

    def _stopped(self, stop: Exception, data: bytes | memoryview) -> None:
        """Handle what the parser stopped at."""
        if isinstance(stop, httptools.HttpParserUpgrade):
            if self._declining:
                # Java's HTTP client offers HTTP/2 with each request, and the parser would drop its
                # body: it is read again without the offer.
                head = self._head_without_offer()
                self._declining = False
                self.parser = self._new_parser()
                self._feed(head)
                self._feed(memoryview(data)[stop.args[0] :])
        elif isinstance(stop, httptools.HttpParserCallbackError):
            if not isinstance(stop.__context__, ParsingStopped):
                raise stop
        elif self.taking:
            self.refuse("invalid_request", _NO_HTTP)

    def _take_stock(self, size: int) -> None:
        """See to what a piece has left: a head without an end, a body on its way, enough to do."""
        if not self.taking:
            return
        # What comes and moves nothing lies in the parser, in one piece. A head that began with this
        # piece is measured once it is whole, however small the last one is.
        self.kept = int(self.receiving) if self.moved else self.kept + size
        self.moved = False
        if self.receiving:
            if self.kept > limits.HEAD_BYTES_MAX or self._head_is_long():
                self.refuse("head_too_large", _LONG_HEAD)
                return
            self.await_body()
        self.look_at_reading()

    def _head_is_long(self) -> bool:
        fields = self.fields()
        if len(fields) > limits.HEAD_FIELDS_MAX:
            return True
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in fields)
        return size > limits.HEAD_BYTES_MAX

    def await_body(self) -> None:
        """Decide what to do about a request that is not whole after a piece."""

    def look_at_reading(self) -> None:
        """Read or pause, by everything there is to pause for; called by cycles as well."""
        if self.transport.is_closing():
            return
        full = len(self.turns) >= limits.OUTSTANDING_MAX
        stalled = self.flow.write_paused and not self._lingering
        waits = stalled or (self.taking and (full or self._rest or self._is_ahead()))
        if waits or self._to_waste < 0:
            self.flow.pause_reading()
        elif self.flow.read_paused:
            # The time in which nothing was read is not the client's.
            self.touched_at = self.loop.time()
            self.flow.resume_reading()
        if self._rest and self.taking and not (full or stalled or self._going_on):
            # In a turn of its own: so one client's many requests do not hold up another's.
            self._going_on = True
            self.loop.call_soon(self._go_on)

    def _is_ahead(self) -> bool:
        """Return whether more of a body has come than the application has asked for."""
        return self._cycle is not None and self._cycle.is_full

    def _waste(self, size: int) -> None:
        """Throw away what comes too late; it costs the client more than us, up to a bound."""
        self._to_waste -= size
        if self._to_waste < 0:
            if self._lingering:
                self.transport.abort()
            else:
                self.look_at_reading()

    # The parser

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self.taking:
            raise ParsingStopped
        self.clear_head()
        self.receiving = self.moved = True
        self.touched_at = self.loop.time()

    def clear_head(self) -> None:
        """Forget the target and the headers that came last."""
        self.url = b""
        self.headers = []

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that came last."""
        return self.headers

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        name = name.lower()
        if name == b"host" and any(known == name for known, _ in self.headers):
            self.refuse_second_host()
        self.headers.append((name, value))

    def refuse_second_host(self) -> None:
        """Refuse a request of two hosts (RFC 9112, 3.2): a proxy may have gone by the other one."""
        self.refuse("invalid_request", _ONE_HOST)
        raise ParsingStopped

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the request must be read again."""
        self.check_head()
        self._check_host()
        if not self.declines():
            self.begin_cycle()

    def check_head(self) -> None:
        """Refuse a head that is too long, and what is no request to us."""
        if self._head_is_long():
            self.refuse("head_too_large", _LONG_HEAD)
            raise ParsingStopped

    def _check_host(self) -> None:
        """Refuse a request of no host (RFC 9112, 3.2), unless it is older than that header."""
        if self.parser.get_http_version() == "1.1" and not any(
            name == b"host" for name, _ in self.fields()
        ):
            self.refuse("invalid_request", _ONE_HOST)
            raise ParsingStopped

    def declines(self) -> bool:
        """Return whether the request offers to upgrade: then it is read again without the offer."""
        self._declining = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        return self._declining

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self.moved = True
        cycle = self._cycle
        if cycle is None:
            return
        if cycle.pace.is_free:
            self.touched_at = self.loop.time()
        if cycle.response_complete:
            self._waste(len(body))
        else:
            cycle.take(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._declining:
            return
        self.receiving = False
        # By now they are trailers.
        self.check_head()
        cycle, self._cycle = self._cycle, None
        self.clear_head()
        if cycle is not None:
            if not cycle.response_complete:
                cycle.end_body()
            if cycle.closes:
                self.taking = False

    def begin_cycle(self) -> RequestCycle:
        """Let the application answer the request that comes in, when its turn comes."""
        try:
            target = httptools.parse_url(self.url)
            path = target.path.decode("ascii")
        except (httptools.HttpParserError, AttributeError, UnicodeDecodeError):
            # A CONNECT, for instance, names no path.
            self.refuse("invalid_request", _NO_HTTP)
            raise ParsingStopped from None
        version, headers = self.parser.get_http_version(), self.fields()
        pace = Pace()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "scheme": "http",
            "root_path": "",
            "method": self.parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "headers": headers,
            "state": self._app_state.copy(),
            "extensions": {PACE: pace},
        }
        expects = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        # Of 1.0 no request is the last but one: what it keeps alive is between it and its proxy.
        stays = version == "1.1" and self.parser.should_keep_alive() and not self.stopping
        cycle = self._cycle = RequestCycle(self, scope, pace, expects=expects, keep_alive=stays)
        self.clear_head()
        self.turns.append(cycle)
        if self.turns[0] is cycle:
            cycle.start(self._app, self._tasks)
        return cycle

    def _head_without_offer(self) -> bytes:
        headers = self.fields()
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in headers)
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in headers if header[0] not in _HOP_BY_HOP]
        if closes:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])

    # Answers

    def flush(self) -> None:
        """Write what is answered, in the order of the requests."""
        turns = self.turns
        if len(turns) == 1 and (response := turns[0].response) and not turns[0].closes:
            turns.popleft()
            self.transport.write(response)
            if self._rest or self.flow.read_paused:
                self.look_at_reading()
            return
        ready = []
        while turns and (response := turns[0].response) is not None:
            ready.append(response)
            if turns.popleft().closes:
                self._write_last(ready)
                return
        if ready:
            self.transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
            self._next()

    def answered(self) -> None:
        """Go on after a cycle, which has written its answer itself."""
        self.touched_at = self.loop.time()
        if self.turns and not self._lingering:
            self.turns.popleft()
            if self._cycle is not None and self._cycle.response_complete:
                # What it has not read of its body stays unread.
                self._cycle.body.clear()
            self.flush()
            self._next()

    def _next(self) -> None:
        if self.turns:
            first = self.turns[0]
            if first.response is None and isinstance(first, RequestCycle) and not first.begun:
                first.start(self._app, self._tasks)
        if self._rest or self.flow.read_paused:
            self.look_at_reading()

    def _write_last(self, ready: Sequence[bytes]) -> None:
        self.transport.write(b"".join(ready))
        self.close()

    def refuse(self, code: str, text: str) -> None:
        """Answer what comes in now, when its turn comes, and take nothing further."""
        given = [value for name, value in self.fields() if name == b"x-request-id"]
        name = request_id(given[-1] if given else None)
        content = error_body(code, text, name)
        head = (
            f"{head_of(status_of(code))}connection: close\r\nx-request-id: {name}\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        self.taking = False
        begun = self._cycle is not None and self._cycle.response_started
        self._give_up()
        if begun:
            # Half an answer is out: another one cannot follow it.
            self.close()
            return
        self.turns.append(_Refusal(head.encode("ascii") + content))
        self.flush()

    def _give_up(self) -> None:
        """Forget the request that comes in: it will not become whole."""
        cycle = self._cycle
        if cycle is not None and self.turns and self.turns[-1] is cycle:
            self.turns.pop()
            cycle.disconnect()
        self.drop_input()

    def drop_input(self) -> None:
        """Let go of the request that comes in."""
        self.receiving = False
        self.clear_head()
        self._cycle = None
        self._rest, self._at = b"", 0

    def _drop_turns(self) -> None:
        for turn in self.turns:
            if isinstance(turn, RequestCycle):
                turn.disconnect()
        self.turns.clear()

    # What a cycle takes for its transport and its flow control

    def write(self, data: bytes) -> None:
        """Write a piece of an answer."""
        self.transport.write(data)

    def is_closing(self) -> bool:
        """Return whether answers no longer reach the client."""
        return self._lingering or self.transport.is_closing()

    @property
    def write_paused(self) -> bool:
        """Return whether the client is behind with reading."""
        return self.flow.write_paused

    async def drain(self) -> None:
        """Wait until the client has caught up."""
        await self.flow.drain()

    def resume_reading(self) -> None:
        """Read on, unless there is another reason not to."""
        self.look_at_reading()

    # The end

    def close(self) -> None:
        """Send nothing more, and let what was sent arrive.

        A socket that is closed while something unread lies in it is reset, and the client may lose
        an answer that it had already. So what still comes is read and thrown away, within bounds.
        """
        if self._lingering or self.transport.is_closing():
            return
        self.taking = False
        self.drop_input()
        self._drop_turns()
        if self._hung_up:
            self.transport.close()
            return
        self._lingering = True
        self.touched_at = self.loop.time()
        self.transport.write_eof()
        self.look_at_reading()
        if self.stopping:
            self.loop.call_later(limits.LINGER_STOPPING_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Close once every answer is given; uvicorn calls this when the server stops."""
        self.stopping = True
        self._rest, self._at = b"", 0
        if self._cycle is not None:
            self._cycle.closes = True
        elif self.receiving:
            pass
        elif self.turns:
            self.taking = False
            self.turns[-1].closes = True
        else:
            self.transport.close()

    def look_after(self, now: float) -> None:
        """End what has had its time; never a connection with a request under way."""
        since = now - self.touched_at
        if self._lingering:
            if since > limits.LINGER_SECONDS_MAX:
                self.transport.abort()
        elif self._stalled_at is not None:
            if now - self._stalled_at > limits.ANSWER_SECONDS_MAX:
                self.transport.abort()
        elif self.receiving:
            if since > limits.REQUEST_SECONDS_MAX and not self.flow.read_paused:
                self.refuse("request_timeout", _SLOW)
        elif self.turns:
            self.touched_at = now
        elif since > limits.IDLE_SECONDS_MAX:
            self.transport.abort()
