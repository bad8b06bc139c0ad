"""What is wrong with a body that is no JSON: which byte, and what to do about it.

Asked only when a body has been refused, so that it may take its time; no more than the body's size
asks for.
"""

import re
from typing import Final

_BEGINNINGS: Final = (
    (b"\x1f\x8b", "The body is compressed (gzip); send it as it is"),
    (b"\x28\xb5\x2f\xfd", "The body is compressed (Zstandard); send it as it is"),
    (b"\x78\x01", "The body is compressed (deflate); send it as it is"),
    (b"\x78\x9c", "The body is compressed (deflate); send it as it is"),
    (b"\x78\xda", "The body is compressed (deflate); send it as it is"),
    (b"PK\x03\x04", "The body is a ZIP or a spreadsheet file; send JSON"),
    (b"\xef\xbb\xbf", "The body begins with a byte order mark (EF BB BF); leave it out"),
    (b"\x00\x00\xfe\xff", "The body is UTF-32; send it as UTF-8"),
    (b"\xff\xfe\x00\x00", "The body is UTF-32; send it as UTF-8"),
    (b"\xff\xfe", "The body is UTF-16; send it as UTF-8"),
    (b"\xfe\xff", "The body is UTF-16; send it as UTF-8"),
    (b"\x00\x00\x00", "The body is UTF-32; send it as UTF-8"),
    (b"{\x00\x00\x00", "The body is UTF-32; send it as UTF-8"),
    (b"\x00{", "The body is UTF-16; send it as UTF-8"),
    (b"{\x00", "The body is UTF-16; send it as UTF-8"),
)
_FORM: Final = re.compile(rb"[A-Za-z0-9_.%+-]+=")
_AT_BYTE: Final = re.compile(r"^(?:JSON is malformed: )?(.*) \(byte ([0-9]+)\)$").match
# Characters that a text may have and JSON does not show as they are.
_ESCAPES: Final = {
    b"\t": ("a tab", r"\t"),
    b"\n": ("a line break", r"\n"),
    b"\r": ("a line break", r"\r"),
}
_BAD_CHARACTER: Final = "invalid character"
# Complaints that come one character late.
_LATE: Final = frozenset(
    {
        "trailing characters",
        "invalid escape character in string",
        "invalid character in unicode escape",
    }
)
# As far as the decoder reads into a word before it complains.
_WORD_MAX: Final = 6
_NO_NUMBER: Final = "is no number in JSON"
_NO_WORD: Final = "is no word of JSON, which has true, false and null"
_WORDS: Final = {
    b"NaN": _NO_NUMBER,
    b"Infinity": _NO_NUMBER,
    b"True": _NO_WORD,
    b"False": _NO_WORD,
    b"None": _NO_WORD,
    b"undefined": _NO_WORD,
}


def diagnosis(body: bytes, error: Exception) -> str:
    """Return what a body that could not be decoded is, and what would be right."""
    if not body.strip():
        return "The body is empty; send a JSON object"
    known = next((text for start, text in _BEGINNINGS if body.startswith(start)), None)
    if known is not None:
        return known
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(body)
    if isinstance(error, RecursionError):
        return "The body holds too many arrays and objects in one another"
    if (match := _AT_BYTE(str(error))) is None:
        return f"The JSON breaks off: it ends after {len(body):,} bytes, inside a value"
    return _malformed(body, match[1], int(match[2]))


def _not_utf8(body: bytes) -> str:
    """Return where a body is not UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return (
            f"The body is not UTF-8: byte {error.start} is 0x{body[error.start]:02X}. "
            "If it is Latin-1 or Windows-1252, send it as UTF-8"
        )
    return "The body is not UTF-8"


def _malformed(body: bytes, complaint: str, at: int) -> str:
    at -= complaint in _LATE
    place = f"at byte {at}"
    if at < _WORD_MAX and _FORM.match(body):
        return "The body is a form; send a JSON object"
    here = body[at : at + 1]
    if complaint == _BAD_CHARACTER and here in _ESCAPES:
        name, instead = _ESCAPES[here]
        return f"The body is not valid JSON: {name} in a string {place}; write it as {instead}"
    if here == b"'":
        return f"The body is not valid JSON: strings stand in double quotes, not in ' ({place})"
    for word, hint in _WORDS.items():
        if body.startswith(word, at):
            return f"The body is not valid JSON: {word.decode()} {hint} ({place})"
    shown = "" if here.isascii() and here >= b" " else f" (0x{here.hex().upper()})"
    return f"The body is not valid JSON: {complaint}{shown} {place}"
