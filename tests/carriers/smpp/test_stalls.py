"""A peer that stops in the midst of something: it is left, and no other connector waits for it."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager

import pytest
from desk import message, messages, started, until
from leaps import AGES, LoopClock, leap, run
from logged import logged_here

from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.carriers.smpp.pdu import Command
from sendrail.domain.delivery import Submitted, Uncertain

WINDOW = 5
ANSWER = pdu.frame(Command.SUBMIT_SM_RESP, 1, b"a message's id\0")


class Peer:
    """An SMSC of our own; `on_submit` gets each connection and the sequence of its submit."""

    def __init__(self, on_submit=None, *, binds=True):
        self.on_submit = on_submit or Line.answer
        self.binds = binds
        self.lines = []

    @property
    def last(self):
        return self.lines[-1]

    def line(self):
        self.lines.append(Line(self))
        return self.last


class Line(asyncio.Protocol):
    """One connection to it."""

    def __init__(self, peer):
        self.peer = peer
        self.framer = pdu.Framer()
        self.submits = []
        self.heard = []
        self.is_over = False
        # What was on its way when we hung up.
        self.last_words = b""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        self.is_over = True

    def eof_received(self):
        self.say(self.last_words)

    def data_received(self, data):
        for frame in self.framer.feed(data):
            _, command, _, sequence = pdu.read_header(frame)
            self.heard.append((command, sequence))
            if command == Command.BIND_TRANSCEIVER and self.peer.binds:
                self.say(pdu.frame(command | pdu.ANSWER, sequence, b"own\0"))
            elif command == Command.UNBIND:
                self.say(pdu.frame(Command.UNBIND_RESP, sequence))
            elif command == Command.SUBMIT_SM:
                self.submits.append(sequence)
                self.peer.on_submit(self, sequence)

    def say(self, octets):
        self.transport.write(octets)

    def answer(self, sequence):
        self.say(pdu.frame(Command.SUBMIT_SM_RESP, sequence, b"M%d\0" % sequence))


@asynccontextmanager
async def connected(peer, **settings):
    """Yield the desk of a connector to this peer."""
    listening = socket.socket()
    # What it does not read stays with us.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    async with await loop.create_server(peer.line, sock=listening):
        chosen = {
            "host": "127.0.0.1",
            "port": listening.getsockname()[1],
            "system_id": "esme",
            "password": "secret",
            "window": WINDOW,
            "enquire_link_seconds": AGES,
            "response_timeout_seconds": AGES,
        } | settings
        carrier = SmppCarrier(chosen, ConnectorContext(clock=LoopClock()))
        async with started(carrier) as desk:
            yield desk
        for line in peer.lines:
            # One that reads nothing does not notice its end.
            line.transport.abort()
        await until(lambda: all(line.is_over for line in peer.lines))


def bind_of(desk):
    return desk.carrier._binds[0]


def beside_another(peer, act, **settings):
    """Play with a connector to this peer and one to a sound one; afterwards no task is left."""

    async def play():
        before = asyncio.all_tasks()
        async with connected(Peer()) as other, connected(peer, **settings) as desk:
            await until(lambda: bind_of(other).is_bound)
            await act(desk, other)
        await until(lambda: asyncio.all_tasks() == before)

    run(play())


STALLS = {
    "half a PDU": ANSWER[:20],
    "a header": ANSWER[:16],
    "half a length": ANSWER[:2],
    "a length that never comes": struct.pack(">IIII", 0x1000, Command.DELIVER_SM, 0, 7),
}


@pytest.mark.parametrize("drips", [False, True], ids=["for ever", "octet by octet"])
@pytest.mark.parametrize("stall", STALLS)
def test_a_peer_that_stalls_in_a_pdu_is_left_and_holds_up_no_other(stall, drips):
    def begins_to_answer(line, _):
        if len(line.submits) == 1 and len(peer.lines) == 1:
            line.say(STALLS[stall])
        elif len(peer.lines) > 1:
            line.answer(line.submits[-1])

    peer = Peer(begins_to_answer)

    async def act(desk, other):
        await until(lambda: bind_of(desk).is_bound)
        submitting = asyncio.create_task(desk.submit(messages(WINDOW)))
        stalled = peer.last
        await until(lambda: len(stalled.submits) == WINDOW)
        for _ in range(3):
            assert all(isinstance(each, Submitted) for each in await other.submit(messages(20)))
            if drips:
                stalled.say(b"\0")
            await leap()
        await until(lambda: stalled.is_over)
        # What may have left is uncertain, and is not submitted by the next bind.
        assert all(isinstance(each, Uncertain) for each in await submitting)
        await leap()
        await until(lambda: len(peer.lines) == 2 and bind_of(desk).is_bound)
        assert isinstance((await desk.submit([message(99)]))[0], Submitted)
        assert len(peer.last.submits) == 1

    beside_another(peer, act)


def test_a_peer_that_stops_reading_is_left_with_what_fills_our_buffer():
    window = 5_000
    peer = Peer()

    async def act(desk, other):
        await until(lambda: bind_of(desk).is_bound)
        deaf = peer.last
        deaf.transport.pause_reading()
        connection = bind_of(desk)._connection
        # The system holds little for us: what it does not take stays in our own buffer.
        ours = connection._transport.get_extra_info("socket")
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        body = "x" * 160
        submitting = asyncio.create_task(desk.submit(messages(window + 50, body=body)))
        await until(lambda: connection._is_backed_up)
        # The window bounds what waits to be written: a submit of such a text has some 230 octets.
        assert connection._transport.get_write_buffer_size() < window * 300
        assert all(isinstance(each, Submitted) for each in await other.submit(messages(20)))
        for _ in range(4):
            await leap()
        await until(lambda: bind_of(desk)._connection is not connection)
        await leap(3.0)
        await until(connection._gone.is_set)
        outcomes = await submitting
        # Each submit of the window has been given up once; none was said to have been taken.
        assert sum(isinstance(each, Uncertain) for each in outcomes) >= window
        assert not any(isinstance(each, Submitted) for each in outcomes[:window])

    beside_another(peer, act, window=window)


def test_a_bind_that_is_answered_too_late_is_none():
    peer = Peer(binds=False)

    async def act(desk, _):
        await until(lambda: peer.lines and peer.last.heard)
        late = peer.last
        [(_, sequence)] = late.heard
        peer.binds = True
        late.last_words = pdu.frame(Command.BIND_TRANSCEIVER_RESP, sequence, b"own\0")
        await leap()
        await until(lambda: late.is_over)
        await leap()
        await until(lambda: bind_of(desk).is_bound)
        assert len(peer.lines) == 2
        assert isinstance((await desk.submit([message()]))[0], Submitted)
        assert not late.submits

    beside_another(peer, act)


def test_an_unbind_in_the_midst_of_a_window_loses_and_doubles_nothing():
    def unbinds(line, sequence):
        if len(peer.lines) > 1:
            line.answer(sequence)
        elif len(line.submits) == WINDOW:
            line.answer(line.submits[0])
            line.say(pdu.frame(Command.UNBIND, 77))
            # Their answers were under way, in any order.
            for each in reversed(line.submits[1:]):
                line.answer(each)

    peer = Peer(unbinds)

    async def act(desk, _):
        await until(lambda: bind_of(desk).is_bound)
        first = peer.last
        taken = await desk.submit(messages(WINDOW))
        assert all(isinstance(each, Submitted) for each in taken)
        await until(lambda: first.is_over)
        assert (Command.UNBIND | pdu.ANSWER, 77) in first.heard
        await leap()
        await until(lambda: bind_of(desk).is_bound)
        rest = await desk.submit([message(at) for at in range(WINDOW, 2 * WINDOW)])
        assert all(isinstance(each, Submitted) for each in rest)
        assert len(first.submits) + len(peer.last.submits) == 2 * WINDOW

    beside_another(peer, act)


def test_a_nack_of_no_request_settles_nothing_and_is_noted():
    def nacks(line, sequence):
        line.say(pdu.frame(Command.GENERIC_NACK, 0, status=0x02))
        line.answer(sequence)

    async def act(desk, _):
        await until(lambda: bind_of(desk).is_bound)
        assert all(isinstance(each, Submitted) for each in await desk.submit(messages(WINDOW)))
        assert bind_of(desk).is_bound

    with logged_here() as logs:
        beside_another(Peer(nacks), act)
    noted = [each for each in logs if each["event"] == "smpp_nacked"]
    assert {each["log_level"] for each in noted} == {"warning"}
    # Once for each read, however many came in it.
    assert 1 <= len(noted) <= WINDOW
    assert noted[0]["status"].startswith("0x02 ESME_RINVCMDLEN")
