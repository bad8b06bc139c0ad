"""What a list sends from: a phone number, a short code or a name.

Inside, each is one integer, so that looking a list up costs the same whatever it sends from: the
digits of a number, the digits of a short code below zero, and for a name a digest far below that.
A name cannot be read from its digest and stands beside it.
"""

import hashlib
import re
from typing import Final

from sendrail.domain import phone
from sendrail.domain.phone import PhoneNumber

# Three to eight digits, in every country that has short codes; none begins with a 0.
_SHORT_CODE: Final = re.compile(r"[1-9][0-9]{2,7}").fullmatch
# 3GPP TS 23.040, 9.1.2.5: at most eleven characters of the GSM alphabet. Of those the ones that
# ASCII has: carriers' interfaces take no others. One is a letter, or it would be a number.
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
    """Return the integer of what a list sends from, or None for a text that is nothing such."""
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
    """Return what is kept beside the integer of such a text: a name, which it does not hold."""
    key = parse(text)
    return text if key is not None and key < _NAMES_BELOW else None


def hears(sender: int) -> bool:
    """Return whether handsets can write to a sender: nobody can to a name."""
    return sender > _NAMES_BELOW


def called(digits: int) -> tuple[int, ...]:
    """Return the senders that a handset may have meant by digits: carriers write no plus."""
    return (digits, -digits) if digits < _SHORT_CODES_UP_TO else (digits,)


def destination(text: str) -> PhoneNumber | None:
    """Return the digits of what a handset has written to: a number, or a short code."""
    number = phone.parse(text)
    return PhoneNumber(int(text)) if number is None and _SHORT_CODE(text) else number
