"""The fast lane: the four sending calls answered on the connection itself.

An ASGI cycle (a task, two dictionaries, three awaits) costs more than everything else a message's
accept takes. So a subclass of the connection answers `POST /api/v2/send-raw` and its kin directly,
where the body is small; every other request goes the ordinary way. Both ways mean the same, and one
contract suite runs over both.
"""

from typing import Any, Final

from sendrail.api.auth import caller_in
from sendrail.api.bodies import Bodies
from sendrail.api.cycle import RequestCycle
from sendrail.api.limits import HEAD_FIELDS_MAX, UNASKED_BYTES_MAX
from sendrail.api.link_door import LinkDoor
from sendrail.api.link_lane import LinkLane
from sendrail.api.request_ids import new_request_id, request_id
from sendrail.api.responses import head_of
from sendrail.api.usual_requests import usual_requests_to
from sendrail.api.v2.calls import CALLS
from sendrail.api.v2.sending import BASES, JSON, SendingCalls, SendingRequest, queued_body
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId

_FAST: Final = {f"{base}{call.path}".encode("ascii"): call for base in BASES for call in CALLS}
_usual: Final = usual_requests_to(path for path, call in _FAST.items() if not call.is_batch)
_QUEUED_LENGTH: Final = len(queued_body(MessageId("x" * MESSAGE_ID_LENGTH)))
_TO_ID, _FROM_ID = f"\r\n\r\n{queued_body(MessageId('|'))}".split("|")
_QUEUED_HEAD: Final = f"{head_of(200)}content-length: {_QUEUED_LENGTH}\r\nx-request-id: "
# A length of no more digits is a small body's.
_FEW_DIGITS: Final = 4


class _Slot(SendingRequest):
    """One request in the fast lane and, once it is there, the answer to it."""

    __slots__ = ("_given", "_lane", "_name", "closes", "response")

    def __init__(self, lane: "FastLane", given: bytes | None) -> None:
        self._lane = lane
        self._given = given
        self._name = ""
        self.closes = False
        self.response: bytes | None = None
        self.raws = ()
        self.idempotency = None

    def request_id(self) -> str:
        if not self._name:
            self._name = request_id(self._given)
        return self._name

    def answer(self, status: int, content: bytes, *, replayed: bool = False) -> None:
        more = "idempotency-replayed: true\r\n" if replayed else ""
        if self.closes:
            more += "connection: close\r\n"
        head = (
            f"{head_of(status)}{more}x-request-id: {self.request_id()}\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        self.response = head.encode("ascii") + content
        self._lane.flush()

    def answer_queued(self, message_id: MessageId) -> None:
        if self.closes:
            super().answer_queued(message_id)
            return
        # In one piece: nearly every answer is this one.
        name = new_request_id() if self._given is None else request_id(self._given)
        self.response = f"{_QUEUED_HEAD}{name}{_TO_ID}{message_id}{_FROM_ID}".encode("ascii")
        self._lane.flush()


class FastLane(LinkLane):
    """One connection. A subclass made for a server, by `fast_lane_for`, has its services."""

    calls: SendingCalls
    bodies: Bodies

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slot: _Slot | None = None
        # What showed the key last, and its digest.
        self._shown: tuple[bytes | None, ...] = ()
        self._caller: bytes | None = None
        self._chunks: list[bytes] = []
        # What is held of a body that does not come in one piece with its head.
        self._held = 0

    def data_received(self, data: bytes) -> None:
        """Take what has come: a usual request at once, all else by the parser."""
        if (
            self.receiving
            or self.turns
            or self._rest
            or not self.taking
            or self.stopping
            or (request := _usual(data)) is None
            or self._is_on_tracking_domain(request[2])
        ):
            super().data_received(data)
            return
        path, body, _, key, authorization, given = request
        self.touched_at = self.loop.time()
        slot = _Slot(self, given)
        self.turns.append(slot)
        self.calls.offer_single(slot, _FAST[path], self._caller_in(key, authorization), body)

    def on_headers_complete(self) -> None:
        """Decide which way the request goes."""
        noted = self._noted
        length = noted.get(b"content-length", b"")
        if (
            self.url not in _FAST
            or b"host" not in noted
            or b"expect" in noted
            or b"transfer-encoding" in noted
            or b"upgrade" in noted
            or self._is_on_tracking_domain(noted[b"host"])
            or (len(length) > _FEW_DIGITS and int(length) > UNASKED_BYTES_MAX)
            or self.parser.get_method() != b"POST"
            or (self.turns and isinstance(self.turns[-1], RequestCycle))
        ):
            super().on_headers_complete()
            return
        if self.kept or len(noted) + len(self.headers) > HEAD_FIELDS_MAX:
            self.check_head()
        self._slot = slot = _Slot(self, noted.get(b"x-request-id"))
        slot.closes = not self.parser.should_keep_alive() or (
            b"connection" in noted and self.parser.get_http_version() != "1.1"
        )

    def _is_on_tracking_domain(self, host: bytes) -> bool:
        """Return whether a request came to a host that the API is not served on."""
        links = self.links
        return bool(links and links.domains and links.domain(host) is not None)

    def on_body(self, body: bytes) -> None:
        """Collect a body that is ours."""
        if self._slot is None:
            super().on_body(body)
        else:
            self.moved = True
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Offer a whole request."""
        slot = self._slot
        if slot is None:
            super().on_message_complete()
            return
        self.receiving = False
        noted, chunks = self._noted, self._chunks
        if self._held:
            self._let_go()
        self._slot = None
        if slot.closes or self.stopping:
            slot.closes = True
            self.taking = False
        self._chunks = []
        self.turns.append(slot)
        caller = self._caller_in(noted.get(b"x-api-key"), noted.get(b"authorization"))
        call, kind = _FAST[self.url], noted.get(b"content-type", b"")
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if kind == JSON and b"idempotency-key" not in noted and not call.is_batch:
            self.calls.offer_single(slot, call, caller, body)
            return
        self.calls.offer(
            slot,
            call,
            caller=caller,
            content_type=kind,
            idempotency_key=noted.get(b"idempotency-key"),
            body=body,
        )

    def _caller_in(self, *shown: bytes | None) -> bytes | None:
        """Return the digest of the key in two headers; one client shows one key, as a rule."""
        if shown != self._shown:
            self._shown = shown
            self._caller = caller_in(*shown)
        return self._caller

    def await_body(self) -> None:
        """Count a body in the budget of unknown callers; where that is full, check its caller.

        Small as it is, many clients may send one slowly.
        """
        if self._slot is None or self._held:
            return
        length = int(self._noted.get(b"content-length", 0))
        if self.bodies.strangers.take(length):
            self._held = length
            return
        chunks = self._chunks
        self._slot, self._chunks = None, []
        cycle = self.begin_cycle()
        for chunk in chunks:
            cycle.take(chunk)

    def drop_input(self) -> None:
        """Let go of the request that comes in."""
        super().drop_input()
        self._slot = None
        self._chunks = []
        self._let_go()

    def _let_go(self) -> None:
        self.bodies.strangers.free += self._held
        self._held = 0


def fast_lane_for(calls: SendingCalls, bodies: Bodies, links: LinkDoor | None) -> type[FastLane]:
    """Return a protocol class for one server; without `links` those go the ordinary way."""
    return type("BoundFastLane", (FastLane,), {"calls": calls, "bodies": bodies, "links": links})
