"""What can be kept by every database, and what it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain import storable

# All code points, surrogates and NUL among them.
ANYTHING = st.text(st.characters(min_codepoint=0, exclude_categories=()), max_size=40)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("STOP", "STOP"),
        ("STOP\0", "STOP"),
        ("STOP\0\0\0", "STOP"),
        ("ST\0OP", "ST\ufffdOP"),
        ("\0", ""),
        ("hi \ud83d", "hi \ufffd"),
        ("\ude00 hi", "\ufffd hi"),
        ("\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        # Halves of one sign that a decoder has left apart.
        ("\ud83d\ude00", "\U0001f600"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("naïve \U0001f600 \uffff", "naïve \U0001f600 \uffff"),
        ("", ""),
    ],
)
def test_a_text_is_repaired(given, kept):
    assert storable.text(given) == kept


@given(ANYTHING)
def test_whatever_a_text_is_both_databases_can_keep_it(text):
    for kept in (storable.text(text), storable.ref(text)):
        kept.encode()
        assert "\0" not in kept


@given(ANYTHING)
def test_what_is_kept_is_kept_again_as_it_is(text):
    for repaired in (storable.text, storable.ref):
        assert repaired(repaired(text)) == repaired(text)


def test_a_text_is_cut():
    assert storable.text("x" * 50_000) == "x" * storable.TEXT_MAX
    assert storable.text("abc", 2) == "ab"


@pytest.mark.parametrize("given", ["M1", " M1", "M1\0\0", "M1\r\n", "\t M1 \0"])
def test_an_id_loses_what_surrounds_it(given):
    assert storable.ref(given) == "M1"


@pytest.mark.parametrize("given", ["", " ", "\0\0", "\r\n"])
def test_an_id_of_nothing_is_empty(given):
    assert storable.ref(given) == ""


@given(st.sets(st.text("ab\u20ac", min_size=200, max_size=400), min_size=2))
def test_long_ids_stay_apart_and_fit_an_index(ids):
    kept = {storable.ref(each) for each in ids}
    assert len(kept) == len(ids)
    assert all(len(each) <= storable.REF_MAX for each in kept)


@pytest.mark.parametrize(
    "value", [0, -1, 10**15, 2**63, 2**70, True, 1.0, "15550100001", None, b"1"]
)
def test_what_is_no_address_is_none(value):
    assert storable.number(value) is None


def test_an_address_has_fifteen_digits_at_the_most():
    assert storable.number(10**15 - 1) == 10**15 - 1
    assert storable.number(12345) == 12345


@given(st.integers())
def test_a_reference_fits_a_row_of_four_octets(value):
    kept = storable.reference(value)
    assert 0 <= kept < 2**31
    assert kept == storable.reference(value)
    if 0 <= value < 2**16:
        assert kept == value


@pytest.mark.parametrize("value", [True, None, "7", 7.0])
def test_what_is_no_reference_is_none(value):
    assert storable.reference(value) is None
