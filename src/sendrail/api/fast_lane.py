"""The fast lane: the four sending calls answered on the connection itself.

An ASGI cycle (a task, two dictionaries, three awaits) costs more than everything else a message's
accept takes. So a subclass of uvicorn's httptools protocol answers `POST /api/v2/send-raw` and its
kin directly; every other request goes the ordinary way. Both ways mean the same, and one contract
suite runs over both. Answers keep the order of their requests on a pipelined connection.

A client that keeps its connection sends the same head again and again, its content length aside.
What the parser made of those very bytes once it would make of them again, so a request that comes
in one piece and has the head of the last one is not parsed anew.
"""

import re
from collections import deque
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from sendrail.api.answers import BODY_BYTES_MAX, TOO_LARGE
from sendrail.api.asgi import BASES
from sendrail.api.auth import key_in
from sendrail.api.connection import Connection
from sendrail.api.errors import RETRY_AFTER_SECONDS, error_body
from sendrail.api.request_ids import new_request_id, request_id
from sendrail.api.v2.sending import (
    CALLS,
    Call,
    SendingCalls,
    SendingRequest,
    is_json,
    queued_body,
)
from sendrail.domain.account import key_digest
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId

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


_QUEUED_LENGTH: Final = len(queued_body(MessageId("x" * MESSAGE_ID_LENGTH)))
# With what the parser has taken for the length on either side of the digits.
_LENGTH: Final = re.compile(rb"\r\n(?i:content-length):[ \t]*([0-9]+)[ \t]*\r\n").search
# Headers that are each request's own, or that speak of the connection.
_PARTICULAR: Final = _NOTED - {b"authorization", b"content-length", b"content-type", b"x-api-key"}
_FILE_PATH: Final = re.compile(rb"[^?]*/import(\?|$)").match
_LENGTH_DIGITS_MAX: Final = len(str(BODY_BYTES_MAX))
_LESSONS_MAX: Final = 16


