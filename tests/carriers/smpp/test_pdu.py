"""The codec: against two that others wrote, against itself, and against noise."""

import struct
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from smpp.pdu.operations import DeliverSM, SubmitSM
from smpp.pdu.pdu_encoding import PDUEncoder
from smpp.pdu.pdu_types import (
    AddrNpi,
    AddrTon,
    DataCoding,
    EsmClass,
    EsmClassMode,
    EsmClassType,
    RegisteredDelivery,
    RegisteredDeliveryReceipt,
)

from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.pdu import Command, MalformedPdu, Pdu, Tag

octet = st.integers(0, 255)


def string(octets_max):
    """Text for a C-octet string of at most so many octets, its NUL included."""
    alphabet = st.characters(min_codepoint=1, max_codepoint=255)
    return st.text(alphabet, max_size=octets_max - 1)


tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4).map(tuple)
binds = st.builds(
    pdu.Bind,
    system_id=string(16),
    password=string(9),
    system_type=string(13),
    interface_version=octet,
    addr_ton=octet,
    addr_npi=octet,
    address_range=string(41),
    tlvs=tlvs,
)
messages = st.builds(
    pdu.Message,
    service_type=string(6),
    source_addr_ton=octet,
    source_addr_npi=octet,
    source_addr=string(21),
    dest_addr_ton=octet,
    dest_addr_npi=octet,
    destination_addr=string(21),
    esm_class=octet,
    protocol_id=octet,
    priority_flag=octet,
    schedule_delivery_time=string(17),
    validity_period=string(17),
    registered_delivery=octet,
    replace_if_present_flag=octet,
    data_coding=octet,
    sm_default_msg_id=octet,
    short_message=st.binary(max_size=254),
    tlvs=tlvs,
)
data_messages = st.builds(
    pdu.DataMessage,
    service_type=string(6),
    source_addr=string(65),
    destination_addr=string(65),
    esm_class=octet,
    registered_delivery=octet,
    data_coding=octet,
    tlvs=tlvs,
)
alerts = st.builds(pdu.AlertNotification, source_addr=string(65), esme_addr=string(65), tlvs=tlvs)
BODIES = {
    Command.BIND_RECEIVER: binds,
    Command.BIND_TRANSMITTER: binds,
    Command.BIND_TRANSCEIVER: binds,
    Command.BIND_TRANSCEIVER_RESP: st.builds(pdu.BindAnswer, system_id=string(16), tlvs=tlvs),
    Command.SUBMIT_SM: messages,
    Command.SUBMIT_SM_RESP: st.builds(pdu.MessageAnswer, message_id=string(65), tlvs=tlvs),
    Command.DELIVER_SM: messages,
    Command.DELIVER_SM_RESP: st.builds(pdu.MessageAnswer, message_id=string(65), tlvs=tlvs),
    Command.DATA_SM: data_messages,
    Command.DATA_SM_RESP: st.builds(pdu.MessageAnswer, message_id=string(65), tlvs=tlvs),
    Command.OUTBIND: st.builds(pdu.Outbind, system_id=string(16), password=string(9), tlvs=tlvs),
    Command.ALERT_NOTIFICATION: alerts,
    Command.UNBIND: st.just(pdu.HeaderPdu()),
    Command.UNBIND_RESP: st.just(pdu.HeaderPdu()),
    Command.ENQUIRE_LINK: st.just(pdu.HeaderPdu()),
    Command.ENQUIRE_LINK_RESP: st.just(pdu.HeaderPdu()),
    Command.GENERIC_NACK: st.just(pdu.HeaderPdu()),
    0x00000111: st.builds(pdu.UnknownPdu, octets=st.binary(max_size=40)),  # broadcast_sm
}


@st.composite
def pdus(draw):
    command = draw(st.sampled_from(sorted(BODIES)))
    return Pdu(
        command=command,
        sequence=draw(st.integers(1, 0x7FFFFFFF)),
        status=draw(st.integers(0, 0xFFFFFFFF)),
        body=draw(BODIES[command]),
    )


# Round trips


@given(pdus())
def test_what_is_written_is_read_again(value):
    assert pdu.read(pdu.write(value)) == value


@given(st.lists(pdus(), max_size=6), st.data())
def test_a_stream_is_cut_into_its_pdus_however_it_is_sliced(values, data):
    frames = [pdu.write(value) for value in values]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    framer = pdu.Framer()

    cut = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in framer.feed(stream[start:end])
    ]

    assert cut == frames


def test_a_stream_may_come_an_octet_at_a_time():
    frames = [pdu.frame(Command.ENQUIRE_LINK, at) for at in (1, 2)]
    framer = pdu.Framer()
    cut = [frame for octet in b"".join(frames) for frame in framer.feed(bytes((octet,)))]
    assert cut == frames


# What cannot be


