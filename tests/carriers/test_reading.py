"""What every carrier reads by: pieces alone, texts of handsets, and JSON though it is broken."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.reading import known, read_each, read_json, read_text, repaired, shallow
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.receipt import (
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Refused,
    Reply,
)

ANN, LIST = 15550100001, 15550001000


# One by one


def test_a_piece_costs_no_other_whatever_reading_it_raises():
    good = Receipt(carrier_ref="a", status=None, detail="on")
    faults = (CarrierTrouble("no id"), KeyError("secret text"), RecursionError(), OverflowError())

    def read(piece):
        if isinstance(piece, Exception):
            raise piece
        return piece

    pieces = [each for fault in faults for each in (good, fault)]
    said = read_each(pieces, read, lambda _: CallbackSubject.REPLY, repr)
    assert said[::2] == [good] * len(faults)
    assert said[1] == Refused(reason="no id", raw=repr(faults[0]), about=CallbackSubject.REPLY)
    # What a bug says may be what a person wrote.
    assert [each.reason for each in said[3::2]] == [
        f"Reading it failed ({name})." for name in ("KeyError", "RecursionError", "OverflowError")
    ]


# Texts of handsets


def text(sender="+15550100001", to="+15550001000", body="STOP", country=None):
    return read_text(sender=sender, to=to, text=body, country=country, ref="r1")


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("+15550100001", None, ANN),
        ("15550100001", None, ANN),
        ("0015550100001", None, ANN),
        ("tel:+15550100001", None, ANN),
        ("sms:15550100001", None, ANN),
        ("5550100001", "US", ANN),
        ("05550100001", "US", ANN),
        ("07700900123", "GB", 447700900123),
        ("447700900123", "GB", 447700900123),
        ("4791234567", None, 4791234567),
    ],
)
def test_a_number_is_read_as_the_one_it_must_be(written, country, number):
    expected = Reply(sender=number, list_number=LIST, body="STOP", carrier_ref="r1")
    assert text(sender=written, country=country) == expected
    assert text(to=written, country=country).list_number == number


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("5550211113", None),
        ("05550211113", None),
        ("07700900123", None),
        ("4792345678", "US"),
        ("", None),
        ("+", None),
        ("0", None),
        (None, None),
        ("1" * 30, None),
        ("1" * 5_000, "US"),
        ("+1555\0100001", None),
        ("\ud83d", None),
        ("a name that is no name of a sender's", None),
    ],
)
def test_a_number_that_is_not_certain_is_nobodys(written, country):
    with pytest.raises(CarrierTrouble) as caught:
        text(sender=written, country=country)
    assert not written or written not in caught.value.message


def test_who_writes_national_numbers_is_told_of_the_setting():
    with pytest.raises(CarrierTrouble, match="set the connector's `country`"):
        text(sender="05550211113")


@pytest.mark.parametrize(
    ("sender", "to", "why"),
    [
        ("12345", "+15550001000", IgnoredReason.SENDER),
        ("ACME", "+15550001000", IgnoredReason.SENDER),
        ("Acme Shop 24", "+15550001000", IgnoredReason.SENDER),
        ("whatsapp:+15550100001", "whatsapp:+15550001000", IgnoredReason.CHANNEL),
        ("+15550100001", "rcs:agent", IgnoredReason.CHANNEL),
    ],
)
def test_a_text_that_no_handset_wrote_is_set_aside(sender, to, why):
    assert text(sender=sender, to=to) == IgnoredPart(why)


@pytest.mark.parametrize("code", ["123", "54321", "12345678"])
def test_a_text_to_a_short_code_is_for_that(code):
    assert text(to=code).list_number == int(code)


@pytest.mark.parametrize("to", [None, "", "ACME", "12", "0", "05550211113"])
def test_a_text_to_nobody_is_refused(to):
    with pytest.raises(CarrierTrouble, match="recipient"):
        text(to=to)


def test_a_text_without_a_text_is_refused():
    with pytest.raises(CarrierTrouble, match="no text"):
        text(body=None)


@given(st.text(), st.text(), st.sampled_from([None, "US", "IT"]))
def test_any_addresses_are_read_or_refused(sender, to, country):
    with suppress(CarrierTrouble):
        assert isinstance(text(sender=sender, to=to, country=country), Reply | IgnoredPart)


def test_a_status_that_is_not_known_is_named_if_it_is_a_word():
    table = {"sent": None, "delivered": 1}
    assert (known(table, "Delivered "), known(table, "SENT")) == (1, None)
    with pytest.raises(CarrierTrouble, match="`eaten`"):
        known(table, "eaten")
    with pytest.raises(CarrierTrouble, match="something that is no word"):
        known(table, "call me at 555 0100")


# JSON

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_good_json_is_read_as_by_others_and_needs_no_repair(value, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert json.loads(repaired(body)) == json.loads(shallow(body)) == value


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_halves_of_emojis_are_put_right(value):
    # By the standard library: halves side by side are one, others become a mark.
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    marked = "".join("\ufffd" if 0xD800 <= ord(each) <= 0xDFFF else each for each in whole)
    body = json.dumps([value, "STOP"]).encode()
    assert read_json(body, list[str]) == [marked, "STOP"]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (b'"a\nb\tc\0d"', "a\nb\tc\0d"),
        (b'\xef\xbb\xbf"a"', "a"),
        (b'[\n"a\nb"\n]', ["a\nb"]),
        (rb'"\"' + b'\n"', '"\n'),
    ],
)
def test_what_is_wrong_within_texts_is_put_right(body, value):
    assert read_json(body, object if isinstance(value, list) else str) == value


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'"a', b'"\\', b"[1,]", b"nope", b'{"a" 1}', b"[" * 99_999, b'"\xff', b"\xff\xfe{"],
)
def test_what_is_no_json_is_trouble(body):
    with pytest.raises(CarrierTrouble) as caught:
        read_json(body, object)
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("depth", [3, 60, 500, 100_000])
def test_what_nests_too_deep_costs_nothing_beside_it(depth):
    bomb = b"[" * depth + b"]" * depth
    body = b'{"results": [{"x": %b, "y": "]"}, {"text": "STOP"}]}' % bomb
    [first, second] = read_json(body, dict[str, list[msgspec.Raw]])["results"]
    assert read_json(bytes(second), dict[str, str]) == {"text": "STOP"}
    assert read_json(bytes(first), dict[str, object])["y"] == "]"


def test_the_work_of_repair_grows_as_its_input_does():
    # Each pattern takes its characters for good: no way back, however odd the text.
    for piece in (rb"\ud83d", rb"\\", b'"', b"\0", b"[", b"\xed\xa0\xbd", rb"\""):
        body = b'"' + piece * 200_000
        with pytest.raises(CarrierTrouble):
            read_json(b"[" + body, list[str])
