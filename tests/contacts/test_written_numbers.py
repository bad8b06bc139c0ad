"""Numbers as people and spreadsheets write them: the right one, or none.

Expected values are from Google's libphonenumber: an example of each kind of each country, in each
of the forms that the country writes, and what LibreOffice Calc 7.4 made of cells by hand.
"""

import phonenumbers
import pytest
from hypothesis import example as tried
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.numbering_plans import country_of
from sendrail.contacts.written_numbers import number_of
from sendrail.domain.errors import InvalidInput


def read(text, country=""):
    """Return the number in E.164 form, or None where the cell is refused."""
    try:
        return f"+{number_of(text, country_of(country))}"
    except RowError:
        return None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550100001", "+15550100001"),
        ("+1 (555) 010-0001", "+15550100001"),
        ("+49.30.1234567", "+49301234567"),
        ("+49 30/1234567", "+49301234567"),
        ("(+47) 91234567", "+4791234567"),
        ("[+47] {912} 34 567", "+4791234567"),
        ("tel:+47-912-34-567", "+4791234567"),
        ("TEL:+47 912 34 567", "+4791234567"),
        ('="+4791234567"', "+4791234567"),
        ("'+4791234567", "+4791234567"),
        ("- +4791234567", "+4791234567"),
        # The trunk zero in brackets, but where it stays a part of the number.
        ("+44 (0)7700 900123", "+447700900123"),
        ("+44(0) 7700 900123", "+447700900123"),
        ("+44 [ 0 ] 7700 900123", "+447700900123"),
        ("+44 \uff080\uff09 7700 900123", "+447700900123"),
        ("+39 (0)6 1234 5678", "+390612345678"),
        ("+39 06 1234 5678", "+390612345678"),
    ],
)
def test_with_a_plus_no_country_is_asked_for(text, number):
    assert read(text) == number
    assert read(text, "US") == number
    assert read(f" {text}\u00a0") == number


SEPARATORS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u202f"
    "\u205f\u3000-\u058a\u05be\u1400\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u301c\u30fc"
    "\ufe58\ufe63\uff0d\uff70()[]{}\uff08\uff09\u3010\u3011\u2329\u27e8\u200b\u200c\u200d\u200e"
    "\u200f\u202a\u202c\u2060\u2066\u2069\ufeff\u00ad./_~\uff0e\uff5e\u00b7\u2022"
)


@pytest.mark.parametrize("between", SEPARATORS, ids=lambda char: f"U+{ord(char):04X}")
def test_what_stands_between_digits_means_nothing(between):
    assert read(f"+47{between}91234567") == "+4791234567"


@pytest.mark.parametrize("plus", ["+", "\uff0b", "\ufe62", "\ufb29", "\u200e+", "(+", "\ufeff+"])
def test_a_plus_of_any_width_is_one(plus):
    assert read(f"{plus}4791234567") == "+4791234567"


