"""What grows with every message leaves again, and nobody waits for it."""

import asyncio
import atexit
import functools
import json
import time

import asyncpg
import postgres
import pytest
import stores
from stores import NOW, PACED, House, PostgresBackend

from sendrail.domain.errors import Contended
from sendrail.domain.ids import LANES
from sendrail.storage.postgres import partition_maintenance, partitions
from sendrail.storage.postgres.partitions import WEEK_MS, name_of, week_of

# Nobody who sends waits longer than this for a chore: less than any time-out for a lock, and far
# more than a transaction takes on a slow machine with others on it.
WAIT_MAX = 3.0
# So many may meet a moment in which the machine stands still; of those who wait there are twenty.
STOOD_STILL_MAX = 2
# Less than a chore waits for a lock where it waits long.
CHORE_WAIT_MAX = 9.0
OLD = NOW + 2 * WEEK_MS


@functools.cache
def _template_name():
    """Make a database that the others are copies of; return its name."""
    database = postgres.database()
    url = database.__enter__()
    atexit.register(database.__exit__, None, None, None)
    postgres.make_tables(url, weeks_from=NOW)
    return postgres.name_of(url)


class _OwnBackend(PostgresBackend):
    """A database whose weeks may come and go, with five from the tests' own time on."""

    def __init__(self, which):
        is_spread = which == "citus"
        self._database = (
            postgres.citus_schema() if is_spread else postgres.database(_template_name())
        )
        self.size = "citus_relation_size" if is_spread else "pg_relation_size"
        self.url = self._database.__enter__()
        if is_spread:
            postgres.make_tables(self.url, weeks_from=NOW)

    def close(self):
        self._database.__exit__(None, None, None)


@pytest.fixture(params=stores.SHARED)
def house(request):
    house = House(_OwnBackend(request.param))
    yield house
    house.close()


# What is done otherwise where tables are spread over several servers.
on_one_server = pytest.mark.parametrize("house", ["postgres"], indirect=True)
on_several_servers = pytest.mark.parametrize(
    "house",
    [
        pytest.param(
            "citus",
            marks=pytest.mark.skipif(
                not postgres.citus(), reason="TEST_CITUS_URL names no database"
            ),
        )
    ],
    indirect=True,
)


def maintain(house, now=OLD, before=None, seen_before=0):
    house.store._maintenance._weeks_at = 0
    house.do(house.store.maintain(now, messages_before=before, seen_before=seen_before))


def ask(house, statement):
    return [tuple(row) for row in postgres.do(house.backend.url, statement)]


def tables(house, like):
    return {
        name
        for (name,) in ask(
            house,
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            f" AND tablename LIKE '{like}'",
        )
    }


def of_week(at):
    return {name_of(table, week_of(at)) for table in partitions.BY_TIME}


def there(house):
    return {name for table in partitions.BY_TIME for name in tables(house, f"{table}\\_20______")}


# Weeks


def test_weeks_are_made_ahead(house):
    maintain(house, NOW + 30 * WEEK_MS)
    for ahead in range(5):
        assert of_week(NOW + (30 + ahead) * WEEK_MS) <= there(house)


