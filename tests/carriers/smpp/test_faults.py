"""A bad network between carrier and SMSC: nothing is lost, and little is uncertain."""

import asyncio
import collections
import random

import pytest
from desk import message, messages, started, until
from leaps import AGES, LoopClock, leap, run
from logged import logged_here
from proxy import between

from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.carriers.smpp.pdu import Command
from sendrail.domain.delivery import Failed, Submitted, Throttled, Unavailable, Uncertain

WINDOW = 5
AGAIN = (Throttled, Unavailable, Failed)


def through_a_proxy(peer, act, **settings):
    async def play():
        async with between(peer.port) as proxy:
            chosen = peer.settings(window=WINDOW, **settings) | {"port": proxy.port}
            context = ConnectorContext(clock=LoopClock())
            async with started(SmppCarrier(chosen, context)) as desk:
                await act(proxy, desk)

    run(play())


async def deliver_all(desk, batch):
    """Submit as the queue does, again and again, until each message was taken or is uncertain."""
    waiting = batch
    while waiting:
        outcomes = await desk.submit(waiting)
        waiting = [
            each
            for each, outcome in zip(waiting, outcomes, strict=True)
            if isinstance(outcome, AGAIN)
        ]
        if waiting:
            await asyncio.sleep(0.1)


def uncertain(desk):
    return [name for name, last in desk.outcomes.items() if isinstance(last, Uncertain)]


def account_for(peer, desk, count, faults):
    """Nothing is lost, nothing doubled, and what nobody knows fits the windows that were open."""
    taken = {name for name, last in desk.outcomes.items() if isinstance(last, Submitted)}
    unknown = uncertain(desk)
    assert len(taken) + len(unknown) == count
    assert len(unknown) <= faults * WINDOW
    rung = collections.Counter(
        f"m{int(each['text'].split()[1]):07}" for each in peer.state["submitted"]
    )
    assert all(rung[name] == 1 for name in taken)
    assert all(rung[name] <= 1 for name in unknown)


def test_one_byte_at_a_time(peer):
    async def act(proxy, desk):
        proxy.slice = 1
        await deliver_all(desk, messages(10))
        await until(lambda: len(desk.callbacks) == 10)
        account_for(peer, desk, 10, faults=0)

    through_a_proxy(peer, act)


def test_a_slow_line(peer):
    async def act(proxy, desk):
        proxy.delay = 0.05
        await deliver_all(desk, messages(20))
        account_for(peer, desk, 20, faults=0)

    through_a_proxy(peer, act)


@pytest.mark.parametrize("seed", range(3))
def test_resets_in_the_middle_of_windows(peer, seed):
    dice = random.Random(seed)
    peer.set(respDelay=10)
    resets = 3

    async def act(proxy, desk):
        async def break_it():
            for at in range(1, resets + 1):
                await until(
                    lambda at=at: proxy.connections == at and desk.carrier._binds[0].is_bound
                )
                before = len(desk.said)
                enough = before + dice.randint(3, 25)
                await until(lambda enough=enough: len(desk.said) >= enough)
                proxy.reset()

        breaking = asyncio.create_task(break_it())
        await deliver_all(desk, messages(200))
        breaking.cancel()
        await asyncio.gather(breaking, return_exceptions=True)
        assert proxy.connections > 1
        account_for(peer, desk, 200, faults=resets)

    through_a_proxy(peer, act)


def test_a_line_that_goes_dark_is_left_for_a_new_one(peer):
    async def act(proxy, desk):
        await deliver_all(desk, messages(10))
        proxy.dark = True
        submitting = asyncio.create_task(desk.submit([message(at) for at in range(10, 30)]))
        # Two questions without an answer, and it is left.
        for _ in range(3):
            await leap()
        await until(lambda: not desk.carrier._binds[0].is_bound)
        outcomes = await submitting
        assert all(isinstance(each, Uncertain | Unavailable) for each in outcomes)
        proxy.dark = False
        rest = [message(at) for at, each in enumerate(outcomes, 10) if isinstance(each, AGAIN)]
        await deliver_all(desk, rest)
        account_for(peer, desk, 30, faults=1)

    through_a_proxy(peer, act, enquire_link_seconds=AGES, response_timeout_seconds=4 * AGES)