def test_digits_of_another_width_are_digits():
    assert (
        read("\uff0b\uff14\uff17 \uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17") == "+4791234567"
    )
    assert read("+\U0001d7d2\U0001d7d591234567") == "+4791234567"


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("(555) 010-0001", "US", "+15550100001"),
        ("1 555 010 0001", "us", "+15550100001"),
        ("011 44 7911 123456", "CA", "+447911123456"),
        ("0044 7911 123456", "NO", "+447911123456"),
        ("0011 44 7911 123456", "AU", "+447911123456"),
        ("010 44 7911 123456", "JP", "+447911123456"),
        ("8~10 44 7911 123456", "RU", "+447911123456"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("07911 123456", "GB", "+447911123456"),
        ("(0)7911 123456", "GB", "+447911123456"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("011 15-2345-6789", "AR", "+5491123456789"),
        ("030/1234567", "DE", "+49301234567"),
        ("06/12/34/56/78", "FR", "+33612345678"),
        # What spreadsheets leave of +4791234567, +447911123456, 07911123456 and +4791234567.
        ("4791234567", "NO", "+4791234567"),
        ("447911123456", "GB", "+447911123456"),
        ("7911123456", "GB", "+447911123456"),
        ("15112345678", "DE", "+4915112345678"),
        # A mobile, and no landline of Leer (0491) that is as long as none.
        ("4915112345678", "DE", "+4915112345678"),
        ("62812345678", "ID", "+62812345678"),
        # A mobile, and no landline: none begins with 00.
        ("3900812345", "IT", "+393900812345"),
        ("4791234567.0", "NO", "+4791234567"),
        ("4 791 234 567.0", "NO", "+4791234567"),
        ("5\u00a048001234567.0", "AR", "+548001234567"),
        ("4791234567,00", "NO", "+4791234567"),
        ("4 791 234 567", "NO", "+4791234567"),
        ("+47\u202f912\u202f345\u202f67", "NO", "+4791234567"),
    ],
)
def test_without_a_plus_a_number_is_of_the_files_country(text, country, number):
    assert read(text, country) == number
    assert read(text) in {None, number}


@pytest.mark.parametrize(
    "text",
    [
        "4791234567",
        "5550100001",
        "(555) 010-0000",
        "15550100001",
        "0047 91234567",
        "01147 91234567",
    ],
)
def test_without_a_plus_and_a_country_the_row_says_what_to_do(text):
    with pytest.raises(RowError, match=r"write it with \+ and its country code, or name the file"):
        number_of(text)


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("", "", "no phone number"),
        ("\u200b \u00a0", "", "no phone number"),
        ("nobody", "NO", "not a phone number, such as"),
        ("+1-800-FLOWERS", "", "not a phone number"),
        ("+4791234567\n+4790000000", "NO", "not a phone number"),
        ("+4791234567, +4790000000", "NO", "not a phone number"),
        ("+4791234567;90000000", "NO", "not a phone number"),
        ("+4791234567 +4790000000", "NO", "not a phone number"),
        ("+4791234567/+4790000000", "NO", "two numbers"),
        ("91234567/90000000", "NO", "two numbers"),
        ("030 1234567/68", "DE", "two numbers"),
        ("+4791234567\u00b2", "", "raised or circled digits"),
        ("\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467", "NO", "raised or circled digits"),
        ("+\u0663\u0665\u0665\u0665\u0660\u0661\u0660\u0660", "", "not a phone number"),
        # Scientific notation, as Excel and LibreOffice show it.
        ("4.79123E+10", "NO", "last digits are lost"),
        ("4,79123E+10", "NO", "last digits are lost"),
        ("4.79E10", "", "last digits are lost"),
        ("4.4791E+011", "GB", "last digits are lost"),
        ("+4.79123e+10", "NO", "last digits are lost"),
        # +47-91234567 and +1-555-0100, worked out.
        ("-91234520", "NO", "negative number"),
        ("\u221291234520", "NO", "negative number"),
        ("(91234520)", "NO", "negative number"),
        ("2003-02-01", "NO", "a date"),
        ("2003-02-01 00:00:00", "NO", "a date"),
        ("22.11.2003", "NO", "a date"),
        ("#NAME?", "NO", "not a phone number"),
        ("#####", "NO", "not a phone number"),
        ("+1 555 010 0000 ext. 5", "", "extension"),
        ("+1 555 010 0000 x5", "", "extension"),
        ("+1 555 010 0000#5", "", "extension"),
        ("tel:+1-555-010-0000;ext=5", "", "extension"),
        ("+15550100000,,5", "", "not a phone number"),
        ("tel:91234567;phone-context=+47", "", "not a phone number"),
        # No plan knows these.
        ("+4407700900123", "", "not_sendable"),
        ("+44 07700 900123", "GB", "not_sendable"),
        ("+0047 91234567", "", "not_sendable"),
        ("+999 1234567", "", "not_sendable"),
        ("+1 155 501 0000", "", "not_sendable"),
        ("+1 3101234", "", "not_sendable"),
        ("+47 9123456", "", "not_sendable"),
        ("+4791234567912", "", "not_sendable"),
        ("07911123456", "NO", "not_sendable"),
        ("447911123456", "US", "not_sendable"),
        ("0047 91234567", "US", "not_sendable"),
        ("5550100", "US", "not_sendable"),
        ("123456", "US", "not_sendable"),
        ("+123456", "", "a number has 7 to 15 digits, not 6"),
        ("+1234567890123456", "", "a number has 7 to 15 digits, not 16"),
        # A Hungarian number that begins with the 6 of the trunk prefix 06, or not.
        ("612345678", "HU", "more than one"),
        # One of Japan that is free of charge, or two zeros for the plus.
        ("0081312345678", "JP", "more than one"),
        # A mobile one digit short, or a landline of Leer without its zero.
        ("491511234567", "DE", "more than one"),
        # An Italian number with its zero lost, or another that never had one.
        ("331234567", "IT", "more than one"),
        ("+39 (0)321 123456", "", "more than one"),
        # Brazil's carrier 55, and then Poland; or two zeros for the plus of Brazil.
        ("0055 48 99123 4567", "BR", "more than one"),
        ("1" * 101, "US", "not a phone number"),
    ],
)
def test_what_may_be_a_strangers_number_is_refused_with_the_reason(text, country, reason):
    with pytest.raises(RowError) as caught:
        number_of(text, country_of(country))
    assert reason in str(caught.value)


