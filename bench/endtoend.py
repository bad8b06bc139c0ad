"""How many messages a second go the whole way: accepted, sent, receipt applied, delivered.

Closed: N messages are posted by bulk as fast as they are taken, and the clock stops when the last
is delivered. Sustained: single requests arrive at a fixed rate, and the rate counts only while the
backlog (accepted, not yet delivered) does not grow; the highest such rate is searched, then shown
again.

The carrier is the simulator, or with --smpp a message centre that others wrote (npm `smpp`, in a
process of its own), which answers each message and gives each a receipt.
"""

import argparse
import csv
import json
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kit
from kit import Figure, Section

METHOD = """
Nothing pinned: server, {carrier} and load share the machine's cores. {options.lists} list(s) at
{options.list_rate:,} messages a minute each, so that no pace holds anything back. *Closed*:
{options.total:,} messages by bulk on 4 connections, until the last is delivered. *Sustained*: open
loop of single requests on 64 connections for {options.seconds:g} s; a rate is sustained when
deliveries reach 98 % of it and the backlog (accepted, not yet delivered) grows by less than 2 % of
it, both after the first quarter, and all is delivered in the end. Accepted to delivered is the mean
backlog over the rate (Little's law). {options.runs} runs each, on fresh data folders.
"""
SAMPLE_SECONDS = 0.25
SILENCE_SECONDS = 30
KEEPS_UP = 0.98
GROWTH_MOST = 0.02
SEARCH_STEPS = 5
STEP_DOWN = 0.95
STEPS_DOWN = 4
# Of the sustained rate: how quickly answers come beside delivery is promised up to here.
BESIDE = 0.7
BESIDE_P99_MS = 25
FIRST_LIST = 15550000001
# Unanswered submits on the one bind; carriers allow 10 to 1,000.
WINDOW = 100


@dataclass(frozen=True, slots=True)
class Sample:
    at: float
    accepted: int
    delivered: int
    memory_mb: float

    @property
    def backlog(self) -> int:
        return self.accepted - self.delivered


@dataclass(frozen=True, slots=True)
class Probe:
    """What one open-loop run showed."""

    offered: float
    delivered: float
    growth: float
    mean_backlog: float
    result: dict[str, Any]
    drained_seconds: float | None
    memory: tuple[float, float]

    @property
    def sustained(self) -> bool:
        clean = not (self.result["errors"] or self.result["refused"])
        keeps_up = self.delivered >= KEEPS_UP * self.offered
        drained = self.drained_seconds is not None
        return clean and drained and keeps_up and self.growth <= GROWTH_MOST * self.offered


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=10)
    options.add_argument("--total", type=int, default=100_000, help="messages of the closed form")
    options.add_argument("--rate", type=float, help="show this rate instead of searching for one")
    options.add_argument(
        "--lists", type=int, default=1, help="lists the traffic is spread over (1)"
    )
    options.add_argument("--list-rate", type=int, default=6_000_000, help="a minute, for each list")
    options.add_argument("--closed-only", action="store_true")
    options.add_argument(
        "--smpp", action="store_true", help="go by SMPP to npm smpp (npm ci --prefix tests/peers)"
    )
    options.add_argument("--at-least", type=float, default=5000, help="the goal, in messages/s")
    return options


def measure(options: argparse.Namespace) -> Section:
    carrier = "npm smpp 0.5.1 as the message centre" if options.smpp else "simulator"
    title = "End to end, by SMPP" if options.smpp else "End to end"
    section = Section(title, METHOD.format(options=options, carrier=carrier))
    closed = [run_closed(options, section) for _ in range(options.runs)]
    accepted, delivered = zip(*closed, strict=True)
    section.figures += [
        Figure("closed, delivered", "messages/s", delivered),
        Figure("closed, accepted meanwhile", "messages/s", accepted),
    ]
    if not options.closed_only:
        rate = options.rate or search(options, statistics.median(delivered))
        rate = show_sustained(options, rate, section)
        show_beside(options, rate * BESIDE, section)
    return section


# --- closed -----------------------------------------------------------------------------------