def test_answers_that_are_lost_on_the_way_back(peer):
    async def act(proxy, desk):
        peer.set(hold=True)
        submitting = asyncio.create_task(desk.submit(messages(20)))
        await until(lambda: peer.state["submits"] == WINDOW)
        proxy.reset()
        await submitting
        peer.set(hold=False)
        assert len(uncertain(desk)) == WINDOW
        rest = [each for each in messages(20) if each.message_id not in uncertain(desk)]
        await deliver_all(desk, rest)
        account_for(peer, desk, 20, faults=1)

    through_a_proxy(peer, act)


def test_receipts_come_again_after_a_reset(peer):
    async def act(proxy, desk):
        desk.open.clear()
        await deliver_all(desk, messages(10))
        await until(lambda: desk.carrier._binds[0]._storing)
        proxy.reset()
        desk.open.set()
        # Those were stored and could not be acknowledged: the SMSC has to bring them again.
        await until(lambda: len({told.carrier_ref for told in desk.callbacks}) == 10)

    through_a_proxy(peer, act)


def test_a_connector_of_two_binds_goes_on_with_the_other(peer):
    async def act(_proxy, desk):
        await until(lambda: len(desk.carrier._dispatcher._up) == 2)
        peer.set(respDelay=20)
        submitting = asyncio.create_task(desk.submit(messages(40)))
        await until(lambda: len(desk.said) >= 4)
        desk.carrier._binds[0]._connection._transport.abort()
        outcomes = await submitting
        assert sum(isinstance(each, Uncertain) for each in outcomes) <= WINDOW
        # What waited for the lost bind left by the other.
        assert not any(isinstance(each, AGAIN) for each in outcomes)
        account_for(peer, desk, 40, faults=1)

    through_a_proxy(peer, act, binds=2)


# A server of our own, where the others cannot be told to do it


class Scripted(asyncio.Protocol):
    """Lets anybody in, and does what it is told with the rest."""

    def __init__(self, on_submit=None):
        self.framer = pdu.Framer()
        self.on_submit = on_submit
        self.answers = []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        for frame in self.framer.feed(data):
            _, command, status, sequence = pdu.read_header(frame)
            if command in {Command.BIND_TRANSCEIVER, Command.UNBIND, Command.ENQUIRE_LINK}:
                body = b"own\0" if command == Command.BIND_TRANSCEIVER else b""
                self.transport.write(pdu.frame(command | pdu.ANSWER, sequence, body))
            elif command == Command.SUBMIT_SM and self.on_submit is not None:
                self.on_submit(self, sequence)
            else:
                self.answers.append((command, sequence, status))


def against(server, act, **settings):
    async def play():
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: server, "127.0.0.1", 0) as listening:
            chosen = {
                "host": "127.0.0.1",
                "port": listening.sockets[0].getsockname()[1],
                "system_id": "esme",
                "password": "secret",
            }
            context = ConnectorContext(clock=LoopClock())
            async with started(SmppCarrier(chosen | settings, context)) as desk:
                await until(lambda: desk.carrier._binds[0].is_bound)
                await act(desk)
            # The carrier has hung up; let the server's side notice before the loop is closed.
            await asyncio.sleep(0.01)

    run(play())


