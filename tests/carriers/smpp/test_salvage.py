"""PDUs that are cut, padded or counted wrongly at every octet: what matters is used or kept.

A wrong reading is worse than none: whatever is not the callback that was sent must be trouble,
which keeps the PDU whole among the refused.
"""

import struct
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.smpp import pdu, salvage, settings
from sendrail.carriers.smpp.pdu import Command, Pdu, Tag
from sendrail.carriers.smpp.receipts import read
from sendrail.carriers.smpp.session import (
    DeliverReceived,
    Role,
    Session,
    SessionBound,
    SessionEnded,
    State,
    SubmitAnswered,
    Timing,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply, has_receipts_form

CONNECTOR = settings.read({"host": "127.0.0.1", "system_id": "esme", "password": "secret"})
SENDER, LIST = 15552340001, 15559870000
FIELDS = {
    "source_addr_ton": 1,
    "source_addr_npi": 1,
    "source_addr": str(SENDER),
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": str(LIST),
}
RECEIPT_TEXT = (
    b"id:4711ABCD sub:001 dlvrd:001 submit date:2601011200 done date:2601011201"
    b" stat:DELIVRD err:000 text:Unsubscribe any time"
)
RECEIPT_TLVS = ((Tag.RECEIPTED_MESSAGE_ID, b"4711ABCD\0"), (Tag.MESSAGE_STATE, b"\x02"))


def deliver(text=b"", *, command=Command.DELIVER_SM, **more):
    if command == Command.DATA_SM:
        body = pdu.DataMessage(**FIELDS | more)
    else:
        body = pdu.Message(**FIELDS | more, short_message=text)
    return pdu.frame(command, 7, pdu.write_body(body))


STOPS = {
    "gsm": deliver(b"STOP"),
    "no plan": deliver(b"STOP", source_addr_npi=0, dest_addr_npi=0),
    "no type": deliver(b"STOP", source_addr_ton=0, dest_addr_ton=0),
    "latin1": deliver(b"STOP", data_coding=3),
    "ucs2": deliver("STOP".encode("utf-16-be"), data_coding=8),
    "with a parameter": deliver(b"STOP", tlvs=((0x0204, b"\x00\x01"),)),
    "payload": deliver(tlvs=((Tag.MESSAGE_PAYLOAD, b"STOP"),)),
    "data_sm": deliver(command=Command.DATA_SM, tlvs=((Tag.MESSAGE_PAYLOAD, b"STOP"),)),
}
RECEIPTS = {
    "text": deliver(RECEIPT_TEXT, esm_class=4),
    "both": deliver(RECEIPT_TEXT, esm_class=4, tlvs=RECEIPT_TLVS),
    "unmarked": deliver(RECEIPT_TEXT, tlvs=RECEIPT_TLVS),
    "ucs2": deliver(RECEIPT_TEXT[:100].decode().encode("utf-16-be"), esm_class=4, data_coding=8),
    "data_sm": deliver(command=Command.DATA_SM, esm_class=4, tlvs=RECEIPT_TLVS),
}
MORE = {
    "parts": deliver(bytes((5, 0, 3, 9, 2, 1)) + b"STOP", esm_class=0x40),
    "sar": deliver(
        b"STOP",
        tlvs=(
            (Tag.SAR_MSG_REF_NUM, b"\x00\x09"),
            (Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
            (Tag.SAR_SEGMENT_SEQNUM, b"\x01"),
        ),
    ),
}
ALL = STOPS | RECEIPTS | MORE


def relabelled(frame):
    """Return octets as one PDU: command_length says how many there are."""
    return struct.pack(">I", len(frame)) + frame[4:]


def said(frame):
    """Return what a callback says, or None where it is refused."""
    try:
        return read(relabelled(frame), CONNECTOR)
    except CarrierTrouble:
        return None


def text_at(frame):
    """Return where the text of a deliver_sm begins."""
    _, end, _ = pdu.read_fields(frame, Command.DELIVER_SM)
    return end - len(pdu.read(frame).body.short_message)


def all_cuts(frame):
    return [frame[:end] for end in range(pdu.HEADER_OCTETS, len(frame))]


def all_pads(frame, octets):
    return [frame[:at] + octets + frame[at:] for at in range(pdu.HEADER_OCTETS, len(frame) + 1)]


# A NUL too many, wherever it is


@pytest.mark.parametrize("name", STOPS)
def test_a_stop_with_one_nul_too_many_is_a_stop(name):
    frame = STOPS[name]
    refused = 0
    for at, padded in enumerate(all_pads(frame, b"\0"), pdu.HEADER_OCTETS):
        reply = said(padded)
        if reply is None:
            refused += 1
            continue
        assert isinstance(reply, Reply), at
        assert (reply.sender, reply.list_number) == (SENDER, LIST), at
        assert reply.body == "STOP", at
    # In the head of the parameter that has the text, nothing tells where it begins.
    assert refused <= (4 if name.startswith(("payload", "data_sm")) else 0)


def test_a_nul_that_may_have_come_in_at_two_places_is_not_taken_away():
    # \0\1 with one more is \0\0\1 or \0\1\0: without the one it is \0\1, without the other \1\0.
    frame = deliver(command=Command.DATA_SM, tlvs=((0x0204, b"\0\1"),))
    readings = {}
    for padded in all_pads(frame, b"\0"):
        salvaged = salvage.read(relabelled(padded))
        readings.setdefault("too many" in salvaged.flaw, set()).add(salvaged.body.tlvs)
    assert readings[True] == {((0x0204, b"\0\1"),)}
    assert readings[False]


@pytest.mark.parametrize("name", ["text", "both", "unmarked"])
def test_a_receipt_with_one_nul_too_many_is_a_receipt(name):
    for at, padded in enumerate(all_pads(RECEIPTS[name], b"\0"), pdu.HEADER_OCTETS):
        receipt = said(padded)
        assert isinstance(receipt, Receipt), at
        assert (receipt.carrier_ref, receipt.status) == ("4711ABCD", Status.DELIVERED), at


@pytest.mark.parametrize(
    "tail", [b"\0", b"\0\0", b"\x14", b"\x14\x00", b"\x14\0\0\x09abc", b"\x04\x27\0\x01"]
)
@pytest.mark.parametrize("name", STOPS)
def test_a_tail_that_is_no_parameter_is_passed_over(name, tail):
    frame = STOPS[name]
    reply = said(frame + tail)
    assert reply == said(frame)
    assert reply.flaw
    assert said(frame).flaw is None


# Cut, wherever it is


@pytest.mark.parametrize("name", ["gsm", "latin1", "with a parameter"])
def test_a_stop_that_is_cut_is_used_once_its_text_is_there(name):
    frame = STOPS[name]
    start = text_at(frame)
    for end, cut in enumerate(all_cuts(frame), pdu.HEADER_OCTETS):
        reply = said(cut)
        if end <= start:
            assert reply is None, end
        else:
            assert reply.body == "STOP"[: end - start], end
            assert (reply.sender, reply.list_number) == (SENDER, LIST)


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_receipt_that_is_cut_never_names_another_message_or_state(name):
    whole = said(RECEIPTS[name])
    found = [callback for cut in all_cuts(RECEIPTS[name]) if (callback := said(cut)) is not None]
    used = [each for each in found if isinstance(each, Receipt)]
    assert {(each.carrier_ref, each.status) for each in used} <= {(whole.carrier_ref, whole.status)}
    assert whole.carrier_ref == "4711ABCD"
    # Without its mark it is a text, of which no keyword is read.
    for each in found:
        assert isinstance(each, Receipt) or has_receipts_form(each.body) or "text" not in each.body
    if name == "text":
        # From where its state is whole.
        assert len(used) == len(b" err:000 text:Unsubscribe any time")


def test_a_parameter_that_is_cut_costs_no_other():
    frame = deliver(esm_class=4, tlvs=(*RECEIPT_TLVS, (Tag.NETWORK_ERROR_CODE, b"\x03\x00\x01")))
    for cut in range(1, 7):
        receipt = said(frame[:-cut])
        assert (receipt.carrier_ref, receipt.status) == ("4711ABCD", Status.DELIVERED)


@pytest.mark.parametrize("name", ["payload", "data_sm"])
def test_a_payload_that_is_cut_is_used_as_far_as_it_goes(name):
    assert said(STOPS[name][:-1]).body == "STO"


# A length that is wrong


@pytest.mark.parametrize("off", [-3, -2, -1, 1, 2, 3, 100])
@pytest.mark.parametrize("name", ["gsm", "latin1", "ucs2", "with a parameter"])
def test_a_text_may_be_longer_or_shorter_than_it_is_said_to_be(name, off):
    frame = bytearray(STOPS[name])
    frame[text_at(STOPS[name]) - 1] += off
    reply = said(bytes(frame))
    assert (reply.body, reply.sender) == ("STOP", SENDER)
    assert reply.flaw


@pytest.mark.parametrize("off", [-20, -3, -1, 1, 3, 20])
@pytest.mark.parametrize("name", ["text", "both", "unmarked"])
def test_so_may_a_receipts(name, off):
    frame = bytearray(RECEIPTS[name])
    frame[text_at(RECEIPTS[name]) - 1] += off
    receipt = said(bytes(frame))
    assert (receipt.carrier_ref, receipt.status) == ("4711ABCD", Status.DELIVERED)


# Answers


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"M1\0", "M1"),
        (b"M1", "M1"),
        (b"M1\0\0", "M1"),
        (b"M1\0\0\0\0", "M1"),
        (b" M1 \r\n\0", "M1"),
        (b"M1\0\x04\x28\0\x01", "M1"),
        (b"M1\x04\x28\0\x01\x00", "M1"),
        (b"\0", ""),
        (b"", ""),
        (b" \0", ""),
        (b"c449ab97-44ea 1\0", "c449ab97-44ea 1"),
    ],
)
def test_an_answers_id_is_read_whatever_stands_around_it(body, name):
    session = bound()
    session.submit(b"body", "a message", 0.0)
    session.take()
    answer = pdu.frame(Command.SUBMIT_SM_RESP, 2, body)
    assert session.receive(answer, 1.0) == [SubmitAnswered("a message", 0, name, late=False)]


