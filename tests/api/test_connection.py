"""A connection without a server: its cost grows with what comes, and it holds on to nothing."""

import asyncio
import gc
import time
import weakref

import pytest
import uvicorn
from uvicorn.server import ServerState

from sendrail.api.bodies import Bodies
from sendrail.api.connection import Connection
from sendrail.api.fast_lane import fast_lane_for
from sendrail.api.limits import OUTSTANDING_MAX

POST = b"POST /api/v2/send-raw HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-length: 2\r\n\r\n{}"
GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
# Work that is as the square of what comes makes this 4; a slow machine makes nothing of it.
RATIO_MAX = 2.2
TRIES = 8


class Wire(asyncio.Transport):
    """A transport to nobody, with what was written to it."""

    def __init__(self):
        super().__init__()
        self.written = []
        self.reads = True
        self.closed = False

    def write(self, data):
        self.written.append(data)

    def write_eof(self):
        pass

    def is_closing(self):
        return self.closed

    def abort(self):
        self.closed = True

    def close(self):
        self.closed = True

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True

    def get_extra_info(self, *_):
        return None


class Calls:
    """Sending calls that are answered all together, the first of them last."""

    def __init__(self, *, answers=True):
        self.waiting = []
        self._answers = answers

    def offer(self, slot, *_, **__):
        self.waiting.append(slot)
        if self._answers and len(self.waiting) == 1:
            asyncio.get_running_loop().call_soon(self._answer)

    offer_single = offer

    def _answer(self):
        waiting, self.waiting = self.waiting, []
        for slot in reversed(waiting):
            slot.answer(200, b"{}")


async def app(_, __, send):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def connection(calls=None):
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None)
    kind = Connection if calls is None else fast_lane_for(calls, Bodies(), {})
    made = kind(config=config, server_state=ServerState(), app_state={})
    made.connection_made(Wire())
    return made


async def work(content, count, calls):
    """Return the processor's time for as many requests, and see that each is answered."""
    made = connection(calls)
    wire, began = made.transport, time.thread_time()
    made.data_received(content * count)
    while made.turns or made._rest:  # noqa: ASYNC110 - the loop's turns are what is looked at
        await asyncio.sleep(0)
    spent = time.thread_time() - began
    assert b"".join(wire.written).count(b"HTTP/1.1 200") == count
    return spent


@pytest.mark.parametrize(
    ("content", "count", "make"), [(POST, 8_000, Calls), (GET, 1_000, lambda: None)]
)
def test_twice_as_many_requests_are_twice_the_work(content, count, make):
    async def ratio():
        twice = [await work(content, count, make()) for _ in range(2)]
        once = [await work(content, count // 2, make()) for _ in range(2)]
        return min(twice) / min(once)

    # What grows too fast does so each time; what was disturbed only once.
    assert any(asyncio.run(ratio()) <= RATIO_MAX for _ in range(TRIES))


def test_as_many_are_taken_as_may_wait_and_reading_pauses():
    async def run():
        calls = Calls(answers=False)
        made = connection(calls)
        made.data_received(POST * 1_000)
        await asyncio.sleep(0)
        assert (len(calls.waiting), made.transport.reads) == (OUTSTANDING_MAX, False)
        calls.waiting.pop(0).answer(200, b"{}")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (len(calls.waiting), made.transport.reads) == (OUTSTANDING_MAX, False)

    asyncio.run(run())


@pytest.mark.parametrize(
    "came",
    [
        b"POST /api/v2/send-raw HTTP/1.1\r\nhost:",
        POST[:-1],
        b"POST /api/v2/contacts HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n{",
        POST * 3,
        POST * 100,
        GET + POST,
        POST + GET * 100,
        POST + b"junk",
        b"junk",
    ],
)
@pytest.mark.parametrize("error", [None, ConnectionResetError()])
@pytest.mark.parametrize("fast", [True, False])
def test_what_is_lost_is_free_without_the_collector(came, error, fast):
    async def run():
        calls = Calls(answers=False)
        made = connection(calls if fast else None)
        made.data_received(came)
        await asyncio.sleep(0)
        made.connection_lost(error)
        for _ in range(5):
            await asyncio.sleep(0)
        for slot in calls.waiting:
            slot.answer(200, b"{}")
        calls.waiting.clear()
        gone = weakref.ref(made)
        made.transport = None
        slot = None
        del made
        return gone

    was = gc.isenabled()
    gc.disable()
    try:
        assert asyncio.run(run())() is None
    finally:
        if was:
            gc.enable()
