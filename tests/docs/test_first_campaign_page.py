"""The page on the first campaign: its commands run in their order, and print what it shows."""

import asyncio
import re
import shlex
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sendrail.app import open_runtime
from sendrail.cli.main import app
from sendrail.settings import load
from sendrail.workers import delivering

PAGE = (Path(__file__).parents[2] / "docs" / "first-campaign.md").read_text("utf-8")
# Of ten thousand contacts as many as a test has time for.
FEW = {"10_000": "200", "10,000": "200", "10000": "200"}
ID = re.compile(r"\b[0-9a-f]{24}\b")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?")
LATE_SECONDS = 60


def steps():
    """Return each command of the page with the lines that it shows under it."""
    found = []
    for block in re.findall(r"```console\n(.+?)```", PAGE, re.DOTALL):
        for part in block.split("$ ")[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            found.append((command, [line for line in shown if line != "…"]))
    return found


def few(text):
    for many, number in FEW.items():
        text = text.replace(many, number)
    return text


async def run(command, ids):
    """Run a command with the ids that things have here; return what it prints."""
    words = [ids.get(word, word) for word in shlex.split(few(command))]
    assert words[0] == "sendrail"
    done = await asyncio.to_thread(CliRunner().invoke, app, words[1:])
    assert done.exit_code == 0, (command, done.output)
    return done.output


def plain(line, ids):
    """Return a line without what differs from day to day."""
    for told, ours in ids.items():
        line = line.replace(told, ours)
    return MOMENT.sub("<moment>", few(line))


async def follow():
    ids = {}
    for command, shown in steps():
        async with asyncio.timeout(LATE_SECONDS):
            while True:
                printed = (await run(command, ids)).splitlines()
                for told, ours in zip(ID.findall("\n".join(shown)), _ids(printed), strict=False):
                    ids.setdefault(told, ours)
                wanted = {plain(line, ids) for line in shown}
                if wanted <= {plain(line, ids) for line in printed}:
                    break
                # Receipts come a moment after the last message has left.
                assert " reports " in command, (command, shown, printed)
                await asyncio.sleep(0.1)
    return ids


def _ids(printed):
    return ID.findall("\n".join(line for line in printed if line.startswith("id\t")))


def test_the_commands_do_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("SENDRAIL_DATA_DIR", str(tmp_path / "data"))
    [code] = re.findall(r"<!-- people -->\n```python\n(.+?)```", PAGE, re.DOTALL)

    async def serve():
        # By night, too, the run is over at once.
        settings = load(data_dir=tmp_path / "data", quiet_hours="")
        async with open_runtime(settings, serving=True) as it, delivering(it, lambda: None):
            return await follow()

    with chdir(tmp_path):
        exec(few(code), {})
        assert len(asyncio.run(serve())) == 2


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\]\((\S+\.md)\)", PAGE))))
def test_every_page_that_it_names_is_there(name):
    assert (Path(__file__).parents[2] / "docs" / name).is_file()
