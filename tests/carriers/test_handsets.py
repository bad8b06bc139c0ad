"""The handset log has each message before its outcome is told, and a broken log is told rightly."""

import asyncio
import json
import select
import socket

import pytest

from sendrail.carriers.simulator.carrier import SimulatorCarrier
from sendrail.carriers.simulator.numbers import MAGIC
from sendrail.domain.delivery import Failed, OutboundMessage, Rejected, Submitted, Uncertain
from sendrail.domain.text import Encoding

ROWS = {row.name: row for row in MAGIC}
LIST = 15559870000
ORDINARY = 15552340001


def message(to=ORDINARY, name="m0000001", body="Hello"):
    return OutboundMessage(
        message_id=name, recipient=to, sender=LIST, body=body, encoding=Encoding.GSM7, segments=1
    )


class Desk:
    def __init__(self):
        self.fates = []
        self.callbacks = []

    def report(self, told, outcome):
        self.fates.append((told.message_id, outcome))

    async def deliver(self, callbacks):
        self.callbacks.extend(callbacks)

    @property
    def outcomes(self):
        return [outcome for _, outcome in self.fates]


def play(act, path):
    """Run `act(carrier, desk)` with a simulator that has its log at `path`, return the desk."""

    async def run():
        desk = Desk()
        carrier = SimulatorCarrier({"receipt_delay_ms": 0, "handsets": str(path)}, time_scale=0.01)
        await carrier.start(desk.deliver)
        try:
            await act(carrier, desk)
        finally:
            await carrier.stop()
        return desk

    return asyncio.run(run())


class Log:
    """A handset log that reads when it is told to."""

    def __init__(self, path, *, buffer=None):
        self._listener = socket.socket(socket.AF_UNIX)
        if buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(60)
        self._connection = None

    def connection(self):
        if self._connection is None:
            self._connection, _ = self._listener.accept()
            self._connection.setblocking(False)
        return self._connection

    async def begins(self):
        """Wait until something is there to be read: what writes has filled the socket by then."""
        async with asyncio.timeout(60):
            while not self._has(self._listener):  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.001)
            while not self._has(self.connection()):  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    @staticmethod
    def _has(end):
        return bool(select.select([end], [], [], 0)[0])

    def read(self):
        try:
            return self.connection().recv(1 << 24)
        except BlockingIOError:
            return b""

    def lines(self):
        return [json.loads(line) for line in self.read().splitlines()]

    def hang_up(self):
        """Read to the end of a connection that the other side has closed, and take the next."""
        self._connection.settimeout(60)
        while self._connection.recv(1 << 24):
            pass
        self._connection.close()
        self._connection = None

    def close(self):
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path / "log")
    yield log
    log.close()


def test_the_log_has_a_message_before_its_outcome_is_reported(log, tmp_path):
    rung = []

    async def act(carrier, desk):
        def report(told, outcome):
            # Read in the middle of the report: the kernel must have it all by now.
            rung.extend(log.lines())
            desk.report(told, outcome)

        await carrier.submit([message(body="Grüße\n😊")], report)

    play(act, tmp_path / "log")
    assert rung == [
        {
            "message_id": "m0000001",
            "to": f"+{ORDINARY}",
            "from": f"+{LIST}",
            "body": "Grüße\n😊",
        }
    ]


def test_the_log_has_what_arrived_in_order_and_nothing_else(log, tmp_path):
    names = [
        "delivered",
        "rejected",
        "lost_answer",
        "fails_always",
        "throttled_first",
        "early_receipt",
    ]

    async def act(carrier, desk):
        batch = [message(ROWS[name].number, name) for name in names]
        await carrier.submit([message(name="m0"), *batch, message(name="m1")], desk.report)

    desk = play(act, tmp_path / "log")
    rung = [line["message_id"] for line in log.lines()]
    assert rung == ["m0", "delivered", "lost_answer", "early_receipt", "m1"]
    assert len(desk.outcomes) == 8


def test_without_a_log_process_messages_fail_and_a_refusal_stays_a_refusal(tmp_path):
    async def act(carrier, desk):
        numbers = [ORDINARY, ROWS["lost_answer"].number, ROWS["rejected"].number]
        await carrier.submit([message(to, str(to)) for to in numbers], desk.report)
        await asyncio.sleep(0.05)

    desk = play(act, tmp_path / "nobody")
    lost = Failed("handset log not connected")
    assert desk.outcomes == [lost, lost, Rejected("REJECTED_DESTINATION")]
    assert not desk.callbacks


def test_a_log_process_that_comes_later_is_found(tmp_path):
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        log = Log(tmp_path / "log")
        await carrier.submit([message()], desk.report)
        assert len(log.lines()) == 1
        log.close()

    desk = play(act, tmp_path / "log")
    assert [type(outcome) for outcome in desk.outcomes] == [Failed, Submitted]


def test_a_log_that_hangs_up_leaves_nothing_to_doubt_between_two_messages(log, tmp_path):
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        log.connection()
        log.close()
        await carrier.submit([message()], desk.report)

    desk = play(act, tmp_path / "log")
    assert isinstance(desk.outcomes[0], Submitted)
    assert desk.outcomes[1] == Failed("handset log not connected")


def test_a_log_that_breaks_off_leaves_one_message_in_doubt(log, tmp_path):
    async def act(carrier, desk):
        # Far more than the socket holds, so that the last line to begin has not all left.
        batch = [message(name=f"m{at}", body="x" * 100_000) for at in range(20)]
        submit = asyncio.create_task(carrier.submit(batch, desk.report))
        await log.begins()
        assert not desk.outcomes
        log.read()
        log.close()
        await submit

    desk = play(act, tmp_path / "log")
    fates = dict.fromkeys(f"m{at}" for at in range(20))
    fates |= {name: type(outcome) for name, outcome in desk.fates}
    kinds = list(fates.values())
    whole = kinds.count(Submitted)
    assert kinds == [Submitted] * whole + [Uncertain] + [Failed] * (19 - whole)


def test_a_message_given_up_in_its_middle_does_not_spoil_the_next_line(log, tmp_path):
    async def act(carrier, desk):
        long = [message(body="x" * 10_000_000)]
        submit = asyncio.create_task(carrier.submit(long, desk.report))
        await log.begins()
        assert log.read()
        submit.cancel()
        await asyncio.wait([submit])
        log.hang_up()
        await carrier.submit([message(name="next")], desk.report)
        assert [line["message_id"] for line in log.lines()] == ["next"]

    assert len(play(act, tmp_path / "log").outcomes) == 1


def test_a_log_that_reads_slowly_gets_everything(log, tmp_path):
    async def act(carrier, desk):
        batch = [message(name=f"m{at}", body="x" * 100_000) for at in range(20)]
        submit = asyncio.create_task(carrier.submit(batch, desk.report))
        read = b""
        while not submit.done():
            await asyncio.sleep(0.001)
            read += log.read()
        read += log.read()
        assert [json.loads(line)["message_id"] for line in read.splitlines()] == [
            f"m{at}" for at in range(20)
        ]

    desk = play(act, tmp_path / "log")
    assert {type(outcome) for outcome in desk.outcomes} == {Submitted}
