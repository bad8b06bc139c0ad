"""What the page on creatives says of placeholders and frames is so."""

import re
from pathlib import Path

import pytest

from sendrail.domain.creative import MESSAGE_LENGTH_MAX
from sendrail.domain.creative_warnings import WarningCode
from sendrail.domain.frame import APPEND, PREPEND
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import Template, read_template

PAGE = (Path(__file__).parents[2] / "docs" / "creatives.md").read_text("utf-8")
TABLE = PAGE.partition("| placeholder |")[2].partition("\n\n")[0]
PLACEHOLDERS = re.findall(r"`(\{\{.+?\}\})`", TABLE.replace("\\|", "|"))
ERRORS = PAGE.partition("| the error says |")[2].partition("\n\n")[0]
FAULTS = re.findall(r"^\| `(.+)` \| `(.+)` \|$", ERRORS, re.MULTILINE)


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_one(text):
    assert isinstance(read_template(text), Template)


@pytest.mark.parametrize(("text", "says"), FAULTS)
def test_a_fault_says_what_the_page_says(text, says):
    fault = read_template(text.replace("\\|", "|"))
    assert isinstance(fault, Fault)
    assert fault.text == says.replace("\\|", "|")


def test_there_are_such_rows():
    assert len(PLACEHOLDERS) >= 10
    assert len(FAULTS) >= 5


def test_every_warning_is_explained():
    for code in WarningCode:
        assert f"| `{code}` |" in PAGE


def test_the_default_frame_and_the_length_are_those_of_the_code():
    assert f"| `prepend_text` | `{PREPEND}` |" in PAGE
    assert f"| `append_text` | `{APPEND}` |" in PAGE
    assert f"1 to {MESSAGE_LENGTH_MAX:,} characters" in PAGE
