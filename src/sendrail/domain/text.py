"""The size of a text in SMS: its encoding, its units, its segments.

A carrier bills and paces by segment, so this count must agree with theirs exactly. It runs for
every accepted order: a usual text costs one regular expression and no loop in Python.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

# 3GPP TS 23.040, 9.2.3.24.1: a segment holds 140 octets, and a concatenated one gives 6 of them to
# the header with the 8-bit reference (in GSM-7 that is 7 septets, rounded up); 7 to the one with
# the 16-bit reference.
_SEGMENT_OCTETS: Final = 140
UDH_OCTETS: Final = 6


class Encoding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


class Alphabet(StrEnum):
    """The encoding of octets from a handset; septets come one to an octet."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    LATIN1 = "latin1"


class TextSize(NamedTuple):
    """The size of a text; `units` are septets in GSM-7 and UTF-16 code units in UCS-2.

    A tuple, because one is built per accepted order and a frozen dataclass takes twice as long.
    """

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> TextSize:
    """Return the encoding of `text`, its length in units and its number of segments.

    An empty text is one GSM-7 segment of 0 units: it is still sent as one message.
    """
    if is_plain(text):
        return TextSize(_GSM7_NAME, len(text), 1)
    coding, units = _weigh(text)
    if units <= coding.alone_max:
        segments = 1
    elif units == len(text):
        segments = -(-units // coding.joined_max)
    else:
        segments = len(_ends(text, coding, coding.joined_max))
    return TextSize(coding.encoding, units, segments)


def is_plain(text: str) -> bool:
    """Return whether `text` is one GSM-7 segment of one-unit characters, as most texts are."""
    return len(text) <= _GSM7.alone_max and _ALL_BASIC(text) is not None


def basic_around(marks: Sequence[str]) -> Callable[[str], object]:
    """Return what finds texts with these marks, each once and in order, and basic around them.

    What it returns for a text is None where that has other marks, or a character that is none of
    GSM-7 or takes two units there.
    """
    basic = f"[{_BASIC_CLASS}]*+"
    return re.compile(basic + "".join(re.escape(mark) + basic for mark in marks)).fullmatch


def split(
    text: str, *, encoding: Encoding | None = None, header_octets: int = UDH_OCTETS
) -> tuple[str, ...]:
    """Split `text` into its segments, between characters.

    `encoding` is UCS-2 where the carrier supports no smaller alphabet for the text; `header_octets`
    is the size of the concatenation header in each segment.
    """
    coding, units = _weigh(text)
    if encoding is Encoding.UCS2 and coding is not _UCS2:
        coding, units = _UCS2, len(text)  # All characters of GSM-7 are in the basic plane.
    if units <= coding.alone_max:
        return (text,)
    joined_max = (_SEGMENT_OCTETS - header_octets) * 8 // coding.unit_bits
    ends = _ends(text, coding, joined_max)
    return tuple(text[start:end] for start, end in pairwise([0, *ends]))


def encode_gsm7(text: str) -> bytes:
    """Return the septets of `text`, one to an octet; an extension character takes ESC and one more.

    Raise ValueError for a character that GSM-7 does not have, naming its index.
    """
    if (stranger := _NOT_GSM7.search(text)) is not None:
        # Not a UnicodeEncodeError: that carries the whole text, and bodies must not reach a log.
        character = stranger[0]
        raise ValueError(
            f"character {stranger.start()} ({character!a}) is not in the GSM 7-bit alphabet"
        )
    return text.translate(_SEPTETS).encode("ascii")


def outside_gsm7(text: str) -> Iterator[tuple[int, str]]:
    """Yield the characters that GSM-7 does not have, each with its index."""
    return ((found.start(), found[0]) for found in _NOT_GSM7.finditer(text))


def decode_gsm7(septets: bytes) -> str:
    """Return the text of `septets`, one to an octet, as a handset would show it.

    Raise ValueError for an octet above 0x7F, naming its index: those are not septets.
    """
    if (stranger := _NOT_SEPTET.search(septets)) is not None:
        raise ValueError(f"octet {stranger.start()} (0x{stranger[0][0]:02X}) is not a septet")
    shown = septets.decode("ascii").translate(_DEFAULT)
    return _ESCAPED.sub(lambda pair: _AFTER_ESC.get(pair[1], pair[1]), shown)


def decode(octets: bytes, alphabet: Alphabet) -> str:
    """Return the text of octets; octets outside the alphabet become U+FFFD.

    Octets above 0x7F are no septets: an SMSC that sends them uses Latin-1 as its default alphabet.
    """
    if alphabet is Alphabet.UCS2:
        return octets.decode("utf-16-be", "replace")
    if alphabet is Alphabet.LATIN1 or _NOT_SEPTET.search(octets) is not None:
        return octets.decode("latin-1")
    return decode_gsm7(octets)


_ESC: Final = "\x1b"

# 3GPP TS 23.038, 6.2.1: the default alphabet in the order of its codes, 16 to a line. 0x1B is the
# escape to the table below, not a character, so a text with U+001B is not GSM-7.
_DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    f"Δ_ΦΓΛΩΠΨΣΘΞ{_ESC}ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# 3GPP TS 23.038, 6.2.1.1: the extension table, reached by ESC. 0x0A is its page break.
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_SEPTETS: Final = {ord(character): chr(code) for code, character in enumerate(_DEFAULT)} | {
    ord(character): _ESC + chr(code) for code, character in _EXTENSION.items()
}

# What a default character becomes after ESC. Every sequence can be read, as 6.2.1 and 6.2.1.1
# require of a receiver: a code without an extension symbol shows the default alphabet's (it is not
# in this table); an ESC before another ESC or at the end shows a space.
_AFTER_ESC: Final = {_DEFAULT[code]: character for code, character in _EXTENSION.items()} | {
    _ESC: " ",
    "": " ",
}

_BASIC_CLASS: Final = re.escape(_DEFAULT.replace(_ESC, ""))
_EXTENSION_CLASS: Final = re.escape("".join(_EXTENSION.values()))

# Possessive (`*+`): a failed match must not try every shorter one.
_ALL_BASIC: Final = re.compile(f"[{_BASIC_CLASS}]*+").fullmatch
_ALL_GSM7: Final = re.compile(f"[{_BASIC_CLASS}{_EXTENSION_CLASS}]*+").fullmatch
_NOT_GSM7: Final = re.compile(f"[^{_BASIC_CLASS}{_EXTENSION_CLASS}]")
_NOT_SEPTET: Final = re.compile(rb"[\x80-\xff]")
_ESCAPED: Final = re.compile(f"{_ESC}(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coding:
    """How an encoding fills a segment: `wide` characters take two units, all others one."""

    encoding: Encoding
    wide: re.Pattern[str]
    unit_bits: int
    alone_max: int
    joined_max: int


_GSM7: Final = _Coding(
    encoding=Encoding.GSM7,
    wide=re.compile(f"[{_EXTENSION_CLASS}]"),
    unit_bits=7,
    alone_max=160,
    joined_max=153,
)
# The most characters of a plain text.
PLAIN_MAX: Final = _GSM7.alone_max
# Looked up once: on Python 3.11 each look-up on an enumeration costs as much as the regex.
_GSM7_NAME: Final = Encoding.GSM7
_UCS2: Final = _Coding(
    encoding=Encoding.UCS2,
    wide=re.compile("[\U00010000-\U0010ffff]"),
    unit_bits=16,
    alone_max=70,
    joined_max=67,
)


def _weigh(text: str) -> tuple[_Coding, int]:
    """Return the coding of `text` and its units."""
    if _ALL_BASIC(text):
        return _GSM7, len(text)
    coding = _GSM7 if _ALL_GSM7(text) else _UCS2
    return coding, len(text) + len(coding.wide.findall(text))


def _ends(text: str, coding: _Coding, joined_max: int) -> list[int]:
    """Return where each segment of a concatenated text ends, each as full as it can be."""
    ends = []
    end = 0
    while end < len(text):
        start, end = end, min(end + joined_max, len(text))
        while (excess := _units(text, coding, start, end) - joined_max) > 0:
            # A character has at most two units, so removing half the excess never removes too much.
            end -= (excess + 1) // 2
        ends.append(end)
    return ends


def _units(text: str, coding: _Coding, start: int, end: int) -> int:
    return end - start + len(coding.wide.findall(text, start, end))
