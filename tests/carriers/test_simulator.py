"""The simulator does what its table says, and loses no callback."""

import asyncio
from dataclasses import dataclass, field

import pytest
from grounds import in_own_time
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.simulator import courier, wire
from sendrail.carriers.simulator.carrier import SimulatorCarrier
from sendrail.carriers.simulator.numbers import MAGIC, SimulatedReceipt
from sendrail.domain import phone
from sendrail.domain.consent import Keyword, read_reply
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Rejected,
    Submitted,
    Throttled,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble, StorageUnavailable
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.domain.text import Encoding

ROWS = {row.name: row for row in MAGIC}
LIST = 15559870000
ORDINARY = 15552340001


def message(to=ORDINARY, name="m0000001", body="Hello"):
    return OutboundMessage(
        message_id=name, recipient=to, sender=LIST, body=body, encoding=Encoding.GSM7, segments=1
    )


@dataclass
class Desk:
    """Everything the simulator said, in its order and with the time."""

    refusals: int = 0
    began: int = 0
    said: list = field(default_factory=list)
    refused: list = field(default_factory=list)

    def report(self, told, outcome):
        self.said.append((_now(), told.message_id, outcome))

    async def deliver(self, callbacks):
        if self.refusals:
            self.refusals -= 1
            self.refused.append((_now(), list(callbacks)))
            raise StorageUnavailable("not now")
        self.said.extend((_now(), None, raw) for raw in callbacks)

    @property
    def outcomes(self):
        return [what for _, _, what in self.said if not isinstance(what, bytes)]

    @property
    def callbacks(self):
        return [what for _, _, what in self.said if isinstance(what, bytes)]

    @property
    def told(self):
        return [told for raw in self.callbacks for told in read(raw)]

    async def hears(self, count):
        """Wait for so many receipts and replies, and a little for one too many."""
        async with asyncio.timeout(600):
            while len(self.told) < count:  # noqa: ASYNC110 - a poll is plain and quick enough
                await asyncio.sleep(0.002)
        await asyncio.sleep(60)


def _now():
    """Return the milliseconds of a clock that stands still but for sleeps."""
    return round(asyncio.get_running_loop().time() * 1_000)


def play(act, *, refusals=0, **settings):
    """Run `act(carrier, desk)` with a started simulator, return the desk."""

    async def run():
        desk, carrier = Desk(refusals), SimulatorCarrier(settings)
        broken = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: broken.append(what))
        await carrier.start(desk.deliver)
        desk.began = _now()
        try:
            await act(carrier, desk)
        finally:
            await carrier.stop()
        assert not broken
        return desk

    return in_own_time(run())


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


def things_told(does):
    return len(does.early) + bool(does.noise) + len(does.receipts) + len(does.replies)


def expected_receipt(word: SimulatedReceipt, ref):
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
        await desk.hears(things_told(row.does))

    desk = play(act, receipt_delay_ms=0)
    *first, last = desk.outcomes
    assert first == list(row.does.first)
    if row.does.answer is None:
        assert isinstance(last, Submitted)
    else:
        assert last == row.does.answer

    answered = next(at for at, _, what in reversed(desk.said) if what is last)
    assert answered - desk.began >= row.does.answer_ms
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

    # Both may be at one moment of this clock: which came first, the desk's order tells.
    position = next(i for i, (_, _, what) in enumerate(desk.said) if what is last)
    before = [
        told for _, _, raw in desk.said[:position] if isinstance(raw, bytes) for told in read(raw)
    ]
    assert len(before) == len(row.does.early)
    late = [at - answered for at, told in callbacks[len(before) :] if isinstance(told, Receipt)]
    for waited, word in zip(late, row.does.receipts, strict=True):
        assert waited == word.after_ms


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
    return read_reply(told.body).keyword or "no keyword" if isinstance(told, Reply) else told