def test_an_old_week_is_dropped_with_its_attempts_and_references(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    maintain(house, before=week_of(NOW) + WEEK_MS - 1)
    assert of_week(NOW) <= there(house)
    maintain(house, before=week_of(NOW) + WEEK_MS)
    assert not of_week(NOW) & there(house)
    assert of_week(NOW + WEEK_MS) <= there(house)
    assert house.find(1) is None
    assert house.write(lambda tx: tx.inbox.targets_by_ref([(house.connector, "ref-1")])) == {}


@pytest.mark.parametrize("status", ["queued", "sending", "uncertain"])
def test_a_week_stays_while_a_message_of_it_is_open(house, status):
    house.queue(1, 2)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    if status != "queued":
        house.start_attempts(2)
    if status == "uncertain":
        house.finish_attempts(
            house.result(2, status="uncertain", outcome="uncertain", carrier_ref=None)
        )
    maintain(house, before=week_of(NOW) + 2 * WEEK_MS)
    assert of_week(NOW) | of_week(NOW + WEEK_MS) <= there(house)
    assert house.statuses(1, 2) == ["sent", status]
    if status == "queued":
        house.start_attempts(2)
    house.write(
        lambda tx: tx.inbox.apply(
            [stores.StatusChange("delivered", "ok", NOW, house.no(2), house.list.lane)]
        )
    )
    maintain(house, before=week_of(NOW) + 2 * WEEK_MS)
    assert not (of_week(NOW) | of_week(NOW + WEEK_MS)) & there(house)


def test_without_a_retention_nothing_is_dropped(house):
    before = there(house)
    maintain(house, before=None)
    assert before <= there(house)


@on_one_server
def test_what_was_detached_by_halves_is_finished(house, monkeypatch):
    monkeypatch.setattr(partition_maintenance, "_LONG_WAIT", "SET lock_timeout = '100ms'")

    async def interrupted():
        reader = await asyncpg.connect(house.backend.url)
        await reader.execute("BEGIN; SELECT count(*) FROM messages")
        with pytest.raises(Contended):
            await house.store.maintain(OLD, messages_before=week_of(NOW) + WEEK_MS, seen_before=0)
        await reader.close()

    house.do(interrupted())
    assert ask(house, "SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == [(1,)]
    maintain(house, before=week_of(NOW) + WEEK_MS)
    assert not of_week(NOW) & there(house)


@on_one_server
def test_what_was_detached_and_not_dropped_is_dropped(house):
    name = name_of("messages", week_of(NOW))
    postgres.do(house.backend.url, f"ALTER TABLE messages DETACH PARTITION {name}")
    maintain(house, before=week_of(NOW) + WEEK_MS)
    assert name not in there(house)


@on_one_server
def test_nobody_who_sends_waits_for_a_week_to_be_dropped(house):
    """A reader holds the week while it is to be detached; what is sent meanwhile is timed."""
    took = []

    async def send(number):
        started = time.perf_counter()
        at = week_of(NOW) + WEEK_MS + 5
        row = (
            house.no(number), house.list.lane, house.us, house.list.id, stores.ANN, at, 0, 1,
            "gsm7", "Hello", None, "",
        )  # fmt: skip
        await house.store.write(lambda tx: tx.messages.insert([row], at))
        place = house.place(number, PACED, at)
        start = stores.AttemptStart(1, 1, house.connector, at, house.no(number))
        await house.store.write(lambda tx: tx.queue.start_attempts([place], [start]))
        result = house.result(number, started_at=at, ended_at=at, carrier_ref=f"r{number}")
        await house.store.write(lambda tx: tx.queue.finish_attempts([result]))
        return time.perf_counter() - started

    async def run():
        reader = await asyncpg.connect(house.backend.url)
        await reader.execute("BEGIN; SELECT count(*) FROM messages")
        dropping = asyncio.create_task(
            house.store.maintain(OLD, messages_before=week_of(NOW) + WEEK_MS, seen_before=0)
        )
        blocked = asyncio.create_task(
            postgres.until_blocked(house.backend.url, "sendrail-maintenance")
        )
        number = until = 0
        while number < until or not blocked.done():
            number += 1
            took.append(await send(number))
            # So many from when the chore is seen to wait.
            if not until or not blocked.done():
                until = number + 20
        await blocked
        assert not dropping.done(), "it waits for the reader"
        await reader.execute("COMMIT")
        while not dropping.done():
            number += 1
            took.append(await send(number))
        await dropping
        await reader.close()
        return number

    sent = house.do(run())
    assert sent > 20
    assert not of_week(NOW) & there(house)
    assert sum(each > WAIT_MAX for each in took) <= STOOD_STILL_MAX


@on_several_servers
def test_a_week_that_somebody_reads_is_dropped_later_and_nobody_waits_for_long(house):
    before = week_of(NOW) + WEEK_MS

    async def read():
        reader = await asyncpg.connect(house.backend.url)
        await reader.execute("BEGIN; SELECT count(*) FROM messages")
        with pytest.raises(Contended):
            await house.store.maintain(OLD, messages_before=before, seen_before=0)
        await reader.close()

    house.do(read())
    assert of_week(NOW) <= there(house)
    house.do(house.store.maintain(OLD, messages_before=before, seen_before=0))
    assert not of_week(NOW) & there(house)


# The queue


def slices(house):
    """Return how large each slice is, and how many wait in it."""
    sizes = ", ".join(f"{house.backend.size}('queue_{n}')" for n in range(4))
    counts = ", ".join(f"(SELECT count(*) FROM queue_{n})" for n in range(4))
    [row] = ask(house, f"SELECT {sizes}, {counts}")
    return row[:4], row[4:]


def test_a_message_that_waits_across_turns_stays_where_it_is_found(house, monkeypatch):
    monkeypatch.setattr(partition_maintenance, "_WORN_BYTES", 1)
    house.queue(1, 2, 3)
    seen = set()
    for turn in range(9):
        house.queue(10 + turn)
        maintain(house)
        assert house.waiting() == [1, 2, 3, *range(10, 11 + turn)]
        seen |= {n for n, count in enumerate(slices(house)[1]) if count}
    assert len(seen) >= 3
    house.start_attempts(1, 2, 3)
    assert house.waiting() == list(range(10, 19))
    assert house.statuses(1, 2, 3) == ["sending"] * 3


def test_a_slice_in_which_much_waits_is_left_alone(house, monkeypatch):
    monkeypatch.setattr(partition_maintenance, "_WORN_BYTES", 1)
    monkeypatch.setattr(partition_maintenance, "_MOVED_MAX", 2)
    house.queue(1, 2, 3)
    for turn in range(3):
        maintain(house)
        house.queue(10 + turn)
    assert slices(house)[1][0] == 3
    assert house.waiting() == [1, 2, 3, 10, 11, 12]


@on_one_server
def test_a_slice_that_somebody_reads_is_cleaned_later_and_nobody_waits(house, monkeypatch):
    monkeypatch.setattr(partition_maintenance, "_WORN_BYTES", 1)
    house.queue(1)

    async def run():
        reader = await asyncpg.connect(house.backend.url)
        await reader.execute("BEGIN; SELECT count(*) FROM queue")
        started = time.perf_counter()
        await house.store.maintain(OLD, messages_before=None, seen_before=0)
        took = time.perf_counter() - started
        await reader.close()
        return took

    assert house.do(run()) < CHORE_WAIT_MAX
    assert slices(house)[1] == (1, 0, 0, 0)
    maintain(house)
    assert slices(house)[1][0] == slices(house)[0][0] == 0
    assert house.waiting() == [1]


@on_one_server
def test_dead_rows_stay_few_under_a_long_reader(house):
    """Two hundred thousand messages pass while a snapshot from before them is held elsewhere."""
    batch, rounds = 4_000, 50
    sizes, pages = [], []
    lane, list_id = house.list.lane, house.list.id

    async def run():
        reader = await asyncpg.connect(house.backend.url)
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM accounts")
        through = await asyncpg.connect(house.backend.url)
        await through.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for each in range(rounds):
            await through.execute(
                f"INSERT INTO queue (slice, lane, list_id, rank, due_at, number)"
                f" SELECT (SELECT current FROM queue_slices), {lane}, {list_id}, 1, {NOW} + n, n"
                f" FROM generate_series({each * batch}, {(each + 1) * batch - 1}) AS n"
            )
            pages.append(await _pages(through, lane, list_id))
            await through.execute("DELETE FROM queue")
            await house.store.maintain(OLD, messages_before=None, seen_before=0)
            sizes.append(
                await through.fetchval(
                    "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
                    " WHERE inhparent = 'queue'::regclass"
                )
            )
        await through.close()
        await reader.close()

    house.do(run())
    # Each dead row is some hundred bytes with its key; without slices there would be 20 MB of them.
    assert max(sizes) < 6 * 2**20, sizes
    later = pages[len(pages) // 2 :]
    assert max(later) <= 1.5 * max(pages[: len(pages) // 2]), pages


async def _pages(connection, lane, list_id):
    [[found]] = await connection.fetch(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT number FROM queue WHERE"
        f" lane = {lane} AND list_id = {list_id} AND rank = 1 AND due_at <= {NOW * 2}"
        " ORDER BY due_at, number LIMIT 20"
    )
    plan = json.loads(found)[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_who_claims_finds_each_message_once_while_slices_turn(house, monkeypatch):
    """Slices turn all the time beside two who accept and claim, and what waits is moved."""
    monkeypatch.setattr(partition_maintenance, "_WORN_BYTES", 1)
    claimed, turns = [], 0
    lane, list_id = house.list.lane, house.list.id

    async def accept():
        store = house.open()
        for start in range(0, 1_500, 5):
            rows = [
                (
                    house.no(n),
                    lane,
                    house.us,
                    list_id,
                    stores.ANN,
                    NOW + n,
                    0,
                    1,
                    "gsm7",
                    "x",
                    None,
                    "",
                )
                for n in range(start, start + 5)
            ]
            await store.write(lambda tx, rows=rows: tx.messages.insert(rows))

    async def claim():
        store = house.open()
        while len(claimed) < 1_500:
            # Fewer than wait, so that some always do while the slices turn.
            places = await store.read(lambda tx: tx.queue.due(lane, list_id, PACED, NOW * 2, 7))
            if places:
                left = [stores.AttemptStart(1, 1, house.connector, NOW, p.number) for p in places]
                await store.write(lambda tx, p=places, d=left: tx.queue.start_attempts(p, d))
                claimed.extend(place.number for place in places)

    async def turn():
        nonlocal turns
        while len(claimed) < 1_500:
            await house.store.maintain(OLD, messages_before=None, seen_before=0)
            turns += 1

    async def run():
        async with asyncio.timeout(500):
            await asyncio.gather(accept(), claim(), turn())

    house.do(run())
    assert turns > 10
    assert len(claimed) == len(set(claimed)) == 1_500
    assert house.waiting() == []


# Fingerprints


def test_fingerprints_are_forgotten_when_their_window_is_over(house):
    lanes = list(range(0, LANES, 100))
    for some, at in ((lanes[::2], NOW), (lanes[1::2], NOW + 10)):
        rows = [
            (lane, lane, house.us, house.list.id, stores.ANN, at, 0, 1, "gsm7", "Hello", None, "")
            for lane in some
        ]
        house.write(
            lambda tx, rows=rows: tx.cluster.insert_new(rows, [each[0] for each in rows], 0)
        )
    for _ in range(LANES // 64):
        house.do(house.store.maintain(NOW, messages_before=None, seen_before=NOW + 5))
    left = ask(house, "SELECT lane FROM fingerprints ORDER BY lane")
    assert left == [(lane,) for lane in lanes[1::2]]