@given(st.binary(max_size=300))
@example(b"\0\0\0\x10\x80\0\0\x04\0\0\0\0\0\0\0\x01")
def test_any_bytes_are_a_pdu_or_malformed(octets):
    with suppress(MalformedPdu):
        pdu.read(octets)


@given(pdus(), st.data())
def test_a_damaged_pdu_is_a_pdu_or_malformed(value, data):
    octets = bytearray(pdu.write(value))
    for at in data.draw(st.lists(st.integers(0, len(octets) - 1), max_size=4)):
        octets[at] = data.draw(octet)
    with suppress(MalformedPdu):
        pdu.read(bytes(octets))


@given(messages, st.data())
def test_a_truncated_body_says_where_it_ends(message, data):
    body = pdu.write_body(message)
    whole = len(body) - len(pdu.write_tlvs(message.tlvs))
    short = body[: data.draw(st.integers(0, whole - 1))]
    with pytest.raises(MalformedPdu, match="the body ends"):
        pdu.read(pdu.frame(Command.DELIVER_SM, 1, short))


@pytest.mark.parametrize("length", [0, 15, 128 * 1024 + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_ends_the_stream(length):
    good = pdu.frame(Command.ENQUIRE_LINK, 1)
    frames = pdu.Framer().feed(good + struct.pack(">I", length))
    assert next(frames) == good
    with pytest.raises(MalformedPdu, match=str(length)):
        next(frames)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (pdu.Bind(system_id="s" * 16), "system_id holds at most 15"),
        (pdu.Bind(address_range="a\0b"), "address_range holds at most 40 characters and no NUL"),
        (pdu.Message(esm_class=256), "esm_class is one octet"),
        (pdu.Message(short_message=bytes(256)), "short_message holds at most 255"),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_refused(body, part):
    with pytest.raises(ValueError, match=part):
        pdu.write_body(body)


@pytest.mark.parametrize(
    "command", [Command.BIND_TRANSCEIVER_RESP, Command.SUBMIT_SM_RESP, Command.DELIVER_SM_RESP]
)
def test_an_answer_may_come_without_a_body(command):
    read = pdu.read(pdu.frame(command, 7, status=0x0D))
    assert (read.command, read.sequence, read.status) == (command, 7, 0x0D)


def test_a_request_may_not():
    with pytest.raises(MalformedPdu, match="service_type"):
        pdu.read(pdu.frame(Command.DELIVER_SM, 7))


def test_unknown_parameters_are_kept():
    message = pdu.Message(tlvs=((0x1400, b"vendor"), (0x1400, b"twice"), (0x0424, b"text")))
    read = pdu.read(pdu.frame(Command.DELIVER_SM, 1, pdu.write_body(message))).body
    assert read.tlvs == message.tlvs
    assert pdu.find(read.tlvs, 0x1400) == b"vendor"
    assert pdu.find(read.tlvs, Tag.MESSAGE_STATE) is None


@given(messages, st.binary(max_size=30).map(lambda octets: octets.replace(b"\0", b"0")[:20]))
def test_a_stencil_fills_in_what_the_codec_writes(message, digits):
    filled = pdu.SubmitTemplate(message).fill(
        digits,
        message.data_coding,
        message.short_message,
        esm_class=message.esm_class,
        tlvs=pdu.write_tlvs(message.tlvs),
    )
    body = pdu.read(pdu.frame(Command.SUBMIT_SM, 1, filled)).body
    fields = {name: getattr(message, name) for name in type(message).__dataclass_fields__}
    assert body == pdu.Message(**fields | {"destination_addr": digits.decode("latin-1")})


# Codecs that others wrote

digits = st.text("0123456789", min_size=1, max_size=20)


def theirs(kind, number, message):
    """Return smpp.pdu3's bytes for the same message."""
    values = {
        "service_type": message.service_type.encode(),
        "source_addr_ton": AddrTon.INTERNATIONAL,
        "source_addr_npi": AddrNpi.ISDN,
        "source_addr": message.source_addr.encode(),
        "dest_addr_ton": AddrTon.INTERNATIONAL,
        "dest_addr_npi": AddrNpi.ISDN,
        "destination_addr": message.destination_addr.encode(),
        "esm_class": EsmClass(EsmClassMode.DEFAULT, EsmClassType.DEFAULT),
        "registered_delivery": RegisteredDelivery(
            RegisteredDeliveryReceipt.SMSC_DELIVERY_RECEIPT_REQUESTED
        ),
        "data_coding": DataCoding(),
        "short_message": message.short_message,
    }
    return PDUEncoder().encode(kind(number, **values))


@given(digits, digits, st.binary(min_size=1, max_size=254), st.integers(1, 0x7FFFFFFF))
def test_smpp_pdu3_writes_the_same_bytes(source, destination, text, number):
    message = pdu.Message(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=source,
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=destination,
        registered_delivery=1,
        short_message=text,
    )
    for command, kind in ((Command.SUBMIT_SM, SubmitSM), (Command.DELIVER_SM, DeliverSM)):
        ours = pdu.write(Pdu(command=command, sequence=number, body=message))
        assert theirs(kind, number, message) == ours


@given(digits, digits, st.binary(min_size=1, max_size=254), st.binary(min_size=1, max_size=64))
def test_smpp_pdu3_reads_what_we_write_and_writes_it_again(source, destination, text, payload):
    message = pdu.Message(
        source_addr=source,
        destination_addr=destination,
        esm_class=0x04,
        short_message=text,
        tlvs=(
            (Tag.RECEIPTED_MESSAGE_ID, b"1f2e\0"),
            (Tag.MESSAGE_STATE, b"\x02"),
            (Tag.MESSAGE_PAYLOAD, payload),
        ),
    )
    ours = pdu.write(Pdu(command=Command.DELIVER_SM, sequence=9, body=message))
    read = PDUEncoder().decode(BytesIO(ours))
    assert read.params["short_message"] == text
    assert read.params["receipted_message_id"] == b"1f2e"
    assert read.params["message_payload"] == payload
    assert pdu.read(PDUEncoder().encode(read)).body.short_message == text


FIELDS = {
    "service_type": "",
    "source_addr_ton": 5,
    "source_addr_npi": 0,
    "source_addr": "Sendrail",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "15552340001",
    "esm_class": 64,
    "protocol_id": 1,
    "priority_flag": 2,
    "schedule_delivery_time": "000001000000000R",
    "validity_period": "000002000000000R",
    "registered_delivery": 1,
    "replace_if_present_flag": 1,
    "data_coding": 4,
    "sm_default_msg_id": 3,
}


@pytest.mark.parametrize("command", ["submit_sm", "deliver_sm"])
def test_node_smpp_writes_the_same_bytes(process, command):
    text = bytes(range(256))[:200]
    answer = process.ask(
        "encode",
        command=command,
        octets=["short_message", "message_payload"],
        fields=FIELDS
        | {
            "sequence_number": 77,
            "short_message": text.hex(),
            "sar_msg_ref_num": 513,
            "message_state": 2,
            "receipted_message_id": "1f2e",
            "message_payload": b"payload".hex(),
        },
    )
    message = pdu.Message(
        **FIELDS,
        short_message=text,
        tlvs=(
            (Tag.SAR_MSG_REF_NUM, b"\x02\x01"),
            (Tag.MESSAGE_STATE, b"\x02"),
            (Tag.RECEIPTED_MESSAGE_ID, b"1f2e\0"),
            (Tag.MESSAGE_PAYLOAD, b"payload"),
        ),
    )
    ours = pdu.write(Pdu(command=Command[command.upper()], sequence=77, body=message))
    assert bytes.fromhex(answer["pdu"]) == ours


@pytest.mark.parametrize("command", ["bind_transceiver", "bind_transmitter", "bind_receiver"])
def test_node_smpp_writes_the_same_binds(process, command):
    fields = {
        "system_id": "esme",
        "password": "secret",
        "system_type": "VMA",
        "interface_version": 0x50,
        "addr_ton": 1,
        "addr_npi": 1,
        "address_range": "^1555",
    }
    answer = process.ask("encode", command=command, fields=fields | {"sequence_number": 1})
    ours = pdu.write(Pdu(command=Command[command.upper()], sequence=1, body=pdu.Bind(**fields)))
    assert bytes.fromhex(answer["pdu"]) == ours


def test_node_smpp_reads_what_we_write(process):
    message = pdu.Message(
        **FIELDS | {"data_coding": 0, "esm_class": 0},
        short_message=b"Hello",
        tlvs=((Tag.CONGESTION_STATE, b"\x5a"), (Tag.SAR_TOTAL_SEGMENTS, b"\x03")),
    )
    ours = pdu.write(Pdu(command=Command.SUBMIT_SM, sequence=5, body=message))
    read = process.ask("decode", pdu=ours.hex())
    assert read["command"] == "submit_sm"
    assert read["sequence_number"] == 5
    assert read["destination_addr"] == "15552340001"
    assert read["short_message"] == "Hello"
    assert read["congestion_state"] == 90
    assert read["sar_total_segments"] == 3


def test_node_smpp_reads_the_parameters_beside_a_message(process):
    tlvs = ((0x1400, b"1101234567890123456"), (0x1401, b"1107234567890123456\0"))
    message = pdu.Message(destination_addr="15552340001", short_message=b"Hello", tlvs=tlvs)
    ours = pdu.write(Pdu(command=Command.SUBMIT_SM, sequence=5, body=message))
    read = process.ask("decode", pdu=ours.hex())
    assert [bytes.fromhex(read[str(tag)]) for tag, _ in tlvs] == [value for _, value in tlvs]
    assert read["short_message"] == "Hello"
