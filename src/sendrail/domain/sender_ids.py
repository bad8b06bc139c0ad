"""Senders: a phone number, a short code or a name.

Internally each is one integer, so that every list is looked up in the same way: the digits of a
number, the negated digits of a short code, and for a name a digest far below these. A name cannot
be read from its digest, so it is stored beside it.
"""

import hashlib
import re
from typing import Final

from sendrail.domain import phone
from sendrail.domain.phone import PhoneNumber

# Three to eight digits, in every country that has short codes; none begins with a 0.
_SHORT_CODE: Final = re.compile(r"[1-9][0-9]{2,7}").fullmatch
# 3GPP TS 23.040, 9.1.2.5: at most eleven characters of the GSM alphabet. Only those in ASCII:
# carriers' interfaces accept no others. At least one is a letter, otherwise it would be a number.
_NAME: Final = re.compile(
    r"(?=.*[A-Za-z])(?![+ ])[A-Za-z0-9 !\"#$%&'()*+,\-./:;<=>?@_]{1,11}(?<! )"
).fullmatch
_SHORT_CODES_UP_TO: Final = 10**8
# Digests of names are below this, short codes above.
_NAMES_BELOW: Final = -(1 << 40)

FORM: Final = (
    "an E.164 phone number such as +15550100000, a short code of 3 to 8 digits, or a name of at "
    "most 11 letters, digits and plain signs"
)


def parse(text: str) -> PhoneNumber | None:
    """Return the integer of a sender, or None for a text that cannot be one."""
    number = phone.parse(text)
    if number is not None:
        return number
    if _SHORT_CODE(text):
        return PhoneNumber(-int(text))
    if not _NAME(text):
        return None
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
    return PhoneNumber(min(-digest, _NAMES_BELOW - 1))


def text_beside(text: str) -> str | None:
    """Return the text to store beside the integer: a name, or None for any other sender."""
    key = parse(text)
    return text if key is not None and key < _NAMES_BELOW else None


def takes_replies(sender: int) -> bool:
    """Return whether handsets can text a sender: not if it is a name."""
    return sender > _NAMES_BELOW


def called(digits: int) -> tuple[int, ...]:
    """Return the senders that digits in a reply may stand for: carriers omit the plus."""
    return (digits, -digits) if digits < _SHORT_CODES_UP_TO else (digits,)


def destination(text: str) -> PhoneNumber | None:
    """Return the digits of a reply's recipient: a number, or a short code."""
    number = phone.parse(text)
    return PhoneNumber(int(text)) if number is None and _SHORT_CODE(text) else number
