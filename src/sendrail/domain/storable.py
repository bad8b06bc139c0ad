"""Makes texts, ids and numbers from other parties storable in every database.

SQLite accepts no integer past 63 bits and no lone surrogate; PostgreSQL accepts no NUL either, and
no id too long for an index. Values are repaired or cut where possible; None means that a value
cannot be used at all.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

# The longest text that parts can make: 255 of 153 characters (3GPP TS 23.040, 9.2.3.24.1).
TEXT_MAX: Final = 40_000
DETAIL_MAX: Final = 500
REF_MAX: Final = 255
# E.164 has 15 digits at the most; short codes have fewer.
NUMBER_MAX: Final = 10**15 - 1
REFERENCE_BITS: Final = 31
# A place among parts is one octet.
PLACE_MAX: Final = 255
_REPLACEMENT: Final = "\ufffd"
# These around an id have no meaning: padding of fixed fields, line ends of text files.
_ENDS: Final = " \t\r\n\0"
_DIGEST: Final = 40

# Values that need no repair, which are nearly all: one match each.
is_plain_ref: Final = re.compile(rf"[!-~]{{1,{REF_MAX}}}").fullmatch
is_plain_detail: Final = re.compile(rf"[ -~]{{0,{DETAIL_MAX}}}").fullmatch


def text(value: str, most: int = TEXT_MAX) -> str:
    """Return a storable text of at most `most` characters.

    NULs at its end are padding and removed. Others become U+FFFD, as do lone surrogates; surrogate
    pairs are joined.
    """
    value = value[:most]
    if "\0" in value:
        value = value.rstrip("\0").replace("\0", _REPLACEMENT)
    return value if value.isascii() else _without_surrogates(value)


def text_fault(value: str) -> str | None:
    """Return why a text cannot be kept as it is, said of its field; None where it can.

    What a caller, a form or a command gives is refused rather than repaired: they can send it
    again.
    """
    if "\0" in value:
        return "must not contain the NUL character"
    if not value.isascii() and _without_surrogates(value) != value:
        return "holds half of a surrogate pair: a character was cut in two"
    return None


def holds_nul(value: object) -> bool:
    """Return whether a text anywhere in a value of JSON has a NUL; keys are texts as well."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(holds_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(holds_nul, value))


def ref(value: str) -> str:
    """Return an id that can be stored and looked up: trimmed, and of bounded length.

    Two ids that differ stay different. An id of blanks alone becomes empty.
    """
    if is_plain_ref(value):
        return value
    kept = text(value.strip(_ENDS), len(value))
    if len(kept) <= REF_MAX:
        return kept
    digest = hashlib.sha256(kept.encode()).hexdigest()[:_DIGEST]
    return f"{kept[: REF_MAX - _DIGEST - 1]}~{digest}"


def number(value: object) -> int | None:
    """Return the digits of an address, or None where it has no valid ones."""
    return whole(value, 1, NUMBER_MAX)


def reference(value: object) -> int | None:
    """Return the common reference of a text's parts, in a size that fits a row.

    Equal values give equal results, so the parts of a text still match.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return int(value) & ((1 << REFERENCE_BITS) - 1)


def whole(value: object, low: int, high: int) -> int | None:
    """Return a whole number within bounds, or None."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        return None
    return int(value)


def _without_surrogates(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value