def test_an_answer_that_is_cut_still_narrows_the_window():
    session = bound()
    session.submit(b"body", "a message", 0.0)
    tlvs = pdu.write_tlvs(((Tag.CONGESTION_STATE, b"\x64"),))
    session.receive(pdu.frame(Command.SUBMIT_SM_RESP, 2, b"M1\0" + tlvs + b"\x14\0"), 1.0)
    assert session.room == 1


# The session


def bound():
    session = Session(
        Role.TRANSCEIVER,
        pdu.Bind(system_id="esme", password="secret"),
        window=10,
        timing=Timing(),
    )
    session.open(0.0)
    session.take()
    assert session.receive(pdu.frame(Command.BIND_TRANSCEIVER_RESP, 1, b"SMSC\0"), 0.0) == [
        SessionBound("SMSC", 0x34)
    ]
    return session


@pytest.mark.parametrize("name", ALL)
def test_whatever_arrives_is_answered_and_the_session_goes_on(name):
    frame = ALL[name]
    for damaged in (*all_cuts(frame), *all_pads(frame, b"\0"), *all_pads(frame, b"\xff")):
        session, whole = bound(), relabelled(damaged)
        [arrived] = session.receive(whole + pdu.frame(Command.ENQUIRE_LINK, 8), 1.0)
        assert arrived == DeliverReceived(arrived.command, 7, whole)
        assert session.take() == pdu.frame(Command.ENQUIRE_LINK_RESP, 8)
        session.acknowledge([arrived], 0)
        assert session.take() == pdu.frame(arrived.command | pdu.ANSWER, 7, b"\0")
        assert session.state is State.BOUND
        callback = said(whole)
        assert callback is None or isinstance(callback, Reply | Receipt)


