"""What a deliver_sm says: receipts of every shape that was seen, and texts from handsets."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.details import TROUBLE
from sendrail.carriers.smpp import pdu, settings
from sendrail.carriers.smpp.pdu import Command, Tag
from sendrail.carriers.smpp.receipts import read, same_form
from sendrail.carriers.smpp.text import pack
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply, ReplyPart, has_receipts_form

COMPLETE = {"host": "127.0.0.1", "system_id": "esme", "password": "secret"}
D, U, F = Status.DELIVERED, Status.UNDELIVERED, Status.FAILED


def chosen(**more):
    return settings.read(COMPLETE | more)


def deliver(
    text=b"",
    *,
    esm_class=0x04,
    tlvs=(),
    data_coding=0,
    source="15552340001",
    ton=0,
    recipient="15559870000",
    recipient_ton=0,
    **more,
):
    message = pdu.Message(
        source_addr_ton=ton,
        source_addr=source,
        dest_addr_ton=recipient_ton,
        destination_addr=recipient,
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


@given(
    ref=st.text("0123456789abcdefXYZ-", min_size=1, max_size=20),
    word=st.sampled_from(["DELIVRD", "delivrd", "UNDELIV", "EXPIRED", "ACCEPTD", "NEVERHEARD"]),
    error=st.sampled_from(["", " err:000", " err:0x1f", " err:012", " err:1-2", " err:"]),
    tail=st.sampled_from(["", " text:", " Text:id:9 stat:X", " TEXT:x", "\0", " text:\xe4\0"]),
    tlvs=st.lists(
        st.sampled_from(
            [
                (Tag.RECEIPTED_MESSAGE_ID, b"0815\0"),
                (Tag.RECEIPTED_MESSAGE_ID, b"08\x0015"),
                (Tag.MESSAGE_STATE, b"\x05"),
                (Tag.NETWORK_ERROR_CODE, b"\x03\x00\x06"),
                (0x1400, b"a vendor's"),
            ]
        ),
        max_size=3,
    ),
    data_coding=st.sampled_from([0, 1, 3, 0xF1]),
)
def test_a_receipt_in_the_usual_form_reads_as_one_that_is_looked_at_field_by_field(
    ref, word, error, tail, tlvs, data_coding
):
    text = f"id:{ref} sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:{word}"
    octets = f"{text}{error}{tail}".encode("latin-1")
    more = {"tlvs": tlvs, "data_coding": data_coding}
    # A blank before it is not the usual form, and says nothing.
    assert deliver(octets, **more) == deliver(b" " + octets, **more)


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


@pytest.mark.parametrize("number", [b"\0", b"\1", b"\6", b"\x0a", b"\xff", b"\0\1", b"\1\2", b""])
@pytest.mark.parametrize("word", [b"UNDELIV", b"EXPIRED", b"REJECTD", b"DELIVRD", b"BARRED"])
def test_of_two_states_the_one_that_settles_wins(number, word):
    alone = deliver(APPENDIX_B % (word, b"000"))
    both = deliver(APPENDIX_B % (word, b"000"), tlvs=[(Tag.MESSAGE_STATE, number)])
    assert both == alone
    assert both.status is not None


@pytest.mark.parametrize("number", [b"\5", b"\0\5", b"\5\0"])
@pytest.mark.parametrize("word", [b"ENROUTE", b"ACCEPTD", b"DELIVRD", b"UNKNOWN"])
def test_the_parameter_does_where_both_settle(number, word):
    receipt = deliver(APPENDIX_B % (word, b"000"), tlvs=[(Tag.MESSAGE_STATE, number)])
    assert (receipt.status, receipt.detail) == (U, "REJECTED_UNKNOWN_REASON (UNDELIV)")


def test_a_state_that_is_known_comes_before_one_that_is_unknown_to_the_smsc():
    tlvs = [(Tag.MESSAGE_STATE, b"\7")]
    assert deliver(APPENDIX_B % (b"DELIVRD", b"000"), tlvs=tlvs).status is D
    assert deliver(APPENDIX_B % (b"ENROUTE", b"000"), tlvs=tlvs).status is U


@pytest.mark.parametrize("number", [b"\x0a", b"\xff\xff", b""])
def test_a_parameter_that_means_nothing_is_passed_over(number):
    tlvs = [(Tag.RECEIPTED_MESSAGE_ID, b"77\0"), (Tag.MESSAGE_STATE, number)]
    with pytest.raises(CarrierTrouble, match="no state"):
        deliver(tlvs=tlvs)


@pytest.mark.parametrize(
    "word", ["BARRED", "ZEROBAL", "REJECTED_BY_DND", "Delivery_Failed", "A", "44"]
)
def test_any_other_word_is_the_end_of_its_message(word):
    receipt = deliver(APPENDIX_B % (word.encode(), b"000"))
    assert (receipt.status, receipt.detail) == (U, f"REJECTED_UNKNOWN_REASON ({word})")
    # It says more than the number beside it.
    beside = deliver(APPENDIX_B % (word.encode(), b"000"), tlvs=[(Tag.MESSAGE_STATE, b"\5")])
    assert beside == receipt


@pytest.mark.parametrize("word", ["BUFFERED", "QUEUED", "SUBMITTED", "EN_ROUTE", "ACCEPTED"])
def test_a_word_of_the_way_settles_nothing(word):
    assert deliver(APPENDIX_B % (word.encode(), b"000")).status is None


@pytest.mark.parametrize(
    ("means", "status", "detail"),
    [
        ("delivered", D, "DELIVERED_TO_HANDSET"),
        ("undelivered", U, "REJECTED_UNKNOWN_REASON (Barred)"),
        ("failed", F, "REJECTED_UNKNOWN_REASON (Barred)"),
        ("pending", None, "PENDING_ENROUTE"),
    ],
)
def test_a_connector_may_name_the_words_of_its_smsc(means, status, detail):
    receipt = deliver(APPENDIX_B % (b"Barred", b"000"), receipt_states={"BARRED": means})
    assert (receipt.status, receipt.detail) == (status, detail)
    if status is not None:
        tlvs = [(Tag.MESSAGE_STATE, b"\5")]
        named = {"receipt_states": {"BARRED": means}}
        assert deliver(APPENDIX_B % (b"Barred", b"000"), tlvs=tlvs, **named) == receipt


def test_the_named_words_are_compared_without_their_case():
    receipt = deliver(APPENDIX_B % (b"bARRED", b"000"), receipt_states={"Barred": "delivered"})
    assert receipt.status is D


@pytest.mark.parametrize("ref", [b"77", b"77\0", b" 77 \0", b"77\r\n\0", b"\x0077\0\0", b"77\n"])
def test_an_id_has_no_ends(ref):
    tlvs = [(Tag.RECEIPTED_MESSAGE_ID, ref), (Tag.MESSAGE_STATE, b"\2")]
    assert deliver(tlvs=tlvs).carrier_ref == "77"
    text = b"id:%b sub:001 stat:DELIVRD" % ref.strip(b" ")
    assert deliver(text).carrier_ref == "77"


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


HEADER = bytes((5, 0, 3, 9, 2, 1))


@pytest.mark.parametrize("data_coding", [0, 1, 3, 4, 8, 0xF1])
@pytest.mark.parametrize("header", [b"", HEADER], ids=["bare", "behind a header"])
@pytest.mark.parametrize(
    "write",
    [
        lambda text, _: text,
        lambda text, _: text + b"\0",
        lambda text, _: text.decode().encode("utf-16-be"),
        lambda text, _: text.decode().encode("utf-16-le"),
        lambda text, _: text.decode().encode("utf-16"),
        lambda text, header: pack(text, len(header)),
    ],
    ids=["ascii", "with a NUL", "utf-16-be", "utf-16-le", "with an order mark", "packed"],
)
def test_a_receipts_text_is_what_parses_as_one(write, header, data_coding):
    text = b"id:0123456789 sub:001 dlvrd:001 stat:DELIVRD err:000 text:Hello stat:NONE"
    octets = header + write(text, header)
    # Announced or not.
    for esm_class in (0x04, 0x44):
        tlvs = [(Tag.MESSAGE_PAYLOAD, octets)]
        receipt = deliver(tlvs=tlvs, data_coding=data_coding, esm_class=esm_class)
        assert (receipt.carrier_ref, receipt.status) == ("0123456789", D)


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
        (b"id:1 stat: ", "no state"),
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


def test_the_connector_says_what_its_errors_mean():
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
    connector = chosen(message_ids=rule)
    assert same_form(answered, connector, receipted=False) == same_form(
        receipted, connector, receipted=True
    )


def test_exact_ids_keep_their_letters():
    assert same_form("00aB", chosen(), receipted=False) == "00aB"
    assert same_form("00aB", chosen(), receipted=True) == "00aB"


@given(st.integers(0, 2**63), st.sampled_from(["hex_to_dec", "dec_to_hex"]), st.booleans())
def test_any_number_meets_itself(number, rule, padded):
    connector = chosen(message_ids=rule)
    in_hex, in_dec = f"{number:X}", str(number)
    if padded:
        in_hex, in_dec = in_hex.zfill(20), in_dec.zfill(20)
    answered, receipted = (in_hex, in_dec) if rule == "hex_to_dec" else (in_dec, in_hex)
    assert same_form(answered, connector, receipted=False) == same_form(
        receipted, connector, receipted=True
    )


def test_a_receipt_has_its_id_in_that_form():
    text = APPENDIX_B.replace(b"0123456789", b"00001F2E") % (b"DELIVRD", b"000")
    assert deliver(text, message_ids="dec_to_hex").carrier_ref == "7982"


# Texts from handsets


def test_a_text_is_a_reply():
    assert deliver(b"STOP", esm_class=0) == Reply(
        sender=15552340001, list_number=15559870000, body="STOP"
    )


@pytest.mark.parametrize(
    "tlvs",
    [
        [(Tag.RECEIPTED_MESSAGE_ID, b"77\0"), (Tag.MESSAGE_STATE, b"\x02")],
        [(Tag.RECEIPTED_MESSAGE_ID, b"77\0")],
        [(Tag.MESSAGE_STATE, b"\x02")],
    ],
)
def test_no_handset_writes_a_receipts_parameters(tlvs):
    receipt = deliver(b"id:77 stat:DELIVRD text:Unsubscribe any time", esm_class=0, tlvs=tlvs)
    assert (receipt.carrier_ref, receipt.status) == ("77", D)


def test_a_text_that_looks_like_a_receipt_is_a_reply():
    text = b"id:77 stat:DELIVRD"
    assert deliver(text, esm_class=0).body == text.decode()


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (b"id:77 sub:001 dlvrd:001 stat:DELIVRD err:000 text:STOP", True),
        (b" ID: 77 STAT: DELIVRD TEXT:Unsubscribe", True),
        (b"stat:DELIVRD id:77", True),
        (b"sub:001 dlvrd:001 id:77 stat:DELIVRD", True),
        (b"STOP id:77 stat:DELIVRD", False),
        (b"id:77 please stop", False),
        (b"my id:77, stat:ok", False),
        (b"STOP", False),
    ],
)
def test_a_receipts_form_begins_with_its_fields(text, has):
    assert bool(has_receipts_form(deliver(text, esm_class=0).body)) is has


def test_a_connector_may_take_receipts_without_a_mark():
    text = b"id:77 sub:001 dlvrd:001 stat:UNDELIV err:001 text:STOP"
    receipt = deliver(text, esm_class=0, unmarked_receipts=True)
    assert (receipt.carrier_ref, receipt.status) == ("77", U)
    assert deliver(b"STOP id:77 stat:UNDELIV", esm_class=0, unmarked_receipts=True).body


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


@pytest.mark.parametrize("source", ["15552340001", "+15552340001", "0015552340001"])
@pytest.mark.parametrize("ton", [0, 1, 2, 4])
def test_a_number_may_have_a_plus_or_two_zeros(source, ton):
    if source[0] == "1" and ton in {2, 4}:
        return
    assert deliver(b"hi", esm_class=0, source=source, ton=ton).sender == 15552340001


@pytest.mark.parametrize("source", ["", "+", "Sendrail", "0555123", "1" * 16, "١٢٣"])
def test_a_sender_that_is_no_number_is_refused(source):
    with pytest.raises(CarrierTrouble, match="address"):
        deliver(b"hi", esm_class=0, source=source)


@pytest.mark.parametrize(
    ("address", "ton", "country", "number"),
    [
        # 3.4: 5.2.5. Type 2 is national, and 4 lacks even the area code.
        ("5550211113", 2, "US", 15550211113),
        ("5550211113", 2, "TR", 905550211113),
        ("05550211113", 0, "TR", 905550211113),
        ("05550211113", 1, "TR", 905550211113),
        ("5550211113", 0, "US", 15550211113),
        ("5550211113", 1, "US", 5550211113),
        ("12345", 3, None, 12345),
        ("12345", 2, None, 12345),
        ("12345", 0, "US", 12345),
    ],
)
def test_a_number_is_read_by_its_type(address, ton, country, number):
    more = {"country": country} if country else {}
    ends = {"source": "15552340001", "recipient": "15559870000"}
    for end, types in (("source", "ton"), ("recipient", "recipient_ton")):
        reply = deliver(b"STOP", esm_class=0, **{**ends, end: address, types: ton}, **more)
        assert number in {reply.sender, reply.list_number}


@pytest.mark.parametrize(
    ("address", "ton", "country", "says"),
    [
        ("5550211113", 2, None, "set the connector's `country`"),
        ("05550211113", 0, None, "set the connector's `country`"),
        ("5550211113", 0, None, "set the connector's `country`"),
        ("2340001", 4, "US", "no number of US"),
        ("4792345678", 0, "US", "or could be both"),  # Norway's, or Arkansas's
    ],
)
@pytest.mark.parametrize("end", ["source", "recipient"])
def test_a_number_that_may_be_a_strangers_is_refused(address, ton, country, says, end):
    more = {"country": country} if country else {}
    types = {"source": "ton", "recipient": "recipient_ton"}[end]
    with pytest.raises(CarrierTrouble, match=re.escape(says)) as refused:
        deliver(b"STOP", esm_class=0, **{end: address, types: ton}, **more)
    assert address not in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"country": "us"}, "two capitals"),
        ({"country": "XX"}, "no numbering plan"),
        ({"receipt_states": {"TWO WORDS": "failed"}}, "no word of a receipt"),
        ({"receipt_states": {"BARRED": "gone"}}, "receipt_states"),
        ({"receipts_per": "text"}, "receipts_per"),
    ],
)
def test_a_setting_that_is_wrong_is_named(wrong, says):
    with pytest.raises(CarrierTrouble, match=says):
        chosen(**wrong)


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
    connector = chosen(alphabet=alphabet, message_ids=ids)
    with suppress(CarrierTrouble):
        assert isinstance(read(raw, connector), Receipt | Reply)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_callback_or_trouble(raw):
    with suppress(CarrierTrouble):
        read(raw, chosen())
