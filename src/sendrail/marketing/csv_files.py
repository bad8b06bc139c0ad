"""CSV text read as it comes and written safely: a row is a line, and memory holds one.

A line that cannot be used (wrong encoding, too long, an open quote) is refused by its number with
a reason, and nothing else is lost by it. A cell with a line break in it is refused for the same
reason: were records allowed to span lines, one stray quote would swallow the rest of the file.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Final, NamedTuple

from sendrail.domain.errors import InvalidInput

LINE_BYTES_MAX: Final = 64 * 1024
REPORT_COLUMNS: Final = ("row", "reason", "line")
# As much of a refused line as its report repeats.
TEXT_LENGTH_MAX: Final = 1_000

_DELIMITERS: Final = ",;\t"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_AS_UTF_8: Final = "Save the file as CSV UTF-8 and import it again"
# What a spreadsheet would take for a formula; an apostrophe in front makes it text. Apostrophes
# that stand there already get one more, so that taking one away gives back what was there.
_FORMULA: Final = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]").match
_GUARDED: Final = re.compile(r"'+\s*[=+\-@\uff1d\uff0b\uff0d\uff20]").match
# A number in E.164 form evaluates to itself, and every other program expects it so.
_NUMBER: Final = re.compile(r"\+[0-9]+").fullmatch
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


class Refused(NamedTuple):
    """A line that was not taken, by its number in the file; the header is line 1."""

    row: int
    reason: str
    text: str = ""


class Line(NamedTuple):
    """A line that could be read, with the wanted columns by their own names."""

    row: int
    values: dict[str, str]
    raw: bytes = b""

    @property
    def text(self) -> str:
        """The line as a report repeats it."""
        return _shown(self.raw)


class RowError(Exception):
    """A line's value cannot be used; the text says why."""


class CsvReader:
    """A CSV file with a header, fed piece by piece.

    `columns` maps each wanted column to the names a header may give it; a header that has none of
    the names of a `required` column is `InvalidInput`.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        self._columns = columns
        self._required = required
        self._held = bytearray()
        self._row = 0
        self._at: dict[str, int] = {}
        self._delimiter = ","
        self.bytes_read = 0
        self.ignored_columns: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Line | Refused]:
        """Take the next piece of the file; yield what it completes."""
        self.bytes_read += len(piece)
        *whole, rest = piece.split(b"\n")
        for end in whole:
            self._hold(end)
            raw, self._held = bytes(self._held), bytearray()
            yield from self._take(raw)
        self._hold(rest)

    def finish(self) -> Iterator[Line | Refused]:
        """End the file; yield its last line where no line break ended it."""
        if self._held:
            yield from self._take(bytes(self._held))
        if not self._row:
            raise InvalidInput(
                "The file is empty. Its first line must name the columns.", code="empty_file"
            )

    def _hold(self, piece: bytes) -> None:
        # Of a line that is too long only the beginning is kept, however long it is.
        self._held += piece[: LINE_BYTES_MAX - len(self._held)]

    def _take(self, raw: bytes) -> Iterator[Line | Refused]:
        self._row += 1
        if self._row == 1:
            self._read_header(raw)
            return
        try:
            fields = _fields(_text(raw), self._delimiter)
        except RowError as bad:
            yield Refused(self._row, str(bad), _shown(raw))
            return
        if any(fields):
            values = {
                column: unguarded(fields[at].strip(" ")) if at < len(fields) else ""
                for column, at in self._at.items()
            }
            yield Line(self._row, values, raw)

    def _read_header(self, raw: bytes) -> None:
        if raw.startswith(_UTF_16_MARKS) or b"\0" in raw[:4]:
            raise _unusable(f"it is in UTF-16. {_AS_UTF_8}")
        try:
            header = _text(raw.removeprefix(_BYTE_ORDER_MARK))
            self._delimiter = max(_DELIMITERS, key=header.count)
            names = [name.strip().lower() for name in _fields(header, self._delimiter)]
        except RowError as bad:
            raise _unusable(f"it is {bad}" if "UTF-8" in str(bad) else str(bad)) from bad
        self._at = _positions(names, self._columns)
        used = self._at.values()
        self.ignored_columns = [name for at, name in enumerate(names) if name and at not in used]
        for column in self._required:
            if column not in self._at:
                wanted = " or ".join(self._columns[column])
                raise InvalidInput(
                    f"The first line must name a column {wanted}.",
                    code="missing_column",
                    param=column,
                )


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula, on one line."""
    # A tab or a line break would begin a formula as well, or another row.
    flat = _CONTROLS.sub(" ", cell)
    return f"'{flat}" if _FORMULA(flat) and not _NUMBER(flat) else flat


def unguarded(cell: str) -> str:
    """Return what a cell was before it was guarded."""
    return cell[1:] if cell[:1] == "'" and _GUARDED(cell) else cell


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as lines of CSV, with every cell guarded."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([map(guarded, row) for row in rows])
    return text.getvalue().encode()


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(f"The first line cannot be used: {why}.", code="invalid_csv")


def _shown(raw: bytes) -> str:
    return raw[:TEXT_LENGTH_MAX].decode("utf-8", "replace").rstrip("\r")


def _text(raw: bytes) -> str:
    if len(raw) >= LINE_BYTES_MAX:
        raise RowError(f"longer than {LINE_BYTES_MAX:,} bytes")
    try:
        text = raw.decode().removesuffix("\r")
    except UnicodeDecodeError:
        raise RowError(f"not UTF-8 text, but perhaps Latin-1. {_AS_UTF_8}") from None
    if "\0" in text:
        raise RowError("a NUL character in it")
    if "\r" in text:
        raise RowError("a carriage return inside it")
    return text


def _fields(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise RowError("its quotes do not match, or a cell spans several lines") from None


def _positions(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {
        column: names.index(name)
        for column, synonyms in columns.items()
        for name in reversed(synonyms)
        if name in names
    }