class _Slot(SendingRequest):
    """One request in the fast lane and, once it is there, the answer to it."""

    __slots__ = ("_lane", "closes", "name", "response")

    def __init__(self, lane: "FastLane") -> None:
        self._lane = lane
        self.closes = False
        self.name = ""
        self.response: bytes | None = None
        self.raws = ()
        self.idempotency = None

    def request_id(self) -> str:
        if not self.name:
            self.name = new_request_id()
        return self.name

    def answer(self, status: int, content: bytes, *, replayed: bool = False) -> None:
        more = "idempotency-replayed: true\r\n" if replayed else ""
        if self.closes:
            more += "connection: close\r\n"
        head = (
            f"{_HEADS[status]}{more}x-request-id: {self.request_id()}\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        self.response = head.encode("ascii") + content
        self._lane.flush()

    def answer_queued(self, message_id: MessageId) -> None:
        if self.closes:
            super().answer_queued(message_id)
            return
        # In one piece: nearly every answer is this one.
        text = (
            f"{_HEADS[200]}x-request-id: {self.name or new_request_id()}\r\n"
            f"content-length: {_QUEUED_LENGTH}\r\n\r\n{queued_body(message_id)}"
        )
        self.response = text.encode("ascii")
        self._lane.flush()


class _Known(NamedTuple):
    """The head of an earlier request, around its content length, and what it came to."""

    before: bytes
    after: bytes
    call: Call
    caller: bytes

    def body_in(self, data: bytes) -> bytes | None:
        """Return the body when this is one whole request with the same head, else None."""
        if not data.startswith(self.before):
            return None
        begin = len(self.before)
        end = data.find(b"\r", begin, begin + _LENGTH_DIGITS_MAX + 1)
        if end < 0 or not data.startswith(self.after, end):
            return None
        digits = data[begin:end]
        body = data[end + len(self.after) :]
        return body if digits.isdigit() and int(digits) == len(body) else None


class FastLane(Connection):
    """One connection. `calls` is set on a subclass made for a server, by `fast_lane_for`."""

    calls: SendingCalls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call: Call
        self._noted: dict[bytes, bytes] = {}
        self._slot: _Slot | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        # The head that needs no parsing, and the piece that may teach us the next one.
        self._known: _Known | None = None
        self._lessons = _LESSONS_MAX
        self._piece = b""
        self._slots: deque[_Slot] = deque()
        # After a request that ends the connection no other is taken: its answer would be lost.
        self._closing = False
        # For the server, which closes connections that dawdle.
        self._receiving = True
        # A file takes as long as it takes, while it keeps coming.
        self._is_file = False
        self._touched_at = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is the last one's again needs no parsing."""
        if not self._receiving:
            known = self._known
            if known is not None and (body := known.body_in(data)) is not None and self._is_free():
                self._touched_at = self.loop.time()
                slot = _Slot(self)
                self._slots.append(slot)
                self.calls.offer_alike(slot, known.call, known.caller, body)
                return
            if self._lessons:
                self._piece = data
        super().data_received(data)
        self._piece = b""

    def _is_free(self) -> bool:
        """Tell whether the next request may be taken without asking the parser's leave."""
        return not self._closing and (self.cycle is None or self.cycle.response_complete)

    # Parser callbacks

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's scope is made only for those that are not ours."""
        self.url = b""
        self.headers = []
        self._noted = {}
        self.expect_100_continue = False
        self._slot = None
        self._chunks = []
        self._size = 0
        self._receiving = True
        self._is_file = False
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
            or not self._is_free()
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
        if self._slot is None:
            if self._is_file:
                self._touched_at = self.loop.time()
            super().on_body(body)
            return
        self._size += len(body)
        if self._size > BODY_BYTES_MAX:
            self._refuse_size()
        else:
            self._chunks.append(body)

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
        key = key_in(noted.get(b"x-api-key"), noted.get(b"authorization"))
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self._piece:
            self._learn(key)
        self.calls.offer(
            slot,
            self._call,
            key=key,
            content_type=noted.get(b"content-type", b""),
            idempotency_key=noted.get(b"idempotency-key"),
            body=body,
        )

    def _learn(self, key: str | None) -> None:
        """Remember the head of the request that has just been parsed, if it may come again."""
        piece, self._piece = self._piece, b""
        noted = self._noted
        if (
            key is None
            or self._call.is_batch
            or self._closing
            or not _PARTICULAR.isdisjoint(noted)
            or not is_json(noted.get(b"content-type", b""))
        ):
            return
        # It stands at the beginning of the piece: what was before it is whole and answered for.
        head = b"".join(piece.partition(b"\r\n\r\n")[:2])
        length = _LENGTH(head)
        if length is None:
            return
        self._lessons -= 1
        before, after = head[: length.start(1)], head[length.end(1) :]
        self._known = _Known(before, after, self._call, key_digest(key))

    def _go_the_ordinary_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        self._is_file = _FILE_PATH(url) is not None
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
        ready = b""
        closes = False
        while slots and (response := slots[0].response) is not None:
            ready = ready + response if ready else response
            closes = slots.popleft().closes
            self.server_state.total_requests += 1
        if not ready or self.transport.is_closing():
            return
        self.transport.write(ready)
        if closes:
            self.transport.close()
        elif not slots and self.pipeline:
            cycle, app = self.pipeline.pop()
            if not self.pipeline:
                self.flow.resume_reading()
            self._start_asgi_task(cycle, app)

    def _refuse_size(self) -> None:
        self.flow.pause_reading()
        self._refuse(413, "payload_too_large", TOO_LARGE)

    def _refuse(self, status: int, code: str, text: str) -> None:
        """Answer before the request is whole, and take nothing further."""
        slot = self._slot or _Slot(self)
        self._slot = None
        self._closing = slot.closes = True
        self._chunks = []
        slot.name = request_id(self._noted.get(b"x-request-id"))
        self._slots.append(slot)
        slot.answer(status, error_body(code, text, slot.name))

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
