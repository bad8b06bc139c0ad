"""Which number a carrier means by an address: with or without plus, `00`, or its country.

A text is about consent before anything else, so a wrong number is worse than none: it would take a
stranger off a list and leave the sender on it. What can be read as two numbers is read as neither.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from sendrail.domain import phone
from sendrail.domain.phone import PhoneNumber

# Numbers of up to six digits are no international numbers: they are short codes.
SHORT_CODE_DIGITS_MAX: Final = 6


class AddressForm(Enum):
    """What a carrier says of an address beside its digits, such as SMPP's type of number."""

    UNMARKED = "unmarked"
    INTERNATIONAL = "international"
    NATIONAL = "national"


def read_number(
    text: str, *, country: str | None = None, form: AddressForm = AddressForm.UNMARKED
) -> PhoneNumber | None:
    """Return the number that an address means, or None where that is not certain.

    `country` is where national numbers belong, as two letters (`US`): without it none is read.
    A plus or `00` makes a number international whatever `form` says, another leading 0 national.
    Digits without any mark are an international number if they have the length of one, and with a
    `country` one of its own: what can be both is the one of a mobile range, or none.
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
    """Return whether two letters name a country that has a numbering plan."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


_EDGES: Final = " \t\r\n\0"
_SHORT_CODE: Final = re.compile(rf"[1-9][0-9]{{2,{SHORT_CODE_DIGITS_MAX - 1}}}").fullmatch
# Between the digits of a number that was written for people.
_SEPARATORS: Final = str.maketrans("", "", " -.()/\u00a0")


def _digits(text: str) -> str:
    """Return an address without separators, with a plus where it says that it is international."""
    # In a query a plus is a blank: what stands before the digits then is none.
    text = text.strip(_EDGES)
    if text.startswith(("+", "00")):
        # Written for both, callers from abroad leave it out: +44 (0)20 7946 0000.
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
    # Some write the country's code all the same.
    if digits.startswith(str(phonenumbers.country_code_for_region(country))):
        readings.append(_international(digits))
    return _likeliest(readings)


def _international(digits: str) -> PhoneNumber | None:
    number = _complete(f"+{digits}", None)
    return number if number == phone.parse(f"+{digits}") else None


def _national(digits: str, country: str) -> PhoneNumber | None:
    number = _complete(digits, country)
    if number is None and digits.startswith("0"):
        # Some write a 0 in front in countries whose own plan has none there.
        number = _complete(digits[1:], country)
    return number


def _complete(text: str, country: str | None) -> PhoneNumber | None:
    """Return the number if it has a length of its country's plan, its area code included."""
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # The published plans lag behind: a new range has a known length before it is known itself.
    has_length = any(
        phonenumbers.is_possible_number_for_type_with_reason(parsed, kind)
        == ValidationResult.IS_POSSIBLE
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    )
    if not has_length and not phonenumbers.is_valid_number(parsed):
        return None
    return phone.parse(phonenumbers.format_number(parsed, PhoneNumberFormat.E164))


def _likeliest(readings: Iterable[PhoneNumber | None]) -> PhoneNumber | None:
    """Return the one number among readings that is more of a handset's than all others."""
    ranked: dict[int, set[PhoneNumber]] = {}
    numbers = {each for each in readings if each is not None}
    if len(numbers) == 1:
        return numbers.pop()
    for each in numbers:
        ranked.setdefault(_rank(each), set()).add(each)
    best = ranked[max(ranked)] if ranked else set()
    return best.pop() if len(best) == 1 else None


def _rank(number: PhoneNumber) -> int:
    """Return 2 for a number of a mobile range, 1 for one of another range, 0 for no range."""
    import phonenumbers
    from phonenumbers import PhoneNumberType

    kind = phonenumbers.number_type(phonenumbers.parse(phone.show(number)))
    if kind in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        return 2
    return int(kind != PhoneNumberType.UNKNOWN)
