"""CSV text read as it comes and written safely: memory holds one row, and a row has a limit.

A row may hold line ends within quotes, as spreadsheets write them; it is known by the line where it
begins. A row that cannot be used (wrong encoding, too long, broken quotes) is refused by that
number with a reason, and nothing else is lost by it, but for what stands in quotes: that is never
taken for rows, and a quote that is never closed ends the file.
"""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from operator import itemgetter
from typing import Final, NamedTuple

from sendrail.contacts.csv_quotes import CsvQuotes
from sendrail.contacts.file_kinds import SAVE_AS_CSV, is_head, text_in, wrong_kind
from sendrail.contacts.words import folded
from sendrail.domain.errors import InvalidInput

ROW_BYTES_MAX: Final = 64 * 1024
REPORT_COLUMNS: Final = ("row", "reason", "line")
# As much of a refused row as its report repeats.
TEXT_LENGTH_MAX: Final = 1_000
# So many rows in another encoding, and none that shows that the file is in UTF-8, are a file in
# another encoding.
FOREIGN_ROWS_MAX: Final = 20

_DELIMITERS: Final = ",;\t|"
# With this first line a spreadsheet says what divides the cells.
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE).fullmatch
_QUOTES: Final = "its quotes do not match: behind a closing one comes more than the next cell"
# How many names of a column an error shows.
_NAMES_SHOWN: Final = 3

# What a spreadsheet would take for a formula: at the beginning of a cell, and behind whatever it
# may take for the end of one. An apostrophe in front makes it text. Apostrophes that stand there
# already get one more, so that taking one away gives back what was there.
_UNSEEN: Final = r"\s\u200b-\u200f\u2060\ufeff"
_STARTER: Final = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
# What it would take for a number and write back as another text: without the zeros in front, with
# fifteen digits at most, or shortened where there are more than eleven.
_NUMBER: Final = r"(?:0[0-9]+|[0-9]{12,}|[0-9]+(?:[.,][0-9]+)?[Ee]\+?[0-9]+)"
_RISKY: Final = rf"['\"{_UNSEEN}]*{_STARTER}"
_LOSSY: Final = rf"['{_UNSEEN}]*{_NUMBER}\Z"
_BEGINS: Final = re.compile(rf"{_RISKY}|{_LOSSY}").match
_DIVIDED: Final = re.compile("[,;|]").search
_FORMULA: Final = re.compile(rf"(^|[,;|])(?={_RISKY})|^(?={_LOSSY})").sub
_GUARD: Final = re.compile(rf"(^|[,;|])'(?={_RISKY})|^'(?={_LOSSY})").sub
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


class Refused(NamedTuple):
    """A row that was not taken, by the line where it begins; the first line is 1."""

    row: int
    reason: str
    text: str = ""


class CsvLine(NamedTuple):
    """A row that could be read, with the wanted columns by their own names."""

    row: int
    values: dict[str, str]
    raw: bytes | str = b""

    @property
    def text(self) -> str:
        """The row as a report repeats it."""
        return _shown(self.raw.encode() if isinstance(self.raw, str) else self.raw)


class RowError(Exception):
    """A row's value cannot be used; the text says why."""


