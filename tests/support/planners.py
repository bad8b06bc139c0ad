"""Planners in processes of their own, to be killed in the midst or to race each other.

`PYTHONPATH=src:tests/support python tests/support/planners.py --kills 200 sqlite postgres` is the
long form of `tests/campaigns/test_killing.py`.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import planned
from stores import BACKENDS, House, SqliteBackend

from sendrail.storage.postgres.store import PostgresStore
from sendrail.storage.sqlite.store import SqliteStore

PAGE = 25
MEMBERS = 3_000
# A process that plans the whole crowd takes about so long.
WHILE_SECONDS = 0.3


def place_of(house):
    backend = house.backend
    return str(backend._path) if isinstance(backend, SqliteBackend) else backend.url


def start(house, now, how="careful"):
    """Start a planner in a process; return it once it has begun."""
    paths = [str(Path(__file__).parent), *sys.path]
    process = subprocess.Popen(
        [sys.executable, __file__, "--plan", place_of(house), "--now", str(now), "--how", how],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"begun\n"
    return process


def kill_until_done(desk, run_id, kills, dice, how="careful"):
    """Kill one planner after the other in the midst; return how often that was before the end."""
    midst = 0
    for _ in range(kills):
        process = start(desk.house, desk.now, how)
        time.sleep(dice.uniform(0, WHILE_SECONDS))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        midst += any(not each.done for each in progress(desk, run_id))
    return midst


def progress(desk, run_id):
    return desk.house.read(lambda tx: tx.runs.progress(desk.house.us, run_id))


def finish(desk):
    """Plan what is left, as a process that nobody kills."""
    desk.plan(page_max=PAGE)


def race(desk, planners=3):
    """Let several planners plan at once until nothing is left."""
    processes = [start(desk.house, desk.now) for _ in range(planners)]
    for process in processes:
        assert process.wait() == 0
        process.stdout.close()


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


async def plan(place, now, how):
    """Plan all that is due."""
    store = PostgresStore(place) if "://" in place else SqliteStore(Path(place))
    intake = planned.intake_of(store, lambda: now)
    planner = planned.Planner(
        store, intake, planned.LIMITS, planned.open_always(), lambda: now, page_max=PAGE
    )
    print("begun", flush=True)
    while waves := await store.read(lambda tx: tx.runs.waves_due(now, 1)):
        if how == "careful":
            await planner.step()
        else:
            await fetch_first(planner, store, intake, waves[0])


async def fetch_first(planner, store, intake, wave):
    """Move the cursor when a page is fetched, as if nothing were ever killed."""
    run_plan = await planner._plan_of(wave)
    found = await store.read(lambda tx: planner._read(tx, wave, run_plan, PAGE, asks_room=False))
    place = (wave.account_id, wave.run_id, wave.wave, wave.cursor, found.cursor)
    await store.write(lambda tx: tx.run_pages.move_cursor(*place, done=found.done))
    page = run_plan.planner.plan(found.members, found.lists, {}, before=0, now=wave.due_at)
    await intake.accept(wave.account_id, [each.order for each in page.orders])


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
            midst += kill_until_done(desk, run_id, some, dice)
            done += some
            finish(desk)
            faults |= faults_of(desk, run_id, members)
            print(f"{name}: {done} kills, {midst} in the midst of a run, faults: {faults}")
        house.close()
    return faults


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--plan")
    asked.add_argument("--now", type=int)
    asked.add_argument("--how", default="careful")
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("databases", nargs="*", default=["sqlite"])
    given = asked.parse_args()
    if given.plan:
        asyncio.run(plan(given.plan, given.now, given.how))
        # Its threads and connections end with it.
        os._exit(0)
    faults = [kill_on(name, given.kills, given.seed) for name in given.databases]
    sys.exit(any(faults))


if __name__ == "__main__":
    main()
