"""A server that stops waits for no connection that came while it was told to."""

import asyncio
import socket

import pytest

from sendrail.api.server import listen, make_server

ASK = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(params=[True, False], ids=["lane", "asgi"])
def late(door, request):
    """A connection to a server that learned of it and of its own stop in one turn; and the stop."""
    server = make_server(door.runtime, fast=request.param)
    wire = socket.socket()
    wire.settimeout(60)

    async def stop():
        listener = listen("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening(serving)
        # The loop is here, so it finds the connection only after it has been asked to stop.
        wire.connect(listener.getsockname())
        server.leave()
        while not server.server_state.connections:  # noqa: ASYNC110 - the loop's turns matter
            await asyncio.sleep(0)
        return server, serving

    server, serving = door.do(stop())
    yield wire, server, serving
    wire.close()
    door.do(asyncio.wait_for(serving, 60))


def test_one_that_asks_is_answered_and_closed(late):
    wire, _, _ = late
    wire.sendall(ASK)
    answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"}")


def test_one_that_asks_nothing_is_closed(door, late):
    wire, server, serving = late
    assert wire.recv(1) == b""
    door.do(asyncio.wait_for(asyncio.shield(serving), 60))
    assert not server.server_state.connections
