"""CSV files: what is read, what is refused by which number, and that nothing else is lost."""

import asyncio
import io
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import InvalidInput
from sendrail.marketing import imports
from sendrail.marketing.imports import (
    LINE_BYTES_MAX,
    NAME_COLUMNS,
    PHONE_COLUMN,
    CsvFile,
    ImportReport,
    Line,
    Refused,
    RowError,
    import_rows,
    number_of,
)

COLUMNS = PHONE_COLUMN | NAME_COLUMNS
ANN = {"phone_number": "+15550100001"}


def read(content: bytes) -> list[Line | Refused]:
    return list(CsvFile(io.BytesIO(content), COLUMNS, ["phone_number"]))


@pytest.mark.parametrize(
    "content",
    [
        b"phone_number\n+15550100001\n",
        b"phone\r\n+15550100001\r\n",
        b"msisdn\n+15550100001",
        b"\xef\xbb\xbfphone_number\n+15550100001\n",
        b" Phone \n +15550100001 \n",
        b"colour,phone\nred,+15550100001\n",
        b"colour;phone\nred;+15550100001\n",
        b"colour\tphone\nred\t+15550100001\n",
        b'phone\n"+15550100001"\n',
        b"\nphone\n+15550100001\n"[1:],
        b"phone\n\n+15550100001\n\n",
    ],
)
def test_a_column_is_found_by_any_of_its_names(content):
    [line] = read(content)
    assert line.values == ANN


def test_names_come_along_and_may_be_missing_at_the_end_of_a_row():
    lines = read(b'first_name,phone,last_name\n"Lee, Ann",+15550100001,Lee\nBen,+15550100002\n')
    assert [line.values for line in lines] == [
        {"phone_number": "+15550100001", "first_name": "Lee, Ann", "last_name": "Lee"},
        {"phone_number": "+15550100002", "first_name": "Ben", "last_name": ""},
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"J\xf6rg", "not UTF-8 text"),
        (b"x" * LINE_BYTES_MAX, "longer than 65,536 bytes"),
        (b"x" * (5 * LINE_BYTES_MAX + 3), "longer than 65,536 bytes"),
        (b'"open', "its quotes do not match"),
        (b'"a"b', "its quotes do not match"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_and_loses_no_neighbour(bad, reason):
    good = b"+15550100001\n"
    first, refused, last = read(b"phone\n" + good + bad + b"\n" + good)
    assert first == Line(2, ANN)
    assert refused == Refused(3, reason)
    assert last == Line(4, ANN)


def test_the_longest_line_is_still_read():
    name = b"x" * (LINE_BYTES_MAX - len(b"+15550100001,\n"))
    [line] = read(b"phone,first_name\n+15550100001," + name + b"\n")
    assert len(line.values["first_name"]) == len(name)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"", "missing_column"),
        (b"name,email\n", "missing_column"),
        ("phone\n".encode("utf-16"), "invalid_csv"),
        (b"x" * (LINE_BYTES_MAX + 1), "invalid_csv"),
        (b'"phone\n', "invalid_csv"),
    ],
)
def test_a_file_without_a_usable_header_is_refused_whole(header, code):
    with pytest.raises(InvalidInput) as caught:
        read(header)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550100001", 15550100001),
        ("+1 (555) 010-0001", 15550100001),
        ("+49.30.1234567", 49301234567),
        ("", None),
        ("15550100001", None),
        ("0015550100001", None),
        ("+1555010000a", None),
        ("+٣٥٥٥٠١٠٠٠٠١", None),
    ],
)
def test_numbers_are_e164_with_or_without_punctuation(text, number):
    if number is None:
        with pytest.raises(RowError):
            number_of(text)
    else:
        assert number_of(text) == number


def bring_in(content: bytes, batches: list[int] | None = None) -> ImportReport:
    async def write(rows):
        if batches is not None:
            batches.append(len(rows))
        return ImportReport(created=len(rows))

    return asyncio.run(
        import_rows(
            CsvFile(io.BytesIO(content), PHONE_COLUMN, ["phone_number"]),
            lambda values: number_of(values["phone_number"]),
            write,
        )
    )


def test_rows_come_in_batches_and_progress_ends_at_the_size_of_the_file():
    content = b"phone\n" + b"+15550100001\n" * 1_201
    heard: list[int] = []
    sizes: list[int] = []

    async def write(rows):
        sizes.append(len(rows))
        return ImportReport(created=len(rows))

    file = CsvFile(io.BytesIO(content), PHONE_COLUMN, ["phone_number"])
    report = asyncio.run(
        import_rows(file, lambda values: values["phone_number"], write, heard.append)
    )
    assert sizes == [500, 500, 201]
    assert report.created == 1_201
    assert heard == sorted(heard)
    assert heard[-1] == len(content)


def test_refusals_are_counted_exactly_and_the_first_thousand_kept():
    report = bring_in(b"phone\n" + b"+15550100001\nnobody\n" * 1_300)
    assert (report.created, report.refused) == (1_300, 1_300)
    assert [each.row for each in report.reasons] == list(range(3, 2_003, 2))


def test_what_the_store_refuses_is_kept_to_a_thousand_as_well():
    async def write(rows):
        report = ImportReport()
        for row, _ in rows:
            report.refuse(Refused(row, "no"))
        return report

    content = io.BytesIO(b"phone\n" + b"+15550100001\n" * 1_300)
    file = CsvFile(content, PHONE_COLUMN, ["phone_number"])
    report = asyncio.run(import_rows(file, lambda values: values, write))
    assert (report.refused, len(report.reasons)) == (1_300, 1_000)
    assert report.reasons[-1].row == 1_001


def test_a_file_of_bad_rows_writes_nothing():
    batches: list[int] = []
    report = bring_in(b"phone\nnobody\n", batches)
    assert (batches, report.refused) == ([], 1)


def test_a_server_gets_its_turn_between_batches(monkeypatch):
    slept: list[float] = []

    async def counted(seconds):
        slept.append(seconds)

    # Only what this module calls asyncio: servers of other tests sleep in threads of their own.
    monkeypatch.setattr(imports, "asyncio", SimpleNamespace(sleep=counted))
    bring_in(b"phone\n" + b"+15550100001\n" * 1_000)
    assert len(slept) == 2
    assert min(slept) > 0


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)))
def test_every_line_that_is_not_blank_is_told_of_once(lines):
    told = read(b"phone\n" + b"\n".join(lines) + b"\n")
    rows = [each.row for each in told]
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(2, len(lines) + 2))
    # A line with a plain word in it can never be passed over in silence.
    worded = {at + 2 for at, line in enumerate(lines) if any(97 <= byte <= 122 for byte in line)}
    assert worded <= set(rows)
