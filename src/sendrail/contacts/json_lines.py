"""Files of JSON lines: an object a line, read piece by piece into the rows that a CSV file has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from sendrail.contacts.csv_files import (
    ROW_BYTES_MAX,
    TEXT_LENGTH_MAX,
    CsvLine,
    CsvReader,
    Refused,
    RowError,
)
from sendrail.contacts.words import folded
from sendrail.domain.digits import number_written

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TOO_LONG: Final = f"longer than {ROW_BYTES_MAX:,} bytes"
_WORDS: Final = {True: "true", False: "false"}
# How many names of unknown fields a report shows.
_IGNORED_MAX: Final = 100


class JsonLinesReader:
    """A file of JSON objects, one a line; `columns` are as in `CsvReader`.

    What one line lacks, another may have: a field that is needed is missed line by line.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]]) -> None:
        self._names = {
            folded(name): column
            for column, names in reversed(list(columns.items()))
            for name in reversed(names)
        }
        # Names as they stand in the file, so that each is looked at once.
        self._known: dict[str, str | None] = {}
        self._held = bytearray()
        self._is_too_long = False
        self._row = 1
        self.bytes_read = 0
        self.ignored_columns: list[str] = []
        self.used_columns: list[tuple[str, str]] = []

    def feed(self, piece: bytes) -> Iterator[CsvLine | Refused]:
        """Take the next piece of the file; yield what it completes."""
        self.bytes_read += len(piece)
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._hold(line)
            yield from self._end_line()
        self._hold(rest)

    def finish(self) -> Iterator[CsvLine | Refused]:
        """End the file; yield its last row where no line break ended it."""
        yield from self._end_line()

    def _hold(self, piece: bytes) -> None:
        room = ROW_BYTES_MAX - len(self._held)
        self._is_too_long = self._is_too_long or len(piece) > room
        # Of a row that is too long only the beginning is kept, however long it is.
        self._held += piece[:room]

    def _end_line(self) -> Iterator[CsvLine | Refused]:
        raw, row = bytes(self._held), self._row
        is_too_long = self._is_too_long
        self._held.clear()
        self._is_too_long = False
        self._row += 1
        if is_too_long:
            yield Refused(row, _TOO_LONG, _shown(raw))
        elif raw.strip():
            try:
                yield CsvLine(row, self._values(raw), raw)
            except RowError as bad:
                yield Refused(row, str(bad), _shown(raw))

    def _values(self, raw: bytes) -> dict[str, str]:
        try:
            fields = _decode(raw)
        except _UNREADABLE:
            raise RowError("not an object of JSON in UTF-8") from None
        values: dict[str, str] = {}
        for name, value in fields.items():
            if name not in self._known:
                self._learn(name)
            column = self._known.get(name)
            if column is not None:
                values[column] = _text_of(name, value)
        return values

    def _learn(self, name: str) -> None:
        column = self._names.get(folded(name))
        if column is None:
            if len(self.ignored_columns) < _IGNORED_MAX and name not in self.ignored_columns:
                self.ignored_columns.append(name)
            return
        self._known[name] = column


class RowsReader:
    """A file of either kind: the first letter of one of JSON lines is a brace."""

    def __init__(self, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        self._columns = columns
        self._required = required
        self._head = b""
        self._reader: CsvReader | JsonLinesReader | None = None

    @property
    def bytes_read(self) -> int:
        """How much of the file has been taken."""
        return len(self._head) if self._reader is None else self._reader.bytes_read

    @property
    def ignored_columns(self) -> list[str]:
        """The names in the file that mean nothing here."""
        return [] if self._reader is None else self._reader.ignored_columns

    @property
    def used_columns(self) -> list[tuple[str, str]]:
        """Each column that was used, and what for; empty for lines of JSON."""
        return [] if self._reader is None else self._reader.used_columns

    def feed(self, piece: bytes) -> Iterator[CsvLine | Refused]:
        """Take the next piece of the file; yield what it completes."""
        if self._reader is None:
            self._head += piece
            if not self._head.strip():
                return
            piece, self._reader = self._head, self._chosen()
        yield from self._reader.feed(piece)

    def finish(self) -> Iterator[CsvLine | Refused]:
        """End the file; yield its last row where no line break ended it."""
        if self._reader is None:
            self._reader = self._chosen()
            yield from self._reader.feed(self._head)
        yield from self._reader.finish()

    def _chosen(self) -> CsvReader | JsonLinesReader:
        if self._head.lstrip().startswith(b"{"):
            return JsonLinesReader(self._columns)
        return CsvReader(self._columns, self._required)


def _text_of(name: str, value: Any) -> str:
    """Return a value as a cell of a CSV file would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, str):
        if "\0" in value:
            raise RowError("a NUL character in it")
        return value.strip(" ")
    if isinstance(value, float):
        # As people write numbers in a cell.
        return number_written(value)
    if isinstance(value, int):
        return str(value)
    raise RowError(f"{name} is neither a text nor a number")


def _shown(raw: bytes) -> str:
    return raw[:TEXT_LENGTH_MAX].decode("utf-8", "replace").rstrip("\r\n")
