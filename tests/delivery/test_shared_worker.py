"""Delivery from a shared database: what is claimed leaves at most once, whatever is lost between.

The laws under chance are in `tests/simulation/test_owners.py`; here are their single cases.
"""

import asyncio
from contextlib import suppress

import postgres
import pytest
from owned_time import OwnedTime
from owners import ID_KEY, Carrier, SteppedOwner
from stores import _EMPTY, NOW, PatientStore, postgres_database

from sendrail.domain.delivery import Submitted, Unavailable
from sendrail.domain.errors import Contended, StorageUnavailable
from sendrail.domain.ids import MessageIds
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.pipeline.queue import Queue

ANN = 15550100001
# Longer than any test takes on the slowest machine: the database ends what idles for so long.
LIFE_SECONDS = 60.0
_LOOKS_MAX = 600


def nobody_hears(*_):
    """Take what came of a piece of work."""


class House:
    """A database with a list, and owners that deliver from it, all in one time of ours."""

    def __init__(self, url):
        self.url, self.owners, self.carrier = url, [], Carrier(0)
        self.time = OwnedTime(url, NOW)
        self.runner, self.store = asyncio.Runner(), PatientStore(url)
        account = self.write(lambda tx: tx.accounts.add("us", 0))
        self.connector = self.write(lambda tx: tx.connectors.add(None, "l", "x", b"", 100, None))
        self.serial = 0

        def add(tx):
            tx.lists.add(
                account, PhoneNumber(15550001000), name="N", brand="B", rate=60_000,
                connector_id=self.connector, byoc=False, on_uncertain="hold", now=0,
            )  # fmt: skip
            return tx.lists.find(account, PhoneNumber(15550001000))

        self.list = self.write(add)

    def write(self, work):
        return self.runner.run(self.store.write(work))

    def queue(self, count=1):
        def insert(tx):
            first = tx.cluster.reserve_in(self.list.lane, count)
            rows = [
                (
                    first + at * 4096, self.list.lane, self.list.account_id, self.list.id, ANN,
                    self.time.ms, 0, 1, "gsm7", "Hello", None, "",
                )
                for at in range(count)
            ]  # fmt: skip
            tx.messages.insert(rows)

        self.write(insert)

    def owner(self, seed=1):
        self.owners.append(SteppedOwner(self.time, self.carrier, seed, life_seconds=LIFE_SECONDS))
        return self.owners[-1]

    def sql(self, statement):
        return [tuple(row) for row in postgres.do(self.url, statement)]

    def statuses(self):
        return [row[0] for row in self.sql("SELECT status FROM messages ORDER BY number")]

    def are(self, *statuses):
        """Return what tells whether the messages have these statuses."""
        return lambda: self.statuses() == [*statuses]

    def is_there(self, statement):
        """Tell whether there is such a row; also while a loop runs."""
        return bool(postgres.line(self.url).do(statement))

    @property
    def left(self):
        return len(self.carrier.left)

    def close(self):
        for owner in self.owners:
            owner.close()
        self.runner.run(self.store.close())
        self.runner.close()


@pytest.fixture
def house():
    url = postgres_database()
    postgres.do(url, _EMPTY)
    house = House(url)
    yield house
    house.close()


def lose(owner, *, before):
    """Let the connection be lost with the next COMMIT: before the server has it, or after.

    Returns what tells whether that has happened.
    """
    session = owner.writer
    commit = session.commit

    def commit_once():
        del session.commit
        if not before:
            commit()
        raise ConnectionResetError

    session.commit = commit_once
    return lambda: "commit" not in vars(session)


@pytest.mark.parametrize("before", [True, False], ids=["not committed", "committed"])
def test_a_claim_whose_commit_nobody_heard_of_is_taken_back_and_leaves_once(house, before):
    owner = house.owner()
    owner.heartbeat()
    house.queue(3)
    lose(owner, before=before)
    owner.step()
    assert house.statuses() == (["queued"] * 3 if before else ["sending"] * 3)
    assert house.left == 0
    owner.step(until=house.are("sent", "sent", "sent"))
    assert house.left == 3
    assert house.sql("SELECT outcome, count(*) FROM attempts GROUP BY 1") == [("submitted", 3)]


def test_nothing_is_claimed_before_what_is_unknown_is_taken_back(house, monkeypatch):
    monkeypatch.setattr("sendrail.delivery.worker.STORAGE_RETRY_SECONDS", 0)
    owner = house.owner()
    owner.heartbeat()
    house.queue(1)
    lose(owner, before=False)
    owner.step()
    house.queue(1)
    owner.step(until=lose(owner, before=True))
    assert sorted(house.statuses()) == ["queued", "sending"]
    assert house.left == 0


def test_a_claim_that_was_committed_too_late_does_not_leave_and_goes_back(house):
    owner = house.owner()
    owner.heartbeat()
    house.queue(2)
    clock, claim = owner.worker._clock, owner.worker._claimer.claim

    def slowly(*asked):
        found = claim(*asked)
        clock.offset += LIFE_SECONDS
        return found

    owner.worker._claimer.claim = slowly
    owner.step(until=house.are("queued", "queued"))
    assert house.left == 0
    owner.worker._claimer.claim = claim
    owner.heartbeat()
    house.time.advance(1)
    owner.step(until=lambda: house.left == 2)


