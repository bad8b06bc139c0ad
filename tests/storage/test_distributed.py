"""What is another on several servers: the statements for one lane, and where the tables lie.

The conformance suite runs there too, and so do these tests' second half, where `TEST_CITUS_URL`
names a database on a Citus coordinator.
"""

import asyncio
import re

import asyncpg
import clicking
import hot_texts
import postgres
import pytest
import sqlglot
import stores
from grounds import Calls, PostgresGround
from planned import FIRST, Desk, crowd
from road import Road
from sqlalchemy.util import await_only, greenlet_spawn
from stores import NOW, CitusBackend, House
from travels import ANN, BEN, Journeys, send, wait

from sendrail.campaigns.reports import ReportService
from sendrail.domain.origin_counts import CountKind
from sendrail.storage.postgres import distributed, outbox, queue
from sendrail.storage.postgres.distributed import LaneByLane
from sendrail.storage.postgres.schema import HOT_KEYS, metadata
from sendrail.storage.templates import InsertRows, OverLanes, StatementForms, read_over_lanes

ON_CITUS = pytest.mark.skipif(not postgres.citus(), reason="TEST_CITUS_URL names no database")

# Statements

STATEMENTS = hot_texts.texts(*hot_texts.ROOMS)
# By what each distributed table is, hot ones and others.
COLUMNS = {**dict.fromkeys(HOT_KEYS, "lane"), **distributed.SPREAD}
# What has a form of its own there, in a class of `distributed`.
NOT_THERE = {
    "gate.find",
    "gate.unreachable_of_lists",
    "messages.insert_linked",
    "messages.insert_messages",
    "messages.insert_new",
    "outbox.add_whole",
    "replies.any",
    "replies.clear",
}
# What looks for old, due or new rows, wherever they are.
EVERYWHERE = {
    "activity.behind",
    "activity.forget_activity",
    "activity.news",
    "click_details.detailed",
    "click_details.forget",
    "cohort_counts.forget",
    "enrolments.forget",
    "idempotency.old",
    "inbox.forget_parked",
    "inbox.parked",
    "message_clicks.first_of_offer",
    "message_clicks.since",
    "message_clicks.waiting",
    "messages.forget_fingerprints",
    "origin_counts.forget",
    "origins.counted",
    "outbox.forget_events",
    "queue.lists_waiting",
    "queue.unsettled",
    "reclassification.page",
    "replies.forget",
    "replies.old_refs",
    "replies.overdue_parts",
}
UPDATE = OverLanes(
    "lane smallint, number bigint",
    """
    UPDATE messages AS m SET status = 'held', detail = $3 FROM {batch}
    WHERE m.lane = {lane} AND m.number = batch.number
    """,
    key="m.number",
)


def flat(text):
    """Return a statement without its line ends."""
    return " ".join(text.split())


def test_on_one_server_a_statement_reads_its_batch_as_a_whole():
    assert flat(UPDATE.text) == (
        "UPDATE messages AS m SET status = 'held', detail = $3"
        " FROM unnest($1::smallint[], $2::bigint[]) AS batch (lane, number)"
        " WHERE m.lane = batch.lane AND m.number = batch.number"
    )


def test_on_many_servers_it_names_the_lane_as_a_value():
    assert flat(UPDATE.on_one_lane) == (
        "UPDATE messages AS m SET status = 'held', detail = $3"
        " FROM unnest($2::bigint[]) AS batch (number)"
        " WHERE m.lane = $1::smallint AND m.number = ANY($2::bigint[])"
        " AND m.number = batch.number"
    )


def test_rows_for_one_table_are_values_there():
    rows = InsertRows("refs", "lane smallint, ref text", "ON CONFLICT DO NOTHING")
    assert flat(rows.text) == (
        "INSERT INTO refs (lane, ref) SELECT batch.*"
        " FROM unnest($1::smallint[], $2::text[]) AS batch (lane, ref) ON CONFLICT DO NOTHING"
    )
    assert flat(rows.of_values(2)) == (
        "INSERT INTO refs (lane, ref) VALUES ($1::smallint, $2::text), ($3::smallint, $4::text)"
        " ON CONFLICT DO NOTHING"
    )


