"""How full Sendrail keeps an SMSC's window, and how much processor time a message costs it.

The other side is `smsc.py`. Where it takes its time for each answer, no client can exceed the
window over that time: the ideal. The reference is a bare socket that submits the next message the
moment an answer arrives, which is what this machine and its timers allow. Where the SMSC answers at
once, the server's processor time counts: for a message that is accepted alone, sent, and settled,
and then with its receipt.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvloop

import endtoend
import kit
from kit import Figure, Section
from smpp import Bare

METHOD = """
Server pinned to one core, SMSC and load to the other. *Window*: the SMSC answers after
{options.delay_ms:g} ms; the connector's window and the bind's are equal; the rate is that of
messages sent in {options.seconds:g} s of a full queue, after 2 s. *Processor time*: user and system
of the server for {options.total:,} single requests on 64 connections, until the last is settled or
receipted; an SMSC that answers at once, window {wide}, ten times that on the connector.
{options.runs} runs.
"""
WARMUP_SECONDS = 2.0
WIDE = 100
GOALS = {10: 0.968, 100: 0.94}
CPU_GOALS = {"sent": 0.08, "delivered": 0.12}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=8)
    options.add_argument("--delay-ms", type=float, default=40)
    options.add_argument("--windows", type=int, nargs="*", default=[10, 100])
    options.add_argument("--total", type=int, default=60_000, help="messages whose time is taken")
    options.add_argument("--without-cpu", action="store_true", help="the windows alone")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("The window", METHOD.format(options=options, wide=WIDE))
    for window in options.windows:
        pairs = [pair(options, window) for _ in range(options.runs)]
        ideal = window / options.delay_ms * 1000
        bares, ours = zip(*pairs, strict=True)
        section.figures += [
            Figure(f"window {window}: the ideal", "messages/s", [ideal]),
            Figure(f"window {window}: a bare socket", "messages/s", bares),
            Figure(f"window {window}: Sendrail", "messages/s", ours),
            Figure(
                f"**window {window}: ratio to the ideal**",
                "",
                [rate / ideal for rate in ours],
                at_least=GOALS.get(window),
            ),
            Figure(
                f"window {window}: ratio to the bare socket",
                "",
                [rate / bare for bare, rate in pairs],
            ),
        ]
    for settled, goal in {} if options.without_cpu else CPU_GOALS.items():
        times = [cpu_ms(options, settled) for _ in range(options.runs)]
        name = "with its receipt" if settled == "delivered" else "without a receipt"
        section.figures.append(Figure(f"processor time {name}", "ms/message", times, at_most=goal))
    return section


# --- the window ---------------------------------------------------------------------------------


def pair(options: argparse.Namespace, window: int) -> tuple[float, float]:
    with smsc("--no-receipts", "--delay-ms", str(options.delay_ms)) as port:
        with kit.pinned(kit.SERVER_CORE):
            reference = uvloop.run(bare(port, window, options.seconds))
        ours = through_the_server(options, port, window)
    kit.say(f"window {window}: {ours:,.0f}/s, a bare socket {reference:,.0f}/s")
    return reference, ours


async def bare(port: int, window: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(
        lambda: Bare(sys.maxsize, window), "127.0.0.1", port
    )
    await asyncio.sleep(WARMUP_SECONDS)
    began, before = time.perf_counter(), client.answered
    await asyncio.sleep(seconds)
    rate = (client.answered - before) / (time.perf_counter() - began)
    transport.close()
    return rate


def through_the_server(options: argparse.Namespace, port: int, window: int) -> float:
    with on_sendrail(options, port, window, window) as (ours, server, lists):
        needed = window / options.delay_ms * 1000 * (options.seconds + 2 * WARMUP_SECONDS)
        total = round(needed / 100 + 1) * 100
        ours.load(server, total=total, batch=100, connections=1, list_file=lists)
        time.sleep(WARMUP_SECONDS)
        began, before = time.perf_counter(), server.count("sent")
        time.sleep(options.seconds)
        return (server.count("sent") - before) / (time.perf_counter() - began)


# --- the processor time -------------------------------------------------------------------------


def cpu_ms(options: argparse.Namespace, settled: str) -> float:
    flags = [] if settled == "delivered" else ["--no-receipts"]
    with ExitStack() as stack:
        port = stack.enter_context(smsc(*flags))
        road = on_sendrail(options, port, WIDE, 10 * WIDE)
        ours, server, lists = stack.enter_context(road)
        shape = {"connections": 64, "list_file": lists}
        ours.load(server, core=kit.LOAD_CORE, total=options.total // 10, **shape)
        wait_for(server, settled, options.total // 10)
        before = seconds_of(server)
        ours.load(
            server, core=kit.LOAD_CORE, total=options.total, first=options.total // 10, **shape
        )
        wait_for(server, settled, options.total // 10 + options.total)
        spent = (seconds_of(server) - before) / options.total * 1000
    kit.say(f"{settled}: {spent:.4f} ms of processor time a message")
    return spent


def wait_for(server: kit.Server, what: str, wanted: int) -> None:
    deadline = time.monotonic() + endtoend.SILENCE_SECONDS
    while server.count(what) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.count(what):,} of {wanted:,} messages were {what}")
        time.sleep(endtoend.SAMPLE_SECONDS)


def seconds_of(server: kit.Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- both sides ---------------------------------------------------------------------------------


@contextmanager
def smsc(*flags: str) -> Iterator[int]:
    command = [sys.executable, str(kit.BENCH / "smsc.py"), *flags]
    with kit.running(command, kit.LOAD_CORE) as centre:
        yield centre.ready["port"]


@contextmanager
def on_sendrail(
    options: argparse.Namespace, port: int, window: int, connector_window: int
) -> Iterator[tuple[kit.Sendrail, kit.Server, Path]]:
    settings: dict[str, Any] = {"host": "127.0.0.1", "port": port, "window": window}
    settings |= {"system_id": "esme", "password": "secret"}
    with kit.sendrail(options.command) as ours:
        ours.prepare()
        given = [word for name in settings for word in ("--set", f"{name}={settings[name]}")]
        ours.run("connectors", "add", "smpp", "bench", *given, "--window", str(connector_window))
        file = ours.data.with_name("lists.csv")
        endtoend.write_lists(file, 1, 6_000_000)
        ours.run("lists", "import", str(file), "--connector", "bench")
        with ours.serve(kit.SERVER_CORE) as server:
            yield ours, server, file


if __name__ == "__main__":
    kit.main(parser(), measure)
