"""Rows of a CSV file into the store: as a stream, batch by batch, with an outcome for each row.

A file may be as long as it likes; memory holds one batch. Of a batch the rows are stored in the
order of their numbers, a part in each transaction: neighbours share their pages, so that a page is
written once for a batch and not once for a part. Nothing is lost by a bad row: not its neighbours,
and not the batches written before it. Whatever stops an import half way, it can be
started again: what is there already is only brought up to date.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import BinaryIO, Final, Generic, NamedTuple, Protocol, TypeVar

from sendrail.contacts.csv_files import CsvLine, Refused, RowError
from sendrail.contacts.inputs import AHEAD_MAX_MS
from sendrail.contacts.numbering_plans import Country, country_of
from sendrail.contacts.words import column_names
from sendrail.domain.field_column import FieldColumn, FieldType
from sendrail.domain.ids import AccountId
from sendrail.domain.times import read_instant
from sendrail.storage.interface import Tx

T = TypeVar("T")
Progress = Callable[[int], None]
Chunks = AsyncIterator[bytes]
Tell = Callable[[Refused], None]
# What became of each value; one that the store has no place for is refused all the same.
Write = Callable[[Sequence[T]], Awaitable[Sequence["RowOutcome | RowError"]]]

CHUNK_BYTES: Final = 64 * 1024
# What is read at once: of the worst rows this takes some fifty milliseconds.
_TURN_BYTES: Final = 16 * 1024
_TURN_SECONDS: Final = 0.05
REASONS_MAX: Final = 1_000
# Rows that are longer than most are stored fewer at a time.
BATCH_BYTES_MAX: Final = 4 * 2**20

_AMERICAN_DATE: Final = re.compile(r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})").fullmatch
# A file names the same days again and again.
_DAYS_KEPT: Final = 1_024
# On a day's first island it begins this long before it does in Greenwich.
_EARLIEST_DAY_MS: Final = 14 * 3_600_000

PHONE_COLUMN: Final = {"phone_number": column_names("phone_number")}


class RowOutcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    ADDED = "added"
    MERGED = "merged"
    ALREADY_THERE = "already_there"
    OPTED_OUT = "opted_out"
    BLOCKED = "blocked"


_NO_CELLS: Final[dict[str, str]] = {}
# Why a row was passed over that is right in itself.
SKIPPED: Final = {
    RowOutcome.OPTED_OUT: "opted out; only their own START brings them back",
    RowOutcome.BLOCKED: "on the account's block list",
}


class Pace(NamedTuple):
    """How many rows are stored at a time, and how long the store is then left to others.

    `rest` is a part of the time that the rows took. A batch is so many `parts` of `rows`.
    """

    rows: int
    rest: float
    parts: int = 1


# A server writes to the same database, and must not wait for long: its requests do.
BESIDE: Final = Pace(rows=500, rest=0.25)
# No server does: what is stored together costs less. Numbers in no order meet nearly every page of
# a list of a million; the more of them are put in order together, the fewer times each is written.
ALONE: Final = Pace(rows=5_000, rest=0.0, parts=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is to be taken: judged only, or brought in, and what is called meanwhile.

    `country` is the one of numbers without a plus, by its two letters; the account's where it is
    empty. `source` is where contacts signed up whose rows do not say, and `fields` are the custom
    fields that columns go into, by the columns. `progress` gets how many bytes have been dealt
    with, `tell` each row not taken.
    """

    dry_run: bool = False
    country: str = ""
    source: str = ""
    fields: Mapping[str, FieldColumn] = field(default_factory=dict)
    progress: Progress | None = None
    tell: Tell | None = None
    pace: Pace = BESIDE


class RowReader(Protocol):
    """Reads a file piece by piece, into rows with the wanted columns by their own names."""

    @property
    def bytes_read(self) -> int: ...
    @property
    def ignored_columns(self) -> list[str]: ...
    @property
    def used_columns(self) -> list[tuple[str, str]]: ...
    def feed(self, piece: bytes) -> Iterator[CsvLine | Refused]: ...
    def finish(self) -> Iterator[CsvLine | Refused]: ...


