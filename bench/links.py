"""What wrapped links cost the accept path, and what a look at a user agent costs the redirect.

In one process without HTTP: bodies are read, judged and committed as the API does, the same texts
with and without `wrap_links` by turns, in processor time, so neighbours disturb little. On
PostgreSQL, where slots are reserved in ranges, it is the time of a bulk from its bodies to its
verdicts.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import kit
import on_postgres
from kit import Figure, Section
from sendrail import app
from sendrail.api.server import calm_collector
from sendrail.api.v2.orders import read_send
from sendrail.domain.click_classes import AGENT_BYTES_MAX, class_of_agent
from sendrail.domain.order import Fault, Order
from sendrail.domain.short_ids import ShortIds
from sendrail.intake.links import LinkBinder
from sendrail.intake.submission import AwaitedSubmission
from sendrail.links.domains import LinkHost, LinkSender, TrackingDomains
from sendrail.links.ranges import RangeSlots
from sendrail.links.slots import ArithmeticSlots, LinkSlots
from sendrail.links.texts import LinkTexts
from sendrail.settings import Settings
from sendrail.storage.data_folder import Folder

METHOD = """
{options.runs} pairs of {options.messages:,} messages on fresh data folders, each with one URL of 40
characters, which all share; wrapped and unwrapped by turns, ratios pair by pair, processor time.
*Single*: 64 submissions of one order a commit, as the API makes of 64 connections; *bulk*: one
submission of 1,000. *PostgreSQL*: bulks of 1,000 by turns on one database, fsync on, a run of
{options.bulks} pairs, the ratio of the medians. Agents: the best of 50 looks, uncached, of {bytes}
bytes at most.
"""
URL = "https://shop.example/summer/sale?from=sms"
PHONE = (
    b"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/150.0.0.0 Mobile Safari/537.36"
)
# Repeated letters that tokens begin with: what makes the search for them slowest.
TIRESOME = [letters.encode() for letters in (*"abcdefghijklmnopqrstuvwxyz0/.", " e", "hs", "fe")]
AGENT_US_MAX = 50


class OneDomain(TrackingDomains):
    """A tracking domain for every list."""

    def host_of(self, _tx: object, _sender: LinkSender) -> LinkHost:
        return LinkHost("https://go.acme.example/")


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=5)
    options.add_argument("--messages", type=int, default=20_000)
    options.add_argument("--bulks", type=int, default=40, help="pairs on PostgreSQL, or 0 (40)")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Links", METHOD.format(options=options, bytes=AGENT_BYTES_MAX))
    for name, orders, group, goal in (("single", 1, 64, 0.85), ("bulk of 1,000", 1000, 1, 0.70)):
        ratios, costs = [], []
        for _ in range(options.runs):
            plain = asyncio.run(accept(options.messages, orders, group, wrap=False))
            wrapped = asyncio.run(accept(options.messages, orders, group, wrap=True))
            ratios.append(plain / wrapped)
            costs.append(wrapped)
        section.figures += [
            Figure(f"{name}: wrapped / unwrapped", "ratio of rates", ratios, at_least=goal),
            Figure(f"{name}: wrapped", "µs of processor a message", costs),
        ]
    if options.bulks:
        with on_postgres.postgres() as server:
            ratios = []
            for _ in range(options.runs):
                with server.database() as name:
                    ratios.append(asyncio.run(compare_bulks(server.url(name), options.bulks)))
        section.figures.append(
            Figure(
                "PostgreSQL, a bulk: wrapped / unwrapped", "ratio of times", ratios, at_most=1.10
            )
        )
    worst = max(cost_of(PHONE[:40] + b"AppleWebKit/" + each * 600) for each in TIRESOME)
    section.figures += [
        Figure("an agent, a phone's", "µs", [cost_of(PHONE)]),
        Figure("an agent, the worst found", "µs", [worst], at_most=AGENT_US_MAX),
    ]
    return section


async def accept(messages: int, orders: int, group: int, *, wrap: bool) -> float:
    """Accept messages in groups of submissions; return microseconds of processor a message."""
    with TemporaryDirectory(dir=kit.scratch()) as folder:
        settings = Settings(data_dir=Path(folder, "data"))
        async with app.open_runtime(settings) as runtime:
            sender = await with_links(runtime, settings, ArithmeticSlots())
            bodies = bodies_of(messages, sender, wrap=wrap)
            # As in a server: else a collection of all there is falls on one of a pair.
            calm_collector()
            begun = time.process_time()
            for _ in range(messages // (orders * group)):
                await offer(
                    runtime,
                    [
                        [read_send(next(bodies), runtime.limits) for _ in range(orders)]
                        for _ in range(group)
                    ],
                )
            return (time.process_time() - begun) / messages * 1e6


async def compare_bulks(url: str, pairs: int) -> float:
    """Accept bulks with and without links by turns; return the ratio of their times."""
    with TemporaryDirectory(dir=kit.scratch()) as folder:
        settings = Settings(
            data_dir=Path(folder, "data"), database_url=url, master_key=on_postgres.KEY
        )
        async with app.open_runtime(settings, serving=True) as runtime:
            # Any slots do: the acceptor reserves by its own.
            sender = await with_links(runtime, settings, RangeSlots())
            bodies = {wrap: bodies_of(pairs * 1000, sender, wrap=wrap) for wrap in (False, True)}
            times: dict[bool, list[float]] = {False: [], True: []}
            calm_collector()
            for _ in range(pairs):
                for wrap, some in bodies.items():
                    begun = time.perf_counter()
                    bulk = [read_send(next(some), runtime.limits) for _ in range(1000)]
                    await offer(runtime, [bulk])
                    times[wrap].append(time.perf_counter() - begun)
            return median(times[True]) / median(times[False])


async def with_links(runtime: app.Runtime, settings: Settings, slots: LinkSlots) -> str:
    """Give every list a tracking domain, before any has one; return a list's number."""
    ids = ShortIds(Folder(settings.data_dir, settings.master_key).key("short-id"))
    texts = LinkTexts(ids, slots, OneDomain())
    runtime.intake._links = LinkBinder(texts, runtime.limits)  # noqa: SLF001
    [sender, *_] = await runtime.lists.all(runtime.default_account)
    return sender.shown


async def offer(runtime: app.Runtime, bulks: Sequence[Sequence[Order | Fault]]) -> None:
    """Offer submissions together; wait until all are accepted."""
    submissions = [AwaitedSubmission(runtime.default_account, each) for each in bulks]
    for each in submissions:
        runtime.intake.offer(each)
    for each in submissions:
        verdicts = await each.future
        assert all(hasattr(verdict, "message_id") for verdict in verdicts), verdicts


def bodies_of(count: int, list_number: str, *, wrap: bool) -> Iterator[bytes]:
    made = [
        json.dumps(
            {
                "to": f"+1555{2_000_000 + number}",
                "list_number": list_number,
                "body": f"Hello {number}, everything must go: {URL}",
                "wrap_links": wrap,
            }
        ).encode()
        for number in range(count)
    ]
    return iter(made)


def cost_of(agent: bytes) -> float:
    """Return the microseconds of one look at an agent that was not seen before."""
    look: Callable[[bytes], object] = class_of_agent.__wrapped__
    best = float("inf")
    for _ in range(50):
        begun = time.perf_counter()
        look(agent[:AGENT_BYTES_MAX])
        best = min(best, time.perf_counter() - begun)
    return best * 1e6


if __name__ == "__main__":
    kit.main(parser(), measure)
