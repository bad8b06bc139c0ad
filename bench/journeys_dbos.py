"""Turns of journeys beside steps of DBOS Transact, a library of durable workflows for Python.

    python -m venv /tmp/dbos && /tmp/dbos/bin/pip install dbos==3.4.0
    python bench/journeys_dbos.py --peer /tmp/dbos/bin/python

What somebody would build journeys with who builds no engine. Its step is a checkpoint and nothing
else; our turn renders a text, passes the gate and stores a message.
"""

import argparse
import asyncio
import json
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import kit
from journeys_engine import turns
from kit import Figure, Section
from on_postgres import Postgres, postgres, ratios
from sendrail.journeys.round_size import ROUND_MAX

METHOD = """
By turns, {options.runs} runs, each on a fresh database: {options.contacts:,} contacts with three
messages each in rounds of up to {most}, in one process without HTTP, and {options.workflows:,}
workflows of three steps in one process with its defaults, 64 of them together.
"""
GOALS = {"SQLite": 80, "PostgreSQL": 40}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__ or "", runs=3)
    options.add_argument("--peer", type=Path, required=True, help="a Python that has dbos")
    options.add_argument("--contacts", type=int, default=4_000)
    options.add_argument("--workflows", type=int, default=300)
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Journeys beside DBOS", METHOD.format(options=options, most=ROUND_MAX))
    with ExitStack() as stack:
        servers = {"SQLite": None, "PostgreSQL": stack.enter_context(postgres())}
        for name, server in servers.items():
            pairs = [pair(options, server) for _ in range(options.runs)]
            ours, theirs, spent = ([each[n] for each in pairs] for n in range(3))
            section.figures += [
                Figure(f"{name}: turns, each with its message", "turns/s", ours),
                Figure(f"{name}: DBOS", "steps/s", theirs),
                Figure(f"{name}: DBOS, processor time", "ms a step", spent),
                Figure(f"**{name}: ratio**", "", ratios(ours, theirs), at_least=GOALS[name]),
            ]
    return section


def pair(options: argparse.Namespace, server: Postgres | None) -> tuple[float, float, float]:
    """Return our turns a second, the peer's steps a second, and the peer's ms of CPU for one."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=kit.scratch()))
        mine, url = "", f"sqlite:///{folder}/dbos.sqlite"
        if server is not None:
            mine = server.url(stack.enter_context(server.database()))
            url = server.url(stack.enter_context(server.database()))
        rate, _ = asyncio.run(turns(options.contacts, ROUND_MAX, database_url=mine))
        command = [options.peer, kit.BENCH / "dbos_steps.py", url, str(options.workflows)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
        peer = json.loads(said.stdout.splitlines()[-1])
    kit.say(f"{rate:,.0f} turns/s, {peer['steps_per_second']:,.0f} steps/s")
    return rate, peer["steps_per_second"], peer["cpu_ms"]


if __name__ == "__main__":
    kit.main(parser(), measure)
