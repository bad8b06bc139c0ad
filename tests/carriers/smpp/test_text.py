"""Texts as octets: what each alphabet writes, where long texts are cut, what handsets say."""

import re

import pytest
import smsutil
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sendrail.carriers.smpp import pdu, settings
from sendrail.carriers.smpp.pdu import Command, Tag
from sendrail.carriers.smpp.text import SubmitComposer, pack, read_text, unpack
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.text import Encoding, encode_gsm7, measure

COMPLETE = {"host": "127.0.0.1", "system_id": "esme", "password": "secret"}
BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCÄÖÑÜ§¿abcäöñüà"
EXTENDED = "\f^{}\\[~]|€"
UCS2 = "яçเ日\U0001f600`"
septets = st.binary(max_size=170).map(lambda octets: bytes(octet & 0x7F for octet in octets))


def chosen(**more):
    return settings.read(COMPLETE | more)


def parts(text, sender=15559870000, *, metadata=None, **more):
    """Return the submit_sm of each part of a message."""
    composer = SubmitComposer(chosen(**more), first_reference=0x1233)
    message = OutboundMessage(
        message_id="m0000001",
        recipient=15552340001,
        sender=sender,
        body=text,
        encoding="",
        segments=1,
        metadata=metadata,
    )
    bodies = composer.bodies(message)
    return [pdu.read(pdu.frame(Command.SUBMIT_SM, 1, body)).body for body in bodies]


# Alphabets


@pytest.mark.parametrize(
    ("alphabet", "text", "data_coding", "octets"),
    [
        ("gsm", "@ab", 0, b"\x00ab"),
        ("gsm", "5€", 0, b"5\x1be"),
        ("gsm", "я", 8, b"\x04\x4f"),
        ("gsm", "\U0001f600", 8, b"\xd8\x3d\xde\x00"),
        ("latin1", "@é", 0, b"@\xe9"),
        ("latin1", "[5]", 0, b"[5]"),
        # Neither is in Latin-1, and the SMSC has no other alphabet for them.
        ("latin1", "5€", 8, b"\x00\x35\x20\xac"),
        ("latin1", "Δ", 8, b"\x03\x94"),
        ("latin1_as_3", "@é", 3, b"@\xe9"),
        ("latin1_as_3", "Δ", 8, b"\x03\x94"),
        # 3GPP TS 23.038: the known packing of "hellohello".
        ("gsm_packed", "hellohello", 0, bytes.fromhex("E8329BFD4697D9EC37")),
    ],
)
def test_an_alphabet_writes_its_octets(alphabet, text, data_coding, octets):
    [message] = parts(text, alphabet=alphabet)
    assert (message.data_coding, message.short_message) == (data_coding, octets)


def test_a_lone_surrogate_is_sent_as_it_is():
    [message] = parts("a\ud83d")
    assert message.short_message == b"\x00a\xd8\x3d"


