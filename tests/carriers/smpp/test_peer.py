"""The carrier against an SMSC that others wrote: what it must survive, case by case."""

import asyncio
import functools

import pytest
from desk import message, messages, started, until
from leaps import AGES, LoopClock, leap, run
from logged import logged_here
from stopped_clock import StoppedClock

from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Reply

LONG = "a" * 200


def playing(**settings):
    """Run a test `(peer, desk)` with a started carrier that has these settings."""

    def decorate(act):
        @functools.wraps(act)
        def test(peer):
            async def play():
                context = ConnectorContext(clock=LoopClock())
                async with started(SmppCarrier(peer.settings(**settings), context)) as desk:
                    await act(peer, desk)

            run(play())

        del test.__wrapped__  # pytest would ask for `desk` as a fixture
        return test

    return decorate


def texts(peer):
    return [each["text"] for each in peer.state["submitted"]]


# The window


@playing(window=4)
async def test_the_window_is_filled_and_never_exceeded(peer, desk):
    peer.set(respDelay=15)
    outcomes = await desk.submit(messages(60))
    assert all(isinstance(outcome, Submitted) for outcome in outcomes)
    assert peer.state["highWater"] == 4


@playing(window=8)
async def test_a_congested_smsc_gets_one_at_a_time(peer, desk):
    peer.set(congestion=100, respDelay=5)
    await desk.submit([message(0)])
    peer.ask("clear")
    await desk.submit(messages(20))
    assert peer.state["highWater"] == 1


@playing(window=50, registered_delivery=0)
async def test_a_call_leaves_in_one_write(peer, desk):
    peer.set(log=False)
    await desk.submit([message(0)])
    written = []
    connection = desk.carrier._binds[0]._connection
    connection._transport = Recording(connection._transport, written)
    await desk.submit(messages(50))
    assert len(written) == 1


class Recording:
    def __init__(self, transport, written):
        self._transport = transport
        self._written = written

    def write(self, data):
        self._written.append(data)
        self._transport.write(data)

    def __getattr__(self, name):
        return getattr(self._transport, name)


# Refusals


@pytest.mark.parametrize("every", [2, 3])
def test_throttled_messages_are_told_and_go_later(peer, every):
    @playing()
    async def play(peer, desk):
        peer.set(throttleEvery=every)
        waiting, rounds = messages(30), 0
        while waiting:
            outcomes = await desk.submit(waiting)
            assert all(isinstance(outcome, Submitted | Throttled) for outcome in outcomes)
            waiting = [
                each
                for each, outcome in zip(waiting, outcomes, strict=True)
                if isinstance(outcome, Throttled)
            ]
            rounds += 1
        assert 2 < rounds < 12
        assert set(texts(peer)) == {f"Number {at}" for at in range(30)}
        assert len(desk.all_of(Submitted)) == 30

    play(peer)


@playing(statuses={"0x45": "throttle"})
async def test_a_status_becomes_an_outcome(peer, desk):
    statuses = {1: 0x58, 2: 0x08, 3: 0x0B, 4: 0x04, 5: 0x45, 6: 0x4FF}
    peer.set(statusOf={str(15552340000 + at): status for at, status in statuses.items()})
    outcomes = await desk.submit(messages(7))
    assert [type(outcome) for outcome in outcomes] == [
        Submitted, Throttled, Failed, Rejected, Unavailable, Throttled, Failed,
    ]  # fmt: skip
    assert outcomes[3].trouble is RecipientTrouble.INVALID_DESTINATION
    assert "ESME_RINVDSTADR" in outcomes[3].detail


@playing()
async def test_a_message_that_was_taken_without_a_name_gets_one(peer, desk):
    peer.set(ids="empty")
    outcomes = await desk.submit(messages(3))
    assert len({outcome.carrier_ref for outcome in outcomes}) == 3


# Long texts


@playing()
async def test_the_parts_of_a_text_are_one_message(peer, desk):
    [outcome] = await desk.submit([message(body=LONG)])
    first, second = peer.state["submitted"]
    assert first["text"] + second["text"] == LONG
    assert (first["udh"], second["udh"]) == (first["udh"][:-2] + "01", first["udh"][:-2] + "02")
    await until(lambda: len(desk.callbacks) == 2)
    assert {receipt.carrier_ref for receipt in desk.callbacks} == {
        outcome.carrier_ref,
        *outcome.further_refs,
    }


@playing()
async def test_a_throttled_part_goes_again_under_the_same_reference(peer, desk):
    peer.set(statusOf={"15552340000": [0, 0x58]})
    [outcome] = await desk.submit([message(body=LONG)])
    assert isinstance(outcome, Submitted)
    assert len(outcome.further_refs) == 1
    _, second, again = peer.state["submitted"]
    assert (second["udh"], second["text"]) == (again["udh"], again["text"])


