"""What the server holds in memory: idle, with many lists, and with a million messages waiting.

The lists' rate is one message a minute, so that next to nothing leaves and the queue stays.
Resident memory is the sum over the server and its children, as the kernel counts it.
"""

import argparse
import time

import endtoend
import kit
from kit import Figure, Section

METHOD = """
{options.messages:,} messages posted by bulk over {options.lists:,} lists at one a minute each.
Resident memory (VmRSS, MB of a million bytes) of the server and its children. One run. *Added* is
what the queue costs: after the last answer and {options.settle:g} s of rest, less what the same
server held before the first. *Restart to ready* is from the start of the process to its line of
JSON, with all that in the queue.
"""
MB = 1e6


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__)
    options.add_argument("--messages", type=int, default=1_000_000)
    options.add_argument("--lists", type=int, default=10_000)
    options.add_argument(
        "--settle", type=float, default=10, help="seconds of rest before a reading"
    )
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Memory", METHOD.format(options=options))
    with kit.sendrail(options.command) as ours:
        measure_idle(options, ours, section)
        lists = ours.data.with_name("lists.csv")
        endtoend.write_lists(lists, options.lists, rate=1)
        ours.run("lists", "import", str(lists))
        measure_queue(options, ours, section)
        measure_restart(options, ours, section)
    return section


def measure_idle(options: argparse.Namespace, ours: kit.Sendrail, section: Section) -> None:
    with ours.serve() as server:
        at_start = kit.memory_mb(server.process)
        time.sleep(options.settle)
        section.figures += [
            Figure("first start to ready, empty folder", "s", [server.ready_seconds], at_most=1.5),
            Figure("idle, at once", "MB", [at_start]),
            Figure("idle", "MB", [kit.memory_mb(server.process)], at_most=150),
        ]


def measure_queue(options: argparse.Namespace, ours: kit.Sendrail, section: Section) -> None:
    lists = ours.data.with_name("lists.csv")
    with ours.serve() as server:
        time.sleep(options.settle)
        before = kit.memory_mb(server.process)
        result = ours.load(
            server, total=options.messages, batch=1000, connections=4, list_file=lists
        )
        time.sleep(options.settle)
        after = kit.memory_mb(server.process)
        waiting = result["accepted"] - server.count("sent")
        peak = kit.memory_mb(server.process, "VmHWM")
    kit.say(f"{waiting:,} waiting: {before:.0f} MB before, {after:.0f} MB after")
    section.troubles += kit.troubles_of(result, "queueing")
    section.figures += [
        Figure(f"idle, {options.lists:,} lists", "MB", [before]),
        Figure("messages waiting at the reading", "messages", [waiting]),
        Figure("with them", "MB", [after]),
        Figure("**added by them**", "MB", [after - before], at_most=100),
        Figure("greatest on the way", "MB", [peak]),
        Figure("accepted meanwhile", "messages/s", [result["rate"]]),
    ]


def measure_restart(options: argparse.Namespace, ours: kit.Sendrail, section: Section) -> None:
    with ours.serve() as server:
        time.sleep(options.settle)
        section.figures += [
            Figure("restart to ready, with them", "s", [server.ready_seconds]),
            Figure("after the restart", "MB", [kit.memory_mb(server.process)]),
        ]
    size = sum(path.stat().st_size for path in ours.data.rglob("*") if path.is_file())
    section.figures.append(Figure("on disk, after it stopped", "MB", [size / MB]))


if __name__ == "__main__":
    kit.main(parser(), measure)
