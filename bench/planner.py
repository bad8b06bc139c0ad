"""What it costs to plan a run, beside statements by hand, and what callers notice of it.

    .venv/bin/python bench/planner.py [members]

Planning takes the whole way: contacts read, texts rendered, the gate, messages and queue, cursor,
counts, recipients and send times. The statements by hand copy the same contacts into messages and
queue, page by page with a cursor, and do nothing else. Both are durable page by page, in the same
process and on the same disk, so the ratio says the same on a busy machine.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from sendrail.api.server import calm_collector
from sendrail.app import Runtime, open_runtime
from sendrail.campaigns.planner import PAGE_MAX, Planner
from sendrail.campaigns.run_content import RunContent, Variant, frames_of
from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
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

MEMBERS = 100_000
FIRST = 12_025_000_000
DAY_MS = 86_400_000
# The least share of the speed by hand, and the most times as long as without a run beside.
RATIO_AIM, BESIDE_AIM, MEMORY_AIM_MB = 0.25, 1.5, 40.0
PREFLIGHT_AIM_MS = 250.0
CALLS = 400
_TRIALS = 3
_ACTOR = Actor(name="bench")
_PIECE = 250
_LEAVE = """
    DELETE FROM queue WHERE number IN (SELECT number FROM queue LIMIT :piece)
"""
_GROUP = {"condition_type": "count", "field": "send_count", "operator": "gte", "value": 0}
_JOIN = """
    WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :count - 1)
    INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at)
    SELECT :list_id, :first + n * 7, 1, 'Ann', '', 0 FROM n
"""
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

    async def write(self, statement: str, **values: Any) -> None:
        def work(tx: Tx) -> None:
            tx.core.execute(text(statement), values)

        await self.runtime.store.write(work)

    async def begin(self, cap: FrequencyCap | None = None) -> RunId:
        """Begin a run over everybody, with nothing in the queue."""
        await self.write("DELETE FROM queue")
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
        pages, number, after = self.members // PAGE_MAX, 10**12, 0
        start = time.perf_counter()
        for _ in range(pages):
            after = await self.runtime.store.write(
                lambda tx, n=number, a=after: self._page(tx, n, a)
            )
            number += PAGE_MAX
        return pages * PAGE_MAX / (time.perf_counter() - start)

    def _page(self, tx: Tx, number: int, after: int) -> int:
        values = {
            "number": number, "after": after, "page": PAGE_MAX, "lane": self.sender.lane,
            "account_id": self.sender.account_id, "list_id": self.sender.id,
        }  # fmt: skip
        for statement in _BY_HAND:
            tx.core.execute(text(statement), values)
        last = text("SELECT recipient FROM messages WHERE number = :number")
        return int(tx.core.execute(last, {"number": number + PAGE_MAX}).scalar_one())

    async def tried(self) -> tuple[float, float, int]:
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
        times, seen = [], 0
        for _ in range(_TRIALS):
            start = time.perf_counter()
            seen = (await it.dry_runs.run(us, ref)).examined
            between = time.perf_counter()
            await it.schedules.preflight(us, ref)
            times.append((between - start, time.perf_counter() - between))
        dry, checked = (min(each) * 1e3 for each in zip(*times, strict=True))
        return dry, checked, seen

    async def accepted(self) -> list[float]:
        """Return how long each of some single messages of a caller takes, in milliseconds."""
        waits = []
        for n in range(CALLS):
            order = Order(FIRST - n, self.sender.number, "Hello", int(Skip.DUPLICATE))
            start = time.perf_counter()
            await self.runtime.intake.accept(self.sender.account_id, [order])
            waits.append((time.perf_counter() - start) * 1e3)
            await asyncio.sleep(0.002)
        return sorted(waits)


def memory_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(members: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_runtime(load(data_dir=Path(folder))) as runtime:
            us = runtime.default_account
            sender = (await runtime.lists.all(us))[0]
            bench = Bench(runtime, sender, members)
            await bench.write("UPDATE lists SET rate = 1000000")
            await bench.write(_JOIN, count=members, list_id=sender.id, first=FIRST)
            # As a server does: what lives by now is not walked again and again.
            calm_collector()
            before = memory_mb()
            planned = [await bench.planned()]
            memory = memory_mb() - before
            by_hand = [await bench.by_hand()]
            await bench.write("DELETE FROM messages WHERE number > 999999999999")
            planned.append(await bench.planned())
            capped = await bench.planned(FrequencyCap(8, 1))
            dry, checked, seen = await bench.tried()
            alone = await bench.accepted()
            run = asyncio.create_task(bench.planned())
            with_run = await bench.accepted()
            await run
    print(f"planned       {max(planned):10,.0f} members/s")
    print(f"with a cap    {capped:10,.0f} members/s")
    print(f"by hand       {max(by_hand):10,.0f} members/s")
    ratio = max(planned) / max(by_hand)
    print(f"ratio         {ratio:10.2f}    aim: at least {RATIO_AIM}")
    print(f"cap           {max(planned) / capped:10.2f} x  aim: at most 1.35")
    print(f"memory        {memory:10.1f} MB for {members:,}; aim: at most {MEMORY_AIM_MB}")
    print(f"dry run       {dry:10.0f} ms for {members:,}, by {seen:,} of them")
    print(f"preflight     {checked:10.0f} ms; aim: at most {PREFLIGHT_AIM_MS:.0f}")
    p99 = [waits[len(waits) * 99 // 100] for waits in (alone, with_run)]
    print(f"accept p99    {p99[1] / p99[0]:10.2f} x  aim: at most {BESIDE_AIM}")
    print(f"              {p99[0]:.2f} ms alone, {p99[1]:.2f} ms beside a run")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS))