def test_damaged_pdus_are_answered_and_kept_and_the_bind_stays():
    whole = pdu.write_body(
        pdu.Message(
            source_addr_ton=1,
            source_addr="15552340001",
            dest_addr_ton=1,
            destination_addr="15559870000",
            short_message=b"STOP",
        )
    )
    bodies = [whole[:end] for end in range(len(whole) + 1)]
    bodies += [whole[:at] + b"\0" + whole[at:] for at in range(len(whole) + 1)]
    frames = [pdu.frame(Command.DELIVER_SM, at, body) for at, body in enumerate(bodies, 1)]
    server = Scripted()

    async def act(desk):
        server.transport.write(b"".join(frames))
        await until(lambda: len(server.answers) == len(frames))
        assert server.answers == [
            (Command.DELIVER_SM_RESP, at, 0) for at in range(1, len(frames) + 1)
        ]
        assert [raw for call in desk.calls for raw in call] == frames
        assert desk.carrier._binds[0].is_bound

    against(server, act)


def test_what_comes_in_one_read_is_stored_in_one_call():
    server = Scripted()
    text = pdu.write_body(
        pdu.Message(source_addr="15552340001", destination_addr="15559870000", short_message=b"hi")
    )

    async def act(desk):
        raws = [pdu.frame(Command.DELIVER_SM, at, text) for at in range(1, 8)]
        server.transport.write(b"".join(raws))
        await until(lambda: len(server.answers) == 7)
        assert desk.calls == [raws]
        assert server.answers == [(Command.DELIVER_SM_RESP, at, 0) for at in range(1, 8)]

    against(server, act)


def test_a_peer_that_speaks_no_smpp_is_left():
    server = Scripted()

    async def act(desk):
        server.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await until(lambda: not desk.carrier._binds[0].is_bound)
        assert server.answers == [(Command.GENERIC_NACK, 0, 0x02)]

    against(server, act)


def test_a_flood_is_read_no_faster_than_it_is_stored():
    server = Scripted()
    text = pdu.write_body(pdu.Message(short_message=b"x" * 200))

    async def act(desk):
        desk.open.clear()
        for at in range(1, 20_001):
            server.transport.write(pdu.frame(Command.DELIVER_SM, at, text))
        bind = desk.carrier._binds[0]
        await until(lambda: bind._unstored > 2_000)
        await asyncio.sleep(0.1)
        # One read is 256 KiB at the most, some thousand texts of this size.
        assert bind._unstored < 5_000
        desk.open.set()
        await until(lambda: len(server.answers) == 20_000)
        assert sum(map(len, desk.calls)) == 20_000

    against(server, act)


def test_a_connection_that_comes_in_a_flood_is_read_once_that_is_stored():
    server = Scripted()
    text = pdu.write_body(pdu.Message(short_message=b"x" * 200))

    async def act(desk):
        desk.open.clear()
        bind = desk.carrier._binds[0]
        for at in range(1, 5_001):
            server.transport.write(pdu.frame(Command.DELIVER_SM, at, text))
        await until(lambda: bind._unstored > 2_000)
        before = server.transport
        before.abort()
        # While nothing is read, only a write shows that the other side is gone.
        while server.transport is before:
            if bind.is_bound:
                bind._connection.session._say(Command.ENQUIRE_LINK)
                bind.flush()
            await asyncio.sleep(0.05)
        await until(lambda: bind.is_bound)
        server.framer, server.answers = pdu.Framer(), []
        # It is read no further than this while the flood is not stored.
        unstored = bind._unstored
        server.transport.write(pdu.frame(Command.DELIVER_SM, 1, text))
        await until(lambda: bind._unstored > unstored)
        desk.open.set()
        await until(lambda: (Command.DELIVER_SM_RESP, 1, 0) in server.answers)
        server.transport.write(pdu.frame(Command.DELIVER_SM, 2, text))
        await until(lambda: (Command.DELIVER_SM_RESP, 2, 0) in server.answers)

    against(server, act)


