"""CSV text: what is read, what is refused by which number, and that nothing else is lost.

What spreadsheets write was seen in LibreOffice Calc 7.4, by hand: its files are literal here.
"""

import csv
import gzip
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendrail.contacts.csv_files import (
    FOREIGN_ROWS_MAX,
    ROW_BYTES_MAX,
    TEXT_LENGTH_MAX,
    CsvLine,
    CsvReader,
    Refused,
    begun,
    guarded,
    unguarded,
    written,
)
from sendrail.contacts.words import column_names
from sendrail.domain.errors import InvalidInput

COLUMNS = {
    "phone_number": ("phone_number", "phone", "msisdn"),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
}
ANN = {"phone_number": "+15550100001"}


def read(content: bytes, size: int = 1 << 20) -> list[CsvLine | Refused]:
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
        b"phone\r+15550100001\r",
        b"sep=;\r\ncolour;phone\r\nred;+15550100001\r\n",
        b'"sep=,"\r\ncolour,phone\r\nred,+15550100001\r\n',
        b"colour|phone\nred|+15550100001\n",
        b"red, green, blue, yellow; phone\nred;+15550100001\n",
        b'"colour; of what, for whom",phone\nred,+15550100001\n',
        b'"colour\r\nof what",phone\r\nred,+15550100001\r\n',
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
    list(reader.finish())
    assert reader.ignored_columns == ["color", "shoe size"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"J\xf6rg", "not UTF-8 text, but perhaps Latin-1"),
        (b"x" * ROW_BYTES_MAX, "longer than 65,536 bytes"),
        (b"x" * (5 * ROW_BYTES_MAX + 3), "longer than 65,536 bytes"),
        (b'"a"b', "its quotes do not match"),
        (b'"a" ,"b"', "its quotes do not match"),
        (b'"' + b"x" * ROW_BYTES_MAX + b'"', "longer than 65,536 bytes"),
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


NAMED = {"phone_number": ("phone",), "first_name": ("name",)}


def named(content, size=1 << 20):
    """Return each row's number and name, and of a refused one its number and reason."""
    reader = CsvReader(NAMED, ["phone_number"])
    rows = [
        each
        for start in range(0, len(content), size)
        for each in reader.feed(content[start : start + size])
    ]
    return [
        (each.row, *each.values.values()) if isinstance(each, CsvLine) else (each.row, each.reason)
        for each in [*rows, *reader.finish()]
    ]


# As LibreOffice Calc writes a cell of two lines; Excel does the same.
TWO_LINES = b'phone,name\r\n+15550100001,"Ann\n+15550100009\nLee"\r\n+15550100002,Ben\r\n'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (TWO_LINES, [(2, "+15550100001", "Ann\n+15550100009\nLee"), (5, "+15550100002", "Ben")]),
        (b'phone,name\n1,"a\r\nb"\n2,c\n', [(2, "1", "a\nb"), (4, "2", "c")]),
        (b'phone,name\n1,"a ""b""\n""c"""\n2,d', [(2, "1", 'a "b"\n"c"'), (4, "2", "d")]),
        (b'phone,name\n1,"\n\n\n"\n\n2,"d\n"', [(2, "1", "\n\n\n"), (7, "2", "d\n")]),
        # A quote opens only where a cell begins.
        (b'phone,name\n1,5" pipe\n2,a"b"c\n', [(2, "1", '5" pipe'), (3, "2", 'a"b"c')]),
        (b'phone,name\n1,5" pipe,"a\nb"\n2,c\n', [(2, "1", '5" pipe'), (4, "2", "c")]),
    ],
)
def test_a_quoted_cell_may_hold_line_ends(content, rows, size):
    assert named(content, size) == rows


def test_what_a_quoted_cell_holds_is_never_a_row():
    """Not even where the quotes are broken further on."""
    [first, refused, last] = named(b'phone,name\n1,a\n2,"b\n+15550100009\n"c",d\n3,e\n')
    assert first == (2, "1", "a")
    assert refused == (
        3,
        "its quotes do not match: behind a closing one comes more than the next cell",
    )
    assert last == (6, "3", "e")


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize("beside", [b"", b'5" pipe,'])
def test_a_quote_that_is_never_closed_refuses_its_row(size, beside):
    content = b"phone,name\n1,a\n2," + beside + b'"b\n' + b"+15550100009,c\n" * 50
    [first, refused] = named(content, size)
    assert first == (2, "1", "a")
    assert refused == (
        3, "a quote is opened in this row and never closed; nothing behind it was read",
    )  # fmt: skip


