"""Results written in groups: each once, in order, and again where the storage did not take them."""

import asyncio

import pytest
from grounds import in_own_time

from sendrail import settling
from sendrail.domain.errors import StorageUnavailable
from sendrail.settling import GroupWriter


class Store:
    """Ends a transaction when a test says so, and how: well, failed, or never begun."""

    def __init__(self):
        self.submitted = []
        self.most = None

    def portion(self, most):
        return self.most or most

    def submit(self, work, done):
        self.submitted.append((work, done))

    def commit(self):
        work, done = self.submitted.pop(0)
        done(work("tx"), None)

    def fail(self, *, begun=True, meanwhile=None):
        work, done = self.submitted.pop(0)
        if begun:
            work("tx")
        if meanwhile is not None:
            meanwhile()
        done(None, StorageUnavailable("gone"))


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(settling, "STORAGE_RETRY_SECONDS", 0.0)
    return Store()


@pytest.fixture
def written():
    return []


@pytest.fixture
def writer(store, written):
    return GroupWriter(
        store, lambda tx, group: (tx, *group), lambda group, told: written.append((group, told)),
        postponed="postponed",
    )  # fmt: skip


def run(story):
    in_own_time(story())


def test_one_transaction_is_under_way_and_takes_all_that_came_until_it_began(
    store, writer, written
):
    writer.add(1)
    writer.add(2)
    assert len(store.submitted) == 1
    store.commit()
    assert (written, store.submitted) == ([([1, 2], ("tx", 1, 2))], [])
    writer.add(3)
    store.commit()
    assert written[1:] == [([3], ("tx", 3))]


def test_what_comes_while_a_group_is_written_is_the_next_group(store, writer, written):
    writer.add(1)
    [(work, done)] = store.submitted
    store.submitted.clear()
    told = work("tx")
    writer.add(2)
    assert store.submitted == []
    done(told, None)
    store.commit()
    assert [group for group, _ in written] == [[1], [2]]


def test_a_group_is_no_larger_than_the_store_lets_it_be_and_the_rest_is_the_next(
    store, writer, written
):
    store.most = 2
    for result in range(5):
        writer.add(result)
    for _ in range(3):
        store.commit()
    assert [group for group, _ in written] == [[0, 1], [2, 3], [4]]
    assert store.submitted == []


def test_a_group_is_gathered_for_a_while_after_its_first_result(store, written):
    loop = asyncio.new_event_loop()
    due = []
    loop.call_later = lambda seconds, work, *values: due.append((seconds, work, values))

    async def story():
        writer = GroupWriter(
            store, lambda tx, group: (tx, *group), lambda group, _: written.append(group),
            postponed="postponed", gather_seconds=0.25,
        )  # fmt: skip
        writer.add(1)
        writer.add(2)
        assert store.submitted == []
        [(seconds, work, values)] = due
        assert seconds == 0.25
        work(*values)
        writer.add(3)
        store.commit()
        assert written == [[1, 2, 3]]
        assert (len(due), store.submitted) == (1, [])

    try:
        loop.run_until_complete(story())
    finally:
        loop.close()


@pytest.mark.parametrize("begun", [True, False])
def test_a_group_that_fails_is_written_again_before_what_came_after_it(
    store, writer, written, begun
):
    async def story():
        writer.add(1)
        store.fail(begun=begun, meanwhile=lambda: writer.add(2))
        assert (written, writer.writes_again) == ([], True)
        writer.add(3)
        await asyncio.sleep(0.01)
        assert len(store.submitted) == 1
        store.commit()

    run(story)
    assert [group for group, _ in written] == [[1, 2, 3]]
    assert not writer.writes_again


def test_a_transaction_that_never_began_repeats_nothing_of_the_one_before(store, writer, written):
    async def story():
        writer.add(1)
        store.commit()
        writer.add(2)
        store.fail(begun=False)
        await asyncio.sleep(0.01)
        store.commit()

    run(story)
    assert [group for group, _ in written] == [[1], [2]]


def test_a_failed_group_is_written_again_with_nothing_more_arriving(store, writer, written):
    async def story():
        writer.add(1)
        store.fail()
        await asyncio.sleep(0.01)
        store.commit()

    run(story)
    assert [group for group, _ in written] == [[1]]


def test_a_drain_waits_for_tasks_and_then_for_the_writes(store, writer, written):
    async def answer():
        await asyncio.sleep(0.01)
        writer.add(1)
        asyncio.get_running_loop().call_later(0.02, store.commit)

    async def story():
        tasks = {asyncio.create_task(answer())}
        for task in tasks:
            task.add_done_callback(tasks.discard)
        await writer.drain(tasks, asyncio.get_running_loop().time() + 60)

    run(story)
    assert [group for group, _ in written] == [[1]]


def test_a_drain_is_over_where_nothing_is_written_any_more(store, writer, written, monkeypatch):
    monkeypatch.setattr(settling, "SETTLE_SECONDS", 0.01)

    async def story():
        writer.add(1)
        await writer.drain(set(), asyncio.get_running_loop().time())

    run(story)
    assert written == []
    assert len(store.submitted) == 1
