"""What it costs to plan a run, beside statements by hand, and what callers notice of it.

Planning takes the whole way: contacts read, texts rendered, the gate, messages and queue, cursor,
counts, recipients and send times. The statements by hand copy the same contacts into messages and
queue, page by page with a cursor, and do nothing else. Both are durable page by page, in the same
process and on the same disk, so the ratio says the same on a busy machine.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

import kit
from kit import Figure, Section
from sendrail.api.server import calm_collector
from sendrail.app import Runtime, open_runtime
from sendrail.campaigns.planner import PAGE_MAX, Planner
from sendrail.campaigns.run_content import RunContent, Variant, frames_of
from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import SENDS_KEPT, RunState, shown_send
from sendrail.domain.delivery import LOOK_AHEAD_MAX
from sendrail.domain.ids import RunId, ScheduleId
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.schedule import FrequencyCap
from sendrail.domain.sender import SendingList
from sendrail.domain.waves import EVERYONE, Wave
from sendrail.settings import load
from sendrail.storage.campaigns.runs import NewRun
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.interface import Tx

FIRST = 12_025_000_000
DAY_MS = 86_400_000
CALLS = 400
_PAUSE_SECONDS = 0.002
_TRIALS = 3
_ACTOR = Actor(name="bench")
_PIECE = 250
_LEAVE = """
    DELETE FROM queue WHERE (lane, list_id, rank, due_at, number) IN (
        SELECT lane, list_id, rank, due_at, number FROM queue LIMIT :piece)
"""
# A cap that asks for all the times that are kept of a contact; the last of them has passed.
_CAP = FrequencyCap(8, 1)
_SENT_BEFORE = "UPDATE campaign_sends SET sends = :sends"

METHOD = """
In one process without HTTP, on the embedded store: {options.members:,} contacts, pages of
{page:,}. Planning without a cap, with one, and by two statements by hand, {options.runs} times by
turns after a run that is not counted; each contact has its eight times before each, none of which a
cap counts. Then {calls} single messages of a caller, {pause:g} ms apart, without a run and beside
one, by turns as well.
"""
_GROUP = {"condition_type": "count", "field": "send_count", "operator": "gte", "value": 0}
_JOIN = """
    WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :count - 1)
    INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at)
    SELECT :list_id, :first + n * 7, 1, 'Ann', '', 0 FROM n