@given(septets, st.sampled_from([0, 6, 7]))
def test_packed_septets_are_unpacked(given_septets, header_octets):
    assume(given_septets[-1:] not in {b"\r", b"\0"})
    packed = pack(given_septets, header_octets)
    assert unpack(packed, header_octets) == given_septets
    # A segment of 160 or 153 septets fills its 140 octets, header included.
    fill_bits = -header_octets * 8 % 7
    assert len(packed) == -(-(fill_bits + 7 * len(given_septets)) // 8)


def test_seven_septets_do_not_grow_an_at_sign():
    packed = pack(encode_gsm7("STOPALL"))
    assert len(packed) == 7
    assert unpack(packed) == b"STOPALL"
    # Other senders leave the seven bits empty.
    assert unpack(zero_padded(b"STOPALL")) == b"STOPALL"


def zero_padded(plain):
    number = sum(septet << 7 * at for at, septet in enumerate(plain))
    return number.to_bytes(-(-len(plain) * 7 // 8), "little")


@given(septets)
def test_smsutil_packs_the_same_way(given_septets):
    assume(given_septets[-1:] != b"\r" and len(given_septets) % 8 != 7)
    assert pack(given_septets) == zero_padded(given_septets)


# Long texts

texts = st.text(st.sampled_from(BASIC + EXTENDED + UCS2), min_size=1, max_size=600)
gsm_texts = st.text(st.sampled_from(BASIC + EXTENDED), min_size=1, max_size=600)


def rejoined(messages, header_octets, **more):
    return "".join(
        read_text(
            message.short_message[header_octets:],
            message.data_coding,
            chosen(**more),
            header_octets=header_octets,
        )
        for message in messages
    )


@given(texts, st.sampled_from(["udh8", "udh16", "sar"]))
@example("a" * 152 + "€" + "b" * 10, "udh8")
@example("я" * 66 + "\U0001f600" * 5, "udh8")
@example("a" * 151 + "€" + "b" * 10, "udh16")
def test_parts_carry_the_whole_text_and_nothing_is_torn(text, way):
    messages = parts(text, long_text=way)
    header = {"udh8": 6, "udh16": 7, "sar": 0}[way] if len(messages) > 1 else 0
    assert rejoined(messages, header) == text
    for message in messages:
        units = message.short_message[header:]
        room = 140 - {"sar": 6}.get(way, header) if len(messages) > 1 else 140
        if message.data_coding == 8:
            assert len(units) <= room
            units.decode("utf-16-be")  # no half of a surrogate pair
        else:
            assert len(units) <= room * 8 // 7
            assert not units.endswith(b"\x1b")


@given(texts)
def test_a_message_has_as_many_parts_as_were_counted(text):
    assert len(parts(text)) == measure(text).segments


@given(gsm_texts)
def test_packed_parts_fit_and_carry_the_whole_text(text):
    # A text that ends with either, right at an octet's border, cannot be told from the filling.
    assume(not {"\r", "@"} & set(text))
    messages = parts(text, alphabet="gsm_packed")
    header = 6 if len(messages) > 1 else 0
    assert all(len(message.short_message) <= 140 for message in messages)
    assert rejoined(messages, header, alphabet="gsm_packed") == text


@given(texts)
def test_smsutil_cuts_at_the_same_places(text):
    assume("\x1b" not in text)
    ours = [
        read_text(message.short_message[6:], message.data_coding, chosen())
        for message in parts(text)
    ]
    judged = [part.content for part in smsutil.split(text).parts]
    if len(judged) > 1:
        assert ours == judged


def test_an_8_bit_header_counts_the_parts():
    first, second = parts("a" * 161)
    assert first.esm_class == second.esm_class == 0x40
    assert first.short_message[:6] == bytes((5, 0, 3, 0x34, 2, 1))
    assert second.short_message[:6] == bytes((5, 0, 3, 0x34, 2, 2))


def test_a_16_bit_header_counts_the_parts():
    first, second = parts("a" * 161, long_text="udh16")
    assert first.short_message[:7] == bytes((6, 8, 4, 0x12, 0x34, 2, 1))
    assert second.short_message[:7] == bytes((6, 8, 4, 0x12, 0x34, 2, 2))
    assert len(first.short_message) == 7 + 152


def test_sar_parameters_count_the_parts():
    messages = parts("a" * 161, long_text="sar")
    assert [message.esm_class for message in messages] == [0, 0]
    assert [message.tlvs for message in messages] == [
        (
            (Tag.SAR_MSG_REF_NUM, b"\x12\x34"),
            (Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
            (Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
        )
        for number in (1, 2)
    ]


def test_a_payload_carries_a_long_text_at_once():
    [message] = parts("я" * 300, long_text="payload")
    assert message.short_message == b""
    assert message.tlvs == ((Tag.MESSAGE_PAYLOAD, ("я" * 300).encode("utf-16-be")),)
    [short] = parts("hello", long_text="payload")
    assert (short.short_message, short.tlvs) == (b"hello", ())


def test_each_long_text_has_a_reference_of_its_own():
    composer = SubmitComposer(chosen(), first_reference=0xFE)
    message = OutboundMessage(
        message_id="m0000001",
        recipient=15552340001,
        sender=15559870000,
        body="a" * 161,
        encoding="",
        segments=2,
    )
    heads = [composer.bodies(message)[0] for _ in range(3)]
    references = [
        pdu.read(pdu.frame(Command.SUBMIT_SM, 1, head)).body.short_message[3] for head in heads
    ]
    assert references == [0xFF, 0x00, 0x01]


def test_more_parts_than_can_be_counted_are_refused():
    with pytest.raises(ValueError, match="256 parts"):
        parts("a" * 153 * 255 + "a")


# Addresses


@pytest.mark.parametrize(
    ("sender", "more", "address"),
    [
        (15559870000, {}, (1, 1, "15559870000")),
        (12345, {}, (3, 0, "12345")),
        (123456, {"short_code_ton": 0, "short_code_npi": 9}, (0, 9, "123456")),
        (15559870000, {"source_addr": "Sendrail"}, (5, 0, "Sendrail")),
        (15559870000, {"source_addr": "447700900123"}, (1, 1, "447700900123")),
        (15559870000, {"source_ton": 2, "source_npi": 8}, (2, 8, "15559870000")),
        (15559870000, {"source_addr": "+15550002000"}, (1, 1, "15550002000")),
        (15559870000, {"source_addr": "0015550002000"}, (1, 1, "15550002000")),
        (15559870000, {"source_addr": "+1 (555) 000-2000"}, (1, 1, "15550002000")),
        (15559870000, {"source_addr": "+44 (0)7700 900123"}, (1, 1, "447700900123")),
        (15559870000, {"source_addr": "07700900123"}, (2, 1, "07700900123")),
        (15559870000, {"source_addr": "+Sendrail"}, (5, 0, "+Sendrail")),
    ],
)
def test_a_sender_has_the_type_its_form_says(sender, more, address):
    [message] = parts("hi", sender, **more)
    assert (message.source_addr_ton, message.source_addr_npi, message.source_addr) == address


@pytest.mark.parametrize(
    "source", ["+12345", "+", "+0123456789", "00", "00 12", "+1555000200000000"]
)
def test_a_sender_that_begins_like_a_number_is_one(source):
    with pytest.raises(CarrierTrouble, match="no international number"):
        chosen(source_addr=source)


# Parameters beside the message: India's DLT ids (entity 0x1400, template 0x1401)

ENTITY, TEMPLATE = "1101234567890123456", "1107234567890123456"


def beside(metadata=None, sender=15559870000, text="hi", **more):
    messages = parts(text, sender, metadata=metadata, **more)
    [tlvs] = {tuple(tlv for tlv in each.tlvs if tlv[0] >= 0x1400) for each in messages}
    return dict(tlvs)


def test_a_connector_adds_its_parameters_to_each_part():
    for way in ("udh8", "udh16", "sar", "payload"):
        for text in ("hi", "a" * 161):
            added = beside(text=text, long_text=way, tlvs={"0x1400": ENTITY})
            assert added == {0x1400: ENTITY.encode()}


def test_a_list_has_its_own_and_a_message_before_that():
    connector = {
        "tlvs": {"0x1400": ENTITY, "0x1401": "connector"},
        "list_tlvs": {"+15559870000": {"0x1401": "list"}, "12345": {"0x1402": "hex:00fF"}},
        "metadata_tlvs": {"0x1401": "dlt_template_id"},
    }
    entity = {0x1400: ENTITY.encode()}
    assert beside(sender=15559870001, **connector) == entity | {0x1401: b"connector"}
    assert beside(**connector) == entity | {0x1401: b"list"}
    assert beside(sender=12345, **connector) == entity | {0x1401: b"connector", 0x1402: b"\0\xff"}
    said = f'{{"order": 7, "dlt_template_id": "{TEMPLATE}"}}'
    assert beside(said, **connector) == entity | {0x1401: TEMPLATE.encode()}
    # Customers write it as a number as well.
    assert beside(said.replace(f'"{TEMPLATE}"', TEMPLATE), **connector)[0x1401] == TEMPLATE.encode()
    for without in ("{}", '{"dlt_template_id": null}', '{"other": "1"}'):
        assert beside(without, **connector) == entity | {0x1401: b"list"}


def test_texts_may_end_with_a_nul():
    connector = {
        "tlvs": {"0x1400": "1", "0x1402": "hex:01"},
        "metadata_tlvs": {"0x1401": "template"},
        "tlvs_end_with_nul": True,
    }
    added = beside('{"template": "2"}', **connector)
    assert added == {0x1400: b"1\0", 0x1401: b"2\0", 0x1402: b"\1"}


@pytest.mark.parametrize(
    "value", ['""', "true", "[1]", "{}", "1.5", '"caf\u00e9"', f'"{"1" * 256}"']
)
def test_metadata_that_cannot_be_sent_refuses_the_message(value):
    with pytest.raises(ValueError, match=r"REJECTED_REQUEST \(metadata 'template' must be"):
        beside(f'{{"template": {value}}}', metadata_tlvs={"0x1401": "template"})


def test_a_connector_without_the_setting_does_not_look_at_metadata():
    assert beside("no JSON at all", tlvs={"0x1400": "1"}) == {0x1400: b"1"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tlvs": {"1400": "1"}}, "tlvs"),
        ({"tlvs": {"0x14000": "1"}}, "tlvs"),
        ({"tlvs": {"0x0000": "1"}}, "0x0000 is no parameter that a setting can give"),
        ({"tlvs": {"0x0424": "1"}}, "0x0424 is no parameter that a setting can give"),
        ({"metadata_tlvs": {"0x020c": "key"}}, "metadata_tlvs: 0x020c is no parameter"),
        ({"tlvs": {"0x1400": "café"}}, "0x1400 must be 1 to 255 printable ASCII"),
        ({"tlvs": {"0x1400": "hex:0"}}, "or hex: and the octets"),
        ({"tlvs": {"0x1400": "hex:"}}, "or hex: and the octets"),
        ({"tlvs": {"0x1400": "1" * 256}}, "1 to 255"),
        ({"list_tlvs": {"a list": {"0x1400": "1"}}}, "'a list' is no list's number"),
        ({"list_tlvs": {"+15559870000": {"0x1400": ""}}}, "list_tlvs"),
        ({"metadata_tlvs": {"0x1400": ""}}, "metadata_tlvs"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(wrong, says):
    with pytest.raises(CarrierTrouble, match=re.escape(says)):
        chosen(**wrong)


def test_the_recipient_is_international_without_a_plus():
    [message] = parts("hi")
    assert (message.dest_addr_ton, message.dest_addr_npi) == (1, 1)
    assert message.destination_addr == "15552340001"
    [message] = parts("hi", dest_ton=0, dest_npi=0)
    assert (message.dest_addr_ton, message.dest_addr_npi) == (0, 0)


def test_a_receipt_is_asked_for_as_the_connector_says():
    [message] = parts("hi")
    assert (message.registered_delivery, message.validity_period) == (1, "")
    [message] = parts(
        "hi", registered_delivery=0, validity_period="000001000000000R", service_type="CMT"
    )
    assert (message.registered_delivery, message.validity_period) == (0, "000001000000000R")
    assert message.service_type == "CMT"


# What handsets write


@pytest.mark.parametrize(
    ("data_coding", "octets", "more", "text"),
    [
        (0, b"\x00 \x1be", {}, "@ €"),
        (0, b"caf\xe9", {}, "café"),  # no septets: the SMSC's default is Latin-1 after all
        (0, b"caf\xe9 @", {"alphabet": "latin1"}, "café @"),
        (0, bytes.fromhex("E8329BFD4697D9EC37"), {"alphabet": "gsm_packed"}, "hellohello"),
        (1, b"STOP", {}, "STOP"),
        (3, b"caf\xe9", {}, "café"),
        (8, b"\x04\x4f\xd8\x3d\xde\x00", {}, "я\U0001f600"),
        (8, b"\x04\x4f\xd8", {}, "я\ufffd"),
        (8, b"\xd8\x3d", {}, "\ufffd"),
        (0x18, b"\x04\x4f", {}, "я"),  # 3GPP TS 23.038: class 0, UCS-2
        (0x10, b"\x00", {}, "@"),
        (0xF1, b"\x00", {}, "@"),
        (0xF5, b"\xe9", {}, "é"),
    ],
)
def test_octets_are_read_by_their_data_coding(data_coding, octets, more, text):
    assert read_text(octets, data_coding, chosen(**more)) == text


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from(["gsm", "gsm_packed"]))
def test_any_octets_are_a_text_that_can_be_stored(octets, data_coding, alphabet):
    read_text(octets, data_coding, chosen(alphabet=alphabet)).encode("utf-8")


def test_ucs2_is_what_is_left():
    assert measure("я").encoding is Encoding.UCS2
