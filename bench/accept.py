"""How many messages a second are accepted durably, as a ratio to the bare reference.

Server on one core, load on the other, keep-alive connections with one request in flight each,
every recipient and text new, no check skipped. Reference and server take turns, and each ratio is
made of two neighbours in time: a machine that slows down slows both.
"""

import argparse
from typing import Any

import kit
from kit import Figure, Section

PINNED = {"core": kit.LOAD_CORE}
BULK_CONNECTIONS = 4
STEADY_SHARE = 0.7
DEFAULT_LIST = "+15550000001"  # the ceiling and the reference read no list; any number will do

METHOD = """
Server pinned to one core, load to the other; {options.runs} runs of {options.seconds:g} s after a
1 s warm-up, each on a fresh data folder; reference and server by turns, ratios pair by pair.
*Steady* is an open loop at 70 % of that run's own rate, latency counted from the planned moment.
Bulk: 1,000 messages a request on 4 connections.
"""


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=5)
    options.add_argument("--connections", type=int, nargs="+", default=[64], metavar="N")
    options.add_argument("--no-ceiling", action="store_true", help="leave the C programme out")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Accept", METHOD.format(options=options))
    if not options.no_ceiling:
        rates = [ceiling(options, section)["rate"] for _ in range(options.runs)]
        section.figures.append(
            Figure("ceiling: C, constant answer, 64 connections", "req/s", rates)
        )
    for connections in options.connections:
        measure_pairs(options, connections, section)
    bulks = [bulk(options, section) for _ in range(options.runs)]
    section.figures += [
        Figure("bulk of 1,000", "messages/s", [run["rate"] for run in bulks], at_least=25_000),
        Figure("bulk of 1,000, p50 of a request", "ms", [run["p50"] for run in bulks]),
        Figure("bulk of 1,000, p99 of a request", "ms", [run["p99"] for run in bulks]),
    ]
    return section


def measure_pairs(options: argparse.Namespace, connections: int, section: Section) -> None:
    pairs = []
    for number in range(options.runs):
        bare = reference(options, connections, section)
        ours, steady = server(options, connections, section)
        ratio = ours["rate"] / bare["rate"]
        kit.say(
            f"accept {number + 1}/{options.runs}, {connections} connections:"
            f" {ours['rate']:,.0f} / {bare['rate']:,.0f} = {ratio:.3f}"
        )
        pairs.append((bare, ours, steady))
    bare, ours, steady = zip(*pairs, strict=True)
    at = f"{connections} connections"
    ratios = [a["rate"] / b["rate"] for b, a, _ in pairs]
    section.figures += [
        Figure(f"reference, {at}", "req/s", each(bare, "rate")),
        Figure(f"Sendrail, {at}", "messages/s", each(ours, "rate")),
        Figure(f"**ratio, {at}** (aim: 0.45)", "", ratios, at_least=0.30),
        Figure(f"Sendrail at full rate, {at}, p50", "ms", each(ours, "p50")),
        Figure(f"Sendrail at full rate, {at}, p99", "ms", each(ours, "p99"), at_most=10),
        Figure(f"Sendrail at full rate, {at}, slowest", "ms", each(ours, "max")),
        Figure(f"Sendrail steady, {at}, p50", "ms", each(steady, "p50")),
        Figure(f"Sendrail steady, {at}, p99", "ms", each(steady, "p99")),
        Figure(f"reference at full rate, {at}, p99", "ms", each(bare, "p99")),
    ]


def each(results: tuple[dict[str, Any], ...], name: str) -> list[float]:
    return [result[name] for result in results]


def ceiling(options: argparse.Namespace, section: Section) -> dict[str, Any]:
    with kit.ceiling() as bare:
        result = kit.load(bare.url, list=DEFAULT_LIST, seconds=options.seconds, **PINNED)
    section.troubles += kit.troubles_of(result, "ceiling")
    return result


def reference(options: argparse.Namespace, connections: int, section: Section) -> dict[str, Any]:
    shape = {"list": DEFAULT_LIST, "connections": connections, "seconds": options.seconds}
    with kit.reference() as bare:
        result = kit.load(bare.url, **shape, **PINNED)
    section.troubles += kit.troubles_of(result, "reference")
    return result


def server(
    options: argparse.Namespace, connections: int, section: Section
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Drive one fresh server at its full rate, then at a steady share of it."""
    shape = {"connections": connections, "seconds": options.seconds, **PINNED}
    with kit.sendrail(options.command) as ours, ours.serve(kit.SERVER_CORE) as running:
        full = ours.load(running, **shape)
        rate = full["rate"] * STEADY_SHARE
        steady = ours.load(running, rate=rate, first=full["next"], **shape)
        counted = running.count("accepted")
    for result, where in ((full, "full rate"), (steady, "steady")):
        section.troubles += kit.troubles_of(result, where)
    section.troubles += mismatch(counted, full["accepted"] + steady["accepted"])
    return full, steady


def bulk(options: argparse.Namespace, section: Section) -> dict[str, Any]:
    shape = {"batch": 1000, "connections": BULK_CONNECTIONS, "seconds": options.seconds, **PINNED}
    with kit.sendrail(options.command) as ours, ours.serve(kit.SERVER_CORE) as running:
        result = ours.load(running, **shape)
        counted = running.count("accepted")
    kit.say(f"bulk: {result['rate']:,.0f} messages/s")
    section.troubles += kit.troubles_of(result, "bulk") + mismatch(counted, result["accepted"])
    return result


def mismatch(counted: int, answered: int) -> list[str]:
    """Every 200 the client saw must be a message the server counted, and no other."""
    if counted == answered:
        return []
    return [f"the server counted {counted:,} accepted messages, the client {answered:,}"]


if __name__ == "__main__":
    kit.main(parser(), measure)