def test_of_a_file_that_never_closes_a_quote_memory_holds_one_row():
    reader = CsvReader(NAMED, ["phone_number"])
    piece = b'"",+15550100009\n' * 256 + b"\n" * 2_048
    list(reader.feed(b'phone,name\n2,"b\n' + piece))
    # What the reader has allocated: servers of other tests allocate in threads of their own.
    ours = tracemalloc.Filter(inclusive=True, filename_pattern="*csv_files.py")
    held = []
    tracemalloc.start()
    try:
        for number in range(61):
            assert not list(reader.feed(piece))
            if number % 20 == 0:
                traces = tracemalloc.take_snapshot().filter_traces([ours])
                held.append(sum(each.size for each in traces.statistics("filename")))
    finally:
        tracemalloc.stop()
    assert max(held) < 200_000
    [refused] = reader.finish()
    assert refused.row == 2
    assert "never closed" in refused.reason


def test_a_row_of_many_lines_is_not_read_again_with_each():
    """The work for twice the lines is twice the work."""
    content = b'phone,name\n1,"' + b"\n" * 60_000 + b'"\n2,b\n'
    assert [each[0] for each in named(content)] == [2, 60_003]


def test_a_row_of_quotes_that_is_too_long_says_where_it_ends():
    long = b'2,"' + b"x\n" * ROW_BYTES_MAX + b'"'
    rows = named(b"phone,name\n1,a\n" + long + b"\n3,c\n", 60_000)
    until = 3 + ROW_BYTES_MAX
    assert rows == [
        (2, "1", "a"),
        (3, f"longer than 65,536 bytes, up to line {until}"),
        (until + 1, "3", "c"),
    ]


def one_kind_of_end(cell):
    return cell.replace("\r\n", "\n").replace("\r", "\n")


rfc_cells = st.text(st.sampled_from("ab\",;\n\r '=+é"), max_size=6)


