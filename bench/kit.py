"""What every benchmark here needs: servers started and pinned, load applied, figures kept honest.

A figure is a list of measured values, shown as its median with the least and the greatest beside
it. Nothing is left out: an answer that was not 200, or a count that does not match the server's
own, is a `trouble` printed under the table.
"""

import argparse
import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
BUILD = BENCH / "build"
SERVER_CORE, LOAD_CORE = 0, 1
READY_SECONDS = 60
STOP_SECONDS = 60
TABLE_HEAD = ("| figure | median | range | unit | goal |", "| --- | ---: | ---: | --- | --- |")


# --- figures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    unit: str
    values: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def row(self) -> str:
        median, least, greatest = map(show, (self.median, min(self.values), max(self.values)))
        spread = f"{least} to {greatest}" if len(self.values) > 1 else ""
        return f"| {self.name} | **{median}** | {spread} | {self.unit} | {self._goal()} |"

    def _goal(self) -> str:
        if self.at_least is not None:
            return f"≥ {show(self.at_least)}: {'met' if self.median >= self.at_least else 'MISSED'}"
        if self.at_most is not None:
            return f"≤ {show(self.at_most)}: {'met' if self.median <= self.at_most else 'MISSED'}"
        return ""


@dataclass(slots=True)
class Section:
    """One benchmark's figures, how they were got, and what went wrong on the way."""

    title: str
    method: str
    figures: list[Figure] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.method.strip(), "", *TABLE_HEAD]
        lines += [figure.row() for figure in self.figures]
        if self.troubles:
            lines += ["", *(f"- **Trouble:** {trouble}" for trouble in self.troubles)]
        return "\n".join([*lines, ""])


def show(value: float) -> str:
    """Three figures are all a benchmark can promise; whole numbers from 100 on."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.4f}"


def say(text: str) -> None:
    """Progress for the one who waits; the figures alone go to standard output."""
    print(f"  {text}", file=sys.stderr, flush=True)


# --- processes --------------------------------------------------------------------------------


@dataclass(slots=True)
class Server:
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    ready_seconds: float

    @property
    def url(self) -> str:
        return self.ready["url"]

    def count(self, what: str) -> int:
        """Read one of the server's own counters, `sendrail_messages_<what>_total`."""
        return int(metrics(self.url).get(f"sendrail_messages_{what}_total", 0))


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Let a child be born on one core: set on ourselves, inherited, and taken back."""
    before = os.sched_getaffinity(0)
    if core is not None:
        if core not in before:
            sys.exit(f"core {core} is not ours to use: these figures need two cores")
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(command: list[str], core: int | None = None, **settings: str) -> Iterator[Server]:
    """Start a server, wait for its line of JSON, stop it at the end."""
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        out, err = Path(folder, "stdout"), Path(folder, "stderr")
        started = time.monotonic()
        with pinned(core), out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=clean(settings))
        try:
            ready = wait_ready(process, out, err)
            yield Server(process, ready, time.monotonic() - started)
        finally:
            stop(process)


def clean(settings: dict[str, str]) -> dict[str, str]:
    """Our environment without the caller's own settings, which would colour the figures."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SENDRAIL_")}
    return ours | settings


