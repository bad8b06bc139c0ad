"""What a second core brings on one machine: to one process on SQLite, and to roles on PostgreSQL.

Three parts, each by itself with `--parts`:

- embedded: one process on SQLite, pinned to one core and on both, by turns: accepting alone, and
  all the way to the simulator's receipt.
- roles: on PostgreSQL, one process with all roles, a process that accepts beside one that delivers,
  and the same two with a lower priority for the one that delivers, by turns: what is accepted while
  all of it is delivered, and how much of it was.
- idle: on PostgreSQL, a process that accepts, alone and with an idle `deliver` process beside it;
  also by its own processor time, which other work on the machine disturbs less than its rate.
"""

import argparse
import os
import time
from contextlib import ExitStack
from typing import Any

import kit
from endtoend import wait_delivered
from kit import Figure, Section
from on_postgres import ACCEPTS, Postgres, installed, postgres, ratios
from window import seconds_of

METHOD = """
{options.runs} runs by turns, each on a fresh folder or database; single requests on 64 connections
for {options.seconds} s, bulk requests of 1,000 for the whole way of {options.total:,} messages. The
load is pinned to the second core, and PostgreSQL is where the kernel puts it. *Processor time* is
that of all processes of Sendrail, for each message that was accepted.
"""
SENT = "SELECT count(*) FROM messages WHERE sent_at IS NOT NULL"


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=5)
    options.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    options.add_argument("--total", type=int, default=100_000, help="messages of the whole way")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("A second core", METHOD.format(options=options))
    with ExitStack() as stack:
        server = None
        if set(options.parts) != {"embedded"}:
            server = stack.enter_context(postgres())
        for part in options.parts:
            PARTS[part](server, options, section)
    return section


# --- SQLite -------------------------------------------------------------------------------------


def embedded(_: Postgres | None, options: argparse.Namespace, section: Section) -> None:
    cores = {"one core": kit.SERVER_CORE, "both cores": None}
    for what, measured in (("accept", accepted), ("the whole way", delivered)):
        rates: dict[str, list[float]] = {name: [] for name in cores}
        for _ in range(options.runs):
            for name, core in cores.items():
                rates[name].append(measured(options, core, section))
        one, both = rates.values()
        section.figures += [
            *(Figure(f"SQLite, {what}, {name}", "messages/s", rates[name]) for name in cores),
            Figure(f"**SQLite, {what}, both cores / one**", "", ratios(both, one)),
        ]


def accepted(options: argparse.Namespace, core: int | None, section: Section) -> float:
    with installed(options, None) as house, house.serve(core) as process:
        result = house.sendrail.load(
            process, core=kit.LOAD_CORE, connections=64, seconds=options.seconds
        )
    section.troubles += kit.troubles_of(result, "accept")
    return float(result["rate"])


def delivered(options: argparse.Namespace, core: int | None, section: Section) -> float:
    with installed(options, None) as house:
        with house.serve():
            lists = house.add_lists()
        with house.serve(core) as process:
            began = time.monotonic()
            shape = {"total": options.total, "batch": 1000, "connections": 4, "list_file": lists}
            result = house.sendrail.load(process, core=kit.LOAD_CORE, **shape)
            if wait_delivered(process, result["accepted"]) is None:
                section.troubles.append("deliveries stopped before the end")
            return float(result["accepted"] / (time.monotonic() - began))


# --- PostgreSQL ---------------------------------------------------------------------------------


ONE, APART, YIELDING = "one process", "`api` and `deliver`", "the same, `deliver` at nice 10"


def roles(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    ways: dict[str, dict[str, list[float]]] = {ONE: {}, APART: {}, YIELDING: {}}
    for _ in range(options.runs):
        for label, found in ways.items():
            names = [""] if label == ONE else [ACCEPTS, "deliver"]
            lower = 10 if label == YIELDING else 0
            for name, value in beside(server, options, section, names, lower).items():
                found.setdefault(name, []).append(value)
        last = {label: found["accepted"][-1] for label, found in ways.items()}
        kit.say(", ".join(f"{label}: {rate:,.0f}" for label, rate in last.items()))
    whole = ways[ONE]
    for label, found in ways.items():
        section.figures += [
            Figure(f"PostgreSQL, accepted, {label}", "messages/s", found["accepted"]),
            Figure(f"PostgreSQL, sent meanwhile, {label}", "messages/s", found["sent"]),
            Figure(f"processor time, {label}", "µs/message", found["processor time"]),
            Figure("of the process that accepts", "µs/message", found["first"]),
        ]
        if found is not whole:
            accepted = ratios(found["accepted"], whole["accepted"])
            section.figures += [
                Figure(f"**accepted, {label} / one process**", "", accepted, at_least=1.0),
                Figure(f"sent, {label} / one process", "", ratios(found["sent"], whole["sent"])),
            ]


def idle(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    alone: list[float] = []
    accompanied: list[float] = []
    costs: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(options.runs):
        for rates, more in ((alone, []), (accompanied, ["deliver"])):
            with ExitStack() as stack:
                house = stack.enter_context(installed(options, server))
                process = stack.enter_context(house.serve(kit.SERVER_CORE, ACCEPTS))
                for name in more:
                    stack.enter_context(house.beside(name))
                shape: dict[str, Any] = {"connections": 64, "seconds": options.seconds}
                before = seconds_of(process)
                result = house.sendrail.load(process, core=kit.LOAD_CORE, **shape)
                spent = seconds_of(process) - before
                section.troubles += kit.troubles_of(result, "accept")
                rates.append(result["rate"])
                costs[bool(more)].append(spent / max(1, result["accepted"]) * 1_000_000)
    section.figures += [
        Figure("PostgreSQL, accept, alone", "messages/s", alone),
        Figure("PostgreSQL, accept, beside one that delivers little", "messages/s", accompanied),
        Figure("**beside / alone**", "", ratios(accompanied, alone), at_least=1.0),
        Figure("its processor time, alone", "µs/message", costs[False]),
        Figure("its processor time, beside one that delivers little", "µs/message", costs[True]),
        Figure("**alone / beside, processor time**", "", ratios(costs[False], costs[True])),
    ]


def beside(
    server: Postgres, options: argparse.Namespace, section: Section, names: list[str], lower: int
) -> dict[str, float]:
    """Accept for a while in the first process while it delivers, or the second of `lower` priority.

    The priority is as `nice` has it.
    """
    with ExitStack() as stack:
        house = stack.enter_context(installed(options, server))
        with house.serve():
            lists = house.add_lists()
        processes = [stack.enter_context(house.serve(roles=names[0]))]
        for name in names[1:]:
            processes.append(stack.enter_context(house.beside(name)))
            os.setpriority(os.PRIO_PROCESS, processes[-1].process.pid, lower)
        # The shares of the lanes have found their owners.
        time.sleep(3)
        shape = {"connections": 64, "seconds": options.seconds, "list_file": lists}
        before = list(map(seconds_of, processes))
        result = house.sendrail.load(processes[0], core=kit.LOAD_CORE, **shape)
        sent = server.ask(SENT, house.name)
        by_process = [
            after - since for after, since in zip(map(seconds_of, processes), before, strict=True)
        ]
        section.troubles += kit.troubles_of(result, "accept")
        return {
            "accepted": result["rate"],
            "sent": sent / options.seconds,
            "processor time": sum(by_process) / max(1, result["accepted"]) * 1_000_000,
            "first": by_process[0] / max(1, result["accepted"]) * 1_000_000,
        }


PARTS = {"embedded": embedded, "roles": roles, "idle": idle}

if __name__ == "__main__":
    kit.main(parser(), measure)
