"""What each room may know of each other one: the whole table, and nothing that is not in it.

The layers in `pyproject.toml` say which way a room may look. This says for each pair whether it
does, so that a new dependency is a line to be read, and one that is gone leaves no permission.
"""

import ast
import functools
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "sendrail"
# Every room may know the pure values and laws of `domain`.
KNOWN_TO_ALL = {"domain", "__version__"}
MAY_KNOW = {
    "cli": {
        "addresses",
        "api",
        "app",
        "campaigns",
        "clock",
        "connectors",
        "contacts",
        "demo",
        "doctor",
        "intake",
        "sandbox",
        "settings",
        "status",
        "storage",
        "tracking",
        "webhooks",
    },
    "api": {
        "addresses",
        "app",
        "campaigns",
        "carriers",
        "connectors",
        "contacts",
        "dashboard",
        "drain",
        "intake",
        "rounds",
        "settings",
        "storage",
        "telemetry",
        "tracking",
        "workers",
    },
    "dashboard": {
        "addresses",
        "app",
        "campaigns",
        "connectors",
        "contacts",
        "doctor",
        "intake",
        "journeys",
        "people",
        "sandbox",
        "status",
        "storage",
        "tracking",
    },
    "demo": {
        "app",
        "campaigns",
        "carriers",
        "clock",
        "connectors",
        "contacts",
        "intake",
        "sandbox",
        "settings",
        "storage",
        "telemetry",
        "tracking",
        "webhooks",
        "workers",
    },
    "workers": {
        "app",
        "campaigns",
        "carriers",
        "changes",
        "connectors",
        "contacts",
        "delivery",
        "drain",
        "intake",
        "journeys",
        "maintenance",
        "membership",
        "ownership",
        "receipts",
        "settings",
        "storage",
        "tracking",
        "webhooks",
    },
    "addresses": {"settings"},
    "app_tracking": {
        "addresses",
        "clock",
        "links",
        "settings",
        "storage",
        "telemetry",
        "tracking",
        "webhooks",
    },
    "app": {
        "app_tracking",
        "campaigns",
        "carriers",
        "clock",
        "connectors",
        "contacts",
        "intake",
        "links",
        "opening",
        "people",
        "receipts",
        "sandbox",
        "settings",
        "storage",
        "telemetry",
        "tracking",
        "webhooks",
    },
    "opening": {"settings", "storage", "telemetry"},
    "sandbox": {
        "carriers",
        "connectors",
        "contacts",
        "intake",
        "receipts",
        "settings",
        "storage",
    },
    "maintenance": {
        "delivery",
        "intake",
        "ownership",
        "rounds",
        "settings",
        "storage",
        "telemetry",
    },
    "doctor": {"settings", "storage"},
    "status": {"storage"},
    "connectors": {
        "carriers",
        "clock",
        "contacts",
        "delivery",
        "intake",
        "receipts",
        "rounds",
        "storage",
        "telemetry",
    },
    "campaigns": {"contacts", "intake", "links", "rounds", "storage"},
    "people": {"storage"},
    "journeys": {"clock", "intake", "ownership", "rounds", "storage", "telemetry"},
    "tracking": {"contacts", "links", "ownership", "rounds", "storage", "telemetry"},
    "contacts": {"ownership", "rounds", "storage"},
    "intake": {"ownership", "rounds", "storage", "telemetry", "links"},
    "delivery": {
        "carriers",
        "clock",
        "ownership",
        "rounds",
        "settling",
        "storage",
        "telemetry",
        "links",
    },
    "receipts": {"rounds", "storage", "telemetry"},
    "links": {"storage"},
    "webhooks": {"clock", "ownership", "rounds", "settling", "storage", "telemetry"},
    "membership": {"clock", "ownership", "rounds", "storage", "telemetry"},
    "ownership": {"clock", "storage"},
    "changes": {"clock", "rounds", "storage"},
    "rounds": set(),
    "settling": {"drain", "rounds", "storage"},
    "carriers": {"clock"},
    "storage": {"settings"},
    "settings": set(),
    "telemetry": set(),
    "clock": set(),
    "drain": set(),
    "domain": set(),
    "__main__": {"cli"},
}


def room_of(path):
    """Return the room or the module that a file belongs to."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports_of(path):
    """Yield the names below `sendrail` that a file imports, those within functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            first, _, rest = node.module.partition(".")
            if first == "sendrail" and rest:
                yield rest.partition(".")[0]
            elif node.module == "sendrail":
                yield from (alias.name for alias in node.names)


@functools.cache
def knows():
    """Return for each room which others it imports."""
    found = {}
    for path in SRC.rglob("*.py"):
        room = room_of(path)
        if room != "__init__":
            found.setdefault(room, set()).update(set(imports_of(path)) - {room} - KNOWN_TO_ALL)
    return found


def test_every_room_stands_in_the_table():
    assert set(MAY_KNOW) == set(knows())


@pytest.mark.parametrize("room", MAY_KNOW)
def test_a_room_knows_what_it_may_and_needs_every_permission(room):
    assert sorted(knows()[room]) == sorted(MAY_KNOW[room])


def _statement_sets():
    """Return each class of statements as module and name: one that is made for a transaction."""
    for package in ("pipeline", "accounts", "contacts"):
        for path in (SRC / "storage" / package).glob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and any(
                    isinstance(each, ast.FunctionDef) and each.name == "__init__"
                    for each in node.body
                ):
                    yield f"sendrail.storage.{package}.{path.stem}", node.name


def test_statements_are_reached_through_a_transaction():
    sets = set(_statement_sets())
    assert ("sendrail.storage.pipeline.queue", "Queue") in sets
    composing = {SRC / "app.py", SRC / "opening.py"}
    for path in sorted(SRC.rglob("*.py")):
        if path.is_relative_to(SRC / "storage") or path in composing:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                taken = {(node.module, each.name) for each in node.names} & sets
                assert not taken, f"{path.name} imports {taken}; it has them as `tx`"
