"""The fast lane: the four sending calls answered on the connection itself.

An ASGI cycle (a task, two dictionaries, three awaits) costs more than everything else a message's
accept takes. So a subclass of uvicorn's httptools protocol answers `POST /api/v2/send-raw` and its
kin directly; every other request goes the ordinary way. Both ways mean the same, and one contract
suite runs over both. Answers keep the order of their requests on a pipelined connection.
"""

from collections import deque
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final, cast

from sendrail.api.asgi import BASES, BODY_BYTES_MAX, TOO_LARGE
from sendrail.api.auth import key_in
from sendrail.api.connection import Connection
from sendrail.api.errors import RETRY_AFTER_SECONDS, error_body
from sendrail.api.request_ids import request_id
from sendrail.api.v2.sending import CALLS, Call, SendingCalls

_FAST: Final = {
    f"{base}/{call.name}".encode("ascii"): call for base in BASES for call in CALLS.values()
}
_HEADS: Final = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/json\r\n"
        "x-content-type-options: nosniff\r\n"
        + (
            f"retry-after: {RETRY_AFTER_SECONDS[status.value]}\r\n"
            if status.value in RETRY_AFTER_SECONDS
            else ""
        )
    )
    for status in HTTPStatus
}
_NOTED: Final = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"content-type",
        b"expect",
        b"idempotency-key",
        b"upgrade",
        b"x-api-key",
        b"x-request-id",
    }
)
# A request, from its first byte to its last; past that somebody holds the connection for sport.
_REQUEST_SECONDS_MAX: Final = 30.0
_IDLE_SECONDS_MAX: Final = 75.0
# Stands for "an answer is still due", so that uvicorn queues an ordinary request behind ours.
_ANSWER_DUE: Final = SimpleNamespace(response_complete=False)


class _Slot:
    """One request in the fast lane and, once it is there, the answer to it."""

    __slots__ = ("_lane", "chunks", "closes", "name", "response", "size")

    def __init__(self, lane: "FastLane") -> None:
        self._lane = lane
        self.chunks: list[bytes] = []
        self.size = 0
        self.closes = False
        self.name = ""
        self.response: bytes | None = None

    def answer(self, status: int, content: bytes, replayed: bool) -> None:
        more = "idempotency-replayed: true\r\n" if replayed else ""
        if self.closes:
            more += "connection: close\r\n"
        head = (
            f"{_HEADS[status]}{more}x-request-id: {self.name}\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        self.response = head.encode("ascii") + content
        self._lane.flush()


class FastLane(Connection):
    """One connection. `calls` is set on a subclass made for a server, by `fast_lane_for`."""

    calls: SendingCalls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call: Call
        self._noted: dict[bytes, bytes] = {}
        self._slot: _Slot | None = None
        self._slots: deque[_Slot] = deque()
        # After a request that ends the connection no other is taken: its answer would be lost.
        self._closing = False
        # For the server, which closes connections that dawdle.
        self._receiving = True
        self._touched_at = self.loop.time()

    # Parser callbacks

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's scope is made only for those that are not ours."""
        self.url = b""
        self.headers = []
        self._noted = {}
        self.expect_100_continue = False
        self._slot = None
        self._receiving = True
        self._touched_at = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the few that we look at are noted by name."""
        if self._slot is not None:
            # A trailer: who asks, and what for, was said before the body.
            return
        name = name.lower()
        self.headers.append((name, value))
        if name in _NOTED:
            self._noted[name] = value
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """Decide which way the request goes."""
        noted = self._noted
        if self._closing or (b"upgrade" in noted and self.declines()):
            return
        call = _FAST.get(self.url)
        if (
            call is None
            or self.parser.get_method() != b"POST"
            or self.expect_100_continue
            or (self.cycle is not None and not self.cycle.response_complete)
        ):
            self._go_the_ordinary_way()
            return
        self._call = call
        self._slot = slot = _Slot(self)
        slot.closes = not self.parser.should_keep_alive() or (
            b"connection" in noted and self.parser.get_http_version() == "1.0"
        )
        if int(noted.get(b"content-length", 0)) > BODY_BYTES_MAX:
            self._refuse_size()

    def on_body(self, body: bytes) -> None:
        """Collect a body that is ours; stop reading one that is too large."""
        if self._closing:
            return
        slot = self._slot
        if slot is None:
            super().on_body(body)
            return
        slot.size += len(body)
        if slot.size > BODY_BYTES_MAX:
            self._refuse_size()
        else:
            slot.chunks.append(body)

    def on_message_complete(self) -> None:
        """Offer a whole request."""
        self._receiving = False
        if self._closing:
            return
        slot = self._slot
        if slot is None:
            super().on_message_complete()
            return
        self._slot = None
        self._closing = slot.closes
        noted = self._noted
        slot.name = request_id(noted.get(b"x-request-id"))
        self._slots.append(slot)
        self.calls.offer(
            self._call,
            key=key_in(noted.get(b"x-api-key"), noted.get(b"authorization")),
            content_type=noted.get(b"content-type", b""),
            idempotency_key=noted.get(b"idempotency-key"),
            body=slot.chunks[0] if len(slot.chunks) == 1 else b"".join(slot.chunks),
            request_id=slot.name,
            answer=slot.answer,
        )

    def _go_the_ordinary_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        if self._slots:
            self.cycle = cast("Any", _ANSWER_DUE)
        super().on_headers_complete()

    # Answers

    def flush(self) -> None:
        """Write what is answered, in the order of the requests."""
        slots = self._slots
        ready = []
        closes = False
        while slots and (response := slots[0].response) is not None:
            ready.append(response)
            closes = slots.popleft().closes
        if not ready or self.transport.is_closing():
            return
        self.server_state.total_requests += len(ready)
        self.transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
        if closes:
            self.transport.close()
        elif not slots and self.pipeline:
            self.flow.resume_reading()
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def _refuse_size(self) -> None:
        self.flow.pause_reading()
        self._refuse(413, "payload_too_large", TOO_LARGE)

    def _refuse(self, status: int, code: str, text: str) -> None:
        """Answer before the request is whole, and take nothing further."""
        slot = self._slot or _Slot(self)
        self._slot = None
        self._closing = slot.closes = True
        slot.chunks.clear()
        slot.name = request_id(self._noted.get(b"x-request-id"))
        self._slots.append(slot)
        slot.answer(status, error_body(code, text, slot.name), False)

    def shutdown(self) -> None:
        """Close once every answer is given; uvicorn calls this when the server stops."""
        if self._slots:
            self._closing = self._slots[-1].closes = True
        elif self._slot is not None:
            self._slot.closes = True
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; the requests before it get their answers first."""
        if self.cycle is not None and not self.cycle.response_complete:
            super().send_400_response(msg)
        elif not self._closing:
            self._refuse(400, "invalid_request", msg)

    def pause_writing(self) -> None:
        """Take no further requests from a client that does not read its answers."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """Go on once the answers have gone out."""
        super().resume_writing()
        if not self._closing:
            self.flow.resume_reading()

    def close_if_slow(self, now: float) -> None:
        """Close a connection whose request dawdles, or that has been idle for long."""
        answering = self._slots or (self.cycle is not None and not self.cycle.response_complete)
        limit = _REQUEST_SECONDS_MAX if self._receiving else _IDLE_SECONDS_MAX
        if (self._receiving or not answering) and now - self._touched_at > limit:
            self.transport.close()


def fast_lane_for(calls: SendingCalls) -> type[FastLane]:
    """Return a protocol class for one server."""
    return type("BoundFastLane", (FastLane,), {"calls": calls})
