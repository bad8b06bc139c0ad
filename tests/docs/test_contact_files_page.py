"""The page on files says how numbers are read, and what it says is so."""

import re
from pathlib import Path

import pytest

from sendrail.contacts.csv_files import FOREIGN_ROWS_MAX, ROW_BYTES_MAX, RowError, guarded
from sendrail.contacts.numbering_plans import country_of
from sendrail.contacts.words import column_names, consent_names, folded, meaning_of
from sendrail.contacts.written_numbers import number_of

PAGE = (Path(__file__).parents[2] / "docs" / "contact-files.md").read_text("utf-8")
# The columns that tell opt-outs, by the kind of their names.
OPT_OUTS = {"active": "on", "opted_out": "off", "status": "status"}
NUMBERS = re.findall(r"^\| (`.*?) \| (.+) \|$", PAGE.partition("### Numbers")[2], re.MULTILINE)
CELLS = [
    (cell, "".join(re.findall(r"in a file of `([A-Z]{2})`", cells)), says)
    for cells, says in NUMBERS
    for cell in re.findall(r"`([^`]*[0-9][^`]*)`", cells)
]


@pytest.mark.parametrize(("cell", "country", "says"), CELLS)
def test_a_number_is_read_as_the_page_says(cell, country, says):
    if says.startswith("refused"):
        with pytest.raises(RowError) as caught:
            number_of(cell, country_of(country))
        assert ("not_sendable" in says) == ("not_sendable" in str(caught.value))
    else:
        assert f"`+{number_of(cell, country_of(country))}`" in says


def test_there_are_such_cells():
    assert len(CELLS) >= 15


def test_every_name_of_a_column_is_one():
    for name, others in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \|", PAGE, re.MULTILINE):
        columns = re.findall(r"`(\w+)`", name)
        try:
            known = {folded(each) for column in columns for each in _names(column)}
        except KeyError:
            continue
        assert {folded(each) for each in re.findall(r"`([^`]+)`", others)} <= known


def _names(column):
    kind = OPT_OUTS.get(column)
    return column_names(column) if kind is None else consent_names(kind)


def test_every_yes_and_no_is_one():
    [yes, no] = re.findall(r"many languages: (.*?); (.*?)\.", PAGE)[0]
    assert {meaning_of(word) for word in re.findall("`(.*?)`", yes)} == {True}
    assert {meaning_of(word) for word in re.findall("`(.*?)`", no)} == {False}


def test_the_limits_are_those_of_the_code():
    assert f"A row has at most {ROW_BYTES_MAX:,} bytes." in PAGE
    assert (FOREIGN_ROWS_MAX, "After twenty such rows" in PAGE) == (20, True)
    assert guarded("00123") != "00123"