@playing()
async def test_a_text_of_which_no_part_was_taken_is_as_new(peer, desk):
    peer.set(statusOf={"15552340000": 0x58})
    assert isinstance((await desk.submit([message(body=LONG)]))[0], Throttled)


@playing()
async def test_a_part_that_is_refused_for_good_fails_the_message(peer, desk):
    peer.set(statusOf={"15552340000": [0, 0x01]})
    [outcome] = await desk.submit([message(body=LONG)])
    assert isinstance(outcome, Rejected)
    assert "part 2 of 2 refused: 0x01 ESME_RINVMSGLEN" in outcome.detail


@playing(response_timeout_seconds=AGES)
async def test_a_part_without_an_answer_makes_the_message_uncertain(peer, desk):
    peer.set(dropEvery=2)
    submitting = asyncio.create_task(desk.submit([message(body=LONG)]))
    await until(lambda: (peer.state["submits"], peer.state["answered"]) == (2, 1))
    await leap()
    assert await submitting == [Uncertain("part 2 of 2 no answer in 300 s")]


@pytest.mark.parametrize("way", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("body", ["{€}" * 90, "я\U0001f600" * 60])
def test_the_smsc_reads_the_text_that_was_sent(peer, way, body):
    @playing(long_text=way)
    async def play(peer, desk):
        await desk.submit([message(body=body)])
        submitted = peer.state["submitted"]
        assert "".join(each["text"] for each in submitted) == body
        assert [each["payload"] for each in submitted] == [way == "payload"] * len(submitted)

    play(peer)


# Answers that do not come


@playing(response_timeout_seconds=AGES)
async def test_a_dropped_answer_is_uncertain_and_nothing_else_is(peer, desk):
    peer.set(dropEvery=3)
    submitting = asyncio.create_task(desk.submit(messages(12)))
    await until(lambda: len(desk.said) == 8 and peer.state["submits"] == 12)
    await leap()
    kinds = [type(outcome) for outcome in await submitting]
    assert kinds == [Submitted, Submitted, Uncertain] * 4
    assert len(texts(peer)) == 12


@playing(response_timeout_seconds=AGES)
async def test_a_late_answer_is_told_after_all(peer, desk):
    peer.set(hold=True)
    submitting = asyncio.create_task(desk.submit([message()]))
    await until(lambda: texts(peer))
    await leap()
    assert await submitting == [Uncertain("no answer in 300 s")]
    peer.ask("answer")
    await until(lambda: isinstance(desk.outcomes["m0000000"], Submitted))
    await until(lambda: desk.callbacks)
    assert desk.callbacks[0].carrier_ref == desk.outcomes["m0000000"].carrier_ref


@playing(window=5)
async def test_a_cut_connection_leaves_a_window_uncertain_and_the_rest_unsent(peer, desk):
    peer.set(respDelay=60_000)
    submitting = asyncio.create_task(desk.submit(messages(30)))
    await until(lambda: len(texts(peer)) == 5)
    peer.ask("kill")
    outcomes = await submitting
    assert [type(outcome) for outcome in outcomes] == [Uncertain] * 5 + [Unavailable] * 25
    peer.ask("reset")
    await until(lambda: peer.state["binds"])
    assert all(isinstance(each, Submitted) for each in await desk.submit(messages(30)[5:]))


@playing(response_timeout_seconds=AGES, enquire_link_seconds=AGES)
async def test_a_mute_peer_is_left(peer, desk):
    await desk.submit([message()])
    peer.set(mute=True)
    for asked in (1, 2):
        await leap()
        await until(lambda asked=asked: peer.state["enquired"] == asked)
        assert desk.carrier._binds[0].is_bound
    await leap()
    await until(lambda: not desk.carrier._binds[0].is_bound)
    peer.set(mute=False)
    await leap()
    await until(lambda: desk.carrier._binds[0].is_bound)


@playing(enquire_link_seconds=AGES)
async def test_a_quiet_peer_is_asked_and_kept(peer, desk):
    await desk.submit([message()])
    for asked in range(1, 5):
        await leap()
        await until(lambda asked=asked: peer.state["enquired"] == asked)
    assert len(peer.state["binds"]) == 1
    assert desk.carrier._binds[0].is_bound


@playing(window=2)
async def test_whoever_gives_up_is_told_what_never_left(peer, desk):
    peer.set(respDelay=60_000)
    submitting = asyncio.create_task(desk.submit(messages(6)))
    await until(lambda: len(texts(peer)) == 2)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert [type(outcome) for _, outcome in desk.said] == [Unavailable] * 4
    assert desk.outcomes.keys() == {f"m{at:07}" for at in range(2, 6)}
    peer.ask("kill")
    await until(lambda: len(desk.all_of(Uncertain)) == 2)


# Binds


@playing()
async def test_when_the_smsc_unbinds_we_come_again(peer, desk):
    await desk.submit([message(0)])
    peer.ask("unbind")
    await until(lambda: not desk.carrier._binds[0].is_bound)
    [outcome] = await desk.submit([message(1)])
    assert isinstance(outcome, Unavailable)
    assert "unbound" in outcome.detail
    await until(lambda: desk.carrier._binds[0].is_bound)
    assert isinstance((await desk.submit([message(2)]))[0], Submitted)


def test_a_wrong_password_is_told_loudly_and_not_tried_again_soon(peer):
    async def play():
        context = ConnectorContext(clock=StoppedClock(0))
        carrier = SmppCarrier(peer.settings(password="guess"), context)
        with pytest.raises(CarrierTrouble, match="0x0E ESME_RINVPASWD"):
            await carrier.check()
        async with started(carrier) as desk:
            [outcome] = await desk.submit([message()])
            assert isinstance(outcome, Unavailable)
            assert "0x0E ESME_RINVPASWD: password is wrong" in outcome.detail
            assert outcome.retry_after_ms > 40_000

    with logged_here() as logs:
        asyncio.run(play())
    [failed] = [line for line in logs if line["event"] == "smpp_bind_failed"]
    assert failed["log_level"] == "error"
    assert "guess" not in str(logs)


def test_a_port_that_nobody_listens_at_is_told(peer):
    async def play():
        context = ConnectorContext(clock=StoppedClock(0))
        carrier = SmppCarrier(peer.settings() | {"port": 1}, context)
        with pytest.raises(CarrierTrouble, match=r"Cannot connect to 127\.0\.0\.1:1"):
            await carrier.check()
        async with started(carrier) as desk:
            [outcome] = await desk.submit([message()])
            assert isinstance(outcome, Unavailable)
            assert "cannot connect to 127.0.0.1:1" in outcome.detail
            assert 500 < outcome.retry_after_ms < 2_000

    asyncio.run(play())


def test_an_smsc_that_says_nothing_to_a_bind_is_told(peer):
    async def play():
        peer.set(mute=True)
        with pytest.raises(CarrierTrouble, match="did not answer the bind"):
            await SmppCarrier(peer.settings(response_timeout_seconds=0.2)).check()

    asyncio.run(play())


def test_check_says_who_was_seen_and_leaves(peer):
    said = asyncio.run(SmppCarrier(peer.settings(mode="pair")).check())
    assert "'node-smpp'" in said
    assert "SMPP 3.4" in said
    assert peer.state["unbinds"] == 2


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({}, ["bind_transceiver"]),
        ({"binds": 3}, ["bind_transceiver"] * 3),
        ({"mode": "pair"}, ["bind_receiver", "bind_transmitter"]),
        ({"mode": "pair", "binds": 2}, ["bind_receiver"] * 2 + ["bind_transmitter"] * 2),
    ],
)
def test_a_connector_has_the_binds_it_was_told(peer, settings, kinds):
    @playing(interface_version="5.0", **settings)
    async def play(peer, _):
        await until(lambda: len(peer.state["binds"]) == len(kinds))
        assert sorted(bind["kind"] for bind in peer.state["binds"]) == kinds
        assert {bind["version"] for bind in peer.state["binds"]} == {0x50}

    play(peer)


