"""uvicorn's connection without its surprises: offers to upgrade, trailers, and what is no HTTP."""

from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sendrail.api.errors import error_body
from sendrail.api.request_ids import new_request_id

# What speaks of the connection alone, in a request that offers to upgrade it.
_HOP_BY_HOP: Final = frozenset({b"connection", b"http2-settings", b"upgrade"})


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._declining = False

    def data_received(self, data: bytes) -> None:
        """Take what has come, and decline an offer to upgrade by going on without it."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._declining:
                head = self._head_without_offer()
                self._declining = False
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.data_received(head + rest)
        except httptools.HttpParserError:
            self.send_400_response("This is no HTTP/1.1 request")

    def on_headers_complete(self) -> None:
        """Begin a request, unless it has to be read again; headers that follow are trailers."""
        if self.declines():
            return
        super().on_headers_complete()
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if not self._declining:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._declining:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with what has come already, and read no further before all of it is answered.

        uvicorn reads on after each answer: a client that reads none of its answers could so send
        far more than it can ever be told of.
        """
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()

    def declines(self) -> bool:
        """Tell whether the request offers to upgrade: then it is read again without the offer.

        Java's HTTP client offers HTTP/2 with each request, and httptools would drop its body.
        """
        self._declining = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        return self._declining

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and end the connection."""
        name = new_request_id()
        body = error_body("invalid_request", msg, name)
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"x-content-type-options: nosniff\r\nconnection: close\r\nx-request-id: {name}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _head_without_offer(self) -> bytes:
        closes = any(
            name == b"connection" and b"close" in value.lower() for name, value in self.headers
        )
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _HOP_BY_HOP]
        if closes:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])
