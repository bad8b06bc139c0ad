"""How soon it is there, and what it costs while nothing happens.

`sendrail --help`, the first start in an empty folder until the server is ready, and the processor
time of an idle server, on the embedded store and on PostgreSQL. Each beside the least it could be.
"""

import argparse
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import kit
import on_postgres
from kit import Figure, Section

METHOD = """
{options.runs} starts of each by turns, after one of each that is not counted and that compiles
what was not compiled yet; from the start of the process to its end (`--help`), to its line of JSON
(*ready*), and to the first 200 of `/readyz`. *Bare Python* is `python -c pass`. *The libraries
alone* is what no server of ours can do without: `{LIBRARIES}`. Each ratio is of two neighbours in
time. *Idle*: {options.seconds:g} s, after {options.settle:g} s of rest, of a server to which nobody
speaks, all of them at once: the processor time that the kernel counts, as a part of one core, and
how often one of its threads was put to rest and woken again. *Bare uvicorn* is the same for
`uvicorn` and an application that answers nothing; the PostgreSQL server's own time is not in it.
"""
LIBRARIES = "import asyncio, uvloop, httptools, msgspec"
# An application of nothing, and the line of JSON by which the kit knows that it is ready.
UVICORN = """
import json, uvicorn
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(json.dumps({}), flush=True)
Server(uvicorn.Config(None, port=0, lifespan="off", ws="none", log_config=None)).run()
"""
HELP_RATIO, READY_SECONDS, IDLE_PERCENT = 0.15, 0.6, 0.2
SOON = 0.002
NS = 1e9
# What compiles to files is compiled once, as in an installation, whatever the caller's shell says.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=10, seconds=60)
    options.add_argument("--settle", type=float, default=10, help="rest before idle counts (10)")
    options.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Start and idle", METHOD.format(options=options, LIBRARIES=LIBRARIES))
    for part in options.parts:
        PARTS[part](options, section)
    return section


# --- starting -----------------------------------------------------------------------------------


def measure_starts(options: argparse.Namespace, section: Section) -> None:
    python = [sys.executable, "-c"]
    bare, libraries, helps, readies, probed = [], [], [], [], []
    for run in range(options.runs + 1):
        kit.say(f"start {run} of {options.runs}")
        bare.append(until_end([*python, "pass"]))
        helps.append(until_end([*options.command, "--help"]))
        libraries.append(until_end([*python, LIBRARIES]))
        ready, answered = first_start(options.command)
        readies.append(ready)
        probed.append(answered)
    for values in (bare, libraries, helps, readies, probed):
        # The first of each filled the caches, the system's and Python's.
        del values[0]
    section.figures += [
        Figure("bare Python", "s", bare),
        Figure("the libraries alone", "s", libraries),
        Figure("`sendrail --help`", "s", helps, at_most=HELP_RATIO),
        Figure("**to bare Python**", "ratio", ratios(helps, bare)),
        Figure("first start to ready", "s", readies, at_most=READY_SECONDS),
        Figure("first start to the first 200", "s", probed),
        Figure("**ready to the libraries alone**", "ratio", ratios(readies, libraries)),
    ]


def until_end(command: list[str]) -> float:
    """Return the seconds from a process's start to its end."""
    started = time.monotonic()
    subprocess.run(command, check=True, env=kit.clean(COMPILED), stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def first_start(command: list[str]) -> tuple[float, float]:
    """Return the seconds until a server in an empty folder says it is ready, and answers so."""
    with kit.sendrail(command) as ours:
        started = time.monotonic()
        with ours.serve(**COMPILED) as server:
            while not is_ready(server.url):
                time.sleep(SOON)
            return server.ready_seconds, time.monotonic() - started


def is_ready(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
        return answer.status == 200


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


# --- idle ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used so far: seconds of a core, and how often it was woken."""

    seconds: float
    wakes: int

    @classmethod
    def by(cls, pid: int) -> "Spent":
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        on_core = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
        return cls(on_core / NS, sum(map(_switches, tasks)))

    def since(self, before: "Spent") -> "Spent":
        return Spent(self.seconds - before.seconds, self.wakes - before.wakes)


def _switches(task: Path) -> int:
    lines = (task / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def measure_idle(options: argparse.Namespace, section: Section) -> None:
    with ExitStack() as stack:
        servers = {
            "bare uvicorn": stack.enter_context(
                kit.running([sys.executable, "-c", UVICORN], **COMPILED)
            ),
            "embedded": stack.enter_context(idle_embedded(options.command)),
        }
        database, name, servers["PostgreSQL"] = stack.enter_context(
            idle_on_postgres(options.command)
        )
        time.sleep(options.settle)
        statements = -database.spent(name)[0]
        before = {each: Spent.by(server.process.pid) for each, server in servers.items()}
        time.sleep(options.seconds)
        spent = {
            each: Spent.by(server.process.pid).since(before[each])
            for each, server in servers.items()
        }
        statements += database.spent(name)[0]
    bare = spent["bare uvicorn"].seconds
    for each, used in spent.items():
        goal = None if each == "bare uvicorn" else IDLE_PERCENT
        percent = used.seconds / options.seconds * 100
        section.figures += [
            Figure(f"idle, {each}", "% of a core", [percent], at_most=goal),
            Figure(f"idle, {each}", "wakes/s", [used.wakes / options.seconds]),
        ]
        if goal is not None:
            ratio = Figure(f"**{each} to bare uvicorn**", "ratio", [used.seconds / bare])
            section.figures.append(ratio)
    minute = statements / options.seconds * 60
    section.figures.append(Figure("idle, PostgreSQL", "statements/min", [minute]))


@contextmanager
def idle_embedded(command: list[str]) -> Iterator[kit.Server]:
    with kit.sendrail(command) as ours, ours.serve(**COMPILED) as server:
        yield server


@contextmanager
def idle_on_postgres(
    command: list[str],
) -> Iterator[tuple[on_postgres.Postgres, str, kit.Server]]:
    with (
        on_postgres.postgres() as database,
        database.database() as name,
        kit.sendrail(command) as ours,
    ):
        settings = {"SENDRAIL_DATABASE_URL": database.url(name), **COMPILED}
        with ours.serve(**settings) as server:
            yield database, name, server


PARTS: dict[str, Callable[[argparse.Namespace, Section], None]] = {
    "starts": measure_starts,
    "idle": measure_idle,
}


if __name__ == "__main__":
    os.chdir(kit.scratch())
    kit.main(parser(), measure)
