"""History at the command line: imported from files, shown, and cleared."""

import json
import re
from pathlib import Path

import pytest

from sendrail.sandbox import sandbox_number

SANDBOX = sandbox_number()
PAGE = (Path(__file__).parents[2] / "docs" / "moving-over.md").read_text("utf-8")


@pytest.fixture
def files(shell, tmp_path):
    """A file of each kind, about one message."""
    shell.json("offers", "add", "Summer", "https://shop.example/", "--external-id", "summer")
    rows = {
        "sends": {"id": "a", "to_number": "+15550100001", "timestamp": "2025-11-03T08:00:00Z"},
        "clicks": {"message_id": "a", "offer_id": "summer"},
        "revenue": {"message_id": "a", "offer_id": "summer", "revenue": 24.99},
    }
    for name, row in rows.items():
        (tmp_path / name).write_text(json.dumps(row) + "\n" + "no\n", "utf-8")
    return {name: str(tmp_path / name) for name in rows}


def imported(shell, kind, path, *more):
    return shell.json("history", "import", kind, path, *more, code=1)


def test_files_are_imported_shown_and_cleared(shell, files):
    for kind, path in files.items():
        more = ("--list", SANDBOX) if kind == "sends" else ()
        tried = imported(shell, kind, path, *more)
        assert (tried["dry_run"], tried["created"], tried["refused"]) == (True, 1, 1)
        done = imported(shell, kind, path, *more, "--no-dry-run")
        assert done == tried | {"dry_run": False}
        again = imported(shell, kind, path, *more, "--no-dry-run")
        assert (again["created"], again["already_there"]) == (0, 1)
    there = {"sends": 1, "clicks": 1, "conversions": 1, "revenue": 24.99}
    assert shell.json("history", "show") == there
    none = shell.json("history", "clear", "sends", "--before", "2025-11-03", "--yes")
    assert none == {"sends": 0, "clicks": 0, "revenue": 0}
    cleared = shell.json("history", "clear", "sends", "clicks", "revenue", "--yes")
    assert cleared == {"sends": 1, "clicks": 1, "revenue": 1}
    assert shell.json("history", "show") == dict.fromkeys(there, 0)


def test_clearing_asks_first(shell, files):
    imported(shell, "sends", files["sends"], "--list", SANDBOX, "--no-dry-run")
    assert shell.run("history", "clear", "sends", stdin=b"n\n").exit_code == 1
    assert shell.json("history", "show")["sends"] == 1


def test_another_kind_is_an_error(shell, files):
    assert shell.error("history", "import", "replies", files["sends"]) == (2, "invalid_field")
    assert shell.error("history", "clear", "replies", "--yes") == (2, "invalid_field")


def test_the_page_on_moving_over_works_as_it_stands(shell, tmp_path):
    shell.json("offers", "add", "Summer", "https://shop.example/", "--external-id", "summer")
    shown = re.findall(r"^```csv\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) == 3
    for name, text in zip(("sends", "clicks", "revenue"), shown, strict=True):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    commands = re.findall(r"^sendrail (history .*)$", PAGE, re.MULTILINE)
    for command in commands[:-1]:
        result = shell.run(*command.split())
        assert result.exit_code == 0, result.output
    there = {"sends": 2, "clicks": 1, "conversions": 1, "revenue": 24.99}
    assert shell.json("history", "show") == there
    assert shell.run(*commands[-1].split(), "--yes").exit_code == 0
    assert shell.json("history", "show") == dict.fromkeys(there, 0)
