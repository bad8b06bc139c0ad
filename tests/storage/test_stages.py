"""Stages behind the requests, on the embedded store: they yield, and none starves."""

import asyncio

import pytest
from stores import SqliteBackend

from sendrail.storage.sqlite.played import PlayedStore
from sendrail.storage.sqlite.store import SqliteStore


@pytest.fixture
def run(tmp_path):
    def run(scenario):
        async def with_store():
            SqliteBackend(tmp_path)
            store = SqliteStore(tmp_path / "sendrail.db")
            try:
                return await scenario(store)
            finally:
                await store.close()

        return asyncio.run(with_store())

    return run


class Written:
    """Which work was run, commit by commit."""

    def __init__(self, store):
        self.commits = []
        self._store = store
        take = store._take_group

        def counted():
            self.commits.append([])
            return take()

        store._take_group = counted

    def piece(self, name):
        return lambda _: self.commits[-1].append(name)


async def idle():
    for _ in range(10):
        await asyncio.sleep(0)


def nobody(*_):
    """Hear nothing."""


def test_all_requests_go_first_and_of_each_stage_one_piece(run):
    async def scenario(store):
        written = Written(store)
        one, two = store.beside(), store.beside()
        for number in range(3):
            one.submit(written.piece(f"one {number}"), nobody)
        two.submit(written.piece("two"), nobody)
        for number in range(2):
            store.submit(written.piece(f"request {number}"), nobody)
        await idle()
        return written.commits

    assert run(scenario) == [["request 0", "request 1", "one 0", "two"], ["one 1"], ["one 2"]]


def test_no_number_of_requests_stops_a_stage(run):
    async def scenario(store):
        written = Written(store)
        stages = [store.beside() for _ in range(4)]
        for number in range(20):
            for stage in stages:
                stage.submit(written.piece(number), nobody)
        for _ in range(20):
            for _ in range(50):
                store.submit(written.piece("request"), nobody)
            await asyncio.sleep(0)
        await idle()
        return written.commits

    for number, commit in enumerate(run(scenario)):
        assert commit == ["request"] * 50 + [number] * 4


def test_a_piece_is_smaller_while_requests_come(run):
    async def scenario(store):
        found = []
        stage = store.beside()

        async def ask():
            return await stage.write(lambda _: (stage.portion(512), stage.portion(3)))

        found.append(await ask())
        store.submit(nobody, nobody)
        found.append(await ask())
        # Asked outside of a commit: by what waits, or else by the commit before.
        found.append(stage.portion(512))
        found.append(await ask())
        store.submit(nobody, nobody)
        found.append(stage.portion(512))
        return found

    assert run(scenario) == [(512, 3), (64, 1), 64, (512, 3), 64]


def test_what_waits_in_a_stage_is_written_before_the_end(run):
    async def scenario(store):
        written = Written(store)
        stage = store.beside()
        for number in range(5):
            stage.submit(written.piece(number), nobody)
        await store.close()
        return [name for commit in written.commits for name in commit]

    assert run(scenario) == list(range(5))


def test_a_stage_whose_work_fails_takes_nothing_from_the_requests(run):
    async def scenario(store):
        stage = store.beside()
        broken = asyncio.ensure_future(stage.write(lambda tx: tx.nothing))
        assert await store.write(lambda _: "written") == "written"
        with pytest.raises(AttributeError):
            await broken

    run(scenario)


# Syncing


def test_a_caller_goes_on_before_the_next_commit(run):
    async def scenario(store):
        written, stage = Written(store), store.beside()
        stage.submit(written.piece("stage 0"), nobody)
        stage.submit(written.piece("stage 1"), nobody)
        await store.write(written.piece("request"))
        return list(written.commits)

    assert run(scenario) == [["request", "stage 0"]]


def level_of(tx, name):
    """Return how a commit syncs, by the numbers in SQLite's documentation of the pragma."""
    # Compiled anew each time: the answer is part of the statement.
    return tx.core.exec_driver_sql(f"PRAGMA synchronous -- {name}").scalar_one()


async def unsynced(store, work):
    done = asyncio.get_running_loop().create_future()
    store.submit(work, lambda result, error: done.set_result(error or result), synced=False)
    return await done


def test_what_may_be_synced_later_is_synced_with_the_next_that_may_not(run):
    full, normal = 2, 1

    async def scenario(store):
        levels, stage = [], store.beside()

        def level(name):
            return lambda tx: levels.append((name, level_of(tx, name)))

        await store.write(level("first"))
        await unsynced(store, level("page"))
        await unsynced(store, level("next page"))
        await stage.write(level("claim"))
        await unsynced(store, level("third page"))
        await asyncio.gather(unsynced(store, level("beside")), store.write(level("request")))
        await asyncio.gather(store.write(level("order")), unsynced(store, level("behind")))
        await asyncio.gather(unsynced(store, level("again")), stage.write(level("stage")))
        await unsynced(store, lambda _: store.submit(level("submitted meanwhile"), nobody))
        await store.write(level("last"))
        return levels

    assert run(scenario) == [
        ("first", full), ("page", normal), ("next page", normal), ("claim", full),
        ("third page", normal), ("beside", full), ("request", full), ("order", full),
        ("behind", full), ("again", full), ("stage", full), ("submitted meanwhile", full),
        ("last", full),
    ]  # fmt: skip


def test_a_month_that_is_played_is_synced_at_its_end_alone(tmp_path):
    async def scenario():
        SqliteBackend(tmp_path)
        store = PlayedStore(tmp_path / "sendrail.db")
        await unsynced(store, lambda _: None)
        level = await store.write(lambda tx: level_of(tx, "after"))
        await store.close()
        return level

    assert asyncio.run(scenario()) == 0
