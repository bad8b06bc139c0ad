"""What a list sends from: numbers, short codes and names, each told from the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain import phone, sender_ids

# 3GPP TS 23.040, 9.1.2.5 and 23.038: eleven characters, of which these are plain in ASCII as well.
PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@_"
INT64 = 2**63


@pytest.mark.parametrize("text", ["+15550100000", "+4791234567", "+1234567"])
def test_a_number_is_its_digits(text):
    assert sender_ids.parse(text) == int(text)
    assert phone.show(sender_ids.parse(text)) == text
    assert sender_ids.text_beside(text) is None


@pytest.mark.parametrize("text", ["100", "72345", "12345678"])
def test_a_short_code_is_told_from_a_number_of_the_same_digits(text):
    key = sender_ids.parse(text)
    assert key != phone.parse(f"+{text}")
    assert phone.show(key) == phone.bare(key) == text
    assert sender_ids.text_beside(text) is None
    assert sender_ids.takes_replies(key)
    assert key in sender_ids.called(int(text))


@pytest.mark.parametrize(
    "text", ["A", "Acme", "ACME", "4You", "My Shop 24", "MyCompanyCo", "B&B-Inn_1.0", "Q+A"]
)
def test_a_name_is_kept_beside_its_digest(text):
    key = sender_ids.parse(text)
    assert -INT64 <= key < -(10**8)
    assert sender_ids.text_beside(text) == text
    assert not sender_ids.takes_replies(key)


def test_names_differ_by_case():
    assert sender_ids.parse("Acme") != sender_ids.parse("ACME")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "7", "12", "012345", "123456789", "15550100000", "+", "+0", "+Acme", " Acme",
        "Acme ", "TwelveLetter", "Caf\u00e9", "Acme\n", "Ac\tme", "A[b]", "\uff11\uff12\uff13",
        "!!!", "a\0b", "\u0391\u0392\u0393",
    ],
)  # fmt: skip
def test_nothing_else_is_a_sender(text):
    assert sender_ids.parse(text) is None
    assert sender_ids.text_beside(text) is None


@given(st.text(PLAIN, min_size=1, max_size=11))
def test_what_has_a_letter_is_a_name(text):
    is_name = any(each.isalpha() for each in text) and not text.startswith("+")
    assert (sender_ids.text_beside(text) == text) is is_name


@given(st.text(PLAIN, min_size=1, max_size=11), st.text(PLAIN, min_size=1, max_size=11))
def test_no_two_senders_are_one(one, other):
    keys = sender_ids.parse(one), sender_ids.parse(other)
    assert (keys[0] == keys[1]) is (one == other) or keys == (None, None)


@pytest.mark.parametrize(
    ("text", "digits"),
    [("+15550100000", 15550100000), ("72345", 72345), ("Acme", None), ("", None), ("+72345", None)],
)
def test_a_handset_writes_to_a_number_or_a_short_code(text, digits):
    assert sender_ids.destination(text) == digits