@pytest.mark.parametrize("code", ["NOR", "47", "+47", "Norway", "XX", "001"])
def test_a_country_that_is_none_is_refused(code):
    with pytest.raises(InvalidInput) as caught:
        country_of(code)
    assert (caught.value.code, caught.value.param) == ("invalid_country", "country")


def test_a_country_by_a_name_that_is_often_taken_for_its_code_is_told():
    with pytest.raises(InvalidInput, match="Did you mean GB"):
        country_of("UK")


# Against the examples of every country

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
# Codes of what is no line of anybody's, or has no example.
KINDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]
EXAMPLES = [
    (region, example)
    for region in REGIONS
    for example in (phonenumbers.example_number_for_type(region, kind) for kind in KINDS)
    if example is not None
]
FORMS = [
    PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
]  # fmt: skip


def e164(example):
    return phonenumbers.format_number(example, PhoneNumberFormat.E164)


def is_ten_digits_or_abroad(example):
    """Tell whether it is no Canadian 310 number: those have seven digits, and no text arrives."""
    return example.country_code != 1 or len(str(example.national_number)) == 10


@pytest.mark.parametrize("form", FORMS)
def test_every_countrys_examples_are_read_as_they_are(form):
    read_right = 0
    usable = [each for each in EXAMPLES if is_ten_digits_or_abroad(each[1])]
    for region, example in usable:
        text = phonenumbers.format_number(example, form)
        found = read(text, region)
        assert found in {e164(example), None}, (region, text)
        read_right += found is not None
        if form != PhoneNumberFormat.NATIONAL:
            assert read(text) == found, (region, text)
    # Of the national forms some are no more than the rest of a number, and refused.
    assert read_right >= (0.98 if form == PhoneNumberFormat.NATIONAL else 1) * len(usable)


def test_no_example_is_a_strangers_in_a_file_of_another_country():
    """In E.164 form a number is the same whatever the file's country; dialled out of it as well."""
    for number, (region, example) in enumerate(EXAMPLES):
        other = REGIONS[number * 7 % len(REGIONS)]
        text = phonenumbers.format_out_of_country_calling_number(example, other)
        assert read(e164(example), other) == read(e164(example)), (region, other)
        if text.startswith(("0", "8", "1", "9")) and other != region:
            assert read(text, other) in {e164(example), None}, (region, other, text)