@dataclass(slots=True)
class ImportReport:
    """What became of a file. Every row is counted; `reasons` keeps the first thousand refused."""

    dry_run: bool
    counts: Counter[RowOutcome]
    refused: int = 0
    reasons: list[Refused] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    # Each column that is used, and what for.
    used_columns: list[tuple[str, str]] = field(default_factory=list)
    # The types of those that the caller lets go into custom fields, by what they become.
    types: Mapping[str, FieldType] = field(default_factory=dict)

    @classmethod
    def of(cls, options: ImportOptions, *outcomes: RowOutcome) -> "ImportReport":
        """Return an empty report with a count for each of these outcomes."""
        return cls(
            options.dry_run,
            Counter(dict.fromkeys(outcomes, 0)),
            types={into.becomes: into.type for into in options.fields.values()},
        )

    @property
    def rows(self) -> int:
        return self.counts.total() + self.refused

    def refuse(self, refused: Refused) -> None:
        """Count a refused line, and keep its reason while there is room."""
        self.refused += 1
        if len(self.reasons) < REASONS_MAX:
            self.reasons.append(refused)


async def import_rows(  # noqa: PLR0917 - the stations of a row
    chunks: Chunks,
    reader: RowReader,
    parse: Callable[[dict[str, str]], T],
    write: Write[T],
    options: ImportOptions,
    report: ImportReport,
    *,
    number: Callable[[T], int] | None = None,
    keeps_lines: bool = False,
) -> ImportReport:
    """Bring a file in, batch by batch, and keep in the report how far it has come.

    `parse` raises `RowError`; `write` stores values in one transaction and returns what became of
    each. They come in the order of their `number`, and those of one number, as those of a file
    without numbers, in the order of the file. `keeps_lines` where `write` may refuse a row, too.
    """
    batch = _Batch(parse, number, keeps_lines=keeps_lines or options.tell is not None)
    turns = _Turns(options.pace.rest)
    rows_max = options.pace.rows * options.pace.parts
    read = 0

    async def flush() -> None:
        nonlocal read
        await _store(batch, write, turns, options, report)
        batch.clear()
        read = reader.bytes_read
        if options.progress is not None:
            options.progress(reader.bytes_read)

    async for chunk in chunks:
        for start in range(0, len(chunk), _TURN_BYTES):
            turns.begin()
            for line in reader.feed(chunk[start : start + _TURN_BYTES]):
                batch.take(line)
                if len(batch) == rows_max:
                    await flush()
            if reader.bytes_read - read > BATCH_BYTES_MAX:
                await flush()
            await turns.rest_if_due()
    for line in reader.finish():
        batch.take(line)
    await flush()
    report.ignored_columns = reader.ignored_columns
    report.used_columns = reader.used_columns
    return report


async def _store(
    batch: "_Batch[T]",
    write: Write[T],
    turns: "_Turns",
    options: ImportOptions,
    report: ImportReport,
) -> None:
    passed_over = []
    for values, lines in batch.parts(options.pace.rows):
        became = await write(values)
        report.counts.update(each for each in became if isinstance(each, RowOutcome))
        batch.refused += _refused(lines, became)
        passed_over += _passed_over(lines, became)
        await turns.rest()
    for each in sorted(batch.refused):
        report.refuse(each)
    if options.tell is not None:
        for each in sorted([*batch.refused, *passed_over]):
            options.tell(each)


class _Turns:
    """The time that an import works, of which others then get a part.

    While it waits for the file others have their turn anyway.
    """

    def __init__(self, rest: float) -> None:
        self._rest = rest
        self._worked = 0.0
        self._began = time.perf_counter()

    def begin(self) -> None:
        self._began = time.perf_counter()

    def end(self) -> None:
        now = time.perf_counter()
        self._worked += now - self._began
        self._began = now

    async def rest_if_due(self) -> None:
        """Rest where no batch has done so for a while: rows may be refused, or never end."""
        self.end()
        if self._worked >= _TURN_SECONDS:
            await self.rest()

    async def rest(self) -> None:
        self.end()
        await asyncio.sleep(self._rest * self._worked)
        self._worked = 0.0
        self.begin()


