"""Normalization of texts: without case, width, accents, invisible marks and look-alike letters.

It uses tables and one pass of a regular expression, so it takes linear time.
"""

import re
import unicodedata
from typing import Final

# General accents, the points of Hebrew and Arabic, direction marks, joiners, fillers, variation
# selectors, controls and lone surrogates. The vowel signs of Indic scripts and of Thai are letters
# to a reader, and stay.
_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u0300-\u036f\u0483-\u0489"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0600-\u0605\u0610-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u2800\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e01ff"
    "]+"
)
# Letters with a stroke or a bow, which Unicode treats as separate letters; and line ends.
_LETTERS: Final = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe",
    "þ": "th", "\x85": "\n", "\u2028": "\n", "\u2029": "\n", "\x0b": "\n", "\x0c": "\n",
    "\r": "\n",
})  # fmt: skip
# Python does not count marks of Indic scripts, of Thai and its neighbours, or of kana as letters.
# Where a script without spaces follows a Latin word, as in "STOPしてください", a new word begins.
_WORD: Final = re.compile(
    r"[a-z0-9]+|(?:[^\W_a-z0-9]|[\u0900-\u0963\u0970-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u1000-\u109f\u1780-\u17d3"
    r"\u3099\u309a])+"
)

# Digits and signs that are used for the letter they look like.
_SIGNS: Final = dict(zip("013457$@*+€§", "oieastsaotes", strict=True))
# Letters of other scripts, small capitals and letters in boxes, by the capital they look like.
_TWINS: Final = {
    # Cyrillic
    "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c",
    "т": "t", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d", "һ": "h", "ԛ": "q",
    "ԝ": "w", "ӏ": "l",
    # Greek
    "α": "a", "β": "b", "ε": "e", "ι": "i", "κ": "k", "μ": "m", "ν": "n", "ο": "o", "ρ": "p",
    "τ": "t", "υ": "u", "χ": "x", "ς": "s", "ϲ": "c",
    # Armenian, Cherokee, Lisu
    "օ": "o", "ս": "u", "ո": "n", "հ": "h", "Ꮪ": "s", "Ꭲ": "t", "Ꮲ": "p", "Ꭼ": "e", "Ꭰ": "d",
    "ꓢ": "s", "ꓔ": "t", "ꓳ": "o", "ꓑ": "p", "ꓰ": "e", "ꓠ": "n", "ꓓ": "d",
    # Small capitals, and Latin letters beside the alphabet
    "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ɪ": "i", "ᴋ": "k", "ʟ": "l", "ᴍ": "m",
    "ɴ": "n", "ᴏ": "o", "ᴘ": "p", "ʀ": "r", "ꜱ": "s", "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w",
    "ɑ": "a", "ɡ": "g", "ʂ": "s", "ƨ": "s", "ʠ": "q",
    # Circles, and what programs make of a text in "fancy letters"
    "⭕": "o", "◯": "o", "○": "o", "●": "o", "⚪": "o", "⚫": "o", "🔴": "o", "🔵": "o",
    "ᗩ": "a", "ᗷ": "b", "ᑕ": "c", "ᗪ": "d", "ᒪ": "l", "ᗰ": "m", "ᑎ": "n", "ᑭ": "p", "ᑫ": "q",
    "ᖇ": "r", "ᔕ": "s", "ᑌ": "u", "ᐯ": "v", "ᗯ": "w", "ㄒ": "t", "ㄖ": "o", "卩": "p",
    "丂": "s", "乇": "e", "几": "n", "ㄩ": "u", "ㄥ": "l", "匚": "c", "丨": "i", "尺": "r",
    "乃": "b", "卂": "a",
}  # fmt: skip
_BOXES: Final = {
    chr(first + at): chr(ord("a") + at) for first in (0x1F150, 0x1F170, 0x1F1E6) for at in range(26)
}
_UNSIGNED: Final = str.maketrans(_SIGNS)
_UNMASKED: Final = str.maketrans(_SIGNS | _TWINS | _BOXES)


def plain(text: str) -> str:
    """Return a text in lower case without width, accents and invisible marks."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return _INVISIBLE.sub("", text.translate(_LETTERS))


def words(text: str) -> list[str]:
    """Return the words of a plain text: runs of letters and digits."""
    return _WORD.findall(text)


def letters(text: str) -> str:
    """Return only the letters and digits of a plain text."""
    return "".join(_WORD.findall(text))


def fold(text: str) -> str:
    """Return the form in which whole replies are compared: only letters and digits."""
    return letters(plain(text))


def unsigned(text: str) -> str:
    """Return a plain text with digits and signs read as the letters they look like."""
    return text.translate(_UNSIGNED)


def unmasked(text: str) -> str:
    """Return a plain text with whatever looks like a Latin letter read as one."""
    return text.translate(_UNMASKED)