def test_what_may_not_leave_is_back_before_anything_is_claimed(house, monkeypatch):
    """Even where its way back is blocked at first: what is claimed next must not overtake it."""
    owner = house.owner()
    owner.heartbeat()
    house.queue(2)
    monkeypatch.setattr("sendrail.delivery.claiming._ROUND_MAX", 1)
    monkeypatch.setattr("sendrail.delivery.claiming._SHARE_MIN", 1)
    finish = Queue.finish_attempts

    def fail_once(*_):
        monkeypatch.setattr(Queue, "finish_attempts", finish)
        raise Contended("in each other's way")

    def come_late(*_):
        del owner.share.may_finish
        monkeypatch.setattr(Queue, "finish_attempts", fail_once)
        # Whatever is written next, what follows it is asked for before its end.
        owner.worker._store.submit(lambda tx: tx.driver.run("SELECT pg_sleep(0.1)"), nobody_hears)
        return False

    owner.share.may_finish = come_late

    def both_have_left():
        house.time.advance(0.1)
        return house.left == 2

    owner.step(until=both_have_left)
    numbers = [number for (number,) in house.sql("SELECT number FROM messages ORDER BY number")]
    left = [message.message_id for *_, message in house.carrier.left]
    assert left == MessageIds(ID_KEY).show_many(numbers)


def test_whoever_takes_over_settles_what_was_left_open_and_rests_for_a_second(house):
    dead, heir = house.owner(1), house.owner(2)
    dead.heartbeat()
    house.queue(1)

    async def never(*_):
        await asyncio.Event().wait()

    for route in dead.routes.all():
        route.carrier.submit = never
    dead.step(until=house.are("sending"))
    house.queue(1)
    heir.take_over()
    assert house.statuses() == ["uncertain", "queued"]
    # What its former owner paced out in its last second counts.
    house.time.advance(0.99)
    for _ in range(3):
        heir.step()
    assert house.left == 0
    house.time.advance(0.02)
    heir.step(until=house.are("uncertain", "sent"))


def test_an_answer_to_what_was_taken_over_changes_nothing_any_more(house):
    former, heir = house.owner(1), house.owner(2)
    former.heartbeat()
    house.queue(1)
    may_answer = asyncio.Event()
    for route in former.routes.all():
        submit = route.carrier.submit

        async def later(messages, report, submit=submit):
            await may_answer.wait()
            await submit(messages, report)

        route.carrier.submit = later
    former.step(until=house.are("sending"))
    heir.take_over()
    may_answer.set()
    # Its reference is kept all the same: a receipt may settle it.
    kept = "SELECT count(*) FROM carrier_refs"
    former.step(until=lambda: house.sql(kept) == [(1,)])
    assert house.left == 1
    assert house.statuses() == ["uncertain"]


def test_only_our_own_lanes_are_looked_at(house):
    one, other = house.owner(1), house.owner(2)
    for _ in range(3):
        one.heartbeat()
        other.heartbeat()
    house.queue(1)
    span = house.list.lane // 64
    ours, theirs = (one, other) if span in one.spans() else (other, one)
    theirs.step()
    assert (house.left, len(theirs.pacer)) == (0, 0)
    # A hint of a list that is not ours is for its owner.
    theirs.store.hints.queue_has([(house.list.lane, house.list.id)])
    theirs.step()
    assert (house.left, len(theirs.pacer)) == (0, 0)
    house.time.advance(1)
    ours.heartbeat()
    ours.step(until=lambda: house.left == 1)


def test_what_goes_to_another_owner_is_forgotten(house):
    one = house.owner(1)
    one.heartbeat()
    house.queue(1)
    one.step(until=house.are("sent"))
    assert len(one.pacer) == 1
    one.member.leave_soon()
    one.heartbeat()
    one.heartbeat()
    assert (one.spans(), len(one.pacer)) == ([], 0)


def test_a_settlement_whose_commit_nobody_heard_of_takes_nothing_back_later(house, monkeypatch):
    # Longer than the database is taken to be away.
    for module in ("settling", "delivery.worker"):
        monkeypatch.setattr(f"sendrail.{module}.STORAGE_RETRY_SECONDS", 1.0)
    owner = house.owner()
    owner.heartbeat()
    house.queue(1)
    [route] = owner.routes.all()
    submits = []

    async def throttle_once(messages, report):
        submits.append(messages)
        if len(submits) == 1:
            # Its settlement puts the message back, and that is the last we hear of it.
            lose(owner, before=False)
            report(messages[0], Unavailable("busy", 0))
            return
        await asyncio.sleep(1.5)
        report(messages[0], Submitted("ref"))

    route.carrier.submit = throttle_once

    async def deliver():
        running = asyncio.create_task(owner.worker.run())
        for _ in range(_LOOKS_MAX):
            await asyncio.sleep(0.1)
            house.time.advance(0.1)
            # Whoever hears of the list looks at it: another message came, say.
            owner.store.hints.queue_has([(house.list.lane, house.list.id)])
            with suppress(StorageUnavailable):
                await owner.member.heartbeat()
            if house.is_there("SELECT 1 FROM messages WHERE status = 'sent'"):
                break
        await owner.worker.stop(5.0)
        await running

    owner.do(deliver())
    assert house.statuses() == ["sent"]
    assert len(submits) == 2