def wait_ready(process: subprocess.Popen[bytes], out: Path, err: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        line, newline, _ = out.read_bytes().partition(b"\n")
        if newline:
            return json.loads(line)
        time.sleep(0.005)
    tail = err.read_text(errors="replace")[-2000:]
    raise SystemExit(f"not ready: {shlex.join(map(str, process.args))}\n{tail}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        say(f"still running {STOP_SECONDS} s after SIGTERM: killed")
        process.kill()
        process.wait()


def scratch() -> Path:
    """Data lies beside the code, on a real disk: in a /tmp of memory an fsync costs nothing."""
    BUILD.mkdir(exist_ok=True)
    return BUILD


def built(name: str) -> Path:
    """Compile `name.c` when it, or a header, is newer than the program."""
    source, program = BENCH / f"{name}.c", scratch() / name
    newest = max(path.stat().st_mtime for path in (source, *BENCH.glob("*.h")))
    if not program.exists() or program.stat().st_mtime < newest:
        options = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]
        subprocess.run(["gcc", *options, "-o", str(program), str(source)], check=True)
    return program


# --- the three servers ------------------------------------------------------------------------


def ceiling() -> Any:
    return running([str(built("ceiling"))], SERVER_CORE)


def reference() -> Any:
    return running([sys.executable, str(BENCH / "reference.py")], SERVER_CORE)


@dataclass(slots=True)
class Sendrail:
    """One data folder and the command that works on it; the key is told only on the first run."""

    command: list[str]
    data: Path
    key: str = ""
    list_number: str = ""

    @contextmanager
    def serve(self, core: int | None = None, **settings: str) -> Iterator[Server]:
        arguments = ["serve", "--data", str(self.data), "--port", "0", "--json"]
        with running([*self.command, *arguments], core, **settings) as server:
            self.key = server.ready.get("api_key") or self.key
            self.list_number = server.ready["list_number"]
            yield server

    def prepare(self) -> None:
        """Run once and stop, so that folder, account and key exist."""
        with self.serve():
            pass

    def run(self, *arguments: str, **settings: str) -> None:
        command = [*self.command, *arguments, "--data", str(self.data), "--json"]
        subprocess.run(command, check=True, env=clean(settings), stdout=subprocess.DEVNULL)

    def load(self, server: Server, **options: Any) -> dict[str, Any]:
        with self.start_load(server, **options) as process:
            return finish_load(process)

    def start_load(self, server: Server, **options: Any) -> subprocess.Popen[bytes]:
        if "list_file" not in options:
            options["list"] = self.list_number
        return start_load(server.url, key=self.key, **options)


@contextmanager
def sendrail(command: list[str]) -> Iterator[Sendrail]:
    with tempfile.TemporaryDirectory(dir=scratch(), prefix="data-") as folder:
        yield Sendrail(command, Path(folder, "data"))


# --- load and what the server says of it --------------------------------------------------------


def load(url: str, core: int | None = None, **options: Any) -> dict[str, Any]:
    """Run the load generator to its end and give its figures."""
    with start_load(url, core, **options) as process:
        return finish_load(process)


def start_load(url: str, core: int | None = None, **options: Any) -> subprocess.Popen[bytes]:
    host, _, port = url.removeprefix("http://").partition(":")
    values = {"key": "trk_none", "host": host, "port": port} | options
    flags = [
        part
        for name, value in values.items()
        for part in ((flag(name),) if value is True else (flag(name), str(value)))
    ]
    with pinned(core):
        return subprocess.Popen([str(built("load")), *flags], stdout=subprocess.PIPE)


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def finish_load(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit("the load generator gave up; its reason is above")
    return json.loads(out)


def troubles_of(result: dict[str, Any], where: str) -> list[str]:
    found = []
    if result["errors"] or result["refused"]:
        found.append(
            f"{where}: {result['errors']} requests without a 200 (statuses {result['statuses']},"
            f" {result['lost']} lost), {result['refused']} messages refused inside bulk answers"
        )
    if result["client_cpu"] > 0.95 and result["unsent"] == 0 and where != "ceiling":
        found.append(f"{where}: the client used its whole core, so it may be what was measured")
    return found


def metrics(url: str) -> dict[str, float]:
    """Read /metrics, each metric summed over its labels."""
    sums: dict[str, float] = {}
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line and not line.startswith("#"):
                sample, _, value = line.rpartition(" ")
                name = sample.partition("{")[0]
                sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def memory_mb(process: subprocess.Popen[bytes], what: str = "VmRSS") -> float:
    """Resident memory of the server and its children (`VmHWM` for the greatest so far), in MB."""
    return sum(_status_kb(pid, what) for pid in _family(process.pid)) * 1024 / 1e6


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Processor time of the server and its children so far, their own and the system's for them."""
    return sum(_cpu_ticks(pid) for pid in _family(process.pid)) / os.sysconf("SC_CLK_TCK")


def _cpu_ticks(pid: int) -> int:
    # The name, in brackets, may hold blanks; user and system time are fields 14 and 15 (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _status_kb(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


# --- the command line -------------------------------------------------------------------------


def options(
    description: str, *, runs: int | None = None, seconds: float | None = None
) -> argparse.ArgumentParser:
    """Give a parser of the options every benchmark has, with this one's defaults."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    if runs is not None:
        parser.add_argument("--runs", type=int, default=runs, help=f"measured so often ({runs})")
    if seconds is not None:
        shown = f"measured time of a run ({seconds:g})"
        parser.add_argument("--seconds", type=float, default=seconds, help=shown)
    parser.add_argument(
        "--command",
        type=shlex.split,
        default=[sys.executable, "-m", "sendrail"],
        help="how to call sendrail (python -m sendrail)",
    )
    return parser


def main(parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], Section]) -> None:
    """Measure, print the table, and fail when anything went wrong on the way."""
    section = measure(parser.parse_args())
    print(section.markdown())
    sys.exit(bool(section.troubles))