class CsvReader:
    """A CSV file with a header, fed piece by piece.

    `columns` maps each wanted column to the names a header may give it; a header that has none of
    the names of a `required` column is `InvalidInput`, and so is a file of another kind. Of two
    headers with one name the first counts, unless it is that of a `single` column: then the file
    is `InvalidInput` as well.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        required: Sequence[str],
        single: Collection[str] = (),
    ) -> None:
        self._columns = columns
        self._required = required
        self._single = single
        self._head: bytearray | None = bytearray()
        self._has_returns = False
        self._held = bytearray()
        # Set where what is held is more than a line: a row that goes on, or one that is too long.
        self._quotes: CsvQuotes | None = None
        self._is_too_long = False
        self._line = 0
        self._row = 1
        self._at: dict[str, int] = {}
        self._delimiter = ""
        self._has_header = False
        self._foreign_rows = 0
        self._is_utf_8 = False
        self.bytes_read = 0
        self.ignored_columns: list[str] = []
        self.used_columns: list[tuple[str, str]] = []

    def feed(self, piece: bytes) -> Iterator[CsvLine | Refused]:
        """Take the next piece of the file; yield what it completes."""
        self.bytes_read += len(piece)
        if self._head is not None:
            self._head += piece
            if not is_head(self._head):
                return
            piece = self._begin(bytes(self._head))
        yield from self._split(piece)

    def finish(self) -> Iterator[CsvLine | Refused]:
        """End the file; yield its last row where no line break ended it."""
        if self._head is not None:
            yield from self._split(self._begin(bytes(self._head)))
        if (self._held or self._quotes) and (last := self._end_line(b"")) is not None:
            yield last
        if self._quotes is not None:
            yield self._refused(
                "a quote is opened in this row and never closed; nothing behind it was read",
                self._held,
            )
        if not self._has_header:
            raise InvalidInput(
                "The file is empty. Its first line must name the columns.", code="empty_file"
            )

    def _begin(self, head: bytes) -> bytes:
        self._head = None
        text = text_in(head)
        self._is_utf_8 = head.startswith(BOM_UTF8)
        # Old spreadsheets for the Macintosh end their lines so.
        self._has_returns = b"\r" in text and b"\n" not in text
        return text

    def _split(self, piece: bytes) -> Iterator[CsvLine | Refused]:
        if self._has_returns:
            piece = piece.replace(b"\r", b"\n")
        begin, one_by_one_until = 0, 0
        last = piece.rfind(b"\n")
        while begin <= last:
            if begin >= one_by_one_until and self._is_between_rows():
                # Lines without a quote are a row each, and most files have no others.
                quote = piece.find(b'"', begin, last)
                end = last if quote < 0 else piece.rfind(b"\n", begin, quote)
                if (text := self._plain(piece[begin : max(begin, end)])) is not None:
                    yield from self._read_plain(text.split("\n"))
                    begin = end + 1
                    continue
                one_by_one_until = end
            end = piece.find(b"\n", begin)
            if (row := self._end_line(piece[begin:end])) is not None:
                yield row
            begin = end + 1
        self._hold(piece[last + 1 :])

    def _is_between_rows(self) -> bool:
        return self._has_header and not self._held and self._quotes is None

    def _plain(self, lines: bytes) -> str | None:
        """Return the text of lines that are read together; None where each is to be judged."""
        if not lines or b"\0" in lines:
            return None
        try:
            text = lines.decode()
        except UnicodeDecodeError:
            return None
        is_ascii = len(text) == len(lines)
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
            if "\r" in text:
                return None
        if len(text) >= ROW_BYTES_MAX and max(map(len, lines.split(b"\n"))) >= ROW_BYTES_MAX:
            return None
        self._is_utf_8 = self._is_utf_8 or not is_ascii
        return text

    def _read_plain(self, lines: list[str]) -> Iterator[CsvLine]:
        """Yield the rows of lines that are read together; as `_read` for each."""
        first = self._row
        self._line += len(lines)
        self._row = self._line + 1
        delimiter, names, places = self._delimiter, tuple(self._at), tuple(self._at.values())
        # With one more, which is no cell, it returns a tuple also where there is one column.
        pick, least = itemgetter(*places, slice(0, 0)), max(places) + 1
        for row, line in enumerate(lines, first):
            fields = line.split(delimiter)
            if not any(fields):
                continue
            if len(fields) < least or " " in line or "'" in line:
                values = self._values(fields, is_guarded="'" in line)
            else:
                values = dict(zip(names, pick(fields), strict=False))
            yield CsvLine(row, values, line)

    def _hold(self, piece: bytes) -> None:
        # Of a row that is too long only the beginning is kept, however long it is.
        room = ROW_BYTES_MAX - len(self._held)
        if len(piece) >= room:
            self._is_too_long = True
            self._follow_quotes()
        if self._quotes is not None:
            self._quotes.feed(piece)
        self._held += piece[:room]

    def _follow_quotes(self) -> CsvQuotes:
        if self._quotes is None:
            self._quotes = CsvQuotes(self._delimiter or _divider(self._held))
            self._quotes.feed(self._held)
        return self._quotes

    def _end_line(self, end: bytes) -> CsvLine | Refused | None:
        """Return the row that this end of a line completes, if it does and there is one."""
        self._line += 1
        if self._held or self._quotes or len(end) >= ROW_BYTES_MAX:
            self._hold(end)
            if self._quotes is not None and self._quotes.is_open:
                self._go_on()
                return None
            end = bytes(self._held)
        if self._is_too_long:
            until = f", up to line {self._line}" if self._line > self._row else ""
            row: CsvLine | Refused | None
            row = self._refused(f"longer than {ROW_BYTES_MAX:,} bytes{until}", end)
        else:
            try:
                row = self._read(end)
            except RowError as bad:
                if self._quotes is None and self._opens(end):
                    self._go_on()
                    return None
                row = self._refused(str(bad), end)
        self._held.clear()
        self._quotes, self._is_too_long = None, False
        self._row = self._line + 1
        return row

    def _opens(self, raw: bytes) -> bool:
        self._held[:] = raw
        return b'"' in raw and self._follow_quotes().is_open

    def _go_on(self) -> None:
        """Keep a row that is not at its end."""
        if len(self._held) < ROW_BYTES_MAX:
            self._held += b"\n"

    def _refused(self, reason: str, raw: bytes | bytearray) -> Refused:
        if not self._has_header:
            raise _unusable(reason)
        return Refused(self._row, reason, _shown(raw))

    def _read(self, raw: bytes) -> CsvLine | None:
        text = self._text(raw)
        if not self._has_header:
            self._read_header(text)
            return None
        fields = _fields(text, self._delimiter)
        if not any(fields):
            return None
        return CsvLine(self._row, self._values(fields, is_guarded=b"'" in raw), raw)

    def _values(self, fields: Sequence[str], *, is_guarded: bool) -> dict[str, str]:
        values = {
            column: fields[at].strip(" ") if at < len(fields) else ""
            for column, at in self._at.items()
        }
        if is_guarded:
            return {column: unguarded(cell) for column, cell in values.items()}
        return values

    def _text(self, raw: bytes) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._note_foreign_row()
            raise RowError(f"not UTF-8 text, but perhaps Latin-1. {SAVE_AS_CSV}") from None
        if not self._is_utf_8 and len(text) < len(raw):
            self._is_utf_8 = True
        if "\0" in text:
            raise RowError("a NUL character in it")
        return text.removesuffix("\r")

    def _note_foreign_row(self) -> None:
        self._foreign_rows += 1
        if not self._is_utf_8 and self._foreign_rows == FOREIGN_ROWS_MAX:
            raise wrong_kind(
                f"in another encoding, perhaps Latin-1 or Windows-1252 (see line {self._row})",
                f"{SAVE_AS_CSV}; what was brought in before stays, and is only brought up to date",
            )

    def _read_header(self, text: str) -> None:
        if not self._delimiter and (told := _SEPARATOR(text)) is not None:
            self._delimiter = told[1]
            return
        dividers = [self._delimiter] if self._delimiter else _dividers(text)
        # What divides most is not always what divides: a name of a column may have commas in it.
        found = [(each, names) for each in dividers if (names := _names(text, each)) is not None]
        if not found:
            _fields(text, dividers[0])
        usable = [each for each in found if _positions(each[1], self._columns, self._required)]
        self._delimiter, names = (usable or found)[0]
        self._at = _positions(names, self._columns, ())
        used = self._at.values()
        self.ignored_columns = [name for at, name in enumerate(names) if name and at not in used]
        self.used_columns = [(names[at], column) for column, at in self._at.items()]
        for column in self._required:
            if column not in self._at:
                wanted = " or ".join(self._columns[column][:_NAMES_SHOWN])
                raise InvalidInput(
                    f"The first line must name a column {wanted}.",
                    code="missing_column",
                    param=column,
                )
        self._refuse_second(names)
        self._has_header = True

    def _refuse_second(self, names: Sequence[str]) -> None:
        plain = [folded(name) for name in names]
        for column, at in self._at.items():
            if column in self._single and plain.count(plain[at]) > 1:
                raise InvalidInput(
                    f"Two columns are called {names[at]}, and each may say something else. Take "
                    "one out of the file, or rename it.",
                    code="duplicate_column",
                    param=column,
                )


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula or changes, on one line."""
    # A tab or a line break would begin a formula as well, or another row.
    flat = cell if cell.isprintable() else _CONTROLS.sub(" ", cell)
    if _DIVIDED(flat):
        return _FORMULA(r"\1'", flat)
    # Most cells; the same by a shorter way.
    return f"'{flat}" if _BEGINS(flat) else flat


