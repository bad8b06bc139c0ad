"""Documents that were released, and the ways through them: never edited, only added to.

What is expected was worked out by hand from what steps are documented to do, and splits by another
program (`b2sum`), as each file says.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sendrail.domain.journeys.document import KINDS, StepKind
from sendrail.domain.journeys.position import EnrolmentKey
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.script import read_script
from sendrail.domain.journeys.simulate import simulate
from sendrail.domain.times import shown

GOLDEN = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "golden").glob("*.json"))
}
JOURNEY = 7


def minute(at):
    """Return a time as the files have it; all of theirs are whole minutes."""
    text = shown(at)
    assert at % 60_000 == 0
    return text.removesuffix(":00Z")


def line(step):
    until = [] if step.until is None else [minute(step.until)]
    return " ".join([minute(step.at), step.step, step.did, *until])


@pytest.mark.parametrize("name", GOLDEN)
def test_a_released_document_is_run_as_it_was(name):
    reading = read_document(GOLDEN[name]["document"])
    assert reading.faults == []
    assert reading.warnings == []
    for each in GOLDEN[name]["simulations"]:
        given = read_script(each["script"], 0)
        key = EnrolmentKey(JOURNEY, each.get("recipient", 1))
        found = simulate(
            reading.version, replace(given, key=key, names=given.names._replace(brand="Acme"))
        )
        assert [line(step) for step in found.path] == each["path"], each["why"]
        assert (found.ended, minute(found.ended_at)) == (each["ended"], each["ended_at"])
        assert found.note == each.get("note", found.note)
        assert found.enters is each.get("enters", True)
        if "fields" in each:
            assert found.fields == each["fields"]


def test_every_kind_of_step_is_in_a_released_document():
    documents = [each["document"] for each in GOLDEN.values()]
    kinds = {step["kind"] for document in documents for step in document["steps"]}
    assert kinds == set(StepKind) == set(KINDS.values())
    assert len(GOLDEN) >= 5