"""
# Above every number that the intake gives out here.
_BY_HAND_FROM = 10**12
_BY_HAND = (
    """
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips, segments,
        encoding, body, status, attempt, epoch, resent)
    SELECT :number + row_number() OVER (ORDER BY recipient), :lane, :account_id, list_id, recipient,
        0, 64, 1, 'gsm7', 'Sandbox: Hello ' || first_name || ' Reply stop to stop. Help for help.',
        'queued', 0, 0, 0
    FROM list_contacts WHERE list_id = :list_id AND recipient > :after AND active
    ORDER BY recipient LIMIT :page
    """,
    """
    INSERT INTO queue (lane, list_id, rank, due_at, number)
    SELECT lane, list_id, 2, 0, number FROM messages
    WHERE number > :number AND number <= :number + :page
    """,
)


class Bench:
    """An installation with one list of many, and runs over it."""

    def __init__(self, runtime: Runtime, sender: SendingList, members: int) -> None:
        self.runtime = runtime
        self.sender = sender
        self.members = members
        self.days = 0
        self.calls = 0

    async def write(self, statement: str, **values: Any) -> None:
        def work(tx: Tx) -> None:
            tx.core.execute(text(statement), values)

        await self.runtime.store.write(work)

    async def begin(self, cap: FrequencyCap | None = None) -> RunId:
        """Begin a run over everybody, with nothing in the queue."""
        await self.write("DELETE FROM queue")
        # Two days ago.
        past = shown_send(self.runtime.clock.now() - 2 * DAY_MS)
        await self.write(_SENT_BEFORE, sends=past * SENDS_KEPT)
        now, lists = self.runtime.clock.now(), (int(self.sender.id),)
        group = read_filter({"operator": "AND", "conditions": [_GROUP]})
        target = AudienceTarget(
            account_id=self.sender.account_id, lists=lists, group=group, now=now
        )
        content = RunContent(
            lists=lists,
            targets=(target,),
            variants=(Variant(1, "A", 100, "Hello {{first_name|friend}}", {}),),
            began_at=now,
            frames=await self.runtime.store.read(lambda tx: frames_of(tx, lists)),
            cap=cap,
        )
        self.days += 1
        wave = Wave(now, now + DAY_MS, ranges=(EVERYONE,))
        new = NewRun(
            self.sender.account_id, ScheduleId(1), f"day {self.days}", RunState.RUNNING, None,
            content.to_json(), now, wave.ends_at, (wave,),
        )  # fmt: skip
        run_id = await self.runtime.store.write(lambda tx: tx.runs.add(new, now))
        assert run_id is not None, "each has a date of its own"
        return run_id

    async def planned(self, cap: FrequencyCap | None = None) -> float:
        """Return how many members a second a run is planned for."""
        run_id = await self.begin(cap)
        it = self.runtime
        planner = Planner(it.store, it.intake, it.limits, it.openings, it.clock.now)
        spent = 0.0
        while True:
            start = time.perf_counter()
            while await planner.step():
                pass
            spent += time.perf_counter() - start
            if (await self.runtime.runs.show(self.sender.account_id, run_id)).share == 1:
                return self.members / spent
            # There is no room for more: what waits leaves, in pieces as in life.
            for _ in range(LOOK_AHEAD_MAX // _PIECE):
                await self.write(_LEAVE, piece=_PIECE)

    async def by_hand(self) -> float:
        """Return how many members a second two statements copy."""
        pages, number, after = self.members // PAGE_MAX, _BY_HAND_FROM, 0
        start = time.perf_counter()
        for _ in range(pages):
            after = await self.runtime.store.write(
                lambda tx, n=number, a=after: self._page(tx, n, a)
            )
            number += PAGE_MAX
        rate = pages * PAGE_MAX / (time.perf_counter() - start)
        await self.write("DELETE FROM messages WHERE number > :number", number=_BY_HAND_FROM)
        return rate

    def _page(self, tx: Tx, number: int, after: int) -> int:
        values = {
            "number": number, "after": after, "page": PAGE_MAX, "lane": self.sender.lane,
            "account_id": self.sender.account_id, "list_id": self.sender.id,
        }  # fmt: skip
        for statement in _BY_HAND:
            tx.core.execute(text(statement), values)
        last = text("SELECT recipient FROM messages WHERE number = :number")
        return int(tx.core.execute(last, {"number": number + PAGE_MAX}).scalar_one())

    async def tried(self) -> tuple[list[float], list[float], int]:
        """Return how long a dry run and a preflight take, in milliseconds, and how many it saw."""
        it, us = self.runtime, self.sender.account_id
        group = read_filter({"operator": "AND", "conditions": [_GROUP]})
        change = AudienceChange(name="Everybody", filter=group)
        audience = await it.audiences.add(us, change, _ACTOR)
        given = ScheduleInput(
            name="Sale", send_type="blast", is_repeating=False, send_time="10:00",
            send_date="2040-01-09", audiences=[audience.ref], skip_within_hours=24,
            blasts=[BlastInput(message="Hello {{first_name|friend}}, it is half past a sale")],
        )  # fmt: skip
        ref = (await it.schedules.add(us, given, _ACTOR)).schedule.ref
        dry, checked, seen = [], [], 0
        for _ in range(_TRIALS):
            start = time.perf_counter()
            seen = (await it.dry_runs.run(us, ref)).examined
            between = time.perf_counter()
            await it.schedules.preflight(us, ref)
            dry.append((between - start) * 1e3)
            checked.append((time.perf_counter() - between) * 1e3)
        return dry, checked, seen

    async def accepted(self) -> float:
        """Return the p99 of how long single messages of a caller take, in milliseconds."""
        waits = []
        for _ in range(CALLS):
            self.calls += 1
            order = Order(FIRST - self.calls, self.sender.number, "Hello", int(Skip.DUPLICATE))
            start = time.perf_counter()
            await self.runtime.intake.accept(self.sender.account_id, [order])
            waits.append((time.perf_counter() - start) * 1e3)
            await asyncio.sleep(_PAUSE_SECONDS)
        return sorted(waits)[CALLS * 99 // 100]

    async def accepted_beside(self) -> tuple[float, float]:
        """Return the same beside a run, and how many members a second that is planned for."""
        run_id = await self.begin(_CAP)
        # What comes next is asked of callers alone.
        planning = asyncio.create_task(self._plan_always())
        await asyncio.sleep(_PAUSE_SECONDS)
        start = time.perf_counter()
        waited = await self.accepted()
        spent = time.perf_counter() - start
        planning.cancel()
        await asyncio.wait([planning])
        run = (await self.runtime.runs.show(self.sender.account_id, run_id)).run
        await self.write("UPDATE runs SET state = 'stopped' WHERE id = :id", id=run_id)
        return waited, run.planned / spent

    async def _plan_always(self) -> None:
        """Plan, and let leave what waits where there is room for no more."""
        it, line = self.runtime, self.runtime.store.beside()
        planner = Planner(it.store, it.intake, it.limits, it.openings, it.clock.now)
        while True:
            if not await planner.step():
                await line.write(lambda tx: tx.core.execute(text(_LEAVE), {"piece": _PIECE}))


def memory_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3)
    shown = "contacts of the list (100000)"
    options.add_argument("--members", type=int, default=100_000, help=shown)
    return options


def measure(options: argparse.Namespace) -> Section:
    method = METHOD.format(
        options=options, page=PAGE_MAX, calls=CALLS, pause=_PAUSE_SECONDS * 1e3
    )  # fmt: skip
    section = Section("Planner", method)
    with tempfile.TemporaryDirectory(dir=kit.scratch(), prefix="planner-") as folder:
        asyncio.run(_measure(options, Path(folder), section))
    return section


async def _measure(options: argparse.Namespace, folder: Path, section: Section) -> None:
    async with open_runtime(load(data_dir=folder)) as runtime:
        sender = (await runtime.lists.all(runtime.default_account))[0]
        bench = Bench(runtime, sender, options.members)
        await bench.write("UPDATE lists SET rate = 1000000")
        await bench.write(_JOIN, count=options.members, list_id=sender.id, first=FIRST)
        # As a server does: what lives by now is not walked again and again.
        calm_collector()
        before = memory_mb()
        kit.say(f"first run: {await bench.planned():,.0f} members/s")
        memory = [memory_mb() - before]
        section.figures += await _planning(bench, options.runs)
        section.figures.append(Figure("**memory of a run**", "MB", memory, at_most=40))
        section.figures += await _trying(bench)
        section.figures += await _accepting(bench, options.runs)


async def _planning(bench: Bench, runs: int) -> list[Figure]:
    """Return what planning costs with and without a cap, and by hand, by turns."""
    turns = []
    for number in range(runs):
        rates = await bench.planned(), await bench.planned(_CAP), await bench.by_hand()
        turns.append(rates)
        without, with_cap, by_hand = rates
        kit.say(f"{number + 1}/{runs}: cap {without / with_cap:.2f}, {without / by_hand:.2f}")
    without, with_cap, by_hand = (list(each) for each in zip(*turns, strict=True))
    return [
        Figure("**planned / by hand**", "", over(without, by_hand), at_least=0.25),
        Figure("**time with a cap / without**", "", over(without, with_cap), at_most=1.35),
        Figure("planned", "members/s", without),
        Figure("planned with a cap", "members/s", with_cap),
        Figure("by hand", "members/s", by_hand),
    ]


async def _trying(bench: Bench) -> list[Figure]:
    """Return how long a dry run and a preflight take."""
    dry, checked, seen = await bench.tried()
    return [
        Figure(f"dry run, by {seen:,} contacts", "ms", dry),
        Figure("**preflight**", "ms", checked, at_most=250),
    ]


async def _accepting(bench: Bench, runs: int) -> list[Figure]:
    """Return how long callers wait without a run and beside one, by turns."""
    alone, beside, planned = [], [], []
    for number in range(runs):
        alone.append(await bench.accepted())
        waited, rate = await bench.accepted_beside()
        beside.append(waited)
        planned.append(rate)
        kit.say(f"{number + 1}/{runs}: accept p99 {alone[-1]:.2f}, {waited:.2f} ms beside a run")
    return [
        Figure("**accept p99, beside a run / without**", "", over(beside, alone), at_most=1.5),
        Figure("accept p99", "ms", alone),
        Figure("accept p99 beside a run", "ms", beside),
        Figure("planned beside callers", "members/s", planned),
    ]


def over(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the ratios of neighbours in time."""
    return [one / other for one, other in zip(some, others, strict=True)]


if __name__ == "__main__":
    kit.main(parser(), measure)
