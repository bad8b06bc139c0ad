"""Parsing of the addresses carriers send: with or without a plus, `00` or a country code.

A text may be an opt-out, so a wrong number is worse than none: it would opt out a stranger and
leave the sender on the list. An address that can be read as two numbers is read as neither.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from sendrail.domain import phone
from sendrail.domain.phone import PhoneNumber

# Numbers of up to six digits are short codes, not international numbers.
SHORT_CODE_DIGITS_MAX: Final = 6


class AddressForm(Enum):
    """What a carrier states about an address beside its digits, such as SMPP's type of number."""

    UNMARKED = "unmarked"
    INTERNATIONAL = "international"
    NATIONAL = "national"


def read_number(
    text: str, *, country: str | None = None, form: AddressForm = AddressForm.UNMARKED
) -> PhoneNumber | None:
    """Return the number an address stands for, or None where it is ambiguous.

    `country` is the country of national numbers, as two letters (`US`); without it, none are read.
    A plus or `00` makes a number international whatever `form` says; another leading 0 makes it
    national. Bare digits may be an international number, if their length fits, or with a `country`
    a national one: of the two readings the one in a mobile range counts, else neither.
    """
    text = _digits(text)
    if text.startswith("+"):
        return phone.parse(text)
    if not (text.isascii() and text.isdecimal()):
        return None
    if text.startswith("0"):
        form = AddressForm.NATIONAL
    if form is AddressForm.INTERNATIONAL:
        return phone.parse(f"+{text}")
    if form is AddressForm.NATIONAL:
        return None if country is None else _marked_national(text, country)
    return _unmarked(text, country)


def read_short_code(text: str) -> int | None:
    """Return a short code of three to six digits, or None where the address is none."""
    return int(text) if _SHORT_CODE(text := text.strip(_EDGES)) else None


def is_country(code: str) -> bool:
    """Return whether two letters are the code of a country with a numbering plan."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


_EDGES: Final = " \t\r\n\0"
_SHORT_CODE: Final = re.compile(rf"[1-9][0-9]{{2,{SHORT_CODE_DIGITS_MAX - 1}}}").fullmatch
# Separators in numbers that are formatted for people.
_SEPARATORS: Final = str.maketrans("", "", " -.()/\u00a0")


def _digits(text: str) -> str:
    """Return an address without separators, with a plus where it is marked as international."""
    # A plus in an unescaped query string decodes to a blank: it is dropped and marks nothing.
    text = text.strip(_EDGES)
    if text.startswith(("+", "00")):
        # The trunk prefix in parentheses is omitted in the international form: +44 (0)20 7946 0000.
        text = text.replace("(0)", "")
    text = text.translate(_SEPARATORS)
    digits = text.removeprefix("+")
    return f"+{digits.removeprefix('00')}" if text[:1] == "+" or digits[:2] == "00" else text


def _unmarked(digits: str, country: str | None) -> PhoneNumber | None:
    readings = [_international(digits)]
    if country is not None:
        readings.append(_national(digits, country))
    return _likeliest(readings)


def _marked_national(digits: str, country: str) -> PhoneNumber | None:
    import phonenumbers

    readings = [_national(digits, country)]
    # Some carriers add the country code all the same.
    if digits.startswith(str(phonenumbers.country_code_for_region(country))):
        readings.append(_international(digits))
    return _likeliest(readings)


def _international(digits: str) -> PhoneNumber | None:
    number = _complete(f"+{digits}", None)
    return number if number == phone.parse(f"+{digits}") else None


def _national(digits: str, country: str) -> PhoneNumber | None:
    number = _complete(digits, country)
    if number is None and digits.startswith("0"):
        # Some carriers add a leading 0 in countries whose plan has no trunk prefix.
        number = _complete(digits[1:], country)
    return number


def _complete(text: str, country: str | None) -> PhoneNumber | None:
    """Return the number if its length fits its country's plan, including the area code."""
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # The published plans lag behind: the length of a new range is known before the range itself.
    has_length = any(
        phonenumbers.is_possible_number_for_type_with_reason(parsed, kind)
        == ValidationResult.IS_POSSIBLE
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    )
    if not has_length and not phonenumbers.is_valid_number(parsed):
        return None
    return phone.parse(phonenumbers.format_number(parsed, PhoneNumberFormat.E164))


def _likeliest(readings: Iterable[PhoneNumber | None]) -> PhoneNumber | None:
    """Return the reading that ranks highest as a handset's number, if it is the only one."""
    ranked: dict[int, set[PhoneNumber]] = {}
    numbers = {each for each in readings if each is not None}
    if len(numbers) == 1:
        return numbers.pop()
    for each in numbers:
        ranked.setdefault(_rank(each), set()).add(each)
    best = ranked[max(ranked)] if ranked else set()
    return best.pop() if len(best) == 1 else None


def _rank(number: PhoneNumber) -> int:
    """Return 2 for a number in a mobile range, 1 for one in another known range, 0 otherwise."""
    import phonenumbers
    from phonenumbers import PhoneNumberType

    kind = phonenumbers.number_type(phonenumbers.parse(phone.show(number)))
    if kind in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        return 2
    return int(kind != PhoneNumberType.UNKNOWN)
