"""What is another on several servers: the statements for one lane, and where the tables lie.

The conformance suite runs there too, and so do these tests' second half, where `TEST_CITUS_URL`
names a database on a Citus coordinator.
"""

import asyncio
import re

import postgres
import pytest
import stores
from sqlalchemy.util import await_only, greenlet_spawn
from stores import NOW, CitusBackend, House

from sendrail.storage.postgres import distributed, gate, inbox, outbox, queue, replies
from sendrail.storage.postgres.distributed import LaneByLane, on_one_lane
from sendrail.storage.postgres.schema import HOT_KEYS, metadata

ON_CITUS = pytest.mark.skipif(not postgres.citus(), reason="TEST_CITUS_URL names no database")

# Statements

UPDATE = """
    UPDATE messages AS m SET status = 'held', detail = $1
    FROM unnest($2::bigint[], $3::smallint[]) AS held (number,
        lane)
    WHERE m.lane = held.lane AND m.number = held.number
"""


def told(text):
    """Return a statement without its line ends."""
    return " ".join(text.split())


def test_a_statement_on_a_batch_names_the_lane_of_its_part_as_a_value():
    one = on_one_lane(UPDATE)
    assert told(one.text) == told(UPDATE.replace("m.lane = held.lane", "m.lane = $4::smallint"))


def test_a_batch_is_cut_by_its_lanes_in_their_order_and_what_is_no_column_is_given_to_each():
    shares = on_one_lane(UPDATE).shares(["why", [11, 12, 13, 14], [7, 3, 7, 3]])
    assert list(shares) == [["why", [12, 14], [3, 3], 3], ["why", [11, 13], [7, 7], 7]]


@pytest.mark.parametrize(
    "statement",
    [
        queue.LOAD, queue.METADATA, queue.LEAVE_QUEUE, queue.DROP, queue.HOLD, queue.START_ATTEMPT,
        queue.ARRIVED, queue.PARTS_LEFT, queue.AWAIT_CLAIMS, inbox.PART_TOLD, inbox.HEADS,
        inbox.REMOVE, inbox.REFS, inbox.TARGETS, inbox.APPLY, inbox.UNPARK, replies.CLEAR_TROUBLES,
        gate.EARLIER, outbox.STILL_OPEN, outbox.ENDED_FOR, outbox.ENDED_MESSAGES, outbox.FREEZE,
        outbox.SETTLE_EVENTS, outbox.KEEP_WEBHOOK_ATTEMPTS, outbox.GIVE_UP,
        distributed.OUTDATE, distributed.LOCK_PARKED,
    ],
)  # fmt: skip
def test_whatever_joins_a_hot_table_to_a_batch_goes_lane_by_lane(statement):
    assert on_one_lane(statement) is not None


@pytest.mark.parametrize(
    "statement", [queue.DUE, inbox.TAKE, inbox.PARK, queue.KEEP_REFS, gate.LISTS_BY_NUMBER]
)
def test_what_names_its_lane_or_only_writes_new_rows_goes_as_it_is(statement):
    assert on_one_lane(statement) is None


class _Connection:
    """Takes down what is asked of it."""

    def __init__(self):
        self.asked = []

    async def fetch(self, statement, *values):
        self.asked.append((told(statement), *values))
        return [(len(self.asked),)]

    async def execute(self, statement, *values):
        self.asked.append((told(statement), *values))
        return f"UPDATE {len(values[-2])}"


def run(work):
    connection = _Connection()
    return asyncio.run(greenlet_spawn(work, LaneByLane(connection))), connection.asked


def test_the_answers_of_all_lanes_are_one_and_so_are_their_counts():
    values = ("why", [11, 12, 13], [7, 3, 7])
    assert run(lambda driver: driver.rows(UPDATE, *values))[0] == [(1,), (2,)]
    assert run(lambda driver: driver.run(UPDATE, *values))[0] == 3


def test_nothing_is_asked_of_an_empty_batch():
    assert run(lambda driver: driver.rows(UPDATE, "why", [], [])) == ([], [])