class _Batch(Generic[T]):
    """Rows that were read and are not stored yet, with their lines where a report needs them."""

    def __init__(
        self,
        parse: Callable[[dict[str, str]], T],
        number: Callable[[T], int] | None,
        *,
        keeps_lines: bool,
    ) -> None:
        self._parse = parse
        self._number = number
        self._keeps_lines = keeps_lines
        self._values: list[T] = []
        self._lines: list[CsvLine] = []
        self.refused: list[Refused] = []

    def __len__(self) -> int:
        return len(self._values) + len(self.refused)

    def take(self, line: CsvLine | Refused) -> None:
        """Add a row, among the refused where it cannot be used."""
        if isinstance(line, Refused):
            self.refused.append(line)
            return
        try:
            self._values.append(self._parse(line.values))
        except RowError as bad:
            self.refused.append(Refused(line.row, str(bad), line.text))
            return
        if self._keeps_lines:
            # Without its cells: they are what takes the room, and stand in the value.
            self._lines.append(CsvLine(line.row, _NO_CELLS, line.raw))

    def parts(self, rows: int) -> Iterator[tuple[Sequence[T], Sequence[CsvLine]]]:
        """Yield so many values at a time, in their order, each with its line."""
        order: Sequence[int] = range(len(self._values))
        if self._number is not None:
            numbers = list(map(self._number, self._values))
            order = sorted(order, key=numbers.__getitem__)
        for start in range(0, len(order), rows):
            places = order[start : start + rows]
            lines = [self._lines[at] for at in places] if self._keeps_lines else ()
            yield [self._values[at] for at in places], lines

    def clear(self) -> None:
        """Begin a new batch."""
        self._values.clear()
        self._lines.clear()
        self.refused.clear()


def _refused(lines: Sequence[CsvLine], became: Sequence[RowOutcome | RowError]) -> list[Refused]:
    return [
        Refused(line.row, str(outcome), line.text)
        for line, outcome in zip(lines, became, strict=False)
        if isinstance(outcome, RowError)
    ]


def _passed_over(
    lines: Sequence[CsvLine], became: Sequence[RowOutcome | RowError]
) -> list[Refused]:
    """Return the lines that are right in themselves and were not taken, of those that were kept."""
    return [
        Refused(line.row, SKIPPED[outcome], line.text)
        for line, outcome in zip(lines, became, strict=False)
        if isinstance(outcome, RowOutcome) and outcome in SKIPPED
    ]


def country_for(tx: Tx, account_id: AccountId, options: ImportOptions) -> Country | None:
    """Return the country of a file's numbers without a plus; None where they have none."""
    return country_of(options.country or tx.accounts.country(account_id))


async def file_pieces(stream: BinaryIO) -> Chunks:
    """Yield a file that is open here, piece by piece."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def moment_of(text: str, now: int) -> int | None:
    """Return a date as people write it in files, or None for no date.

    A day alone counts from its first moment anywhere on earth, so that today is never tomorrow.
    """
    if not text:
        return None
    midnight = _midnight_of(text)
    if midnight is not None:
        if midnight - _EARLIEST_DAY_MS > now:
            raise RowError("the date lies in the future")
        return min(midnight, now)
    at = read_instant(text)
    if at is None:
        raise RowError(
            "not a date, such as 2026-01-31, 01/31/2026, 01-31-2026 or 2026-01-31T08:00:00Z"
        )
    _expect_recent(at)
    if at > now + AHEAD_MAX_MS:
        raise RowError("the date lies in the future")
    return at


@lru_cache(_DAYS_KEPT)
def _midnight_of(text: str) -> int | None:
    """Return when a day begins in Greenwich; None for what is no day alone."""
    day = _day_of(text)
    if day is None:
        return None
    at = read_instant(day.isoformat())
    assert at is not None, "a day of the calendar has a midnight in Greenwich"
    _expect_recent(at)
    return at


def _day_of(text: str) -> date | None:
    american = _AMERICAN_DATE(text)
    try:
        if american is not None:
            return date(int(american[4]), int(american[1]), int(american[3]))
        return date.fromisoformat(text)
    except ValueError:
        if american is not None:
            raise RowError("no day of a month; the month comes first, as in 01/31/2026") from None
        return None


def _expect_recent(at: int) -> None:
    if at < 0:
        raise RowError("the date lies before 1970")
