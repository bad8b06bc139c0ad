"""Turns of journeys: how many a second, and what rounds of many save beside rounds of one.

Each contact has three messages, each a turn of its own, on the embedded store with its real fsync.
Rounds of many and rounds of one go by turns in one session. CPU is that of the process, for a
turn with its message, beside that of a message that is accepted by itself in bulk.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import kit
from kit import Figure, Section
from sendrail.api.server import calm_collector
from sendrail.app import Runtime, open_runtime
from sendrail.domain.contact import Journey, JourneyVersion
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.journeys.reading import canonical, digest
from sendrail.domain.order import Order
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.journeys.engine import JourneyEngine
from sendrail.journeys.round_size import ROUND_MAX
from sendrail.ownership import WholeOwnership
from sendrail.settings import Settings, load
from sendrail.storage.interface import Tx

METHOD = """
{options.contacts:,} contacts with three messages each in rounds of up to {most}; a tenth of that in
rounds of one, by turns, {options.runs} runs. *Idle*: {options.idle:,} further enrolments of the
same list wait for a later time. The bulk of single messages goes 100 at a time through the same
intake, without journeys.
"""
FIRST = 15550200000
FAR = 1 << 50
DOCUMENT = {
    "name": "bench",
    "trigger": {"on": ["api"]},
    "steps": [{"id": f"s{n}", "kind": "send", "body": f"Hello {n}"} for n in range(3)],
}
MESSAGES = len(DOCUMENT["steps"])


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__ or "", runs=3)
    options.add_argument("--contacts", type=int, default=4_000)
    options.add_argument("--idle", type=int, default=100_000)
    return options


def measure(options: argparse.Namespace) -> Section:
    return asyncio.run(_measure(options))


async def _measure(options: argparse.Namespace) -> Section:
    section = Section("Journeys", METHOD.format(options=options, most=ROUND_MAX))
    many, one, idle, cpu, bulk = [], [], [], [], []
    for run in range(options.runs):
        rate, spent = await turns(options.contacts, ROUND_MAX)
        many.append(rate)
        cpu.append(spent)
        one.append((await turns(options.contacts // 10, 1))[0])
        idle.append((await turns(options.contacts, ROUND_MAX, options.idle))[0])
        bulk.append(await in_bulk(options.contacts * MESSAGES))
        kit.say(f"run {run + 1}: {rate:,.0f} turns/s, one by one {one[-1]:,.0f}")
    section.figures += [
        Figure(f"rounds of up to {ROUND_MAX}", "turns/s", many),
        Figure("rounds of one", "turns/s", one),
        Figure("**ratio of the two**", "", [a / b for a, b in zip(many, one, strict=True)],
               at_least=5),
        Figure(f"**with {options.idle:,} idle / without**", "",
               [a / b for a, b in zip(idle, many, strict=True)], at_least=0.9),
        Figure("CPU of a turn with its message", "µs", cpu),
        Figure("CPU of a message accepted in bulk", "µs", bulk),
        Figure("**ratio of the two**", "", [a / b for a, b in zip(cpu, bulk, strict=True)],
               at_most=8),
    ]  # fmt: skip
    return section


async def turns(
    contacts: int, most: int, idle: int = 0, database_url: str = ""
) -> tuple[float, float]:
    """Return turns a second, and the CPU of one in microseconds."""
    with tempfile.TemporaryDirectory(dir=kit.scratch()) as folder:
        async with open_runtime(_settings(folder, database_url), serving=True) as runtime:
            account, sender = await runtime.store.read(_first)
            await _prepare(runtime, account, sender, contacts, idle)
            engine = JourneyEngine(
                runtime.store,
                runtime.intake,
                runtime.metrics,
                clock=runtime.clock,
                ownership=WholeOwnership(),
                limits=runtime.limits,
                round_max=most,
            )
            calm_collector()
            began, before = time.perf_counter(), time.process_time()
            moved = await engine.step()
            seconds, spent = time.perf_counter() - began, time.process_time() - before
            assert moved == contacts * MESSAGES, "each message is a turn"
            return moved / seconds, spent / moved * 1e6


async def in_bulk(messages: int) -> float:
    """Return the CPU of a message in microseconds that is accepted among a hundred."""
    with tempfile.TemporaryDirectory(dir=kit.scratch()) as folder:
        async with open_runtime(_settings(folder), serving=True) as runtime:
            account, sender = await runtime.store.read(_first)
            orders = [
                Order(PhoneNumber(FIRST + n), sender.number, "Hello") for n in range(messages)
            ]
            before = time.process_time()
            for start in range(0, messages, 100):
                await runtime.intake.accept(account, orders[start : start + 100])
            return (time.process_time() - before) / messages * 1e6


def _settings(folder: str, database_url: str = "") -> Settings:
    return load(environment={}, data_dir=Path(folder) / "data", database_url=database_url)


def _first(tx: Tx) -> tuple[AccountId, SendingList]:
    [account] = tx.accounts.all()
    return account.id, tx.lists.all(account.id)[0]


async def _prepare(
    runtime: Runtime, account: AccountId, sender: SendingList, contacts: int, idle: int
) -> None:
    store = runtime.store
    journey = await store.write(lambda tx: add_journey(tx, account, sender, DOCUMENT))
    numbers = [PhoneNumber(FIRST + n) for n in range(contacts + idle)]
    await put_all_on(runtime, account, journey, dict.fromkeys(numbers[:contacts], 1))
    for some in batched(numbers[contacts:], 20_000):
        await store.write(
            lambda tx, some=some: tx.passages.put_on(account, journey, some, FAR, restarts=False)
        )


def add_journey(
    tx: Tx, account: AccountId, sender: SendingList, document: dict[str, object]
) -> Journey:
    """Add a journey to a list, its document active."""
    text = canonical(document)
    journey_id = tx.journeys.add(ListId(sender.id), str(document["name"]), 1)
    version = JourneyVersion(
        journey_id=journey_id,
        version=1,
        document=text,
        digest=digest(text),
        created_at=1,
        created_by="bench",
    )
    tx.journey_versions.add(account, version)
    journey = tx.journeys.by_id(account, journey_id)
    assert journey is not None
    tx.journey_versions.change(account, journey, active_version=1)
    journey = tx.journeys.by_id(account, journey_id)
    assert journey is not None
    return journey


async def put_all_on(
    runtime: Runtime, account: AccountId, journey: Journey, due: dict[PhoneNumber, int]
) -> None:
    """Put new contacts of the journey's list on it, the first step of each due at its time."""

    def put_on(tx: Tx, some: Sequence[PhoneNumber]) -> None:
        now = time.time_ns() // 1_000_000
        for number in some:
            tx.contacts.join(journey.list_id, number, evidence="", rule=None, now=1)
        entered = tx.passages.put_on(account, journey, some, now, restarts=False)
        tx.enrolments.write([each._replace(due_at=due[each.recipient]) for each in entered])

    # A transaction each: on a database over there, each contact that joins is a round trip.
    for some in batched(due, 50):
        await runtime.store.write(lambda tx, some=some: put_on(tx, some))


def batched(values: Iterable[PhoneNumber], size: int) -> Iterator[Sequence[PhoneNumber]]:
    """Yield the values in parts (`itertools.batched` of Python 3.12)."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


if __name__ == "__main__":
    kit.main(parser(), measure)
