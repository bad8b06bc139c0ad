"""Rows of a file on their way in: dates as people write them, batches, and counts.

Numbers as people write them are told in `test_written_numbers.py`.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace

import pytest

from sendrail.contacts import imports
from sendrail.contacts.csv_files import CsvReader, Refused, RowError
from sendrail.contacts.imports import (
    PHONE_COLUMN,
    ImportOptions,
    ImportReport,
    Pace,
    RowOutcome,
    import_rows,
    moment_of,
)
from sendrail.contacts.written_numbers import number_of

NOW = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp() * 1000)


def at(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("2026-01-31", at(2026, 1, 31)),
        ("01/31/2026", at(2026, 1, 31)),
        ("1/31/2026", at(2026, 1, 31)),
        ("01-31-2026", at(2026, 1, 31)),
        ("2026-01-31T08:00:00Z", at(2026, 1, 31, 8)),
        ("2026-01-31T08:00:00+02:00", at(2026, 1, 31, 6)),
        ("2026-01-31 08:00:00", at(2026, 1, 31, 8)),
        ("2026-01-31T08:00:00.123Z", at(2026, 1, 31, 8) + 123),
        ("2026-03-10", at(2026, 3, 10)),
        # Where the day begins first it is tomorrow already; the consent is not younger than now.
        ("2026-03-11", NOW),
    ],
)
def test_dates_are_taken_as_people_write_them(text, moment):
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-03-12", "the future"),
        ("03/12/2026", "the future"),
        ("2026-03-10T12:05:01Z", "the future"),
        ("31/01/2026", "the month comes first"),
        ("02/30/2026", "no day of a month"),
        ("2026-02-30", "not a date"),
        ("01/31-2026", "not a date"),
        ("01/31/26", "not a date"),
        ("yesterday", "not a date"),
        ("1969-12-31", "before 1970"),
        ("0001-01-01T00:00:00+14:00", "not a date"),
    ],
)
def test_what_is_no_date_of_consent_is_refused_with_the_reason(text, reason):
    with pytest.raises(RowError, match=reason):
        moment_of(text, NOW)


async def split(content, size=1_000):
    for start in range(0, len(content), size):
        yield content[start : start + size]


def bring_in(content, write=None, *, number=int, **options):
    async def take(rows):
        return [RowOutcome.CREATED] * len(rows)

    wanted = ImportOptions(**options)
    return asyncio.run(
        import_rows(
            split(content),
            CsvReader(PHONE_COLUMN, ["phone_number"]),
            lambda values: number_of(values["phone_number"]),
            write or take,
            wanted,
            ImportReport.of(wanted, RowOutcome.CREATED, RowOutcome.OPTED_OUT),
            number=number,
        )
    )


def test_rows_come_in_batches_and_progress_ends_at_the_size_of_the_file():
    content = b"phone\n" + b"+15550100001\n" * 1_201
    heard, sizes = [], []

    async def write(rows):
        sizes.append(len(rows))
        return [RowOutcome.CREATED] * len(rows)

    report = bring_in(content, write, progress=heard.append)
    assert sizes == [500, 500, 201]
    assert report.counts == Counter({RowOutcome.CREATED: 1_201})
    assert heard == sorted(heard)
    assert heard[-1] == len(content)


def test_refusals_are_counted_exactly_and_the_first_thousand_kept():
    report = bring_in(b"phone\n" + b"+15550100001\nnobody\n" * 1_300)
    assert (report.counts[RowOutcome.CREATED], report.refused, report.rows) == (1_300, 1_300, 2_600)
    assert [each.row for each in report.reasons] == list(range(3, 2_003, 2))


def test_every_row_not_taken_is_told_in_its_order_with_its_line():
    async def write(rows):
        return [RowOutcome.OPTED_OUT if row == 15550100002 else RowOutcome.CREATED for row in rows]

    told = []
    content = b"phone\n+15550100001\n+15550100002\nnobody\n+15550100003\n" * 1
    report = bring_in(content, write, tell=told.append)
    assert told == [
        Refused(3, "opted out; only their own START brings them back", "+15550100002"),
        Refused(4, "not a phone number, such as +15550100000", "nobody"),
    ]
    assert report.counts == {RowOutcome.CREATED: 2, RowOutcome.OPTED_OUT: 1}
    assert report.refused == 1


def test_a_file_of_bad_rows_writes_nothing():
    async def write(_):
        raise AssertionError

    assert bring_in(b"phone\nnobody\n", write).refused == 1


def test_a_server_gets_its_turn_between_batches(monkeypatch):
    slept = []

    async def counted(seconds):
        slept.append(seconds)

    # Only what this module calls asyncio: servers of other tests sleep in threads of their own.
    monkeypatch.setattr(imports, "asyncio", SimpleNamespace(sleep=counted))
    bring_in(b"phone\n" + b"+15550100001\n" * 1_000)
    assert len(slept) >= 2
    assert min(slept[:2]) > 0


@pytest.mark.parametrize(
    "rows",
    [b'"never ends\n' + b"a\n" * 40_000, b'"\n' * 40_000, b"\n" * 80_000],
    ids=["one row", "refused", "blank"],
)
def test_a_server_gets_its_turn_where_no_row_is_stored(monkeypatch, rows):
    """Each look at the clock is ten milliseconds later; a piece of the file is one or more."""
    slept, now = [], count()

    async def counted(seconds):
        slept.append(seconds)

    clock = SimpleNamespace(perf_counter=lambda: next(now) * 0.01)
    monkeypatch.setattr(imports, "asyncio", SimpleNamespace(sleep=counted))
    monkeypatch.setattr(imports, "time", clock)
    bring_in(b"phone\n" + rows, pace=Pace(rows=500, rest=0.25))
    rested = [seconds for seconds in slept if seconds]
    assert len(rested) >= 10
    # It rests for a quarter of the time that it works, and counts no time twice.
    assert max(rested) <= 0.25 * 0.1


def test_a_batch_is_stored_part_by_part_in_the_order_of_its_numbers():
    stored = []

    async def write(rows):
        stored.append([row % 100 for row in rows])
        return [RowOutcome.OPTED_OUT if row % 100 == 12 else RowOutcome.CREATED for row in rows]

    told = []
    content = b"phone\n" + b"".join(b"+155501000%02d\n" % n for n in (15, 11, 12, 14, 13, 12, 10))
    report = bring_in(content, write, pace=Pace(rows=2, rest=0, parts=3), tell=told.append)
    assert stored == [[11, 12], [12, 13], [14, 15], [10]]
    assert report.counts == {RowOutcome.CREATED: 5, RowOutcome.OPTED_OUT: 2}
    # As the file has them, each with its own line.
    assert [(each.row, each.text[-2:]) for each in told] == [(4, "12"), (7, "12")]


def test_without_numbers_rows_are_stored_as_the_file_has_them():
    stored = []

    async def write(rows):
        stored.extend(row % 100 for row in rows)
        return [RowOutcome.CREATED] * len(rows)

    content = b"phone\n+15550100015\n+15550100011\n+15550100013\n"
    bring_in(content, write, number=None)
    assert stored == [15, 11, 13]


def test_of_an_import_that_breaks_off_what_was_stored_is_counted():
    async def write(rows):
        if 15550100003 in rows:
            raise ConnectionResetError
        return [RowOutcome.CREATED] * len(rows)

    options = ImportOptions(pace=Pace(rows=2, rest=0, parts=2))
    report = ImportReport.of(options, RowOutcome.CREATED)
    content = b"phone\n+15550100004\n+15550100001\n+15550100003\n+15550100002\n"
    with pytest.raises(ConnectionResetError):
        asyncio.run(
            import_rows(
                split(content),
                CsvReader(PHONE_COLUMN, ["phone_number"]),
                lambda values: number_of(values["phone_number"]),
                write,
                options,
                report,
                number=int,
            )
        )
    assert report.counts == {RowOutcome.CREATED: 2}
