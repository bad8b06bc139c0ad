"""A process that moves contacts on a journey until it is killed: `python travelling.py FOLDER …`.

`prepare` makes the journey and puts contacts on it; `move` is killed and started again; `report`
prints what there is. With `--rounds`, `move` waits to be killed after so many. With `--apart`, it
writes positions in a transaction of their own: the control, which must fail.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import structlog
from sqlalchemy import select

from sendrail.app import open_runtime
from sendrail.domain.contact import JourneyVersion
from sendrail.domain.errors import SendrailError
from sendrail.domain.journeys.reading import canonical, digest, read_document
from sendrail.intake.verdicts import Accepted
from sendrail.journeys.engine import JourneyEngine
from sendrail.ownership import WholeOwnership
from sendrail.settings import load
from sendrail.storage.message_tables import messages

sys.path.append(str(Path(__file__).parents[1] / "support"))
from stores import patient_stores

FIRST = 15550200000
# Small rounds: a kill finds more places to strike.
ROUND_MAX = 25
# Each contact gets three messages, whichever way it goes.
DOCUMENT = {
    "name": "killed",
    "trigger": {"on": ["api"]},
    "steps": [
        {"id": "one", "kind": "send", "body": "One"},
        {"id": "mark", "kind": "set_field", "field": "seen", "value": True},
        {"id": "half", "kind": "split", "branches": [
            {"percent": 50, "next": "left"}, {"percent": 50, "next": "right"}]},
        {"id": "left", "kind": "send", "body": "Left", "next": "last"},
        {"id": "right", "kind": "send", "body": "Right", "next": "last"},
        {"id": "last", "kind": "send", "body": "Last"},
        {"id": "end", "kind": "exit"},
    ],
}  # fmt: skip


class WaitingEngine(JourneyEngine):
    """Waits to be killed after so many rounds, if a number is given."""

    rounds_left = None

    async def _submitted(self, submission):
        if self.rounds_left == 0:
            await asyncio.Event().wait()
        if self.rounds_left is not None:
            self.rounds_left -= 1
        return await super()._submitted(submission)


class ApartEngine(JourneyEngine):
    """Writes messages first and positions afterwards, as no engine should."""

    # In which round the process dies between the two, 0 for in none.
    dies_in = 0
    rounds = 0

    async def _submitted(self, submission):
        lane, limit = submission._lane, submission.limit

        def turns(tx):
            return submission._lane_turns(tx, self._now())

        def ask(tx):
            found = turns(tx)
            return found.take(lane, limit), found.account_id

        orders, account_id = await self._store.write(ask)
        verdicts = await self._intake.accept(account_id, orders) if orders else ()
        self.rounds += 1
        if self.rounds == self.dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        codes = ["queued" if isinstance(each, Accepted) else each.code for each in verdicts]

        def finish(tx):
            found = turns(tx)
            asked = found.take(lane, limit)
            found.finish(codes[: len(asked)], [None] * len(asked))
            submission.claimed = found.claimed
            return found.moved

        return await self._store.write(finish)


async def prepare(runtime, contacts):
    account, lists = await runtime.store.read(_first)
    [sender, *_] = lists
    reading = read_document(DOCUMENT)
    assert not reading.faults, reading.faults
    text = canonical(DOCUMENT)

    def make(tx):
        now = runtime.clock.now()
        journey_id = tx.journeys.add(sender.id, "killed", now)
        version = JourneyVersion(
            journey_id=journey_id, version=1, document=text, digest=digest(text),
            created_at=now, created_by="test",
        )  # fmt: skip
        tx.journey_versions.add(account, version)
        journey = tx.journeys.by_id(account, journey_id)
        tx.journey_versions.change(account, journey, active_version=1)
        journey = tx.journeys.by_id(account, journey_id)
        for number in range(FIRST, FIRST + contacts):
            tx.contacts.join(sender.id, number, evidence="", rule=None, now=now)
        tx.passages.put_on(account, journey, range(FIRST, FIRST + contacts), now, restarts=False)

    await runtime.store.write(make)


def _first(tx):
    [account] = tx.accounts.all()
    return account.id, tx.lists.all(account.id)


async def move(runtime, *, apart, dies_in, rounds):
    engine = (ApartEngine if apart else WaitingEngine)(
        runtime.store,
        runtime.intake,
        runtime.metrics,
        clock=runtime.clock,
        ownership=WholeOwnership(),
        limits=runtime.limits,
        round_max=ROUND_MAX,
    )
    engine.dies_in, engine.rounds_left = dies_in, rounds
    await runtime.store.write(runtime.intake.fill_window)
    print("ready", flush=True)
    while True:
        try:
            while await engine.step():
                pass
            break
        except SendrailError:
            await asyncio.sleep(0.1)
    print("done", flush=True)


async def report(runtime):
    account, lists = await runtime.store.read(_first)

    def read(tx):
        [journey] = tx.journeys.all(account)
        counts = tx.journeys.counts(journey, 1)
        return journey, {f"{step}:{what}": number for (step, what), number in counts.items()}

    journey, counts = await runtime.store.read(read)
    held = await runtime.store.write(
        lambda tx: tx.enrolments.hold((journey.list_id, n) for n in range(FIRST, FIRST + 5_000))
    )
    sent = await runtime.store.read(_sent)
    fields = await runtime.store.read(
        lambda tx: tx.journey_facts.contacts(
            account, [(lists[0].id, each.recipient) for each in held]
        )
    )
    told = {
        "ends": [each.end_reason for each in held],
        "counts": counts,
        "sent": sent,
        "marked": sum(each.custom_fields.get("seen") is True for each in fields.values()),
    }
    print(json.dumps(told))


def _sent(tx):
    rows = tx.core.execute(select(messages.c.recipient, messages.c.body))
    return [[recipient, body] for recipient, body in rows]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("what", choices=["prepare", "move", "report"])
    parser.add_argument("--url")
    parser.add_argument("--contacts", type=int, default=200)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--dies-in", type=int, default=0)
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    about = {"data_dir": given.folder, "duplicate_window_seconds": 0} | (
        {"database_url": given.url} if given.url else {}
    )
    # The duplicate window would hide a message that is sent twice.
    settings = load(environment={}, **about)
    # Of a database on a busy machine an order may be refused, and a process may not start.
    with patient_stores():
        await _do(settings, given)


async def _do(settings, given):
    async with open_runtime(settings, serving=given.what != "report") as runtime:
        if given.what == "prepare":
            await prepare(runtime, given.contacts)
        elif given.what == "move":
            await move(runtime, apart=given.apart, dies_in=given.dies_in, rounds=given.rounds)
        else:
            await report(runtime)


if __name__ == "__main__":
    # Standard output is for the lines that a test waits for.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main())