@pytest.mark.parametrize(
    "name", [n for n, each in STATEMENTS.items() if isinstance(each, OverLanes)]
)
def test_a_statement_over_a_batch_names_one_lane_there_for_every_hot_table(name):
    assert hot_texts.reach(STATEMENTS[name].text) <= hot_texts.Reach.LANES
    for finding in hot_texts.findings(STATEMENTS[name].on_one_lane):
        assert finding.reach is hot_texts.Reach.ONE_LANE, finding


def test_a_query_over_a_batch_names_all_its_lanes_there():
    found = read_over_lanes(
        "lane smallint, number bigint",
        "SELECT m.body FROM {batch} JOIN messages AS m"
        " ON m.lane = {lane} AND m.number = batch.number",
        key="m.number",
    )
    batch = "FROM unnest($1::smallint[], $2::bigint[]) AS batch (lane, number)"
    assert flat(found.text) == (
        f"SELECT m.body {batch} JOIN messages AS m"
        " ON m.lane = batch.lane AND m.number = batch.number"
    )
    assert flat(found.distributed) == (
        f"SELECT m.body {batch} JOIN messages AS m"
        " ON m.lane = batch.lane AND m.lane = ANY($1::smallint[])"
        " AND m.number = ANY($2::bigint[]) AND m.number = batch.number"
    )


def test_a_second_table_has_the_lanes_as_well():
    found = read_over_lanes(
        "recipient bigint, list_id bigint",
        "SELECT a.sends FROM {batch} JOIN list_contacts AS c"
        " ON c.list_id = {lane} AND c.recipient = batch.recipient"
        " JOIN contact_activity AS a ON a.list_id = c.list_id{beside}",
        key="c.recipient",
        beside="a",
    )
    assert flat(found.text).endswith("AS a ON a.list_id = c.list_id")
    assert flat(found.distributed).endswith(
        "ON c.list_id = batch.list_id AND c.list_id = ANY($2::bigint[])"
        " AND c.recipient = ANY($1::bigint[]) AND c.recipient = batch.recipient"
        " JOIN contact_activity AS a ON a.list_id = c.list_id AND a.list_id = ANY($2::bigint[])"
    )


def test_an_id_that_the_database_makes_is_made_for_each_row():
    rows = InsertRows("inbox", "lane smallint, raw bytea", id_of="nextval('n') * 10 + {lane}")
    assert flat(rows.text) == (
        "INSERT INTO inbox (lane, raw, id) SELECT batch.*, nextval('n') * 10 + batch.lane"
        " FROM unnest($1::smallint[], $2::bytea[]) AS batch (lane, raw)"
    )
    assert flat(rows.of_values(2)) == (
        "INSERT INTO inbox (lane, raw, id)"
        " VALUES ($1::smallint, $2::bytea, nextval('n') * 10 + $1::smallint),"
        " ($3::smallint, $4::bytea, nextval('n') * 10 + $3::smallint)"
    )


def there(statement):
    """Return what is sent to a coordinator."""
    if isinstance(statement, OverLanes):
        return statement.on_one_lane
    if isinstance(statement, InsertRows):
        return statement.of_values(2)
    return statement.distributed if isinstance(statement, StatementForms) else statement


def unbound(text):
    """Return the distributed tables of a statement of which it names no shards by a value.

    That one of them is joined to another says nothing to the planner of several servers.
    """
    tree, found = sqlglot.parse_one(text, dialect="postgres"), set()
    for table in tree.find_all(sqlglot.exp.Table):
        column = COLUMNS.get(table.name)
        if column is None or isinstance(table.parent.parent, sqlglot.exp.Insert):
            continue
        named = rf"\b{table.alias_or_name}\.{column}"
        if not table.alias or not re.search(named, text):
            named = rf"(?<![\w.]){column}"
        if not re.search(rf"{named} = (ANY\()?\$", flat(text)):
            found.add(table.name)
    return found


