"""The handset log: the messages that reached a handset, written to another process.

The kernel has a message's line before its outcome is reported: even if this process is killed, the
log holds every message that was answered. So the bytes go by `send` on a plain socket: a stream
writer would buffer some of them in this process.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from sendrail.domain import phone
from sendrail.domain.delivery import Failed, OutboundMessage, Outcome, Uncertain

_NOT_CONNECTED: Final = Failed("handset log not connected")
_BROKE_OFF: Final = Uncertain("the handset log broke off inside the message")
# A reader of the log that reads nothing for so long counts as gone.
_PATIENCE_SECONDS: Final = 5.0


class _Ring(msgspec.Struct, kw_only=True, gc=False, rename={"recipient": "to", "sender": "from"}):
    message_id: str
    recipient: str
    sender: str
    body: str


_encode: Final = msgspec.json.Encoder().encode


class HandsetLog:
    """A Unix stream socket that gets one line of JSON for each message that reaches a handset."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._turn = asyncio.Lock()

    def connect(self) -> socket.socket | None:
        """Return the connection, opened if necessary; None when no process listens."""
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                # Does not block: on a Unix socket it succeeds or fails at once.
                connection.connect(self._path)
            except OSError:
                connection.close()
            else:
                self._socket = connection
        return self._socket

    async def ring(self, messages: Sequence[OutboundMessage]) -> list[Outcome]:
        """Write the messages in order; return the outcomes of those at the end that did not leave.

        The list is empty when all of them left.
        """
        lines = [_line(message) for message in messages]
        async with self._turn:
            sent = await self._send(b"".join(lines))
        return list(_fates(lines, sent))

    def close(self) -> None:
        """Disconnect."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _send(self, lines: bytes) -> int:
        """Return how many bytes were sent; if not all were, the connection is closed."""
        connection = self.connect()
        if connection is None:
            return 0
        view, sent = memoryview(lines), 0
        try:
            with suppress(OSError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    while sent < len(lines):
                        try:
                            sent += connection.send(view[sent:])
                        except BlockingIOError:
                            await _writable(connection)
        finally:
            # The reader must not take the next line for the rest of a broken one.
            if sent < len(lines):
                self.close()
        return sent


def _line(message: OutboundMessage) -> bytes:
    ring = _Ring(
        message_id=message.message_id,
        recipient=phone.show(message.recipient),
        sender=phone.show(message.sender),
        body=message.body,
    )
    return _encode(ring) + b"\n"


def _fates(lines: Sequence[bytes], sent: int) -> Iterator[Outcome]:
    end = 0
    for line in lines:
        begin, end = end, end + len(line)
        if end > sent:
            yield _BROKE_OFF if begin < sent else _NOT_CONNECTED


async def _writable(connection: socket.socket) -> None:
    loop, writable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(connection, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(connection)