def run_closed(options: argparse.Namespace, section: Section) -> tuple[float, float]:
    """Post all, wait for the last delivery; messages a second accepted, and delivered."""
    with fresh_server(options) as (ours, server, lists):
        started = time.monotonic()
        result = ours.load(server, total=options.total, batch=1000, connections=4, list_file=lists)
        drained = wait_delivered(server, result["accepted"])
        delivered = server.count("delivered")
        rate = delivered / (time.monotonic() - started)
    section.troubles += kit.troubles_of(result, "closed")
    if drained is None:
        missing = f"of {result['accepted']:,} accepted only {delivered:,} were delivered"
        section.troubles.append(missing)
    kit.say(f"closed: {rate:,.0f} delivered/s")
    return result["rate"], rate


def wait_delivered(server: kit.Server, wanted: int) -> float | None:
    """Seconds until `wanted` messages are delivered; None when deliveries stop before that."""
    started = moved = time.monotonic()
    delivered = -1
    while (now_delivered := server.count("delivered")) < wanted:
        now = time.monotonic()
        if now_delivered > delivered:
            delivered, moved = now_delivered, now
        if now - moved > SILENCE_SECONDS:
            return None
        time.sleep(SAMPLE_SECONDS / 2)
    return time.monotonic() - started


# --- sustained ----------------------------------------------------------------------------------


def search(options: argparse.Namespace, guess: float) -> float:
    """Halve the gap between a rate that held and one that did not, around the closed form's."""
    held, broke = 0.0, guess * 1.5
    rate = guess * 0.75
    for _ in range(SEARCH_STEPS):
        if probe(options, rate).sustained:
            held = rate
        else:
            broke = rate
        rate = (held + broke) / 2
    return held or rate


def show_sustained(options: argparse.Namespace, rate: float, section: Section) -> float:
    """Return the rate that was shown: the one that held, or else the one that was tried last."""
    probes = [probe(options, rate) for _ in range(options.runs)]
    for _ in range(0 if options.rate else STEPS_DOWN):
        if most_held(probes):
            break
        rate *= STEP_DOWN
        probes = [probe(options, rate) for _ in range(options.runs)]
    if not most_held(probes):
        held = sum(one.sustained for one in probes)
        section.troubles.append(f"{rate:,.0f}/s held in {held} of {len(probes)} runs only")
    for one in probes:
        section.troubles += kit.troubles_of(one.result, "sustained")
    section.figures += [
        Figure(
            "**sustained, delivered**",
            "messages/s",
            [p.delivered for p in probes],
            options.at_least,
        ),
        Figure("sustained, offered", "messages/s", [rate]),
        Figure("growth of the backlog", "messages/s", [p.growth for p in probes]),
        Figure("accepted to delivered, mean", "s", [p.mean_backlog / rate for p in probes]),
        Figure("answer at that rate, p50", "ms", [p.result["p50"] for p in probes]),
        Figure("answer at that rate, p99", "ms", [p.result["p99"] for p in probes]),
        Figure("server's memory after the first quarter", "MB", [p.memory[0] for p in probes]),
        Figure("server's memory at the end", "MB", [p.memory[1] for p in probes]),
    ]
    return rate


def show_beside(options: argparse.Namespace, rate: float, section: Section) -> None:
    """Measure the answers beside delivery, by turns with a server whose lists deliver nothing."""
    with_delivery, alone = [], []
    for _ in range(options.runs):
        with_delivery.append(probe(options, rate).result)
        with fresh_server(options, list_rate=1) as (ours, server, lists):
            alone.append(ours.load(server, rate=rate, seconds=options.seconds, list_file=lists))
    ratios = [each["p99"] / other["p99"] for each, other in zip(with_delivery, alone, strict=True)]
    section.figures += [
        Figure("offered, 70 % of that", "messages/s", [rate]),
        Figure("answer beside delivery, p50", "ms", [each["p50"] for each in with_delivery]),
        Figure(
            "**answer beside delivery, p99**",
            "ms",
            [each["p99"] for each in with_delivery],
            at_most=BESIDE_P99_MS,
        ),
        Figure("answer without delivery, p99", "ms", [each["p99"] for each in alone]),
        Figure("p99 beside delivery / without", "", ratios),
    ]


def most_held(probes: list[Probe]) -> bool:
    return sum(one.sustained for one in probes) * 2 > len(probes)