def test_a_statement_names_its_shards_there():
    found = {
        name: unbound(there(STATEMENTS[name]))
        for name in STATEMENTS.keys() - NOT_THERE - EVERYWHERE
        if not isinstance(STATEMENTS[name], InsertRows)
    }
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_what_goes_everywhere_has_to():
    needless = [name for name in EVERYWHERE if not unbound(there(STATEMENTS[name]))]
    assert needless == [], "they name their shards: take them from the list"


def test_a_table_that_is_only_joined_to_another_one_is_looked_for_on_all_shards():
    joined = """
        SELECT c.at FROM unnest($1::smallint[]) AS batch (lane)
        JOIN messages AS m ON m.lane = batch.lane AND m.lane = ANY($1::smallint[])
        JOIN message_clicks AS c ON c.lane = m.lane{}
    """
    assert unbound(joined.format("")) == {"message_clicks"}
    assert unbound(joined.format(" AND c.lane = ANY($1::smallint[])")) == set()


def test_a_statement_that_joins_a_hot_table_to_a_batch_is_written_as_one():
    found = [
        name
        for name, text in STATEMENTS.items()
        if name not in NOT_THERE
        and isinstance(text, str)
        and "unnest" in text
        and hot_texts.reach(text) is not hot_texts.Reach.NOTHING_HOT
    ]
    assert found == []


class _Connection:
    """Takes down what is asked of it."""

    def __init__(self):
        self.asked = []

    async def fetch(self, statement, *values):
        self.asked.append((flat(statement), *values))
        return [(len(self.asked),)]

    async def execute(self, statement, *values):
        self.asked.append((flat(statement), *values))
        return f"UPDATE {len(values[-2]) if isinstance(values[-2], list) else 1}"


def run(work):
    connection = _Connection()
    return asyncio.run(greenlet_spawn(work, LaneByLane(connection))), connection.asked


def test_a_batch_is_cut_by_its_lanes_in_their_order_and_what_is_no_column_is_given_to_each():
    _, asked = run(lambda driver: driver.rows(UPDATE, [7, 3, 7, 3], [11, 12, 13, 14], "why"))
    text = flat(UPDATE.on_one_lane)
    assert asked == [(text, 3, [12, 14], "why"), (text, 7, [11, 13], "why")]


def test_the_answers_of_all_lanes_are_one_and_so_are_their_counts():
    values = ([7, 3, 7], [11, 12, 13], "why")
    assert run(lambda driver: driver.rows(UPDATE, *values))[0] == [(1,), (2,)]
    assert run(lambda driver: driver.run(UPDATE, *values))[0] == 3


def test_nothing_is_asked_of_an_empty_batch():
    assert run(lambda driver: driver.rows(UPDATE, [], [], "why")) == ([], [])
    assert run(lambda driver: driver.each(queue.TEXTS.keep_ref, [])) == (0, [])


