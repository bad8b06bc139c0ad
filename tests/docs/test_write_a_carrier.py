"""The example of "Write a carrier in 100 lines" is a carrier, of no more than 100 lines."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sendrail.carriers import registry
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import Rejected

PAGE = Path(__file__).parents[2] / "docs" / "carriers" / "write-a-carrier.md"
_BLOCK = re.compile(r"<!-- ([\w.]+) -->\n```\w+\n(.*?)```", re.DOTALL)
FILES = dict(_BLOCK.findall(PAGE.read_text("utf-8")))
LINES_MAX = 100


@pytest.fixture
def package(tmp_path):
    """The example as a package that is installed: its files, and what an installer writes."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    [(group, points)] = project["entry-points"].items()
    info = tmp_path / f"acme_sms-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text(
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
    )
    return tmp_path


def test_it_is_as_short_as_it_says():
    assert len(FILES["acme_sms.py"].splitlines()) <= LINES_MAX


# A run of tests of its own; only a hang takes so long.
@pytest.mark.timeout(600)
def test_it_conforms(package):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "."],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # All of the suite and nothing left out.
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout
    assert "skipped" not in done.stdout


def test_it_is_found_by_its_entry_point(package, monkeypatch):
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "acme_sms", raising=False)
    settings = {"token": "t0ken", "signing_key": "k3y"}
    carrier = registry.kind_of("acme")(settings, ConnectorContext())
    answer = sys.modules["acme_sms"].Answer(status=400, body=b'{"code": "bad_number"}')
    told = carrier.read_answer((), answer)
    assert isinstance(told, Rejected)
    assert told.detail == "REJECTED_DESTINATION (bad_number)"


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "--isolated", "--line-length=100", "."],
        ["ruff", "check", "--isolated", "--line-length=100", "."],
        ["mypy", "--strict", "acme_sms.py"],
    ],
    ids=["format", "lint", "types"],
)
def test_it_is_code_one_would_be_glad_to_copy(package, command):
    tool, *arguments = command
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