def test_no_lock_is_asked_for_on_many_shards():
    assert len(distributed.FORMS) == 8
    for statement in distributed.FORMS.values():
        assert "FOR UPDATE" not in statement
    _, asked = run(lambda driver: driver.rows(outbox.OLD_EVENTS, 1, 2))
    assert asked == [(told(outbox.OLD_EVENTS.replace("FOR UPDATE SKIP LOCKED", "")), 1, 2)]


# Tables


def test_every_table_is_distributed_once_or_is_the_coordinators():
    statements = [each for some in distributed.distribution().values() for each in some]
    named = [re.search(r"table\('(\w+)'", each).group(1) for each in statements]
    assert sorted([*named, *distributed.AGREED]) == sorted(metadata.tables)


def test_what_is_spread_has_its_column_in_every_unique_key():
    """Several servers know of no uniqueness but by it."""
    spread = {**dict.fromkeys(HOT_KEYS, "lane"), **distributed.SPREAD}
    for name, column in spread.items():
        table = metadata.tables[name]
        keys = [table.primary_key, *(each for each in table.indexes if each.unique)]
        for key in keys:
            assert column in {each.name for each in key.columns}, key


def test_what_can_be_moved_to_another_server_has_a_key():
    for table in metadata.sorted_tables:
        assert table.name in distributed.AGREED or list(table.primary_key), table.name


# On several servers


@pytest.fixture
def house():
    house = House(CitusBackend(None))
    yield house
    house.close()


@ON_CITUS
def test_the_tables_lie_where_they_are_said_to(house):
    rows = postgres.do(
        house.backend.url,
        "SELECT c.relname, p.partmethod::text, column_to_column_name(p.logicalrelid, p.partkey)"
        " FROM pg_dist_partition AS p JOIN pg_class AS c ON c.oid = p.logicalrelid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition",
    )
    spread = {name: column for name, method, column in rows if method == "h"}
    assert spread == {**dict.fromkeys(HOT_KEYS, "lane"), **distributed.SPREAD}
    copied = {name for name, method, _ in rows if method == "n"}
    assert copied == {*metadata.tables} - {*spread, *distributed.AGREED}


@ON_CITUS
def test_a_parked_receipt_that_another_process_applies_is_passed_over(house):
    stores.park(house, "ref-1", "ref-2")
    house.queue(1, 2)
    house.start_attempts(1, 2)
    house.finish_attempts(house.result(1), house.result(2, carrier_ref="ref-2"))
    lane = queue.ref_lane(house.connector, "ref-1")

    async def run():
        other = house.open()
        holds, may_end = asyncio.Event(), asyncio.Event()

        def hold(tx):
            found = tx.driver.rows(
                "SELECT id FROM parked_receipts WHERE lane = $1 FOR UPDATE", lane
            )
            loop.call_soon(holds.set)
            await_only(may_end.wait())
            return len(found)

        loop = asyncio.get_running_loop()
        holding = asyncio.ensure_future(other.write(hold))
        await holds.wait()
        free = await house.store.write(lambda tx: tx.inbox.parked(0, 10))
        may_end.set()
        assert await holding == 1
        return [each.carrier_ref for each in free]

    assert house.do(run()) == ["ref-2"]
    assert sorted(stores.parked(house)) == ["ref-1", "ref-2"]


@ON_CITUS
def test_the_same_statement_goes_well_more_often_than_its_plan_is_made_anew(house):
    """A plan that is kept, from the sixth time on, knows less of its values."""
    for n in range(1, 16):
        house.queue(n)
        house.start_attempts(n)
        house.finish_attempts(house.result(n, carrier_ref=f"ref-{n}"))
        assert house.write(lambda tx, n=n: tx.inbox.targets_by_ref([(house.connector, f"ref-{n}")]))
        stores.apply(house, n)
        house.write(
            lambda tx, n=n: tx.cluster.insert_new([_row(house, 100 + n)], [n % 5], NOW - 10, [])
        )
    assert house.statuses(*range(1, 16)) == ["delivered"] * 15
    assert house.waiting() == [101, 102, 103, 104, 105]


def _row(house, n):
    sender = house.list
    return (
        house.no(n), sender.lane, sender.account_id, sender.id, stores.ANN, NOW, 0, 1, "gsm7",
        "Hello", None,
    )  # fmt: skip
