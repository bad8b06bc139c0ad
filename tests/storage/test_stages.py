"""Stages behind the requests, on the embedded store: they yield, and none starves."""

import asyncio

import pytest
from stores import SqliteBackend

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
