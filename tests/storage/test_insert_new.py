"""How many processes accept: what is new is inserted and noted by one statement."""

import asyncio

import asyncpg
import postgres
import pytest
from stores import ANN, NOW, SHARED, House

from sendrail.domain.short_ids import SlotRange

SINCE = NOW - 300_000


@pytest.fixture(params=SHARED)
def house(request):
    house = House(SHARED[request.param](None))
    yield house
    house.close()


# Where tables are spread over several servers, all is one transaction.
on_one_server = pytest.mark.parametrize("house", ["postgres"], indirect=True)


def row(house, n, at=NOW):
    sender = house.list
    return (
        house.no(n), sender.lane, sender.account_id, sender.id, ANN, at, 0, 1, "gsm7", "Hello",
        None, "",
    )  # fmt: skip


def insert(house, *news, forced=(), at=NOW, since=SINCE):
    """Insert messages by number and fingerprint; return which were kept out, and by whom."""
    kept_out = house.write(
        lambda tx: tx.cluster.insert_new(
            [row(house, n, at) for n, _ in news],
            [fingerprint for _, fingerprint in news],
            since,
            house.nos(*forced),
        )
    )
    assert all(lane == house.list.lane for lane, _ in kept_out)
    named = dict(zip(house.nos(*range(1, 10)), range(1, 10), strict=True))
    return {fingerprint: named[number] for (_, fingerprint), number in kept_out.items()}


def test_what_is_new_is_inserted_and_what_is_not_is_told_who_was_first(house):
    assert insert(house, (1, 71), (2, 72)) == {}
    assert insert(house, (3, 72), (4, 74), (5, 71)) == {72: 2, 71: 1}
    assert house.waiting() == [1, 2, 4]
    assert house.find(4).status == "queued"
    assert [house.find(n) for n in (3, 5)] == [None, None]


def ranges_of(house, *ns):
    """Return a range of slots for each message."""
    return [SlotRange(1_000 * n, house.no(n), messages=1, per_message=4, made_at=NOW) for n in ns]


def test_the_slots_of_their_links_are_kept_with_them(house):
    ranges = ranges_of(house, 1, 2)
    rows = [row(house, n) for n in (1, 2)]
    house.write(lambda tx: tx.cluster.insert_new(rows, [71, 72], SINCE, ranges=ranges))
    assert house.waiting() == [1, 2]
    found = house.read(lambda tx: tx.link_ranges.by_number(house.nos(1, 2)))
    assert found == dict(zip(house.nos(1, 2), ranges, strict=True))


@pytest.mark.parametrize("taken", ["slots", "number"])
def test_of_messages_and_slots_neither_is_kept_alone(house, taken):
    [ours], [other] = ranges_of(house, 2), ranges_of(house, 1)
    if taken == "slots":
        house.write(lambda tx: tx.link_ranges.add([ours]))
        ours = ours._replace(first_number=house.no(3))
    else:
        insert(house, (2, 71))
    before = house.waiting()

    def insert_both(tx):
        return tx.cluster.insert_new([row(house, 2)], [72], SINCE, ranges=[other, ours])

    async def run():
        told = asyncio.get_running_loop().create_future()
        # As the intake does it: no transaction is begun around it.
        house.store.submit(insert_both, lambda _, error: told.set_result(error), begun=False)
        return await told

    # What is another's already.
    assert house.do(run()) is not None
    assert house.waiting() == before
    assert house.read(lambda tx: tx.link_ranges.by_number(house.nos(1))) == {}


def test_nothing_is_nothing_new(house):
    assert insert(house) == {}


def test_what_was_noted_before_the_window_keeps_nobody_out(house):
    insert(house, (1, 71), at=SINCE)
    assert insert(house, (2, 71)) == {}
    assert insert(house, (3, 71)) == {71: 2}


def test_what_is_forced_is_inserted_and_noted_whatever_was_there(house):
    insert(house, (1, 71))
    assert insert(house, (2, 71), (3, 73), forced=[2]) == {}
    assert house.waiting() == [1, 2, 3]
    assert insert(house, (4, 71)) == {71: 2}


def test_whoever_comes_second_waits_for_the_first_and_is_kept_out(house):
    async def run():
        first = await asyncpg.connect(house.backend.url)
        transaction = first.transaction()
        await transaction.start()
        await first.execute(
            "INSERT INTO fingerprints VALUES ($1, $2, $3, $4)",
            house.list.lane, 71, house.no(1), NOW,
        )  # fmt: skip
        second = asyncio.ensure_future(
            house.store.write(lambda tx: tx.cluster.insert_new([row(house, 2)], [71], SINCE))
        )
        await postgres.until_blocked(house.backend.url)
        await transaction.commit()
        await first.close()
        return await second

    assert house.do(run()) == {(house.list.lane, 71): house.no(1)}
    assert house.waiting() == []


@on_one_server
def test_work_that_is_not_begun_is_durable_statement_by_statement_until_it_begins(house):
    def two(tx):
        tx.cluster.insert_new([row(house, 1)], [71], SINCE)
        tx.begin()
        tx.cluster.insert_new([row(house, 2)], [72], SINCE)
        raise ValueError("after the second")

    async def run():
        told = asyncio.get_running_loop().create_future()
        house.store.submit(two, lambda _, error: told.set_result(error), begun=False)
        return await told

    assert isinstance(house.do(run()), ValueError)
    assert house.waiting() == [1]


@on_one_server
def test_what_is_stored_is_told_so_even_if_who_was_first_cannot_be_asked_any_more(house):
    insert(house, (1, 71))

    def work(tx):
        asked = []

        def rows(statement, *values, ask=tx.driver.rows):
            if asked:
                raise OSError("the line is gone")
            asked.append(statement)
            return ask(statement, *values)

        tx.driver.rows = rows
        try:
            return tx.cluster.insert_new([row(house, 2), row(house, 3)], [71, 73], SINCE)
        finally:
            del tx.driver.rows

    async def run():
        told = asyncio.get_running_loop().create_future()
        house.store.submit(work, lambda result, _: told.set_result(result), begun=False)
        return await told

    assert house.do(run()) == {(house.list.lane, 71): 0}
    assert house.waiting() == [1, 3]
