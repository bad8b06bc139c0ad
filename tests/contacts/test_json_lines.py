"""Files of JSON lines: whatever the pieces they come in, each line is a row or a fault."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.contacts.csv_files import ROW_BYTES_MAX, Refused
from sendrail.contacts.json_lines import RowsReader
from sendrail.domain.errors import InvalidInput

COLUMNS = {"id": ("id", "message_id"), "amount": ("amount", "revenue")}


def read(*pieces):
    """Return rows as (row, values), faults as (row, reason)."""
    reader = RowsReader(COLUMNS, ["id"])
    found = [row for piece in pieces for row in reader.feed(piece)]
    found += reader.finish()
    return [
        (each.row, each.reason if isinstance(each, Refused) else each.values) for each in found
    ], reader


LINES = (
    b'{"id": "a", "Revenue": 24.99, "x": 1}\n\n{"message id": "b"}\r\n{"id": true, "amount": null}'
)
ROWS = [
    (1, {"id": "a", "amount": "24.99"}),
    (3, {"id": "b"}),
    (4, {"id": "true", "amount": ""}),
]


@given(st.lists(st.integers(0, len(LINES)), max_size=6))
def test_rows_are_the_same_however_the_file_is_cut(cuts):
    places = [0, *sorted(cuts), len(LINES)]
    pieces = [LINES[a:b] for a, b in itertools.pairwise(places)]
    rows, reader = read(*pieces)
    assert rows == ROWS
    assert (reader.bytes_read, reader.ignored_columns) == (len(LINES), ["x"])


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'"text"',
        b'{"id": "\xff"}',
        b'{"id": NaN}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
    ],
)
def test_a_line_that_is_no_object_is_refused_alone(line):
    rows, _ = read(b'{"id": "a"}\n' + line + b'\n{"id": "b"}')
    assert [row for row, _ in rows] == [1, 2, 3]
    assert rows[1][1] == "not an object of JSON in UTF-8"


def test_a_number_is_a_cell_without_an_exponent():
    rows, _ = read(b'{"id": "a", "amount": 1e-5}\n{"id": "b", "amount": 1e3}')
    assert [values["amount"] for _, values in rows] == ["0.00001", "1000.0"]


@pytest.mark.parametrize("value", [[], {}, "a\0b"])
def test_a_value_that_is_no_cell_is_refused(value):
    rows, _ = read(b'{"id": "a"}\n' + json.dumps({"id": value}).encode())
    assert "neither a text" in rows[1][1] or "NUL" in rows[1][1]


def test_a_line_has_a_bound_and_memory_holds_no_more():
    fits = b'{"id": "' + b"x" * (ROW_BYTES_MAX - 10) + b'"}'
    assert len(fits) == ROW_BYTES_MAX
    rows, _ = read(fits + b"\n", b'{"id": "', b"y" * (4 * ROW_BYTES_MAX), b'"}\n{"id": "c"}')
    assert [row for row, _ in rows] == [1, 2, 3]
    assert rows[1][1] == f"longer than {ROW_BYTES_MAX:,} bytes"
    assert rows[2][1] == {"id": "c"}


def test_any_other_file_is_csv():
    assert read(b"  ", b"id,amount\na,1\n")[0] == [(2, {"id": "a", "amount": "1"})]
    with pytest.raises(InvalidInput) as caught:
        read(b" \n ")
    assert caught.value.code in {"empty_file", "missing_column"}
