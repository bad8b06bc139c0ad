"""Numbers as people type or copy them into forms."""

import pytest

from sendrail.dashboard.form_parts import amount, number, plain_number, whole
from sendrail.domain.digits import number_written
from sendrail.domain.errors import InvalidInput


@pytest.mark.parametrize(
    "text",
    [
        "+15550101184",
        " +1 (555) 010-1184 ",
        "+1.555.010.1184",
        # The blanks and dashes of typesetting: U+00A0, U+202F, U+2009, U+2011, U+2013.
        "+1\u00a0555\u202f010\u20091184",
        "+1 555\u2011010\u20131184",
        # As telephones and address books copy it, with marks of its direction around it.
        "\u202a+1 555 010 1184\u202c",
        "(+1) 555 010 1184",
    ],
)
def test_what_stands_between_the_digits_of_a_number_says_nothing(text):
    assert plain_number(text) == "+15550101184"


@pytest.mark.parametrize(
    "text",
    [
        # A zero for those who call from inside, an extension, two numbers, a number of no country.
        "+44 (0) 7700 900102",
        "+44 ( 0 )\n7700 900102",
        "+1 555 010 1184 ext. 7",
        "+1 555 010 1184 x7",
        "+1 555 010 1184/5",
        "+1 555 010 1184, +1 555 010 1185",
        "1 555 010 1184",
        "+１５５５０１０１１８４",  # noqa: RUF001 - of full width
        "72345",
        "Acme 1-2",
        "",
        "+",
    ],
)
def test_another_text_is_left_as_it_is(text):
    assert plain_number(text) == text


@pytest.mark.parametrize(
    ("text", "read"),
    [("", None), (" 1500 ", 1_500), ("1,500", 1_500), ("17,000,000", 17_000_000), ("0", 0)],
)
def test_thousands_may_be_set_off(text, read):
    assert (whole(text, "rate"), amount(text, "rate")) == (read, read)


# What is half of something to some people is never a hundred times as much; the others Python's
# own reading of numbers takes.
@pytest.mark.parametrize(
    "text",
    ["12,50", "1,5", "0,125", "0,500", "00,500", "012,500", ",5", ".", "1.5.5",
     "1,00", "1,0000", "1,500,00", "1_000", "\u0661\u0662", "nan", "inf",
     "1e3", "-1", "+1", "9" * 400],
)  # fmt: skip
def test_what_could_be_another_number_is_none(text):
    for read in (whole, amount):
        with pytest.raises(InvalidInput) as caught:
            read(text, "rate")
        assert caught.value.param == "rate"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("-1,234.5", -1_234.5), ("+7", 7), (" 0.0000001 ", 1e-7), ("-0.5", -0.5), (".5", 0.5),
        ("12,50", None), ("1_000", None), ("\u0663", None), ("nan", None), ("inf", None),
        ("1e3", None), ("--5", None), ("-", None), ("", None), ("9" * 5_000, None),
    ],
)  # fmt: skip
def test_a_number_may_have_a_sign_and_is_written_as_it_is_read(text, read):
    assert number(text) == read
    if read is not None:
        assert number(number_written(read)) == read


def test_an_amount_has_decimals():
    assert amount("1,234.50", "revenue") == 1_234.5
    assert amount("12.5", "revenue") == 12.5


@pytest.mark.parametrize(
    ("text", "read"), [(".5", 0.5), (".50", 0.5), ("12.", 12), ("1,234.", 1_234), ("0.125", 0.125)]
)
def test_the_digits_on_one_side_of_the_point_may_be_left_out(text, read):
    assert amount(text, "mps") == read