def test_what_a_spreadsheet_leaves_of_any_example_is_that_number_or_none():
    """Zeros and plus lost; and two zeros for the plus where other digits are dialled."""
    read_right, cells = 0, 0
    for region, example in EXAMPLES:
        number = e164(example)
        national = phonenumbers.national_significant_number(example)
        dialled = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
        bare = "".join(char for char in dialled if char.isdecimal())
        lost = {bare, bare.lstrip("0"), national.lstrip("0"), number[1:], f"{number[1:]}.0"}
        for text in [*lost, f"00{number[1:]}"]:
            found = read(text, region)
            assert found in {number, None}, (region, text)
            read_right += found is not None
            cells += 1
    assert read_right > 0.85 * cells


@st.composite
def mangled(draw):
    """Return a region, the number, and what a spreadsheet or a person made of it."""
    region, example = draw(st.sampled_from(EXAMPLES))
    text = phonenumbers.format_number(example, draw(st.sampled_from(FORMS)))
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(MANGLINGS))(draw, text)
    return region, e164(example), text


def wide(_, text):
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def separated(draw, text):
    between = draw(st.sampled_from(SEPARATORS.translate({ord("/"): None})))
    return text.replace(" ", between).replace("-", between)


def scattered(draw, text):
    at = draw(st.integers(1, len(text)))
    return text[:at] + draw(st.sampled_from("\u200b\u00a0\u202f\u00ad\u2060")) + text[at:]


def with_trunk(draw, text):
    code, blank, rest = text.partition(" ")
    return (
        f"{code} ({draw(st.sampled_from('0'))}){rest}" if code.startswith("+") and blank else text
    )


def as_a_number(_, text):
    """As a spreadsheet keeps what it takes for a number: no plus, no zeros in front."""
    return text.lstrip("+0") if text.lstrip("+").isdecimal() else text


def as_a_float(_, text):
    return f"{text}.0" if text.isdecimal() else text


def as_science(_, text):
    return f"{int(text):.5E}" if text.isascii() and text.isdecimal() else text


def apostrophe(_, text):
    return f"'{text}"


def formula(_, text):
    return f'="{text}"' if '"' not in text else text


MANGLINGS = [
    wide, separated, scattered, with_trunk, as_a_number, as_a_float, as_science, apostrophe,
    formula,
]  # fmt: skip


# Regions and manglings are many: more examples than a law of one thing needs.
@settings(max_examples=max(400, settings.default.max_examples))
@given(mangled())
def test_what_is_made_of_a_number_is_that_number_or_none(case):
    region, number, text = case
    assert read(text, region) in {number, None}
    # Without a country nothing is guessed.
    assert read(text) in {number, None}


def said(text, country):
    """Return the number, or why there is none."""
    try:
        return number_of(text, country_of(country))
    except RowError as bad:
        return str(bad)


COUNTRIES = st.sampled_from(["", "US", "NO", "DE", "GB", "IT", "BR", "RU", "AU"])
CELLS = st.text("+0123456789 ()[]-./~_'=\"eExX#;,", max_size=24)
DIGITS = st.from_regex(r"\+?[0-9]{1,17}", fullmatch=True)


@given(CELLS | DIGITS | mangled().map(lambda case: case[2]), COUNTRIES)
@tried("4.791234567E9", "NO")
@tried("555-0100 ext 12", "US")
@tried("'(555) 201-2345", "US")
@tried('="2012012345"', "US")
def test_what_is_ascii_is_read_as_anything_else(text, country):
    # The blank is no part of anything, and sends the cell the longer way.
    assert said(text, country) == said(f"{text}\u00a0", country)


@given(DIGITS, COUNTRIES)
@tried("2012012345", "US")
@tried("004791234567", "NO")
@tried("4791234567", "NO")
@tried("+4791234567", "")
def test_digits_alone_are_read_as_with_dashes_between(text, country):
    assert said(text, country) == said("\u2013".join(text), country)
