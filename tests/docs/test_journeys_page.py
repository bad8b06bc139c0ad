"""The programs of the page on journeys are those whose ways were worked out by hand."""

import json
import re
from pathlib import Path

import pytest

from sendrail.domain.journeys.reading import KEYS, read_document
from sendrail.domain.journeys.reading_conditions import EVERY
from sendrail.domain.journeys.script import read_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "journeys.md").read_text("utf-8")
BLOCKS = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
DOCUMENTS = [each for each in BLOCKS if "steps" in each]
GOLDEN = ROOT / "tests" / "domain" / "journeys" / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_program_is_one_whose_way_is_known(path):
    assert json.loads(path.read_text("utf-8"))["document"] in DOCUMENTS


def test_every_document_of_the_page_is_good():
    assert len(DOCUMENTS) == 6
    for document in DOCUMENTS:
        reading = read_document(document)
        assert (reading.faults, reading.warnings) == ([], [])


def test_the_script_of_the_page_is_good():
    [script] = [each for each in BLOCKS if "events" in each]
    assert len(read_script(script, 0).events) == 4


def test_every_field_and_every_condition_is_explained():
    for word in (*KEYS, *EVERY):
        assert f"`{word}`" in PAGE
