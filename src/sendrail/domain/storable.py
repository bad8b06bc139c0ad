"""What other parties send, made fit for every database: texts, ids and numbers.

The one place that knows what can be kept. SQLite takes no integer past 63 bits and no lone
surrogate; PostgreSQL takes no NUL either, and no id too long for an index. What can be repaired is
repaired, what is too long is cut; None means that the value cannot be used at all.
"""

import hashlib
import re
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
# What surrounds an id says nothing: padding of fixed fields, line ends of text files.
_ENDS: Final = " \t\r\n\0"
_DIGEST: Final = 40

# What needs no repair, which is nearly everything: one look each.
is_plain_ref: Final = re.compile(rf"[!-~]{{1,{REF_MAX}}}").fullmatch
is_plain_detail: Final = re.compile(rf"[ -~]{{0,{DETAIL_MAX}}}").fullmatch


def text(value: str, most: int = TEXT_MAX) -> str:
    """Return a text that can be kept, at most so long.

    NULs at its end are padding and go. Inside they become U+FFFD, as do surrogates without their
    other half; halves that stand side by side are joined.
    """
    value = value[:most]
    if "\0" in value:
        value = value.rstrip("\0").replace("\0", _REPLACEMENT)
    return value if value.isascii() else _without_surrogates(value)


def ref(value: str) -> str:
    """Return an id that can be kept and looked for: without what surrounds it, and bounded.

    Two ids that differ stay different. An id that was only blanks comes out empty.
    """
    if is_plain_ref(value):
        return value
    kept = text(value.strip(_ENDS), len(value))
    if len(kept) <= REF_MAX:
        return kept
    digest = hashlib.sha256(kept.encode()).hexdigest()[:_DIGEST]
    return f"{kept[: REF_MAX - _DIGEST - 1]}~{digest}"


def number(value: object) -> int | None:
    """Return the digits of an address, or None where they cannot be any."""
    return whole(value, 1, NUMBER_MAX)


def reference(value: object) -> int | None:
    """Return what the parts of a text have in common, in a size that fits a row.

    Parts that belong together still do: the same value gives the same.
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