@playing(binds=3, window=2)
async def test_over_several_binds_each_handset_keeps_its_order(peer, desk):
    await until(lambda: len(peer.state["binds"]) == 3)
    peer.set(respDelay=2)
    batch = [message(at, to=15552340000 + at % 7) for at in range(140)]
    await desk.submit(batch)
    submitted = peer.state["submitted"]
    assert len({each["session"] for each in submitted}) == 3
    for recipient in range(7):
        to = str(15552340000 + recipient)
        heard = [each["text"] for each in submitted if each["destination"][2] == to]
        assert heard == [each.body for each in batch if str(each.recipient) == to]


def test_stop_unbinds_every_bind(peer):
    @playing(mode="pair", binds=2)
    async def play(peer, desk):
        await until(lambda: len(peer.state["binds"]) == 4)
        await desk.submit([message()])

    play(peer)
    assert peer.state["unbinds"] == 4


# What the SMSC brings


@playing(window=100)
async def test_an_answer_is_given_only_once_it_is_stored(peer, desk):
    desk.open.clear()
    await desk.submit([message()])
    await until(lambda: desk.carrier._binds[0]._storing)
    assert peer.state["delivered"] == []
    desk.open.set()
    await until(lambda: peer.state["delivered"] == [0])


@playing()
async def test_a_stop_during_an_outage_of_the_storage_comes_again(peer, desk):
    await until(lambda: peer.state["binds"])
    desk.refusals = 3
    peer.ask(
        "mo",
        source_addr="15552340001",
        destination_addr="15559870000",
        data_coding=0,
        short_message="STOP",
    )
    await until(lambda: desk.calls)
    assert desk.callbacks == [Reply(sender=15552340001, list_number=15559870000, body="STOP")]
    await until(lambda: peer.state["delivered"] == [0x64, 0x64, 0x64, 0])


