"""Which number an address of a carrier means; what is not certain is no number.

Lengths and ranges are those of the countries' published numbering plans.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain import phone
from sendrail.domain.address import AddressForm, is_country, read_number, read_short_code

INTERNATIONAL, NATIONAL, UNMARKED = (
    AddressForm.INTERNATIONAL,
    AddressForm.NATIONAL,
    AddressForm.UNMARKED,
)


@pytest.mark.parametrize("form", AddressForm)
@pytest.mark.parametrize("country", [None, "US", "NO"])
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550002000", 15550002000),
        ("0015550002000", 15550002000),
        ("+0015550002000", 15550002000),
        (" +1 (555) 000-2000\r\n", 15550002000),
        ("+4791234567\0", 4791234567),
        ("+44 (0)7700 900123", 447700900123),
        ("0044 (0)7700 900123", 447700900123),
    ],
)
def test_a_plus_or_two_zeros_make_it_international(text, number, country, form):
    assert read_number(text, country=country, form=form) == number


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("5550211113", "US", 15550211113),
        ("15550211113", "US", 15550211113),
        ("05550211113", "TR", 905550211113),
        ("5550211113", "TR", 905550211113),
        ("9876543210", "IN", 919876543210),
        ("9198765432", "IN", 919198765432),
        ("07700900123", "GB", 447700900123),
        ("89161234567", "RU", 79161234567),
        ("0236618300", "IT", 390236618300),
        ("91234567", "NO", 4791234567),
        ("4791234567", "NO", 4791234567),
        ("15112345678", "DE", 4915112345678),
        ("4915112345678", "DE", 4915112345678),
    ],
)
def test_a_national_number_needs_its_country(text, country, number):
    assert read_number(text, country=country, form=NATIONAL) == number
    assert read_number(text, form=NATIONAL) is None


def test_a_leading_zero_makes_it_national_whatever_is_said():
    assert read_number("05550211113", country="US", form=INTERNATIONAL) == 15550211113
    assert read_number("05550211113", form=INTERNATIONAL) is None
    assert read_number("05550211113") is None


def test_what_is_said_to_be_international_is_believed():
    assert read_number("5550211113", country="US", form=INTERNATIONAL) == 5550211113


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("15552340001", None, 15552340001),
        ("15552340001", "US", 15552340001),
        (" 15552340001", None, 15552340001),  # a query's plus
        ("447700900123", "US", 447700900123),
        ("919876543210", "IN", 919876543210),
        ("4915112345678", "DE", 4915112345678),
        ("5511999998888", "BR", 5511999998888),
        # National, because no international number has this length.
        ("5550211113", "US", 15550211113),
        ("6175550100", "US", 16175550100),
        ("91234567", "NO", 4791234567),
        ("07700900123", "GB", 447700900123),
        # +1 511 is no area code, and 015 1 is mobile.
        ("15112345678", "DE", 4915112345678),
    ],
)
def test_digits_alone_are_the_one_number_they_can_be(text, country, number):
    assert read_number(text, country=country) == number


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("5550211113", None),  # +55 50 2111 13 is too short for Brazil
        ("6175550100", None),
        ("2125550100", None),
        ("4792345678", "US"),  # a Norwegian mobile, or Arkansas
        ("4921123456", "DE"),  # Düsseldorf, or Emden
        ("2340001", "US"),  # no area code
    ],
)
def test_what_may_be_a_strangers_number_is_none(text, country):
    assert read_number(text, country=country) is None


@pytest.mark.parametrize("form", AddressForm)
@pytest.mark.parametrize(
    "text", ["", "+", "00", "0", "+0", "Sendrail", "12345", "1" * 16, "١٢٣٤٥٦٧٨", "+1555\0002000"]
)
def test_what_is_no_number_is_none(text, form):
    assert read_number(text, country="US", form=form) is None


@given(st.text(), st.sampled_from([None, "US", "IT"]), st.sampled_from(AddressForm))
def test_any_text_is_a_number_or_none(text, country, form):
    number = read_number(text, country=country, form=form)
    assert number is None or phone.parse(phone.show(number)) == number


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from([None, "US", "DE"]))
def test_a_number_in_full_is_itself(digits, country):
    for text in (f"+{digits}", f"00{digits}"):
        assert read_number(text, country=country) == int(digits)
    assert read_number(digits) in {int(digits), None}


@pytest.mark.parametrize(
    ("text", "code"),
    [("12345", 12345), (" 123456\0", 123456), ("123", 123), ("12", None), ("1234567", None),
     ("012345", None), ("+12345", None), ("INFO", None), ("١٢٣", None)],
)  # fmt: skip
def test_a_short_code_has_three_to_six_digits(text, code):
    assert read_short_code(text) == code


@pytest.mark.parametrize(("code", "known"), [("US", True), ("us", False), ("XX", False)])
def test_a_country_has_a_numbering_plan(code, known):
    assert is_country(code) is known
