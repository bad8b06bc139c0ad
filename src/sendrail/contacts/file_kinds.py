"""What kind of file begins with these bytes: text that can be read, or something else by its name.

A caller who sends a workbook instead of a CSV file gets one error that says what to do, not a fault
in each of its rows.
"""

import codecs
import re
from typing import Final

from sendrail.domain.errors import InvalidInput

# How much of a file is looked at to know its kind, at the most and at the least.
HEAD_BYTES: Final = 4_096
_MARK_BYTES: Final = 8
SAVE_AS_CSV: Final = "Save it as CSV UTF-8 and import it again"

_WORKBOOK: Final = f"Open it in a spreadsheet. {SAVE_AS_CSV}"
_UNPACK: Final = "Unpack it and import the CSV file in it"
_EXPORT: Final = "Export the contacts as CSV UTF-8 and import that"
# How files begin, what they are, and what to do about it.
_KINDS: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or a protected one",
     _WORKBOOK),
    (b"\x1f\x8b", "compressed with gzip", _UNPACK),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"{\\rtf", "a text document (.rtf)", _EXPORT),
    (b"SQLite format 3\0", "a SQLite database", _EXPORT),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"\x89PNG", "a picture", _EXPORT),
    (b"\xff\xd8\xff", "a picture", _EXPORT),
    (b"GIF8", "a picture", _EXPORT),
)  # fmt: skip
_ZIP: Final = b"PK\x03\x04"
# A zip archive is known by what it holds.
_ZIPPED: Final = (
    (b"application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
    (b"Index/Document.iwa", "a Numbers spreadsheet"),
    (b"word/", "a Word document (.docx)"),
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"[Content_Types].xml", "an Excel workbook (.xlsx)"),
    (b"docProps/", "an Excel workbook (.xlsx)"),
)
# Markup and other text that is no table; names of columns never begin so.
_TEXTS: Final = (
    (re.compile(rb"<(?:!doctype\s+html|html|head|body|table|meta)\b", re.IGNORECASE).match,
     "a web page (HTML)", _WORKBOOK),
    (re.compile(rb"<(?:\?xml|[a-z!])", re.IGNORECASE).match, "an XML file", _WORKBOOK),
    (re.compile(rb"begin:vcard", re.IGNORECASE).match, "a file of visiting cards (vCard)", _EXPORT),
    (re.compile(rb'(?:\{\s*["}]|\[\s*[{\["\]])').match, "a JSON file", _EXPORT),
)  # fmt: skip
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_head(beginning: bytes | bytearray) -> bool:
    """Return whether this much of a file is enough to know its kind."""
    if len(beginning) >= HEAD_BYTES:
        return True
    has_line = (
        len(beginning) >= _MARK_BYTES and b"\n" in beginning.removeprefix(codecs.BOM_UTF8).lstrip()
    )
    return has_line and not beginning.startswith(_ZIP)


def text_in(head: bytes) -> bytes:
    """Return a file's beginning without the mark of UTF-8.

    Raises `InvalidInput` for a file of another kind, naming that and what to do.
    """
    if head.startswith(_UTF_32):
        raise wrong_kind("text in UTF-32", SAVE_AS_CSV)
    if _is_utf_16(head):
        raise wrong_kind("text in UTF-16, as spreadsheets save Unicode Text", SAVE_AS_CSV)
    if head.startswith(_ZIP):
        raise _archive(head)
    for beginning, kind, advice in _KINDS:
        if head.startswith(beginning):
            raise wrong_kind(kind, advice)
    text = head.removeprefix(codecs.BOM_UTF8)
    for begins, kind, advice in _TEXTS:
        if begins(text.lstrip()):
            raise wrong_kind(kind, advice)
    if b"\0" in text.partition(b"\n")[0]:
        raise wrong_kind("no text", _WORKBOOK)
    return text


def wrong_kind(kind: str, advice: str) -> InvalidInput:
    """Return the error for a file that is no CSV file."""
    return InvalidInput(
        f"The file is {kind}, and must be CSV in UTF-8. {advice}.", code="invalid_csv"
    )


def _archive(head: bytes) -> InvalidInput:
    for name, kind in _ZIPPED:
        if name in head:
            return wrong_kind(kind, _WORKBOOK)
    return wrong_kind("a zip archive", f"{_UNPACK}, or save the workbook as CSV UTF-8")


def _is_utf_16(head: bytes) -> bool:
    if head.startswith(_UTF_16):
        return True
    # Without a mark: each letter of the Latin alphabet, and each divider, has a NUL beside it.
    line = head.partition(b"\n")[0]
    evens, odds = line[::2].count(0), line[1::2].count(0)
    return max(evens, odds) > len(line) // 4 and min(evens, odds) == 0