@pytest.mark.parametrize("count", [1, 2, 5, 256, 257, 600])
def test_new_rows_go_in_a_few_statements_whose_texts_are_few(count):
    rows = [(n % 7, n, 1, f"r{n}", 1, n) for n in range(count)]
    _, asked = run(lambda driver: driver.each(queue.TEXTS.keep_ref, rows))
    given = [value for _, *values in asked for value in values]
    assert given == [value for row in rows for value in row]
    sizes = [len(values) // 6 for _, *values in asked]
    assert set(sizes) <= {1, 2, 4, 8, 16, 32, 64, 128, 256}
    assert len(sizes) <= count // 256 + 8


def test_no_lock_is_asked_for_on_many_shards():
    forms = [each for each in STATEMENTS.values() if isinstance(each, StatementForms)]
    assert len(forms) >= 16
    for form in forms:
        assert "FOR UPDATE" not in form.distributed
    _, asked = run(lambda driver: driver.rows(outbox.TEXTS.forget_events, 1, 2))
    assert asked == [(flat(outbox.TEXTS.forget_events.distributed), 1, 2)]


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


# A value of each type; a time is one of a week that there is.
VALUES = {
    "smallint": "7", "integer": "7", "bigint": str(NOW), "text": "'x'", "bytea": "'x'",
    "boolean": "true", "json": "'[]'", "jsonb": "'{}'", "smallint[]": "'{7,8,9}'",
    "integer[]": "'{7,8,9}'", "bigint[]": f"'{{{NOW},{NOW + 1},{NOW + 2}}}'",
    "text[]": "'{a,b,c}'", "bytea[]": "'{a,b,c}'", "boolean[]": "'{t,t,t}'", "json[]": "'{1,2,3}'",
}  # fmt: skip
# Of more shards than a batch of three names.
MANY = 4


async def plan(connection, text):
    """Return how many shards the largest part of a statement goes to."""
    await connection.execute(f"PREPARE planned AS {text}")
    types = await connection.fetchval(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'planned'"
    )
    values = ", ".join(VALUES[each] for each in types)
    called = f"planned({values})" if values else "planned"
    try:
        [[found]] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE {called}")
    finally:
        await connection.execute("DEALLOCATE planned")
    return max(map(int, re.findall(r'"Task Count": (\d+)', found)), default=0)


@ON_CITUS
def test_each_statement_has_a_plan_there_and_goes_to_the_shards_that_it_names(house):
    async def plans():
        connection = await asyncpg.connect(house.backend.url, statement_cache_size=0)
        try:
            await connection.execute(distributed.ONE_BY_ONE)
            for name in sorted(STATEMENTS.keys() - NOT_THERE):
                yield name, await plan(connection, there(STATEMENTS[name]))
        finally:
            await connection.close()

    async def collect():
        return {name: tasks async for name, tasks in plans()}

    found = asyncio.run(collect())
    assert {name for name, tasks in found.items() if tasks >= MANY} <= EVERYWHERE


@ON_CITUS
def test_a_campaign_is_planned_and_reported_there(house):
    desk = Desk(house)
    other = house.add_list(house.us, 15550700000)
    for sender, first in ((house.list, FIRST), (other, FIRST + 5)):
        desk.fast(sender)
        desk.join(crowd(10, first), sender)
    run_id = desk.begin(desk.content(house.list, other))
    desk.plan(page_max=4)
    assert desk.recipients(run_id) == crowd(15)
    report = house.do(ReportService(house.store, lambda: NOW).of_run(house.us, run_id))
    assert report.total.sent.counts[CountKind.ACCEPTED] == 15


@ON_CITUS
def test_clicks_are_counted_there(house):
    other = house.add_list(house.us, 15550700000)
    clock = clicking.Clock()
    for sender in (house.list, other):
        house.queue(1, 2, sender=sender, links="17")
        clicking.keep(house, clicking.click(house, 1, sender=sender))
    clicking.count_all(house, clock)
    numbers = {house.no(1, each) for each in (house.list, other)}
    assert clicking.first_clicks(house) == dict.fromkeys(numbers, (NOW, 0))
    assert clicking.counted(house) == clicking.to_be_counted(house)


class CitusGround(PostgresGround):
    """The road's ground on several servers."""

    def __init__(self):
        self.url = stores.CitusBackend(None).url
        self.line = postgres.line(self.url)
        self.calls = Calls()


@ON_CITUS
def test_a_contact_goes_from_step_to_step_there():
    road = Road(CitusGround())
    try:
        journeys = Journeys(road)
        field = {"id": "mark", "kind": "set_field", "field": "plan", "value": "pro"}
        journey = journeys.add(send("hello"), wait("hour"), field, send("bye"))
        assert journeys.enter(ANN, BEN) == 2
        journeys.step()
        assert journeys.where() == "hour"
        journeys.wait(3_600)
        assert journeys.where() == "over: completed"
        assert len(journeys.sent()) == 4
        assert journeys.counts(journey)["", "ended:completed"] == 2
    finally:
        road.close()


@ON_CITUS
def test_a_parked_receipt_that_another_process_applies_is_passed_over(house):
    stores.park(house, "ref-1", "ref-2")
    house.queue(1, 2)
    house.start_attempts(1, 2)
    house.finish_attempts(house.result(1), house.result(2, carrier_ref="ref-2"))
    lane = LaneByLane(None).lane_of_ref(house.connector, "ref-1")

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
        "Hello", None, "",
    )  # fmt: skip
