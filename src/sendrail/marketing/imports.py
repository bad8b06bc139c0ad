"""CSV files into rows, and rows into the store: as a stream, batch by batch.

A row is a line. A line that cannot be used (wrong encoding, too long, an open quote, a bad value)
is refused by its number with a reason, and nothing else is lost by it: not its neighbours, and not
the batches written before it. A file may be as long as it likes; memory holds one batch.
"""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final, NamedTuple, TypeVar

from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput
from sendrail.domain.phone import PhoneNumber

T = TypeVar("T")
Progress = Callable[[int], None]

BATCH_ROWS: Final = 500
LINE_BYTES_MAX: Final = 64 * 1024
REASONS_MAX: Final = 1_000
# Between two batches a server on the same database file gets its turn to write.
_BREATH_SECONDS: Final = 0.01

_DELIMITERS: Final = ",;\t"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# People write numbers with these between the digits; they mean nothing.
_PUNCTUATION: Final = str.maketrans("", "", " ().-/\u00a0")

PHONE_COLUMN: Final = {"phone_number": ("phone_number", "phone", "msisdn")}
NAME_COLUMNS: Final = {"first_name": ("first_name",), "last_name": ("last_name",)}


class Refused(NamedTuple):
    """A line that was not taken, by its number in the file; the header is line 1."""

    row: int
    reason: str


class Line(NamedTuple):
    """A line that could be read, with the wanted columns by their own names."""

    row: int
    values: dict[str, str]


class RowError(Exception):
    """A line's value cannot be used; the text says why."""


@dataclass(slots=True)
class ImportReport:
    """What became of a file. `refused` counts all; `reasons` keeps the first thousand."""

    created: int = 0
    already_there: int = 0
    opted_out: int = 0
    refused: int = 0
    reasons: list[Refused] = field(default_factory=list)

    def refuse(self, refused: Refused) -> None:
        """Count a refused line, and keep its reason while there is room."""
        self.refused += 1
        if len(self.reasons) < REASONS_MAX:
            self.reasons.append(refused)

    def merge(self, part: "ImportReport") -> None:
        """Add what became of a part of the file."""
        self.created += part.created
        self.already_there += part.already_there
        self.opted_out += part.opted_out
        self.refused += part.refused
        self.reasons += part.reasons[: REASONS_MAX - len(self.reasons)]


class CsvFile:
    """A CSV file with a header, read line by line.

    `columns` maps each wanted column to the names a header may give it; a header that has none of
    the names of a `required` column is `InvalidInput`.
    """

    def __init__(
        self,
        stream: BinaryIO,
        columns: Mapping[str, Sequence[str]],
        required: Sequence[str],
    ) -> None:
        self._stream = stream
        self.bytes_read = 0
        names = self._header()
        self._at = _positions(names, columns)
        for column in required:
            if column not in self._at:
                wanted = " or ".join(columns[column])
                raise InvalidInput(
                    f"The first line must name a column {wanted}.",
                    code="missing_column",
                    param=column,
                )

    def __iter__(self) -> Iterator[Line | Refused]:
        row = 1
        while raw := self._next():
            row += 1
            read = self._read(row, raw)
            if read is not None:
                yield read

    def _header(self) -> list[str]:
        raw = self._next().removeprefix(_BYTE_ORDER_MARK)
        try:
            header = _text(raw)
            self._delimiter = max(_DELIMITERS, key=header.count)
            return [name.strip().lower() for name in _fields(header, self._delimiter)]
        except RowError as bad:
            raise InvalidInput(
                f"The first line cannot be used: {bad}.", code="invalid_csv"
            ) from bad

    def _next(self) -> bytes:
        """Return the next line; of one that is too long, only its beginning."""
        raw = self._stream.readline(LINE_BYTES_MAX + 1)
        self.bytes_read += len(raw)
        rest = raw
        while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
            rest = self._stream.readline(LINE_BYTES_MAX + 1)
            self.bytes_read += len(rest)
        return raw

    def _read(self, row: int, raw: bytes) -> Line | Refused | None:
        try:
            fields = _fields(_text(raw), self._delimiter)
        except RowError as bad:
            return Refused(row, str(bad))
        if not any(fields):
            return None
        return Line(
            row,
            {
                column: fields[at].strip() if at < len(fields) else ""
                for column, at in self._at.items()
            },
        )


async def import_rows(
    file: CsvFile,
    parse: Callable[[dict[str, str]], T],
    write: Callable[[Sequence[tuple[int, T]]], Awaitable[ImportReport]],
    progress: Progress | None = None,
) -> ImportReport:
    """Bring a file in, batch by batch.

    `parse` raises `RowError`; `write` stores (row number, value) pairs in one transaction and tells
    what became of them; `progress` hears how many bytes have been dealt with. Whatever stops an
    import half way, it can be started again: what is there already is passed over.
    """
    report = ImportReport()
    lines = iter(file)
    while chunk := list(islice(lines, BATCH_ROWS)):
        if rows := list(_parsed(chunk, parse, report)):
            report.merge(await write(rows))
        if progress is not None:
            progress(file.bytes_read)
        await asyncio.sleep(_BREATH_SECONDS)
    return report


def number_of(text: str) -> PhoneNumber:
    """Return a number as people write it in files, with or without marks between the digits."""
    if not text:
        raise RowError("no phone number")
    number = phone.parse(text.translate(_PUNCTUATION))
    if number is None:
        raise RowError("not an E.164 number, such as +15550100000")
    return number


def _parsed(
    lines: Iterable[Line | Refused], parse: Callable[[dict[str, str]], T], report: ImportReport
) -> Iterator[tuple[int, T]]:
    for line in lines:
        if isinstance(line, Refused):
            report.refuse(line)
            continue
        try:
            yield line.row, parse(line.values)
        except RowError as bad:
            report.refuse(Refused(line.row, str(bad)))


def _text(raw: bytes) -> str:
    if len(raw) > LINE_BYTES_MAX:
        raise RowError(f"longer than {LINE_BYTES_MAX:,} bytes")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise RowError("not UTF-8 text") from None


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise RowError("its quotes do not match") from None


def _positions(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {
        column: names.index(name)
        for column, synonyms in columns.items()
        for name in reversed(synonyms)
        if name in names
    }