def probe(options: argparse.Namespace, rate: float) -> Probe:
    with fresh_server(options) as (ours, server, lists):
        shape = {"rate": rate, "seconds": options.seconds, "list_file": lists}
        with ours.start_load(server, **shape) as process:
            samples = list(watch(server, process))
            result = kit.finish_load(process)
        drained = wait_delivered(server, result["accepted"])
    steady = samples[len(samples) // 4 :]
    seconds = steady[-1].at - steady[0].at
    shown = Probe(
        offered=rate,
        delivered=(steady[-1].delivered - steady[0].delivered) / seconds,
        growth=slope(steady),
        mean_backlog=statistics.fmean(sample.backlog for sample in steady),
        result=result,
        drained_seconds=drained,
        memory=(steady[0].memory_mb, steady[-1].memory_mb),
    )
    kit.say(
        f"offered {rate:,.0f}/s: delivered {shown.delivered:,.0f}/s, backlog"
        f" {shown.growth:+,.0f}/s, {'held' if shown.sustained else 'NOT held'}"
    )
    return shown


def watch(server: kit.Server, process: subprocess.Popen[bytes]) -> Iterator[Sample]:
    """Read the counters while the load runs; the last reading is the last one under load."""
    while process.poll() is None:
        found = kit.metrics(server.url)
        yield Sample(
            time.monotonic(),
            int(found.get("sendrail_messages_accepted_total", 0)),
            int(found.get("sendrail_messages_delivered_total", 0)),
            kit.memory_mb(server.process),
        )
        time.sleep(SAMPLE_SECONDS)


def slope(samples: list[Sample]) -> float:
    """Growth of the backlog in messages a second, by least squares."""
    fit = statistics.linear_regression([s.at for s in samples], [s.backlog for s in samples])
    return fit.slope


# --- the server ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Centre:
    """A message centre that others wrote, in a process of its own."""

    port: int
    control: int

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.control}/{path}"
        with urllib.request.urlopen(url, json.dumps(body).encode() or None) as answer:
            return json.load(answer)

    def receipted(self) -> int:
        """Return how many receipts were acknowledged."""
        return self.ask("state")["receipted"]


@contextmanager
def message_centre() -> Iterator[Centre]:
    """Start npm smpp."""
    command = ["node", str(kit.BENCH.parent / "tests" / "peers" / "smsc.cjs")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        ports = json.loads(process.stdout.readline())
        centre = Centre(ports["smpp"], ports["control"])
        centre.ask("set", log=False)
        yield centre
        process.stdin.close()


@contextmanager
def fresh_server(
    options: argparse.Namespace, list_rate: int | None = None
) -> Iterator[tuple[kit.Sendrail, kit.Server, Path]]:
    with ExitStack() as stack:
        centre = stack.enter_context(message_centre()) if options.smpp else None
        yield stack.enter_context(
            on_sendrail(options, centre, lists=options.lists, rate=list_rate or options.list_rate)
        )


@contextmanager
def on_sendrail(
    options: argparse.Namespace,
    centre: Centre | None,
    lists: int = 1,
    rate: int = 6_000_000,
    webhook: str | None = None,
    **settings: str,
) -> Iterator[tuple[kit.Sendrail, kit.Server, Path]]:
    """Run a server on a fresh folder, its lists by the message centre or the simulator."""
    with kit.sendrail(options.command) as ours:
        ours.prepare()
        connector = []
        if centre is not None:
            bind = {"host": "127.0.0.1", "port": centre.port, "window": WINDOW}
            bind |= {"system_id": "b", "password": "secret"}
            given = [word for name in bind for word in ("--set", f"{name}={bind[name]}")]
            ours.run("connectors", "add", "smpp", "bench", *given, "--window", str(10 * WINDOW))
            connector = ["--connector", "bench"]
        file = ours.data.with_name("lists.csv")
        write_lists(file, lists, rate)
        ours.run("lists", "import", str(file), *connector)
        if webhook is not None:
            ours.run("webhooks", "add", webhook, **settings)
        with ours.serve(**settings) as server:
            yield ours, server, file


def write_lists(path: Path, count: int, rate: int) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["number", "name", "rate"])
        rows.writerows([f"+{FIRST_LIST + n}", f"Bench {n + 1}", rate] for n in range(count))


if __name__ == "__main__":
    kit.main(parser(), measure)
