"""The simulator does what its table says, tells the handset log first, and loses no callback."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.simulator import courier, wire
from sendrail.carriers.simulator.carrier import SimulatorCarrier
from sendrail.carriers.simulator.numbers import MAGIC, Behaviour, Word
from sendrail.domain import phone
from sendrail.domain.consent import Keyword, keyword_of
from sendrail.domain.delivery import (
    Failed,
    Outbound,
    Rejected,
    Submitted,
    Throttled,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble, StorageUnavailable
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply

ROWS = {row.name: row for row in MAGIC}
LIST = 15559870000
ORDINARY = 15552340001
# Thirty seconds of the table become 0.3: long enough apart to tell their order.
SCALE = 0.01
SLACK = 0.3


def message(to=ORDINARY, name="m0000001", body="Hello"):
    return Outbound(
        message_id=name, recipient=to, sender=LIST, body=body, encoding="GSM-7", segments=1
    )


@dataclass
class Desk:
    """Everything the simulator said, in its order and with the time."""

    refusals: int = 0
    said: list = field(default_factory=list)
    refused: list = field(default_factory=list)

    def report(self, told, outcome):
        self.said.append((time.monotonic(), told.message_id, outcome))

    async def deliver(self, callbacks):
        if self.refusals:
            self.refusals -= 1
            self.refused.append((time.monotonic(), list(callbacks)))
            raise StorageUnavailable("not now")
        self.said.extend((time.monotonic(), None, raw) for raw in callbacks)

    @property
    def outcomes(self):
        return [what for _, _, what in self.said if not isinstance(what, bytes)]

    @property
    def callbacks(self):
        return [what for _, _, what in self.said if isinstance(what, bytes)]


def play(act, *, scale=SCALE, refusals=0, **settings):
    """Run `act(carrier, desk)` with a started simulator, return the desk."""

    async def run():
        desk, carrier = Desk(refusals), SimulatorCarrier(settings, time_scale=scale)
        await carrier.start(desk.deliver)
        try:
            await act(carrier, desk)
        finally:
            await carrier.stop()
        return desk

    return asyncio.run(run())


def read(raw):
    try:
        return list(wire.parse(raw))
    except CarrierTrouble:
        return ["unreadable"]


# The table


def test_names_and_numbers_are_unique_and_e164():
    assert len(ROWS) == len({row.number for row in MAGIC}) == len(MAGIC)
    for row in MAGIC:
        assert phone.parse(f"+1555010{row.suffix}") == row.number
        assert len(row.suffix) == 4


def wait_of(does: Behaviour):
    return max((told.after_ms for told in (*does.receipts, *does.replies)), default=0)


def expected_receipt(word: Word, ref):
    return Receipt(
        carrier_ref=ref if word.known else f"nobodys-{ref}",
        status=word.status,
        detail=word.detail,
        message_id="m0000001" if word.echo else None,
    )


@pytest.mark.parametrize("row", MAGIC, ids=lambda row: row.name)
def test_a_number_does_what_its_row_says(row):
    async def act(carrier, desk):
        for _ in range(len(row.does.first) + 1):
            await carrier.submit([message(row.number)], desk.report)
        await asyncio.sleep(wait_of(row.does) * SCALE / 1000 + 0.05)

    began = time.monotonic()
    desk = play(act, receipt_delay_ms=0)
    *first, last = desk.outcomes
    assert first == list(row.does.first)
    if row.does.answer is None:
        assert isinstance(last, Submitted)
    else:
        assert last == row.does.answer

    answered = next(at for at, _, what in reversed(desk.said) if what is last)
    assert answered - began >= row.does.answer_ms * SCALE / 1000
    callbacks = [
        (at, told) for at, _, raw in desk.said if isinstance(raw, bytes) for told in read(raw)
    ]
    receipts = [told for _, told in callbacks if isinstance(told, Receipt)]
    words = [*row.does.early, *row.does.receipts]
    if isinstance(last, Submitted):
        assert receipts == [expected_receipt(word, last.carrier_ref) for word in words]
    else:
        assert [(r.status, r.detail) for r in receipts] == [(w.status, w.detail) for w in words]
    assert [told for _, told in callbacks if isinstance(told, Reply)] == [
        Reply(sender=row.number, list_number=LIST, body=text.body) for text in row.does.replies
    ]
    assert ("unreadable" in [told for _, told in callbacks]) is bool(row.does.noise)

    early = [told for at, told in callbacks if at < answered]
    assert len(early) == len(row.does.early)
    late = [at - answered for at, told in callbacks if isinstance(told, Receipt) and at > answered]
    for waited, word in zip(late, row.does.receipts, strict=True):
        assert word.after_ms * SCALE / 1000 <= waited < word.after_ms * SCALE / 1000 + SLACK


# What the rows are for, spelled out: the table itself could be wrong.
D, U, F = Status.DELIVERED, Status.UNDELIVERED, Status.FAILED
PROMISES = [
    ("delivered", [Submitted], [D]),
    ("handset_off", [Submitted], [U]),
    ("unknown_subscriber", [Submitted], [U]),
    ("filtered_as_spam", [Submitted], [F]),
    ("slow_receipt", [Submitted], [D]),
    ("no_receipt", [Submitted], []),
    ("early_receipt", [Submitted], [D]),
    ("early_receipt_by_reference", [Submitted], [D]),
    ("receipt_by_reference", [Submitted], [D]),
    ("two_receipts", [Submitted], [D, D]),
    ("contradicting_receipts", [Submitted], [D, U]),
    ("en_route_receipt", [Submitted], [None, D]),
    ("unknown_receipt", [Submitted], [D]),
    ("unreadable_callback", [Submitted], ["unreadable", D]),
    ("rejected", [Rejected, Rejected], []),
    ("throttled_first", [Throttled, Throttled, Submitted, Throttled], [D]),
    ("fails_once", [Failed, Submitted, Failed, Submitted], [D, D]),
    ("fails_always", [Failed, Failed, Failed], []),
    ("lost_answer", [Uncertain], [D]),
    ("lost_answer_no_receipt", [Uncertain], []),
    ("slow_answer", [Submitted], [D]),
    ("replies_stop", [Submitted], [D, Keyword.STOP]),
    ("replies_start", [Submitted], [D, Keyword.START]),
    ("replies_help", [Submitted], [D, Keyword.HELP]),
    ("replies_text", [Submitted], [D, "no keyword"]),
]


def gist(told):
    if isinstance(told, Receipt):
        return told.status
    return keyword_of(told.body) or "no keyword" if isinstance(told, Reply) else told


@pytest.mark.parametrize(("name", "outcomes", "afterwards"), PROMISES)
def test_the_rows_cover_what_a_sandbox_must_show(name, outcomes, afterwards):
    async def act(carrier, desk):
        for _ in outcomes:
            await carrier.submit([message(ROWS[name].number)], desk.report)
        await asyncio.sleep(wait_of(ROWS[name].does) * SCALE / 1000 + 0.03)

    desk = play(act, receipt_delay_ms=0)
    assert [type(outcome) for outcome in desk.outcomes] == outcomes
    assert [gist(told) for raw in desk.callbacks for told in read(raw)] == afterwards


def test_every_row_is_promised():
    assert {name for name, _, _ in PROMISES} == ROWS.keys()


def test_a_rejection_and_a_throttle_carry_what_the_queue_needs():
    async def act(carrier, desk):
        numbers = [ROWS["rejected"].number, ROWS["throttled_first"].number]
        await carrier.submit([message(to) for to in numbers], desk.report)

    assert play(act).outcomes == [Rejected("invalid_phone"), Throttled(1000)]


@given(st.integers(0, 9999))
def test_other_numbers_of_the_block_are_ordinary(last):
    number = int(f"1555010{last:04}")
    if number in {row.number for row in MAGIC}:
        return
    desk = play(lambda carrier, desk: carrier.submit([message(number)], desk.report))
    assert isinstance(desk.outcomes[0], Submitted)


# The ordinary way


def test_receipts_of_a_batch_come_a_hundred_to_a_callback():
    async def act(carrier, desk):
        batch = [message(ORDINARY + at, f"m{at}") for at in range(250)]
        await carrier.submit(batch, desk.report)
        await asyncio.sleep(0.05)

    desk = play(act, receipt_delay_ms=0)
    receipts = [told for raw in desk.callbacks for told in read(raw)]
    assert [len(read(raw)) for raw in desk.callbacks] == [100, 100, 50]
    assert [told.carrier_ref for told in receipts] == [told.carrier_ref for told in desk.outcomes]
    assert [told.message_id for told in receipts] == [f"m{at}" for at in range(250)]
    assert {(told.status, told.detail) for told in receipts} == {(D, "DELIVERED_TO_HANDSET")}


def test_the_delays_are_the_settings():
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        await asyncio.sleep(0.2)

    began = time.monotonic()
    desk = play(act, scale=1, answer_delay_ms=60, receipt_delay_ms=90)
    (answered, _, _), (received, _, _) = desk.said
    assert 0.06 <= answered - began < 0.06 + SLACK
    assert 0.09 <= received - answered < 0.09 + SLACK


def test_a_magic_recipient_holds_up_no_ordinary_one():
    async def act(carrier, desk):
        slow = message(ROWS["slow_answer"].number, "slow")
        await carrier.submit([slow, message(name="quick")], desk.report)

    desk = play(act)
    assert [name for _, name, what in desk.said if isinstance(what, Submitted)] == ["quick", "slow"]


def test_stop_waits_for_a_slow_answer_and_forgets_what_was_to_come():
    async def act(carrier, desk):
        slow = message(ROWS["slow_answer"].number)
        submit = asyncio.create_task(carrier.submit([slow], desk.report))
        await asyncio.sleep(0)
        await carrier.stop()
        assert submit.done() or len(desk.outcomes) == 1
        await submit
        await asyncio.sleep(0.05)

    desk = play(act, receipt_delay_ms=100)
    assert isinstance(desk.outcomes[0], Submitted)
    assert not desk.callbacks


def test_nothing_is_taken_after_a_stop():
    async def act(carrier, desk):
        await carrier.stop()
        await carrier.submit([message()], desk.report)

    assert play(act).outcomes == [Failed("the simulator is not running")]


# Callbacks that are not stored


def test_what_was_not_stored_is_offered_again_in_order():
    async def act(carrier, desk):
        for name in ("contradicting_receipts", "delivered"):
            await carrier.submit([message(ROWS[name].number, name)], desk.report)
        await asyncio.sleep(0.2)

    desk = play(act, refusals=2, receipt_delay_ms=0, scale=0.02)
    (first, once), (second, again) = desk.refused
    assert second - first >= 0.02
    assert again[: len(once)] == once
    told = [(r.message_id, r.status) for raw in desk.callbacks for r in read(raw)]
    assert sorted(told) == [
        ("contradicting_receipts", D),
        ("contradicting_receipts", U),
        ("delivered", D),
    ]
    assert told.index(("contradicting_receipts", D)) < told.index(("contradicting_receipts", U))


def test_an_early_receipt_that_was_not_stored_does_not_hold_up_the_answer():
    async def act(carrier, desk):
        await carrier.submit([message(ROWS["early_receipt"].number)], desk.report)
        await asyncio.sleep(0.1)

    desk = play(act, refusals=1)
    [outcome], [raw] = desk.outcomes, desk.callbacks
    assert [told.carrier_ref for told in read(raw)] == [outcome.carrier_ref]


def test_only_so_many_callbacks_wait(monkeypatch):
    monkeypatch.setattr(courier, "WAITING_MAX", 3)

    async def act(carrier, desk):
        for at in range(5):
            await carrier.submit([message(name=f"m{at}")], desk.report)
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.1)

    desk = play(act, refusals=1, receipt_delay_ms=0, scale=0.05)
    assert [r.message_id for raw in desk.callbacks for r in read(raw)] == ["m0", "m1", "m2"]


def test_a_bug_in_the_intake_costs_its_own_callbacks_only():
    async def run():
        desk, carrier = Desk(), SimulatorCarrier({"receipt_delay_ms": 0})

        async def deliver(callbacks):
            if b"m0" in callbacks[0]:
                raise ZeroDivisionError
            await desk.deliver(callbacks)

        await carrier.start(deliver)
        for name in ("m0", "m1"):
            await carrier.submit([message(name=name)], desk.report)
            await asyncio.sleep(0.02)
        await carrier.stop()
        return desk

    assert [r.message_id for raw in asyncio.run(run()).callbacks for r in read(raw)] == ["m1"]


# Reading callbacks


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"{}", []),
        (b'{"results": [], "balance": 3}', []),
        (
            b'{"results":[{"ref":"a","messageId":"x7y8z9w0","status":"FAILED","detail":"spam"}]}',
            [Receipt(carrier_ref="a", status=F, detail="spam", message_id="x7y8z9w0")],
        ),
        (
            b'{"results":[{"ref":"a","status":"ENROUTE","detail":""}]}',
            [Receipt(carrier_ref="a", status=None, detail="")],
        ),
        (
            b'{"replies":[{"from":"+15550100030","to":"+15559870000","text":"STOP"}]}',
            [Reply(sender=15550100030, list_number=15559870000, body="STOP")],
        ),
    ],
)
def test_a_callback_says(raw, told):
    assert wire.parse(raw) == told


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b'{"results":[{"ref":"a","status":"EATEN","detail":""}]}',
        b'{"results":[{"status":"DELIVERED","detail":""}]}',
        b'{"results":[{"ref":"\xff","status":"DELIVERED","detail":""}]}',
        b'{"replies":[{"from":"15550100030","to":"+15559870000","text":"STOP"}]}',
        b'{"x":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_trouble(raw):
    with pytest.raises(CarrierTrouble):
        wire.parse(raw)


@given(st.binary())
def test_any_bytes_are_read_or_trouble(raw):
    read(raw)


# The handset log


class Log:
    """A handset log that reads when it is told to."""

    def __init__(self, path, *, buffer=None):
        self._listener = socket.socket(socket.AF_UNIX)
        if buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(5)
        self._connection = None

    def connection(self):
        if self._connection is None:
            self._connection, _ = self._listener.accept()
            self._connection.setblocking(False)
        return self._connection

    def read(self):
        try:
            return self.connection().recv(1 << 24)
        except BlockingIOError:
            return b""

    def lines(self):
        return [json.loads(line) for line in self.read().splitlines()]

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

    play(act, handsets=str(tmp_path / "log"))
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

    desk = play(act, handsets=str(tmp_path / "log"))
    rung = [line["message_id"] for line in log.lines()]
    assert rung == ["m0", "delivered", "lost_answer", "early_receipt", "m1"]
    assert len(desk.outcomes) == 8


def test_without_a_log_process_messages_fail_and_a_refusal_stays_a_refusal(tmp_path):
    async def act(carrier, desk):
        numbers = [ORDINARY, ROWS["lost_answer"].number, ROWS["rejected"].number]
        await carrier.submit([message(to, str(to)) for to in numbers], desk.report)
        await asyncio.sleep(0.05)

    desk = play(act, receipt_delay_ms=0, handsets=str(tmp_path / "nobody"))
    lost = Failed("handset log not connected")
    assert desk.outcomes == [lost, lost, Rejected("invalid_phone")]
    assert not desk.callbacks


def test_a_log_process_that_comes_later_is_found(tmp_path):
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        log = Log(tmp_path / "log")
        await carrier.submit([message()], desk.report)
        assert len(log.lines()) == 1
        log.close()

    desk = play(act, handsets=str(tmp_path / "log"))
    assert [type(outcome) for outcome in desk.outcomes] == [Failed, Submitted]


def test_a_log_that_hangs_up_leaves_nothing_to_doubt_between_two_messages(log, tmp_path):
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        log.connection()
        log.close()
        await carrier.submit([message()], desk.report)

    desk = play(act, handsets=str(tmp_path / "log"))
    assert desk.outcomes[0].__class__ is Submitted
    assert desk.outcomes[1] == Failed("handset log not connected")


def test_a_log_that_breaks_off_leaves_one_message_in_doubt(log, tmp_path):
    async def act(carrier, desk):
        # Far more than the socket holds, so that the last line to begin has not all left.
        batch = [message(name=f"m{at}", body="x" * 100_000) for at in range(20)]
        submit = asyncio.create_task(carrier.submit(batch, desk.report))
        await asyncio.sleep(0.05)
        assert not desk.outcomes
        desk.bytes_left = len(log.read())
        log.close()
        await submit

    desk = play(act, handsets=str(tmp_path / "log"))
    fates = dict.fromkeys(f"m{at}" for at in range(20))
    fates |= {name: type(what) for _, name, what in desk.said if name}
    kinds = list(fates.values())
    whole = kinds.count(Submitted)
    assert kinds == [Submitted] * whole + [Uncertain] + [Failed] * (19 - whole)


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

    desk = play(act, handsets=str(tmp_path / "log"))
    assert {type(outcome) for outcome in desk.outcomes} == {Submitted}
