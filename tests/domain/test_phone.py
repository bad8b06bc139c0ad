"""E.164 or nothing, and no log line that reveals a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain import phone


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550100000", 15550100000),
        ("+4915112345678", 4915112345678),
        ("+1234567", 1234567),  # the shortest we take: seven digits
        ("+123456789012345", 123456789012345),  # the longest E.164 allows: fifteen
        ("+123456", None),
        ("+1234567890123456", None),
        ("+05550100000", None),  # no country code starts with 0
        ("15550100000", None),
        ("0015550100000", None),
        ("++15550100000", None),
        ("+1 555 010 0000", None),
        ("+1-555-010-0000", None),
        ("+1555010000a", None),
        (" +15550100000", None),
        ("+15550100000 ", None),
        ("+15550100000\n", None),
        ("+1555010\n0000", None),
        ("+١٥٥٥٠١٠٠٠٠٠", None),  # noqa: RUF001 - digits of another script are no E.164
        ("+\uff11\uff15\uff15\uff15\uff10\uff11\uff10\uff10", None),  # full-width digits neither
        ("+²5550100000", None),
        ("", None),
        ("+", None),
    ],
)
def test_a_number_is_e164_or_nothing(text, number):
    assert phone.parse(text) == number


@given(st.integers(10**6, 10**15 - 1))
def test_what_is_shown_is_read_back(number):
    assert phone.parse(phone.show(number)) == number


@given(st.text(alphabet="+0123456789 -()\n٣", max_size=18))
def test_a_number_that_is_read_is_shown_as_it_was_written(text):
    number = phone.parse(text)
    assert number is None or phone.show(number) == text


@given(st.integers(10**6, 10**15 - 1))
def test_a_mask_hides_at_least_three_digits(number):
    masked = phone.mask(number)
    assert "***" in masked
    assert sum(char.isdigit() for char in masked) <= max(len(str(number)) - 3, 2)


def test_masks_tell_numbers_apart():
    assert phone.mask(15550100042) == "+1555***0042"
    assert phone.mask(352621123) == "+35***123"
    assert phone.mask(1234567) == "+12***"


@given(st.integers(10**6, 10**15 - 1))
def test_numbers_around_one_have_its_prefix(number):
    alike = phone.like_in_prefix(number)
    assert number in alike
    assert {phone.prefix_of(each) for each in (alike[0], alike[-1])} == {phone.prefix_of(number)}
    # An American area code is all that is known of ten million numbers.
    assert len(alike) == (10_000_000 if 10**10 <= number < 2 * 10**10 else 1)
