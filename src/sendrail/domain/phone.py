"""Phone numbers in E.164 form.

Internally a number is the integer of its digits: it sorts, joins and hashes quickly and takes eight
bytes in a row. `show` gives the API's form, `mask` the form for logs.
"""

import re
from collections.abc import Callable
from typing import Final, NewType, cast

PhoneNumber = NewType("PhoneNumber", int)

# ITU-T E.164 (11/2010), 6: at most 15 digits, the country code never starts with 0. Fewer than
# seven digits is no international number in any published numbering plan.
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
# `PhoneNumber(...)` would be a call of its own for each number that is read.
_number: Final = cast("Callable[[str], PhoneNumber]", int)
# ITU-T E.164, annex D: world zones 1 and 7 are one code each, of the others these have two digits,
# and all the rest have three.
_SHORTEST_CODES: Final = frozenset("17")
_SHORT_CODES: Final = frozenset({
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
})  # fmt: skip
# Country code 1 has eleven digits, and no other number that begins with 1 is one. The area code
# ends at the fourth.
NORTH_AMERICA: Final = range(10**10, 2 * 10**10)
_AFTER_AREA_CODE: Final = 10**7
# In digits: of shorter numbers a log shows fewer.
_LONG: Final = 10
_SHORT: Final = 7


def parse(text: str) -> PhoneNumber | None:
    """Return the number of an E.164 string such as `+15550100000`, or None when it is not one."""
    return _number(text) if E164(text) else None


def show(number: int | str) -> str:
    """Return the E.164 form, `+15550100000`: for the API and carriers, never for logs.

    Senders are shown as well: a short code is stored as its negated digits, and a text is in this
    form already.
    """
    if isinstance(number, str):
        return number
    return f"+{number}" if number >= 0 else str(-number)


def bare(number: int | str) -> str:
    """Return the same without a plus, as many carriers require it."""
    return show(number).removeprefix("+")


def calling_code_length(digits: str) -> int:
    """Return how many digits of an international number are its calling code."""
    if digits[:1] in _SHORTEST_CODES:
        return 1
    return 2 if digits[:2] in _SHORT_CODES else 3


def prefix_of(number: int) -> int:
    """Return the digits that say where a number is: its calling code, and an American area code."""
    if number in NORTH_AMERICA:
        return number // _AFTER_AREA_CODE
    digits = str(number)
    return int(digits[: calling_code_length(digits)])


def like_in_prefix(number: int) -> range:
    """Return numbers around one that have its prefix: an American area, or else it alone."""
    if number in NORTH_AMERICA:
        first = number - number % _AFTER_AREA_CODE
        return range(first, first + _AFTER_AREA_CODE)
    return range(number, number + 1)


def show_as_text(number: int) -> str:
    """Return a form that no spreadsheet takes for a number or a formula: `(+1) 5550100000`."""
    digits = str(number)
    length = calling_code_length(digits)
    return f"(+{digits[:length]}) {digits[length:]}"


def mask(number: int) -> str:
    """Return a form that lets an operator distinguish numbers without revealing them."""
    digits = str(number)
    # At least three digits stay hidden, whatever the length of a country's numbers.
    head, tail = (4, 4) if len(digits) > _LONG else (2, 3)
    return f"+{digits[:head]}***{digits[-tail:] if len(digits) > _SHORT else ''}"