@pytest.mark.parametrize("length", [0, 15, pdu.PDU_OCTETS_MAX + 1])
def test_a_command_length_that_cannot_be_is_against_the_protocol(length):
    # 3.4: 4.3.1 and 5.1.3; what follows cannot be told apart any more.
    session = bound()
    stopped, ended = session.receive(STOPS["gsm"] + struct.pack(">I", length), 1.0)
    assert stopped.raw == STOPS["gsm"]
    assert isinstance(ended, SessionEnded)
    assert session.take() == pdu.frame(Command.GENERIC_NACK, 0, status=0x02)


def test_the_largest_parameter_is_no_reason_to_end_a_bind():
    session = bound()
    frame = deliver(tlvs=((Tag.MESSAGE_PAYLOAD, b"a" * 0xFFFF), (0x1400, b"b" * 0xFFFF))[:1])
    [arrived] = session.receive(frame, 1.0)
    assert said(arrived.raw).body == "a" * 0xFFFF


# Noise

damages = st.lists(
    st.tuples(
        st.sampled_from(["cut", "put", "drop", "turn"]), st.integers(0, 400), st.binary(max_size=3)
    ),
    min_size=1,
    max_size=4,
)


def damage(octets, what):
    octets = bytearray(octets)
    for way, place, new in what:
        at = place % (len(octets) + 1)
        if way == "cut":
            del octets[at:]
        elif way == "put":
            octets[at:at] = new
        elif way == "drop":
            del octets[at : at + len(new)]
        else:
            octets[at : at + len(new)] = new
    return bytes(octets)


