"""CSV text: what is read, what is refused by which number, and that nothing else is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import InvalidInput
from sendrail.marketing.csv_files import (
    LINE_BYTES_MAX,
    TEXT_LENGTH_MAX,
    CsvReader,
    Line,
    Refused,
    guarded,
    unguarded,
    written,
)

COLUMNS = {
    "phone_number": ("phone_number", "phone", "msisdn"),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
}
ANN = {"phone_number": "+15550100001"}


def read(content: bytes, size: int = 1 << 20) -> list[Line | Refused]:
    reader = CsvReader(COLUMNS, ["phone_number"])
    told = [
        each
        for start in range(0, len(content), size)
        for each in reader.feed(content[start : start + size])
    ]
    told += reader.finish()
    assert reader.bytes_read == len(content)
    return told


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
        b"phone\n'+15550100001\n",
        b"phone\n\n+15550100001\n\n",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_a_column_is_found_by_any_of_its_names_however_the_file_comes(content, size):
    [line] = read(content, size)
    assert line.values == ANN


def test_names_come_along_and_may_be_missing_at_the_end_of_a_row():
    lines = read(b'first_name,phone,last_name\n"Lee, Ann",+15550100001,Lee\nBen,+15550100002\n')
    assert [line.values for line in lines] == [
        {"phone_number": "+15550100001", "first_name": "Lee, Ann", "last_name": "Lee"},
        {"phone_number": "+15550100002", "first_name": "Ben", "last_name": ""},
    ]


def test_columns_nobody_asked_for_are_named():
    reader = CsvReader(COLUMNS, ["phone_number"])
    list(reader.feed(b"Color,phone,,shoe size\n"))
    assert reader.ignored_columns == ["color", "shoe size"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"J\xf6rg", "not UTF-8 text, but perhaps Latin-1"),
        (b"x" * LINE_BYTES_MAX, "longer than 65,536 bytes"),
        (b"x" * (5 * LINE_BYTES_MAX + 3), "longer than 65,536 bytes"),
        (b'"open', "its quotes do not match, or a cell spans several lines"),
        (b'"a"b', "its quotes do not match, or a cell spans several lines"),
        (b"+1555\x000100001", "a NUL character in it"),
        (b"+15550100001\rAnn", "a carriage return inside it"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_and_loses_no_neighbour(bad, reason):
    good = b"+15550100001\n"
    first, refused, last = read(b"phone\n" + good + bad + b"\n" + good)
    assert (first.row, first.values) == (2, ANN)
    assert refused.row == 3
    assert refused.reason.startswith(reason)
    assert refused.text == bad[:TEXT_LENGTH_MAX].decode("utf-8", "replace")
    assert (last.row, last.values) == (4, ANN)


def test_a_cell_with_a_line_break_costs_no_other_row():
    first, rest, last = read(b'phone,first_name\n+15550100001,"An\nn"\n+15550100002,Ben\n')
    assert first.reason == "its quotes do not match, or a cell spans several lines"
    assert rest.values["phone_number"] == 'n"'
    assert (last.row, last.values["first_name"]) == (4, "Ben")


def test_the_longest_line_is_still_read():
    name = b"x" * (LINE_BYTES_MAX - len(b"+15550100001,\n"))
    [line] = read(b"phone,first_name\n+15550100001," + name + b"\n")
    assert len(line.values["first_name"]) == len(name)


@pytest.mark.parametrize(
    ("header", "code", "advice"),
    [
        (b"", "empty_file", "name the columns"),
        (b"name,email\n", "missing_column", "phone_number or phone or msisdn"),
        (b"\n+15550100001\n", "missing_column", "phone_number"),
        ("phone\n".encode("utf-16"), "invalid_csv", "UTF-16"),
        ("phone\n".encode("utf-16-le"), "invalid_csv", "UTF-16"),
        ("phone\n".encode("utf-16-be"), "invalid_csv", "UTF-16"),
        ("phone,größe\n".encode("latin-1"), "invalid_csv", "Latin-1"),
        (b"x" * (LINE_BYTES_MAX + 1), "invalid_csv", "longer than"),
        (b'"phone\n', "invalid_csv", "quotes"),
        (b"phone\r+15550100001\r", "invalid_csv", "carriage return"),
    ],
)
def test_a_file_without_a_usable_header_is_refused_whole(header, code, advice):
    with pytest.raises(InvalidInput) as caught:
        read(header)
    assert caught.value.code == code
    assert advice in caught.value.message


def test_a_line_without_end_is_held_to_its_limit():
    reader = CsvReader(COLUMNS, ["phone_number"])
    list(reader.feed(b"phone\n"))
    for _ in range(200):
        assert not list(reader.feed(b"x" * LINE_BYTES_MAX))
        assert len(reader._held) <= LINE_BYTES_MAX
    [refused] = reader.finish()
    assert refused.reason == "longer than 65,536 bytes"


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)),
    st.integers(1, 60),
)
def test_every_line_that_is_not_blank_is_told_of_once(lines, size):
    told = read(b"phone\n" + b"\n".join(lines) + b"\n", size)
    rows = [each.row for each in told]
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(2, len(lines) + 2))
    # A line with a plain word in it can never be passed over in silence.
    worded = {at + 2 for at, line in enumerate(lines) if any(97 <= byte <= 122 for byte in line)}
    assert worded <= set(rows)


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("Ann", "Ann"),
        ("O'Hara", "O'Hara"),
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("'=1", "''=1"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("a\r\nb\x00c", "a  b c"),
        ("\uff1d1+1", "'\uff1d1+1"),
        # A number evaluates to itself, and other programs look for it in this form.
        ("+15550100001", "+15550100001"),
        ("+15550100001=1", "'+15550100001=1"),
    ],
)
def test_no_cell_is_a_formula(cell, safe):
    assert guarded(cell) == safe


plain = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=30).map(str.strip)


@given(plain)
def test_a_guard_is_taken_off_again(cell):
    assert unguarded(guarded(cell)) == cell


@given(st.lists(st.lists(plain, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_csv_to_others(rows):
    text = written(rows).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        [guarded(cell) for cell in row] for row in rows
    ]
    assert not any(
        cell[:1] in {"=", "-", "@", "\t", "\r"}
        for row in csv.reader(io.StringIO(text))
        for cell in row
    )
