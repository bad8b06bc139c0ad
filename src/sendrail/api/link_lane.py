"""The lane of links: a redirect answered on the connection itself.

As with the sending calls, an ASGI cycle would cost more than everything else a redirect takes. What
is no GET or HEAD of a link goes the ordinary way, which means the same.
"""

from typing import Any, ClassVar, Final

from uvicorn.protocols.utils import get_remote_addr

from sendrail.api.connection import Connection, ParsingStopped
from sendrail.api.cycle import RequestCycle
from sendrail.api.limits import HEAD_FIELDS_MAX
from sendrail.api.link_door import (
    FORWARDED_FOR,
    TARGET_BYTES_MAX,
    LinkDoor,
    head_of,
    is_served,
)
from sendrail.domain.click_classes import PREFETCH_NAMES, means_prefetch
from sendrail.domain.link_paths import id_in
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest

_METHODS: Final = frozenset({b"GET", b"HEAD"})
# What belongs to a request that is more than a head.
_NO_BODY: Final = (None, b"0")
_CLOSE: Final = b"connection: close\r\n\r\n"
_END: Final = b"\r\n"


class _LinkTurn(LinkRequest):
    """One request for a link and, once it is there, the answer to it."""

    __slots__ = ("closes", "lane", "response")

    lane: "LinkLane"
    closes: bool
    response: bytes | None

    def resolve(self, answer: LinkAnswer) -> None:
        body = b"" if self.is_head else answer.page
        self.response = b"".join((head_of(answer), _CLOSE if self.closes else _END, body))
        self.lane.flush()


class LinkLane(Connection):
    """One connection. A subclass made for a server, by `lane_for`, has its door of links."""

    links: ClassVar[LinkDoor | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The headers by name; those that come again stand in `headers`.
        self._noted: dict[bytes, bytes] = {}
        self._turn: _LinkTurn | None = None
        self._peer: str | None = None

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self.taking:
            raise ParsingStopped
        self.url = b""
        self.headers = []
        self._noted = {}
        self.receiving = self.moved = True
        self.touched_at = self.loop.time()

    def clear_head(self) -> None:
        """Forget the target and the headers that came last."""
        super().clear_head()
        self._noted = {}

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that came last; of two with one name the first stands first."""
        return [*self._noted.items(), *self.headers]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        name = name.lower()
        if name in self._noted:
            if name == b"host":
                self.refuse_second_host()
            self.headers.append((name, value))
        else:
            self._noted[name] = value

    def on_headers_complete(self) -> None:
        """Decide whether the request is for a link."""
        if self.links is None or not self._begin_link(self.links):
            super().on_headers_complete()

    def _begin_link(self, door: LinkDoor) -> bool:
        """Begin a request for a link, if it is one; its answer is asked for once it is whole."""
        text, noted = id_in(self.url), self._noted
        if (
            text is None
            or b"host" not in noted
            or self.parser.get_method() not in _METHODS
            or noted.get(b"content-length") not in _NO_BODY
            or b"transfer-encoding" in noted
            or b"expect" in noted
            or b"upgrade" in noted
            or len(self.url) > TARGET_BYTES_MAX
            or (self.turns and isinstance(self.turns[-1], RequestCycle))
        ):
            return False
        domain = door.domain(noted.get(b"host", b""))
        if not is_served(text, domain):
            return False
        if self.kept or len(noted) + len(self.headers) > HEAD_FIELDS_MAX:
            self.check_head()
        self._turn = self._turn_of(door, text, domain)
        return True

    def _turn_of(self, door: LinkDoor, text: str, domain: TrackingDomain | None) -> _LinkTurn:
        noted = self._noted
        turn = _LinkTurn(
            text,
            domain,
            door.visitor(self._peer_address(), self._joined(FORWARDED_FOR)),
            noted.get(b"user-agent", b""),
            is_head=self.parser.get_method() == b"HEAD",
            is_prefetch=any(name in noted for name in PREFETCH_NAMES)
            and any(means_prefetch(*field) for field in self.fields()),
            query=self.url.partition(b"?")[2],
        )
        turn.lane = self
        turn.response = None
        turn.closes = not self.parser.should_keep_alive() or (
            b"connection" in noted and self.parser.get_http_version() != "1.1"
        )
        return turn

    def _joined(self, name: bytes) -> bytes | None:
        """Return the values of all headers of one name, by commas."""
        first = self._noted.get(name)
        if first is None or not self.headers:
            return first
        return b",".join([first, *(value for other, value in self.headers if other == name)])

    def _peer_address(self) -> str:
        if self._peer is None:
            address = get_remote_addr(self.transport)
            self._peer = address[0] if address else ""
        return self._peer

    def on_message_complete(self) -> None:
        """Ask for the answer to a whole request."""
        turn, door = self._turn, self.links
        if turn is None or door is None:
            super().on_message_complete()
            return
        self.receiving = False
        self._turn = None
        if turn.closes or self.stopping:
            turn.closes = True
            self.taking = False
        self.turns.append(turn)
        door.offer(turn)

    def drop_input(self) -> None:
        """Let go of the request that comes in."""
        super().drop_input()
        self._turn = None


def link_lane_for(links: LinkDoor) -> type[LinkLane]:
    """Return a protocol class for one server that serves links alone."""
    return type("BoundLinkLane", (LinkLane,), {"links": links})