@pytest.mark.parametrize(("name", "outcomes", "afterwards"), PROMISES)
def test_the_rows_cover_what_a_sandbox_must_show(name, outcomes, afterwards):
    async def act(carrier, desk):
        for _ in outcomes:
            await carrier.submit([message(ROWS[name].number)], desk.report)
        await desk.hears(len(afterwards))

    desk = play(act, receipt_delay_ms=0)
    assert [type(outcome) for outcome in desk.outcomes] == outcomes
    assert [gist(told) for told in desk.told] == afterwards


def test_every_row_is_promised():
    assert {name for name, _, _ in PROMISES} == ROWS.keys()


def test_a_rejection_and_a_throttle_carry_what_the_queue_needs():
    async def act(carrier, desk):
        numbers = [ROWS["rejected"].number, ROWS["throttled_first"].number]
        await carrier.submit([message(to) for to in numbers], desk.report)

    assert play(act).outcomes == [Rejected("REJECTED_DESTINATION"), Throttled(1000)]


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
        await desk.hears(250)

    desk = play(act, receipt_delay_ms=0)
    receipts = desk.told
    assert [len(read(raw)) for raw in desk.callbacks] == [100, 100, 50]
    assert [told.carrier_ref for told in receipts] == [told.carrier_ref for told in desk.outcomes]
    assert [told.message_id for told in receipts] == [f"m{at}" for at in range(250)]
    assert {(told.status, told.detail) for told in receipts} == {(D, "DELIVERED_TO_HANDSET")}


def test_the_delays_are_the_settings():
    async def act(carrier, desk):
        await carrier.submit([message()], desk.report)
        await desk.hears(1)

    desk = play(act, answer_delay_ms=60, receipt_delay_ms=90)
    (answered, _, _), (received, _, _) = desk.said
    assert answered - desk.began == 60
    assert received - answered == 90


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
        await asyncio.sleep(60)

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
        await desk.hears(3)

    desk = play(act, refusals=2, receipt_delay_ms=0)
    (first, once), (second, again) = desk.refused
    assert second - first == 1_000
    assert again[: len(once)] == once
    told = [(receipt.message_id, receipt.status) for receipt in desk.told]
    assert sorted(told) == [
        ("contradicting_receipts", D),
        ("contradicting_receipts", U),
        ("delivered", D),
    ]
    assert told.index(("contradicting_receipts", D)) < told.index(("contradicting_receipts", U))


def test_an_early_receipt_that_was_not_stored_does_not_hold_up_the_answer():
    async def act(carrier, desk):
        await carrier.submit([message(ROWS["early_receipt"].number)], desk.report)
        await desk.hears(1)

    desk = play(act, refusals=1)
    [outcome], [receipt] = desk.outcomes, desk.told
    assert receipt.carrier_ref == outcome.carrier_ref


def test_only_so_many_callbacks_wait(monkeypatch):
    monkeypatch.setattr(courier, "WAITING_MAX", 3)

    async def act(carrier, desk):
        for at in range(5):
            await carrier.submit([message(name=f"m{at}")], desk.report)
            await asyncio.sleep(0.002)
        await desk.hears(3)

    desk = play(act, refusals=1, receipt_delay_ms=0)
    assert [receipt.message_id for receipt in desk.told] == ["m0", "m1", "m2"]


def test_a_bug_in_the_intake_costs_its_own_callbacks_only():
    async def run():
        desk, carrier = Desk(), SimulatorCarrier({"receipt_delay_ms": 0})

        async def deliver(callbacks):
            if b"m0" in callbacks[0]:
                raise ZeroDivisionError
            await desk.deliver(callbacks)

        await carrier.start(deliver)
        await carrier.submit([message(name="m0")], desk.report)
        await asyncio.sleep(0.02)
        await carrier.submit([message(name="m1")], desk.report)
        await desk.hears(1)
        await carrier.stop()
        return desk

    assert [receipt.message_id for receipt in in_own_time(run()).told] == ["m1"]
