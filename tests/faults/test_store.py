"""Faults inside one commit: who is told what, and what is remembered of it."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager

import pytest

from sendrail.app import open_runtime
from sendrail.domain.errors import StorageFull, StorageUnavailable, Unstorable
from sendrail.domain.message import Status
from sendrail.intake.orders import read_order
from sendrail.intake.verdicts import Accepted, Refused
from sendrail.sandbox import sandbox_number
from sendrail.settings import load
from sendrail.workers import delivering

# Some retries take half a minute; only a hang takes so long.
HANG_SECONDS = 300


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@asynccontextmanager
async def opened(data, **given):
    async with open_runtime(load(environment={}, data_dir=data, **given), serving=True) as runtime:
        yield runtime


@contextmanager
def full(runtime):
    """The database may grow no more, as on a full disk."""
    raw = runtime.store._raw
    [pages] = raw.execute("PRAGMA page_count").fetchone()
    raw.execute(f"PRAGMA max_page_count = {pages}")
    yield
    raw.execute(f"PRAGMA max_page_count = {1 << 30}")


@contextmanager
def locked(runtime):
    """Another process writes, and goes on for longer than we wait."""
    raw = runtime.store._raw
    [before] = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute("PRAGMA busy_timeout = 0")
    path = runtime.settings.data_dir / "sendrail.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    raw.execute(f"PRAGMA busy_timeout = {before}")


@contextmanager
def broken(runtime):
    """The disk fails at the end of every transaction, when all its work is done."""
    store = runtime.store
    run = store._run

    def failing(group):
        store._raw.execute("BEGIN IMMEDIATE")
        for work, _ in group:
            store._run_one(work)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    store._run = failing
    yield
    store._run = run


FAULTS = [(full, StorageFull), (locked, StorageUnavailable), (broken, StorageUnavailable)]


def order(runtime, number, text="hi"):
    return read_order(f"+1444{number:07}", sandbox_number(), text, runtime.limits)


def accept(runtime, *orders):
    return runtime.intake.accept(runtime.default_account, orders)


def add_account(name):
    return lambda tx: tx.accounts.add(name, 0)


def test_one_works_trouble_leaves_its_neighbours_alone(data):
    def breaks(tx):
        tx.accounts.add("half", 0)
        raise KeyError("half")

    def collides(tx):
        tx.accounts.add("other half", 0)
        tx._raw.execute("INSERT INTO counters VALUES ('twice', 1), ('twice', 2)")

    async def scene():
        async with opened(data) as runtime:
            store = runtime.store
            outcomes = await asyncio.gather(
                store.write(add_account("before")),
                store.write(breaks),
                store.write(add_account("between")),
                store.write(collides),
                store.write(add_account("after")),
                return_exceptions=True,
            )
            names = [account.name for account in await runtime.accounts.all()]
            return outcomes, names

    outcomes, names = asyncio.run(scene())
    assert [type(outcome) for outcome in outcomes] == [int, KeyError, int, Unstorable, int]
    assert names == ["default", "before", "between", "after"]


def test_a_work_alone_that_breaks_leaves_nothing(data):
    def breaks(tx):
        tx.accounts.add("half", 0)
        raise KeyError("half")

    async def scene():
        async with opened(data) as runtime:
            with pytest.raises(KeyError):
                await runtime.store.write(breaks)
            return [account.name for account in await runtime.accounts.all()]

    assert asyncio.run(scene()) == ["default"]


@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_a_commit_that_fails_tells_everybody(data, fault, error):
    async def scene():
        async with opened(data) as runtime:
            long = "x" * 1_000_000
            with fault(runtime):
                outcomes = await asyncio.gather(
                    *[runtime.store.write(add_account(f"{long}{n}")) for n in range(5)],
                    return_exceptions=True,
                )
            assert [type(outcome) for outcome in outcomes] == [error] * 5
            await runtime.store.write(add_account("afterwards"))
            return [account.name for account in await runtime.accounts.all()]

    assert asyncio.run(scene()) == ["default", "afterwards"]


@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_an_order_refused_by_the_disk_is_no_duplicate_when_it_comes_again(data, fault, error):
    async def scene():
        async with opened(data) as runtime:
            text = "x" * 1_500
            orders = [order(runtime, number, text) for number in range(1_000)]
            [kept] = await accept(runtime, order(runtime, 10**6))
            with fault(runtime):
                outcomes = await asyncio.gather(
                    *[accept(runtime, each) for each in orders], return_exceptions=True
                )
                refused = [at for at, each in enumerate(outcomes) if isinstance(each, error)]
                assert refused
                assert len(refused) == len([e for e in outcomes if isinstance(e, Exception)])
            again = [await accept(runtime, orders[at]) for at in refused[:50]]
            [known] = await accept(runtime, order(runtime, 10**6))
            ids = [verdict.message_id for [verdict] in again]
            found = [await runtime.messages.find(runtime.default_account, each) for each in ids]
            return kept, again, known, found

    kept, again, known, found = asyncio.run(scene())
    assert {type(verdict) for [verdict] in again} == {Accepted}
    assert [each.id for each in found] == [verdict.message_id for [verdict] in again]
    # What was stored before is still known: the window forgot no more than what failed.
    assert isinstance(known, Refused)
    assert known.code == "duplicate_message"
    assert kept.message_id in known.detail


@pytest.mark.parametrize("fault", [locked, broken])
def test_answers_that_cannot_be_kept_just_now_are_kept_later(data, fault):
    """Settlements fail more than once; none is lost, and none is kept twice."""

    async def scene():
        async with opened(data) as runtime, delivering(runtime, lambda: None):
            fails_once = read_order("+15550100022", sandbox_number(), "hi", runtime.limits)
            slow = [
                read_order(f"+155501000{suffix}", sandbox_number(), "hi", runtime.limits)
                for suffix in ("12", "13")
            ]
            verdicts = [*await accept(runtime, fails_once)]
            # However long ago that was, once this is noticed.
            await holds(lambda: attempts_of(runtime, verdicts[0]))
            verdicts += await accept(runtime, *slow, order(runtime, 1))
            await until(runtime, verdicts[1:], Status.SENDING, Status.SENT, Status.DELIVERED)
            with fault(runtime):
                await asyncio.sleep(0.8)
            await asyncio.sleep(0.1)
            with fault(runtime):
                await asyncio.sleep(0.8)
            await until(runtime, verdicts, Status.DELIVERED)
            assert runtime.metrics.registry.get_sample_value("sendrail_messages_in_flight") == 0
            return [
                [each.outcome for each in await attempts_of(runtime, verdict)]
                for verdict in verdicts
            ]

    assert asyncio.run(scene()) == [["failed", "submitted"], *[["submitted"]] * 3]


def attempts_of(runtime, verdict):
    return runtime.messages.attempts(runtime.default_account, verdict.message_id)


async def until(runtime, verdicts, *statuses):
    async def all_are():
        found = [
            (await runtime.messages.find(runtime.default_account, each.message_id)).stored
            for each in verdicts
        ]
        return all(each.status in statuses for each in found)

    await holds(all_are)


async def holds(ask):
    """Wait until the answer to a question is yes: what we wait for has no event."""
    async with asyncio.timeout(HANG_SECONDS):
        while not await ask():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
