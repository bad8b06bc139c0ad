"""Planners in processes of their own, to be killed in the midst or to race each other.

`PYTHONPATH=src:tests/support python tests/support/planners.py --kills 200 sqlite postgres` is the
long form of `tests/campaigns/test_killing.py`.
"""

import argparse
import asyncio
import bisect
import math
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

import planned
from stores import BACKENDS, House, PatientStore, SqliteBackend

from sendrail.storage.sqlite.store import SqliteStore

PAGE = 25
MEMBERS = 3_000
# About as long as a page takes: a kill hits any moment of one.
PAGE_SECONDS = 0.01
# Farther than it comes meanwhile: there it waits to be killed, however late the kill is.
BEYOND = 5 * PAGE
HANG_SECONDS = 60
# Each planner is forked from one process that has loaded the program, which takes seconds.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["sendrail.campaigns.planner", "sendrail.storage.postgres.store", "asyncpg", "pytest"]
)


def place_of(house):
    backend = house.backend
    return str(backend._path) if isinstance(backend, SqliteBackend) else backend.url


def start(house, now, how="careful", upto=None):
    """Start a planner in a process, of all members or up to one; return it once it has begun."""
    begun, begins = _FORKS.Pipe(duplex=False)
    given = (place_of(house), now, how, upto, begins)
    process = _FORKS.Process(target=plan, args=given, daemon=True)
    process.start()
    begins.close()
    assert begun.recv() == "begun"
    return process


def kill_until_done(desk, members, kills, dice, how="careful"):
    """Kill one planner after the other in the midst; return how often that was before the end."""
    midst = 0
    for _ in range(kills):
        at = walked(desk, members)
        aim = min(at + 1 + dice.randrange(1 + (len(members) - at) // 2), len(members))
        # The careless one waits where a kill is sure to show its fault.
        last = aim if how == "fetch first" else min(aim + BEYOND, len(members))
        process = start(desk.house, desk.now, how, members[last - 1])
        until = time.monotonic() + HANG_SECONDS
        while walked(desk, members) < aim:
            assert time.monotonic() < until, "the planner plans nothing"
        time.sleep(dice.uniform(0, PAGE_SECONDS))
        process.kill()
        process.join()
        midst += walked(desk, members) < len(members)
    return midst


def walked(desk, members):
    """Return how many members lie behind the cursor of the one run there is."""
    waves, _ = desk.house.read(lambda tx: tx.runs.waves_due(desk.now, 1))
    return bisect.bisect_right(members, waves[0].cursor) if waves else len(members)


def finish(desk):
    """Plan what is left, as a process that nobody kills."""
    desk.plan(page_max=PAGE)


def race(desk, planners=3):
    """Let several planners plan at once until nothing is left."""
    processes = [start(desk.house, desk.now) for _ in range(planners)]
    for process in processes:
        process.join()
        assert process.exitcode == 0


def faults_of(desk, run_id, members):
    """Return what is wrong with a run that is planned to its end: nothing, if all is well."""
    recipients = desk.recipients(run_id)
    kept = desk.sql("SELECT recipient FROM run_recipients WHERE run_id = :id", id=run_id)
    sends = desk.sql("SELECT recipient FROM campaign_sends")
    found = {
        "doubled": len(recipients) - len(set(recipients)),
        "missing": len(set(members) - set(recipients)),
        "strangers": len(set(recipients) - set(members)),
        "not counted": len(recipients) - desk.run(run_id).planned,
        "not queued": len(recipients) - desk.waiting(),
        "not kept": len(set(recipients) ^ {row[0] for row in kept}),
        "not noted": len(set(recipients) ^ {row[0] for row in sends}),
    }
    return {name: count for name, count in found.items() if count}


def plan(place, now, how, upto, begins):
    """Plan all that is due in a process of one's own; `upto` a member, then wait to be killed."""
    asyncio.run(_plan(place, now, how, upto or math.inf, begins))


async def _plan(place, now, how, upto, begins):
    store = PatientStore(place) if "://" in place else SqliteStore(Path(place))
    intake = planned.intake_of(store, lambda: now)
    planner = planned.Planner(
        store, intake, planned.LIMITS, planned.open_always(), lambda: now, page_max=PAGE
    )
    begins.send("begun")
    while waves := (await store.read(lambda tx: tx.runs.waves_due(now, 1)))[0]:
        if waves[0].cursor >= upto:
            await asyncio.Event().wait()
        if how == "careful":
            await planner.step()
        else:
            await fetch_first(planner, store, intake, waves[0], upto)
    await store.close()


async def fetch_first(planner, store, intake, wave, upto):
    """Move the cursor when a page is fetched, as if nothing were ever killed."""
    run_plan = await planner._plan_of(wave)
    found = await store.read(lambda tx: planner._read(tx, wave, run_plan, PAGE, None))
    place = (wave.account_id, wave.run_id, wave.wave, wave.cursor, found.cursor)
    await store.write(lambda tx: tx.run_pages.move_cursor(*place, done=found.done))
    if found.cursor >= upto:
        await asyncio.Event().wait()
    page = run_plan.planner.plan(found.members, found.lists, before=0)
    await intake.accept(wave.account_id, page.orders)


def kill_on(name, kills, seed):
    """Kill planners of run after run on one kind of database; return the faults found."""
    dice, done, midst, faults = random.Random(seed), 0, 0, {}
    with tempfile.TemporaryDirectory() as folder:
        house = House(BACKENDS[name](Path(folder)))
        desk = planned.Desk(house)
        members = planned.crowd(MEMBERS)
        desk.join(members)
        while done < kills:
            desk.sql_write("DELETE FROM campaign_sends")
            desk.sql_write("DELETE FROM queue")
            run_id = desk.begin()
            some = min(kills - done, 12)
            midst += kill_until_done(desk, members, some, dice)
            done += some
            finish(desk)
            faults |= faults_of(desk, run_id, members)
            print(f"{name}: {done} kills, {midst} in the midst of a run, faults: {faults}")
        house.close()
    return faults


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("databases", nargs="*", default=["sqlite"])
    given = asked.parse_args()
    faults = [kill_on(name, given.kills, given.seed) for name in given.databases]
    sys.exit(any(faults))


if __name__ == "__main__":
    main()