def test_what_is_unread_because_of_our_storage_is_not_the_smscs_fault():
    answered = []

    def answer(it, sequence):
        it.transport.write(pdu.frame(Command.SUBMIT_SM_RESP, sequence, b"1\0"))
        answered.append(sequence)

    server = Scripted(answer)
    text = pdu.write_body(pdu.Message(short_message=b"x" * 200))

    async def act(desk):
        desk.open.clear()
        bind = desk.carrier._binds[0]
        for at in range(1, 5_001):
            server.transport.write(pdu.frame(Command.DELIVER_SM, at, text))
        await until(lambda: bind._unstored > 2_000)
        submitting = asyncio.create_task(desk.submit([message()]))
        await until(lambda: answered)
        await leap()
        [outcome] = await submitting
        assert isinstance(outcome, Uncertain)
        assert "our storage" in outcome.detail
        while bind.is_bound:
            await leap()
        desk.open.set()

    with logged_here() as logs:
        against(server, act, response_timeout_seconds=AGES, enquire_link_seconds=2 * AGES)
    reasons = [each["reason"] for each in logs if each["event"] == "smpp_lost"]
    assert reasons[0] == "nothing was read for long: our storage has not taken what came before"


class Slamming(Scripted):
    """Lets anybody in, and shuts the door behind them as often as it is told."""

    def __init__(self, times):
        super().__init__(on_submit=self.take)
        self.times = times
        # Whether the last one that came is still let in.
        self.stays = False

    def take(self, _, sequence):
        self.transport.write(pdu.frame(Command.SUBMIT_SM_RESP, sequence, b"M1\0"))

    def data_received(self, data):
        super().data_received(data)
        self.stays = not self.times
        if self.times:
            self.times -= 1
            self.transport.close()
            self.framer = pdu.Framer()


def test_an_smsc_that_lets_us_in_and_hangs_up_is_left_alone_longer_and_longer():
    server = Slamming(2)

    async def act(desk):
        bind = desk.carrier._binds[0]
        await until(lambda: server.stays and bind.is_bound)
        assert isinstance((await desk.submit([message()]))[0], Submitted)
        server.transport.close()
        # It may be back before anybody looks.
        await until(lambda: len(again()) == 3)

    def again():
        return [line["again_in_seconds"] for line in logs if line["event"] == "smpp_lost"]

    with logged_here() as logs:
        against(server, act)
    # A quarter more or less each; what brought an answer was a good one.
    for seconds, expected in zip(again(), (1, 2, 1), strict=True):
        assert 0.7 * expected <= seconds <= 1.3 * expected


@pytest.mark.parametrize(
    "request_",
    [
        pdu.frame(Command.ENQUIRE_LINK, 7),
        # Of a command that there is not: each is answered by a generic_nack.
        pdu.frame(0x0000_0111, 7),
    ],
    ids=["enquire_link", "unknown"],
)
def test_a_peer_that_reads_no_answers_is_not_read_either(request_):
    server = Scripted()

    async def act(desk):
        connection = desk.carrier._binds[0]._connection
        server.transport.pause_reading()
        flood = request_ * 10_000
        for _ in range(400):
            server.transport.write(flood)
            for _ in range(10):
                await asyncio.sleep(0)
            if server.transport.get_write_buffer_size() > 10 * len(flood):
                break
        else:
            raise AssertionError("all of the flood was read")
        # One read is 256 KiB at the most, and its answers are as long.
        assert connection._transport.get_write_buffer_size() < 1_000_000
        server.transport.resume_reading()
        await until(lambda: not server.transport.get_write_buffer_size())
        # It is read again, and what comes then is stored.
        text = pdu.write_body(pdu.Message(short_message=b"STOP"))
        server.transport.write(pdu.frame(Command.DELIVER_SM, 9, text))
        await until(lambda: (Command.DELIVER_SM_RESP, 9, 0) in server.answers)

    against(server, act)


def test_the_connection_has_no_delay():
    async def act(desk):
        import socket

        sock = desk.carrier._binds[0]._connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    against(Scripted(), act)
