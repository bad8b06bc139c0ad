"""An installation in an empty folder, and the command line run inside this process."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sendrail.app import open_runtime
from sendrail.cli.main import app
from sendrail.settings import load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("SENDRAIL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation, of which each test gets a copy."""
    folder = tmp_path_factory.mktemp("first-run") / "data"

    async def make() -> None:
        async with open_runtime(load(data_dir=folder)):
            pass

    asyncio.run(make())
    return folder


@pytest.fixture
def data(first_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first_run, tmp_path / "data")


class Shell:
    """Runs commands on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(self, *words: str, stdin: bytes | None = None) -> Any:
        return CliRunner().invoke(app, [*words, "--data", str(self.data)], input=stdin)

    def json(self, *words: str, code: int = 0, stdin: bytes | None = None) -> Any:
        result = self.run(*words, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def error(self, *words: str) -> tuple[int, str]:
        """Return the exit code and the error's code."""
        result = self.run(*words, "--json")
        assert result.stdout == ""
        return result.exit_code, json.loads(result.stderr)["code"]


@pytest.fixture
def shell(data: Path) -> Shell:
    return Shell(data)


@pytest.fixture
def runtime(data: Path) -> Callable[[Callable[[Any], Any]], Any]:
    """Do something with the services that no command does."""

    def do(work: Callable[[Any], Any]) -> Any:
        async def inside() -> Any:
            async with open_runtime(load(data_dir=data)) as runtime:
                return await work(runtime)

        return asyncio.run(inside())

    return do