@given(st.sampled_from(sorted(ALL)), damages)
def test_a_damaged_arrival_is_a_callback_or_trouble(name, what):
    body = damage(ALL[name][pdu.HEADER_OCTETS :], what)
    command = pdu.read_header(ALL[name])[1]
    with suppress(CarrierTrouble):
        assert isinstance(read(pdu.frame(command, 7, body), CONNECTOR), Receipt | Reply)


@given(st.sampled_from(sorted(Command)), st.binary(max_size=80))
def test_any_body_of_any_command_is_salvaged(command, body):
    salvaged = salvage.read(pdu.frame(command, 7, body))
    again = Pdu(command=command, sequence=7, body=salvaged.body)
    assert salvaged.flaw or pdu.read(pdu.write(again)).body == salvaged.body or body == b""


@given(
    st.lists(st.tuples(st.sampled_from(sorted(Command)), st.integers(0, 12), damages), max_size=6)
)
def test_no_stream_of_damaged_pdus_breaks_a_session(stream):
    session = bound()
    for token in range(3):
        session.submit(b"body", token, 0.0)
    answered = []
    for now, (command, sequence, what) in enumerate(stream, 1):
        frame = damage(pdu.frame(command, sequence, STOPS["gsm"][pdu.HEADER_OCTETS :]), what)
        if session.state is State.CLOSED:
            break
        events = session.receive(frame, float(now))
        answered += [each.token for each in events if isinstance(each, SubmitAnswered)]
        session.acknowledge([each for each in events if isinstance(each, DeliverReceived)], 0)
        session.take()
    assert len(answered) == len(set(answered))
    assert sorted([*answered, *session.lose()]) == [0, 1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"\0" * 2 + b"\0\1" * 30_000,
        STOPS["gsm"][pdu.HEADER_OCTETS :] + b"\x04\x20\0\0" * 15_000 + b"\0",
        STOPS["payload"][pdu.HEADER_OCTETS : -8] + b"\x04\x24\xff\xfe" + b"id:" * 20_000,
        RECEIPTS["text"][pdu.HEADER_OCTETS : -1] + b"\x04\x24\xff\xff" + b" id:" * 16_000,
    ],
    ids=["NULs", "parameters", "a payload", "a receipt"],
)
def test_the_work_grows_no_faster_than_the_pdu(body):
    def lines(octets):
        count = 0

        def trace(*_):
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)
        try:
            with suppress(CarrierTrouble):
                read(pdu.frame(Command.DELIVER_SM, 7, octets), CONNECTOR)
        finally:
            sys.settrace(None)
        return count

    assert lines(body) <= 2.2 * lines(body[: len(body) // 2]) + 2_000