@given(
    st.lists(st.tuples(rfc_cells, rfc_cells), min_size=1, max_size=6),
    st.integers(1, 40),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_others_write_is_read_as_they_wrote_it(rows, size, end):
    """Python's own writer is the other; a row of nothing but blanks is passed over."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("phone", "name"), *rows])
    expected = [
        tuple(unguarded(one_kind_of_end(cell).strip(" ")) for cell in row)
        for row in rows
        if any(row)
    ]
    assert [each[1:] for each in named(lines.getvalue().encode(), size)] == expected


def test_the_longest_line_is_still_read():
    name = b"x" * (ROW_BYTES_MAX - len(b"+15550100001,\n"))
    [line] = read(b"phone,first_name\n+15550100001," + name + b"\n")
    assert len(line.values["first_name"]) == len(name)


@pytest.mark.parametrize(
    ("header", "code", "advice"),
    [
        (b"", "empty_file", "name the columns"),
        (b"name,email\n", "missing_column", "phone_number or phone or msisdn"),
        (b"\n+15550100001\n", "missing_column", "phone_number"),
        ("phone\n".encode("utf-32"), "invalid_csv", "UTF-32"),
        ("phone\n".encode("utf-16"), "invalid_csv", "UTF-16"),
        ("phone\n".encode("utf-16-le"), "invalid_csv", "UTF-16"),
        ("phone\n".encode("utf-16-be"), "invalid_csv", "UTF-16"),
        ("phone,größe\n".encode("latin-1"), "invalid_csv", "Latin-1"),
        (b"x" * (ROW_BYTES_MAX + 1), "invalid_csv", "longer than"),
        (b'"phone\n', "invalid_csv", "a quote is opened"),
        (b"ph\rone\n", "invalid_csv", "carriage return"),
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
        assert not list(reader.feed(b"x" * ROW_BYTES_MAX))
        assert len(reader._held) <= ROW_BYTES_MAX
    [refused] = reader.finish()
    assert refused.reason == "longer than 65,536 bytes"


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: not {10, 13, 34} & set(line))),
    st.integers(1, 60),
)
def test_every_line_that_is_not_blank_is_told_of_once(lines, size):
    # Proven to be UTF-8 by its mark: bad rows cost no other.
    told = read(b"\xef\xbb\xbfphone\n" + b"\n".join(lines) + b"\n", size)
    rows = [each.row for each in told]
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(2, len(lines) + 2))
    # A line with a plain word in it can never be passed over in silence.
    worded = {at + 2 for at, line in enumerate(lines) if any(97 <= byte <= 122 for byte in line)}
    assert worded <= set(rows)


@given(st.binary(max_size=300), st.integers(1, 100))
def test_whatever_comes_behind_a_header_is_rows_in_their_order(content, size):
    # Proven to be UTF-8 by its mark, and by its first line to be no archive.
    rows = [each.row for each in read(b"\xef\xbb\xbfphone,first_name\n" + content, size)]
    assert rows == sorted(set(rows))
    assert not rows or rows[-1] <= content.count(b"\n") + 2


# What a row is made of: cells, their ends, quotes, guards, line ends, and what makes it unusable.
PARTS = (
    b"1", b" Ann ", "\u00e9".encode(), b"\xe9", b"\0", b",", b",", b"'", b"'=1", b'"', b'""',
    b"\r", b"\n", b"\n", b"\r\n", b"\n\n",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=60), st.booleans())
@example([b"1", b",", b"a", b"\r\n", b"2", b",", b"b", b"\r\n"], False)
@example([b"1", b"\r", b"\r\n", b"2", b"\n"], False)
@example([b"'=1", b",", b"a", b"\n", b"'2", b"\n"], False)
@example([b"1", b"\n", b"x" * ROW_BYTES_MAX, b"\n", b"2", b"\n"], False)
@example([b"1", b"\n", b'"', b"2", b"\n", b'"', b",", b"b", b"\n", b"3", b"\n"], False)
def test_rows_are_the_same_read_together_or_one_by_one(parts, is_marked):
    # Whatever comes in pieces of one byte is read row by row.
    content = (b"\xef\xbb\xbf" if is_marked else b"") + b"phone,name\n" + b"".join(parts)
    assert all_of(content, 1 << 20) == all_of(content, 1)


def all_of(content, size):
    """Return all that is known of the rows of a file, its end included."""
    reader = CsvReader(NAMED, ["phone_number"])
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    rows = [row for piece in pieces for row in reader.feed(piece)] + list(reader.finish())
    known = [(each.row, getattr(each, "values", None) or each.reason, each.text) for each in rows]
    return known, reader._is_utf_8, reader.bytes_read


# Files of another kind


def zipped(*names, content=b"x" * 900):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "Excel workbook (.xlsx)"),
        (zipped("docProps/app.xml", "xl/workbook.xml"), "Excel workbook (.xlsx)"),
        (zipped("mimetype", content=b"application/vnd.oasis.opendocument.spreadsheet"), "(.ods)"),
        (zipped("[Content_Types].xml", "word/document.xml"), "Word document"),
        (zipped("Index/Document.iwa"), "Numbers spreadsheet"),
        (zipped("contacts.csv"), "zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel workbook (.xls)"),
        (gzip.compress(b"phone\n+15550100001\n", mtime=0), "gzip"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"<!DOCTYPE html>\n<html><body>", "HTML"),
        (b"\xef\xbb\xbf \n<table><tr><td>phone</td></tr>", "HTML"),
        ("Имя\tPhone\r\n".encode("utf-16"), "UTF-16"),
        ("Имя;Phone\r\n".encode("utf-16-le"), "UTF-16"),
        ("<html><head>".encode("utf-16"), "UTF-16"),
        (b'<?xml version="1.0"?>\n<Workbook>', "XML"),
        (b'[{"phone": "+15550100001"}]', "JSON"),
        (b'{"phone": "+15550100001"}\n', "JSON"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "vCard"),
        (b"{\\rtf1\\ansi", "(.rtf)"),
        (b"SQLite format 3\0" + bytes(100), "SQLite"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture"),
        (bytes(range(256)) * 20, "no text"),
        (bytes(5_000), "no text"),
        ("phone\n".encode("utf-32-le"), "no text"),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_file_of_another_kind_is_named_with_what_to_do(content, kind, size):
    with pytest.raises(InvalidInput) as caught:
        read(content + bytes(5_000), size)
    assert caught.value.code == "invalid_csv"
    assert kind in caught.value.message
    assert "CSV" in caught.value.message


def test_a_file_in_latin_1_is_told_so_and_not_row_by_row():
    content = b"phone,first_name\n+15550100001,Ann\n" + b"+15550100001,J\xf6rg\n" * 10_000
    reader = CsvReader(COLUMNS, ["phone_number"])
    refused = []
    with pytest.raises(InvalidInput, match=r"perhaps Latin-1 or Windows-1252 \(see line") as caught:
        refused.extend(reader.feed(content))
    assert caught.value.code == "invalid_csv"
    assert len([each for each in refused if isinstance(each, Refused)]) < FOREIGN_ROWS_MAX


def test_rows_in_another_encoding_cost_no_other_where_the_file_is_utf_8():
    content = "phone,first_name\n+15550100001,Zoë\n".encode() + b"+15550100001,J\xf6rg\n" * 30
    told = read(content + b"+15550100001,Ann\n")
    assert [isinstance(each, CsvLine) for each in told] == [True, *[False] * 30, True]


@pytest.mark.parametrize(
    "name",
    [
        "Phone Number", "phone-number", "PHONE_NUMBER", " Phone\u00a0Number ", "Phone No.",
        "Phone #", "Mobile", "Cell", "Cell Phone", "MSISDN", "Telefon", "Téléphone",
        "Te\u0301le\u0301phone",
        "Numéro", "Numéro de téléphone", "Handy", "Handy-Nr.", "Teléfono", "Número de teléfono",
        "Telefono", "Cellulare", "Telemóvel", "Celular", "Telefoonnummer", "Tlf.", "Mobilnummer",
        "Puhelin", "Numer telefonu", "Telefonní číslo", "Телефон", "Мобильный телефон", "電話番号",
        "手机号码", "\uff30\uff48\uff4f\uff4e\uff45", "Mobile Phone", "'Phone'", "Phone 1 - Value",
    ],
)  # fmt: skip
@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_a_column_of_numbers_is_known_by_its_name_in_many_languages(name, divider):
    reader = CsvReader({"phone_number": column_names("phone_number")}, ["phone_number"])
    content = f'colour{divider}"{name}"\nred{divider}+15550100001\n'.encode()
    [line] = [*reader.feed(content), *reader.finish()]
    assert line.values == ANN


def test_of_two_columns_of_numbers_a_text_goes_to_the_mobile():
    reader = CsvReader({"phone_number": column_names("phone_number")}, ["phone_number"])
    [line] = [*reader.feed(b"Phone,Mobile\n1,2\n"), *reader.finish()]
    assert line.values == {"phone_number": "2"}
    assert reader.ignored_columns == ["phone"]


# Formulas


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
        ("+15550100001", "'+15550100001"),
        # Where a spreadsheet divides the cells elsewhere, they begin within.
        ("x;=1+1", "x;'=1+1"),
        ("x; =1+1", "x;' =1+1"),
        ("x,+1", "x,'+1"),
        ("x|@A1", "x|'@A1"),
        ('x;"=1+1"', 'x;\'"=1+1"'),
        ("=1;=2", "'=1;'=2"),
        ("x;'=1", "x;''=1"),
        ("\u200b=1", "'\u200b=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\ufe66=1", "'\ufe66=1"),
        # What would lose digits as a number.
        ("00123", "'00123"),
        ("120210000000000123", "'120210000000000123"),
        ("479123456789", "'479123456789"),
        ("47912345678", "47912345678"),
        ("1E5", "'1E5"),
        ("'007", "''007"),
        ("0", "0"),
        ("7", "7"),
        ("007 Bond", "007 Bond"),
        ("Smith; Ann-Lee", "Smith; Ann-Lee"),
    ],
)
def test_no_cell_is_a_formula(cell, safe):
    assert guarded(cell) == safe


plain = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=30).map(str.strip)


@given(plain)
def test_a_guard_is_taken_off_again(cell):
    assert unguarded(guarded(cell)) == cell


# Characters that matter to a formula, far oftener than chance would have them.
tricky = st.text(st.sampled_from("=+-@'\";,| \u00a0\u200b\ufeff\uff1dab012E"), max_size=12).map(
    str.strip
)


@given(tricky)
def test_a_guard_is_taken_off_again_wherever_it_stands(cell):
    assert unguarded(guarded(cell)) == cell


@given(st.lists(st.lists(plain | tricky, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_csv_to_others(rows):
    text = written(rows).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        [guarded(cell) for cell in row] for row in rows
    ]
    assert text.count('"') >= 4 * len(rows)


STARTERS = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


@given(st.lists(plain | tricky, min_size=1, max_size=4), st.sampled_from(",;|\t"))
def test_no_cell_is_a_formula_whatever_divides_the_cells(cells, divider):
    """Both as others parse the file by another divider, and as who knows no quotes splits it."""
    text = written([cells]).decode()
    text = text.removesuffix("\r\n")
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=divider):
        for cell in row:
            assert not cell.strip(' "\u00a0\u200b\ufeff').startswith(STARTERS), (cell, text)
    for cell in text.split(divider):
        assert not cell.strip(' "\u00a0\u200b\ufeff').startswith(STARTERS), (cell, text)


def test_a_file_begins_with_the_mark_by_which_spreadsheets_know_utf_8():
    assert begun(["a", "b"]) == b'\xef\xbb\xbf"a","b"\r\n'


@pytest.mark.parametrize(
    "header", ["phone,active,active", "Active;phone;ACTIVE", "active\tphone\tactive"]
)
def test_a_column_that_must_be_single_is_refused_when_it_comes_twice(header):
    reader = CsvReader({"phone": ("phone",), "active": ("active",)}, ["phone"], ["active"])
    list(reader.feed(f"{header}".encode()))
    with pytest.raises(InvalidInput) as caught:
        list(reader.finish())
    assert (caught.value.code, caught.value.param) == ("duplicate_column", "active")


def test_of_two_other_columns_with_one_name_the_first_counts():
    reader = CsvReader({"phone": ("phone",), "active": ("active",)}, ["phone"], ["active"])
    lines = [*reader.feed(b"Phone,phone,active\n1,2,3\n"), *reader.finish()]
    assert [line.values for line in lines] == [{"phone": "1", "active": "3"}]
    assert reader.ignored_columns == ["phone"]