def unguarded(cell: str) -> str:
    """Return what a cell was before it was guarded."""
    return _GUARD(r"\1", cell) if "'" in cell else cell


def begun(header: Sequence[str]) -> bytes:
    """Return a file's beginning: the mark by which spreadsheets know UTF-8, and a header."""
    return BOM_UTF8 + written([header])


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows of CSV, with every cell guarded and in quotes."""
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([map(guarded, row) for row in rows])
    return text.getvalue().encode()


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(f"The first line cannot be used: {why}.", code="invalid_csv")


def _shown(raw: bytes | bytearray) -> str:
    return raw[:TEXT_LENGTH_MAX].decode("utf-8", "replace").rstrip("\r\n")


def _divider(raw: bytes | bytearray) -> str:
    return _dividers(raw.decode("utf-8", "replace"))[0]


def _dividers(header: str) -> list[str]:
    return sorted(_DELIMITERS, key=header.count, reverse=True)


def _fields(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        if "\r" in text:
            raise RowError("a carriage return inside it")
        return text.split(delimiter)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return next(csv.reader([plain], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise RowError(_QUOTES) from None


def _names(header: str, delimiter: str) -> list[str] | None:
    try:
        return [name.strip().lower() for name in _fields(header, delimiter)]
    except RowError:
        return None


def _positions(
    names: Sequence[str], columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> dict[str, int]:
    """Return where the columns are; nothing where one that is required is not there."""
    plain = [folded(name) for name in names]
    found = {
        column: plain.index(name)
        for column, synonyms in columns.items()
        for name in reversed([folded(each) for each in synonyms])
        if name in plain
    }
    return found if found.keys() >= set(required) else {}