@playing()
async def test_a_stop_during_an_outage_of_the_line_comes_again(peer, desk):
    await until(lambda: peer.state["binds"])
    peer.ask("kill")
    peer.ask(
        "mo",
        source_addr="15552340001",
        destination_addr="15559870000",
        data_coding=8,
        short_message="СТОП",
    )
    await until(lambda: desk.calls)
    assert desk.callbacks[0].body == "СТОП"


@playing()
async def test_a_bug_in_the_storage_loses_nothing(peer, desk):
    await until(lambda: peer.state["binds"])
    store, desk.deliver = desk.deliver, None  # calling it raises TypeError

    async def broken(_raws):
        raise RuntimeError("a bug")

    desk.carrier._binds[0]._deliver = broken
    await desk.submit([message()])
    await until(lambda: peer.state["delivered"][:2] == [0x64, 0x64])
    desk.carrier._binds[0]._deliver = store
    await until(lambda: desk.callbacks)


@playing()
async def test_a_receipt_may_overtake_its_answer(peer, desk):
    peer.set(dlrFirst=True)
    [outcome] = await desk.submit([message()])
    await until(lambda: desk.callbacks)
    assert [receipt.carrier_ref for receipt in desk.callbacks] == [outcome.carrier_ref]


@playing()
async def test_a_receipt_that_comes_twice_is_handed_over_twice(peer, desk):
    peer.set(dlrTimes=2)
    [outcome] = await desk.submit([message()])
    await until(lambda: len(desk.callbacks) == 2)
    assert [receipt.carrier_ref for receipt in desk.callbacks] == [outcome.carrier_ref] * 2


@pytest.mark.parametrize("ids", ["hex", "HEX0"])
@pytest.mark.parametrize("style", ["text", "tlv", "both"])
def test_a_hexadecimal_id_meets_its_decimal_receipt(peer, ids, style):
    @playing(message_ids="hex_to_dec")
    async def play(peer, desk):
        peer.set(ids=ids, dlr=style)
        outcomes = await desk.submit(messages(10))
        await until(lambda: len(desk.callbacks) == 10)
        refs = {outcome.carrier_ref for outcome in outcomes}
        assert {receipt.carrier_ref for receipt in desk.callbacks} == refs

    play(peer)


@pytest.mark.parametrize(
    ("behaviour", "status", "detail"),
    [
        (
            {"dlr": "text", "dlrStat": "UNDELIV", "dlrErr": "00B"},
            "undelivered",
            "(UNDELIV, err 00B)",
        ),
        ({"dlr": "tlv", "dlrState": 8}, "failed", "REJECTED_UNKNOWN_REASON (REJECTD)"),
        ({"dlr": "both", "dlrState": 1, "dlrStat": "ENROUTE"}, None, "PENDING_ENROUTE"),
        ({"dlr": "both", "dlrState": 1}, "delivered", "DELIVERED_TO_HANDSET"),
        ({"dlr": "both", "dlrState": 6, "dlrStat": "BARRED"}, "undelivered", "(BARRED)"),
    ],
)
def test_a_receipt_says_what_became_of_it(peer, behaviour, status, detail):
    @playing()
    async def play(peer, desk):
        peer.set(**behaviour)
        await desk.submit([message()])
        await until(lambda: desk.callbacks)
        [receipt] = desk.callbacks
        assert receipt.status == (None if status is None else Status(status))
        assert detail in receipt.detail

    play(peer)


@playing(source_addr="+1 555 000 2000", tlvs={"0x1400": "1101234567890123456"})
async def test_the_smsc_sees_a_number_without_its_plus(peer, desk):
    [outcome] = await desk.submit([message()])
    assert isinstance(outcome, Submitted)
    [submit] = peer.state["submitted"]
    assert submit["source"] == [1, 1, "15550002000"]


@playing()
async def test_a_part_of_a_reply_tells_its_place(peer, desk):
    await until(lambda: peer.state["binds"])
    peer.ask(
        "mo",
        source_addr="15552340001",
        destination_addr="15559870000",
        data_coding=0,
        esm_class=0x40,
        hex="050003a70201" + b"ST".hex(),
    )
    await until(lambda: desk.calls)
    [reply] = desk.callbacks
    assert (reply.body, reply.part.reference, reply.part.total, reply.part.number) == (
        "ST", 0xA7, 2, 1,
    )  # fmt: skip
