"""What a deliver_sm says: receipts of every shape that was seen, and texts from handsets."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.details import TROUBLE
from sendrail.carriers.smpp import pdu, settings
from sendrail.carriers.smpp.pdu import Command, Tag
from sendrail.carriers.smpp.receipts import read, same_form
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply, ReplyPart

COMPLETE = {"host": "127.0.0.1", "system_id": "esme", "password": "secret"}
D, U, F = Status.DELIVERED, Status.UNDELIVERED, Status.FAILED


def chosen(**more):
    return settings.read(COMPLETE | more)


def deliver(text=b"", *, esm_class=0x04, tlvs=(), data_coding=0, source="15552340001", **more):
    message = pdu.Message(
        source_addr=source,
        destination_addr="15559870000",
        esm_class=esm_class,
        data_coding=data_coding,
        short_message=text,
        tlvs=tuple(tlvs),
    )
    raw = pdu.frame(Command.DELIVER_SM, 7, pdu.write_body(message))
    return read(raw, chosen(**more))


# Receipts

APPENDIX_B = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2601011200 done date:2601011201"
    b" stat:%b err:%b text:Hello stat:NONE err:999"
)


@pytest.mark.parametrize(
    ("word", "status", "detail"),
    [
        (b"DELIVRD", D, "DELIVERED_TO_HANDSET"),
        (b"EXPIRED", U, "EXPIRED"),
        (b"DELETED", F, "REJECTED_CANCELLED (DELETED)"),
        (b"UNDELIV", U, "REJECTED_UNKNOWN_REASON (UNDELIV)"),
        (b"ACCEPTD", None, "PENDING_ENROUTE"),
        (b"UNKNOWN", U, "REJECTED_UNKNOWN_REASON (UNKNOWN)"),
        (b"REJECTD", F, "REJECTED_UNKNOWN_REASON (REJECTD)"),
        (b"ENROUTE", None, "PENDING_ENROUTE"),
        (b"SKIPPED", F, "REJECTED_UNKNOWN_REASON (SKIPPED)"),
        (b"FAILED", U, "REJECTED_UNKNOWN_REASON (UNDELIV)"),
        (b"delivrd", D, "DELIVERED_TO_HANDSET"),
        (b"DELIVERED", D, "DELIVERED_TO_HANDSET"),
        (b"UNDELIVERABLE", U, "REJECTED_UNKNOWN_REASON (UNDELIV)"),
        (b"REJECTED", F, "REJECTED_UNKNOWN_REASON (REJECTD)"),
        (b"ACCEPTED", None, "PENDING_ENROUTE"),
    ],
)
def test_the_text_names_the_state(word, status, detail):
    receipt = deliver(APPENDIX_B % (word, b"000"))
    assert receipt == Receipt(carrier_ref="0123456789", status=status, detail=detail)


@pytest.mark.parametrize(
    ("state", "status"),
    [(0, None), (1, None), (2, D), (3, U), (4, F), (5, U), (6, None), (7, U), (8, F), (9, F)],
)
def test_the_parameters_are_believed_before_the_text(state, status):
    tlvs = [(Tag.RECEIPTED_MESSAGE_ID, b"1f2e\0"), (Tag.MESSAGE_STATE, bytes((state,)))]
    receipt = deliver(APPENDIX_B % (b"ENROUTE", b"000"), tlvs=tlvs)
    assert (receipt.carrier_ref, receipt.status) == ("1f2e", status)
    assert deliver(tlvs=tlvs) == receipt


@pytest.mark.parametrize(
    "text",
    [
        b"id:77 sub:1 dlvrd:1 submit date:260101120000 done date:260101120100 stat:DELIVRD err:0",
        b"ID:77 SUB:001 DLVRD:001 SUBMIT DATE:2601011200 DONE DATE:2601011201 STAT:DELIVRD ERR:000",
        b"stat:DELIVRD id:77",
        b"id:77\nstat:DELIVRD\ntext:",
        b"id: 77 stat: DELIVRD",
        b"id:77 submit date:0 done date:garbage stat:DELIVRD err:A1B2 Text:id:1 stat:UNDELIV",
    ],
)
def test_the_text_may_have_any_shape(text):
    receipt = deliver(text)
    assert (receipt.carrier_ref, receipt.status) == ("77", D)


def test_a_payload_carries_the_text_as_well():
    text = APPENDIX_B % (b"DELIVRD", b"000")
    assert deliver(tlvs=[(Tag.MESSAGE_PAYLOAD, text)]) == deliver(text)


def test_a_receipt_may_come_in_ucs2():
    text = APPENDIX_B % (b"DELIVRD", b"000")
    octets = text.decode().encode("utf-16-be")
    assert deliver(tlvs=[(Tag.MESSAGE_PAYLOAD, octets)], data_coding=8) == deliver(text)


def test_a_receipt_may_come_as_data_sm():
    tlvs = ((Tag.RECEIPTED_MESSAGE_ID, b"9\0"), (Tag.MESSAGE_STATE, b"\x02"))
    body = pdu.write_body(pdu.DataMessage(esm_class=0x04, tlvs=tlvs))
    receipt = read(pdu.frame(Command.DATA_SM, 7, body), chosen())
    assert (receipt.carrier_ref, receipt.status) == ("9", D)


@pytest.mark.parametrize("esm_class", [0x08, 0x20])
def test_an_intermediate_notification_settles_nothing(esm_class):
    receipt = deliver(APPENDIX_B % (b"UNDELIV", b"001"), esm_class=esm_class)
    assert (receipt.carrier_ref, receipt.status) == ("0123456789", None)


@pytest.mark.parametrize("esm_class", [0x04, 0x07, 0x44, 0x84])
def test_only_its_bits_make_a_receipt(esm_class):
    assert deliver(APPENDIX_B % (b"DELIVRD", b"000"), esm_class=esm_class).status is D


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no id"),
        (b"stat:DELIVRD", "no id"),
        (b"id:1", "no state"),
        (b"id:1 stat:A", "no state"),
    ],
)
def test_a_receipt_that_says_nothing_is_refused(text, says):
    with pytest.raises(CarrierTrouble, match=says):
        deliver(text)


# What a receipt says of the recipient


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (b"\x03\x00\x01", RecipientTrouble.INVALID_DESTINATION),
        (b"\x03\x00\x1b", RecipientTrouble.ABSENT_SUBSCRIBER),
        (b"\x03\x00\x06", RecipientTrouble.ABSENT_SUBSCRIBER),
        (b"\x03\x00\x0d", RecipientTrouble.OPERATOR),
        (b"\x03\x00\xff", None),
        (b"\x02\x00\x01", None),  # another network's numbers
        (b"", None),
    ],
)
def test_an_error_of_the_network_tells_of_the_recipient(code, trouble):
    receipt = deliver(APPENDIX_B % (b"UNDELIV", b"000"), tlvs=[(Tag.NETWORK_ERROR_CODE, code)])
    assert receipt.trouble is trouble
    assert TROUBLE.get(receipt.detail.removesuffix(" (UNDELIV)")) is trouble


def test_the_link_says_what_its_errors_mean():
    known = {"receipt_errors": {"00A": "spam", "27": "operator"}}
    receipt = deliver(APPENDIX_B % (b"REJECTD", b"00A"), **known)
    assert receipt.trouble is RecipientTrouble.SPAM
    assert receipt.detail == "REJECTED_SPAM (REJECTD, err 00A)"
    assert deliver(APPENDIX_B % (b"EXPIRED", b"0B2")).detail == "EXPIRED (err 0B2)"
    code = [(Tag.NETWORK_ERROR_CODE, b"\x03\x00\x1b")]
    assert deliver(APPENDIX_B % (b"UNDELIV", b"000"), tlvs=code, **known).trouble == "operator"
    assert deliver(APPENDIX_B % (b"DELIVRD", b"00A"), **known).trouble is None


# Ids


@pytest.mark.parametrize(
    ("rule", "answered", "receipted"),
    [
        ("exact", "1F2E", "1F2E"),
        ("exact", "c449ab97-44ea", "c449ab97-44ea"),
        ("loose", "00001F2E", "1f2e"),
        ("loose", "1f2e", "1F2E "),
        ("loose", "0", "000"),
        ("hex_to_dec", "1F2E", "7982"),
        ("hex_to_dec", "00001f2e", "0000007982"),
        ("hex_to_dec", "00", "0"),
        ("dec_to_hex", "7982", "1F2E"),
        ("dec_to_hex", "0000007982", "00001f2e"),
        ("hex_to_dec", "c449ab97-44ea", "C449AB97-44EA"),
    ],
)
def test_both_ids_meet_in_one_form(rule, answered, receipted):
    link = chosen(message_ids=rule)
    assert same_form(answered, link, receipted=False) == same_form(receipted, link, receipted=True)


def test_exact_ids_keep_their_letters():
    assert same_form("00aB", chosen(), receipted=False) == "00aB"
    assert same_form("00aB", chosen(), receipted=True) == "00aB"


@given(st.integers(0, 2**63), st.sampled_from(["hex_to_dec", "dec_to_hex"]), st.booleans())
def test_any_number_meets_itself(number, rule, padded):
    link = chosen(message_ids=rule)
    in_hex, in_dec = f"{number:X}", str(number)
    if padded:
        in_hex, in_dec = in_hex.zfill(20), in_dec.zfill(20)
    answered, receipted = (in_hex, in_dec) if rule == "hex_to_dec" else (in_dec, in_hex)
    assert same_form(answered, link, receipted=False) == same_form(receipted, link, receipted=True)


def test_a_receipt_has_its_id_in_that_form():
    text = APPENDIX_B.replace(b"0123456789", b"00001F2E") % (b"DELIVRD", b"000")
    assert deliver(text, message_ids="dec_to_hex").carrier_ref == "7982"


# Texts from handsets


def test_a_text_is_a_reply():
    assert deliver(b"STOP", esm_class=0) == Reply(
        sender=15552340001, list_number=15559870000, body="STOP"
    )


def test_a_text_that_looks_like_a_receipt_is_a_reply():
    text = b"id:77 stat:DELIVRD"
    assert deliver(text, esm_class=0).body == text.decode()


def test_a_reply_may_come_as_a_payload():
    tlvs = [(Tag.MESSAGE_PAYLOAD, b"\x04\x4f")]
    assert deliver(esm_class=0, tlvs=tlvs, data_coding=8).body == "я"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("050003a70201", ReplyPart(reference=0xA7, total=2, number=1)),
        ("06080412340302", ReplyPart(reference=0x1234, total=3, number=2)),
        # A port number comes first (23.040, 9.2.3.24.3); then the place.
        ("0b0504158a00000003a70201", ReplyPart(reference=0xA7, total=2, number=1)),
        ("050003a70200", None),  # there is no part 0
        ("050003a70203", None),
        ("050003a70000", None),
        ("0400030102", None),  # cut short
        ("00", None),
    ],
)
def test_a_header_is_taken_off_and_tells_the_place(header, part):
    reply = deliver(bytes.fromhex(header) + b"STOP", esm_class=0x40)
    assert (reply.body, reply.part) == ("STOP", part)


def test_a_header_longer_than_the_text_leaves_nothing():
    assert deliver(b"\xffSTOP", esm_class=0x40).body == ""


def test_a_packed_text_begins_at_a_septets_border_after_its_header():
    # "hi" behind a header of six octets: one fill bit.
    octets = bytes.fromhex("050003a70201") + ((0x69 << 7 | 0x68) << 1).to_bytes(2, "little")
    assert deliver(octets, esm_class=0x40, alphabet="gsm_packed").body == "hi"


def test_sar_parameters_tell_the_place():
    tlvs = [
        (Tag.SAR_MSG_REF_NUM, b"\x12\x34"),
        (Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
        (Tag.SAR_SEGMENT_SEQNUM, b"\x02"),
    ]
    reply = deliver(b"STOP", esm_class=0, tlvs=tlvs)
    assert reply.part == ReplyPart(reference=0x1234, total=2, number=2)
    assert deliver(b"STOP", esm_class=0, tlvs=tlvs[:2]).part is None


@pytest.mark.parametrize("source", ["15552340001", "+15552340001"])
def test_a_number_may_have_a_plus(source):
    assert deliver(b"hi", esm_class=0, source=source).sender == 15552340001


@pytest.mark.parametrize("source", ["", "+", "Sendrail", "0555123", "1" * 16, "١٢٣"])
def test_a_sender_that_is_no_number_is_refused(source):
    with pytest.raises(CarrierTrouble, match="address"):
        deliver(b"hi", esm_class=0, source=source)


# Noise


def test_what_is_no_deliver_sm_is_refused():
    with pytest.raises(CarrierTrouble, match="no deliver_sm"):
        read(pdu.frame(Command.ENQUIRE_LINK, 1), chosen())


messages = st.builds(
    pdu.Message,
    source_addr=st.sampled_from(["15552340001", "", "Sendrail"]),
    destination_addr=st.just("15559870000"),
    esm_class=st.integers(0, 255),
    data_coding=st.integers(0, 255),
    short_message=st.binary(max_size=60)
    | st.lists(st.sampled_from([b"id:", b"stat:", b"DELIVRD", b" ", b"err:", b"1f", b"text:"])).map(
        b"".join
    ),
    tlvs=st.lists(st.tuples(st.sampled_from(sorted(Tag)), st.binary(max_size=8)), max_size=4).map(
        tuple
    ),
)


@given(messages, st.sampled_from(["gsm", "gsm_packed"]), st.sampled_from(["exact", "hex_to_dec"]))
def test_any_deliver_sm_is_a_callback_or_trouble(message, alphabet, ids):
    raw = pdu.frame(Command.DELIVER_SM, 1, pdu.write_body(message))
    link = chosen(alphabet=alphabet, message_ids=ids)
    with suppress(CarrierTrouble):
        assert isinstance(read(raw, link), Receipt | Reply)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_callback_or_trouble(raw):
    with suppress(CarrierTrouble):
        read(raw, chosen())
