"""What a new journey may start from: the five programs of the documentation, or one message."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

EMPTY: Final[Mapping[str, Any]] = {
    "trigger": {"on": ["signup"]},
    "steps": [{"id": "hello", "kind": "send", "body": ""}],
}


class JourneyStart(NamedTuple):
    """A program that is there: its name, what it does, and its document."""

    id: str
    title: str
    about: str
    document: Mapping[str, Any]


@cache
def journey_starts() -> Mapping[str, JourneyStart]:
    """Return the programs by their ids."""
    text = resources.files("sendrail.dashboard").joinpath("journey_starts.json").read_text("utf-8")
    found = [JourneyStart(**each) for each in json.loads(text)]
    return {each.id: each for each in found}
