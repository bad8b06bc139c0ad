"""The reader of statements that the docs are made with, for tests."""

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).parents[2] / "docs" / "lanes.py"
_spec = importlib.util.spec_from_file_location("docs_lanes", _PATH)
_module = sys.modules["docs_lanes"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

ROOMS = _module.ROOMS
Reach = _module.Reach
findings = _module.findings
reach = _module.reach
statements = _module.statements
texts = _module.texts


def by_room(rooms, known):
    """Return the values of each statement, by its name, of functions that give them by room."""
    return {
        f"{room}.{name}": values
        for room, of_room in rooms.items()
        for name, values in of_room(known).items()
    }
