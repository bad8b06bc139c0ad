"""What makes a text cost more than it need, and what to write instead."""

import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from sendrail.domain.text import Encoding, TextSize, measure, outside_gsm7

# How many units over a segment's end are worth shortening the text for.
JUST_OVER: Final = 5

# Typographic characters that an editor puts in by itself, and what GSM-7 has for them.
_INSTEAD: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u0060\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u00b7", "-"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
    "\u2028": "\n",
    "\u2029": "\n",
    "\t": " ",
    "\u00d7": "x",
    "\u00a9": "(c)",
    "\u00ae": "(R)",
    "\u2039": "<",
    "\u203a": ">",
    "\u20b9": "Rs",
    "\u0111": "d",
    "\u0142": "l",
}  # fmt: skip


class EncodingCause(NamedTuple):
    """A character that GSM-7 does not have, at an index from 0, and what to write instead.

    `instead` is None where nothing of GSM-7 looks like it.
    """

    at: int
    character: str
    instead: str | None


def ucs2_causes(text: str) -> list[EncodingCause]:
    """Return the characters that force a text into UCS-2, each at its first place."""
    first: dict[str, int] = {}
    for at, character in outside_gsm7(text):
        first.setdefault(character, at)
    return [EncodingCause(at, each, in_gsm7(each)) for each, at in first.items()]


def in_gsm7(character: str) -> str | None:
    """Return what GSM-7 has for a character, or None."""
    if (known := _INSTEAD.get(character)) is not None:
        return known
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", character) if not unicodedata.combining(each)
    )
    return plain if plain and not any(outside_gsm7(plain)) else None


def cheaper(text: str, found: Iterable[EncodingCause]) -> TextSize | None:
    """Return the size of a text with what is written instead, or None where it stays UCS-2."""
    swaps = {ord(each.character): each.instead for each in found}
    if None in swaps.values():
        return None
    size = measure(text.translate(swaps))
    return size if size.encoding is Encoding.GSM7 else None


def units_over(size: TextSize) -> int:
    """Return by how many units a text is longer than one segment less would hold; 0 if by none."""
    if size.segments == 1:
        return 0
    alone, joined = (160, 153) if size.encoding is Encoding.GSM7 else (70, 67)
    fits = alone if size.segments == 2 else (size.segments - 1) * joined  # noqa: PLR2004 - from two to one
    return size.units - fits
