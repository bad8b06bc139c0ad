"""Rows of a CSV file into the store: as a stream, batch by batch, with an outcome for each row.

A file may be as long as it likes; memory holds one batch. Nothing is lost by a bad row: not its
neighbours, and not the batches written before it. Whatever stops an import half way, it can be
started again: what is there already is only brought up to date.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import BinaryIO, Final, NamedTuple, TypeVar

from sendrail.contacts.csv_files import CsvLine, CsvReader, Refused, RowError
from sendrail.contacts.numbering_plans import Country, country_of
from sendrail.contacts.words import column_names
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Tx

T = TypeVar("T")
Progress = Callable[[int], None]
Chunks = AsyncIterator[bytes]
Tell = Callable[[Refused], None]
Write = Callable[[Sequence[T]], Awaitable[Sequence["RowOutcome"]]]

CHUNK_BYTES: Final = 64 * 1024
REASONS_MAX: Final = 1_000
# Rows that are longer than most are stored fewer at a time.
BATCH_BYTES_MAX: Final = 4 * 2**20

_AMERICAN_DATE: Final = re.compile(r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})").fullmatch
# A file names the same days again and again.
_DAYS_KEPT: Final = 1_024
_EPOCH_YEAR: Final = 1970
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


# Why a row was passed over that is right in itself.
SKIPPED: Final = {
    RowOutcome.OPTED_OUT: "opted out; only their own START brings them back",
    RowOutcome.BLOCKED: "on the account's block list",
}


class Pace(NamedTuple):
    """How many rows are stored at a time, and how long the store is then left to others.

    `rest` is a part of the time that the rows took.
    """

    rows: int
    rest: float


# A server writes to the same database, and must not wait for long: its requests do.
BESIDE: Final = Pace(rows=500, rest=0.25)
# No server does: what is stored together costs less.
ALONE: Final = Pace(rows=5_000, rest=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is to be taken: judged only, or brought in, and what is called meanwhile.

    `country` is the one of numbers without a plus, by its two letters; the account's where it is
    empty. `progress` gets how many bytes have been dealt with, `tell` each row not taken.
    """

    dry_run: bool = False
    country: str = ""
    progress: Progress | None = None
    tell: Tell | None = None
    pace: Pace = BESIDE


@dataclass(slots=True)
class ImportReport:
    """What became of a file. Every row is counted; `reasons` keeps the first thousand refused."""

    dry_run: bool
    counts: Counter[RowOutcome]
    refused: int = 0
    reasons: list[Refused] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, options: ImportOptions, *outcomes: RowOutcome) -> "ImportReport":
        """Return an empty report with a count for each of these outcomes."""
        return cls(options.dry_run, Counter(dict.fromkeys(outcomes, 0)))

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
    reader: CsvReader,
    parse: Callable[[dict[str, str]], T],
    write: Write[T],
    options: ImportOptions,
    report: ImportReport,
) -> ImportReport:
    """Bring a file in, batch by batch, and keep in the report how far it has come.

    `parse` raises `RowError`; `write` stores values in one transaction and returns what became of
    each.
    """
    batch: list[CsvLine | Refused] = []
    read = 0

    async def flush() -> None:
        nonlocal read
        began = time.perf_counter()
        await _deal_with(batch, parse, write, report, options.tell)
        batch.clear()
        read = reader.bytes_read
        if options.progress is not None:
            options.progress(reader.bytes_read)
        await asyncio.sleep(options.pace.rest * (time.perf_counter() - began))

    async for chunk in chunks:
        for line in reader.feed(chunk):
            batch.append(line)
            if len(batch) == options.pace.rows:
                await flush()
        if reader.bytes_read - read > BATCH_BYTES_MAX:
            await flush()
    batch += reader.finish()
    await flush()
    report.ignored_columns = reader.ignored_columns
    return report


def country_for(tx: Tx, account_id: AccountId, options: ImportOptions) -> Country | None:
    """Return the country of a file's numbers without a plus; None where they have none."""
    return country_of(options.country or tx.accounts.country(account_id))


async def file_pieces(stream: BinaryIO) -> Chunks:
    """Yield a file that is open here, piece by piece."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


async def _deal_with(
    batch: Sequence[CsvLine | Refused],
    parse: Callable[[dict[str, str]], T],
    write: Write[T],
    report: ImportReport,
    tell: Tell | None,
) -> None:
    refused: list[Refused] = []
    parsed = list(_parsed(batch, parse, refused))
    became = await write([value for _, value in parsed]) if parsed else []
    report.counts.update(became)
    for each in refused:
        report.refuse(each)
    if tell is not None:
        passed_over = [
            Refused(line.row, SKIPPED[outcome], line.text)
            for (line, _), outcome in zip(parsed, became, strict=True)
            if outcome in SKIPPED
        ]
        for each in sorted([*refused, *passed_over]):
            tell(each)


def _parsed(
    lines: Sequence[CsvLine | Refused],
    parse: Callable[[dict[str, str]], T],
    refused: list[Refused],
) -> Iterator[tuple[CsvLine, T]]:
    for line in lines:
        if isinstance(line, Refused):
            refused.append(line)
            continue
        try:
            yield line, parse(line.values)
        except RowError as bad:
            refused.append(Refused(line.row, str(bad), line.text))


def moment_of(text: str, now: int) -> int | None:
    """Return a date as people write it in files, or None for no date.

    A day alone counts from its first moment anywhere on earth, so that today is never tomorrow.
    """
    if not text:
        return None
    day = _day_of(text)
    if day is not None:
        midnight = _milliseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
        if midnight - _EARLIEST_DAY_MS > now:
            raise RowError("the date lies in the future")
        return min(midnight, now)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(
            "not a date, such as 2026-01-31, 01/31/2026, 01-31-2026 or 2026-01-31T08:00:00Z"
        ) from None
    at = _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if at > now:
        raise RowError("the date lies in the future")
    return at


@lru_cache(_DAYS_KEPT)
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


def _milliseconds(moment: datetime) -> int:
    if moment.year < _EPOCH_YEAR:
        raise RowError(f"the date lies before {_EPOCH_YEAR}")
    # Whole numbers all the way: a float would lose milliseconds.
    since = moment - datetime(_EPOCH_YEAR, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
