"""Partitions: weeks of messages, which come and go whole, and the slices of the queue."""

from datetime import UTC, datetime
from typing import Final

from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.schema import BY_TIME, SLICES
from sendrail.storage.templates import StatementForms

WEEK_MS: Final = 7 * 86_400_000
# Monday, 5 January 1970.
_FIRST_MONDAY_MS: Final = 4 * 86_400_000
# How far ahead there is a place for messages: no process needs to look for a month.
_WEEKS_AHEAD: Final = 4

PARTITIONS: Final = """
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = $1::regclass ORDER BY c.relname
"""

# How many bytes of rows a slice of the queue has.
SIZE: Final = StatementForms(
    "SELECT pg_relation_size($1::regclass)",
    # The mean of its shards: it is worn when those are.
    distributed="""
        SELECT ceil(citus_relation_size($1::regclass)::numeric / count(*))::bigint
        FROM pg_dist_shard WHERE logicalrelid = $1::regclass
    """,
)


def week_of(at: int) -> int:
    """Return when the week of a time began: Monday, midnight UTC, in milliseconds."""
    return (at - _FIRST_MONDAY_MS) // WEEK_MS * WEEK_MS + _FIRST_MONDAY_MS


def name_of(table: str, week: int) -> str:
    """Return the name of a table's partition: messages_20261123."""
    return f"{table}_{datetime.fromtimestamp(week / 1000, UTC):%Y%m%d}"


def began(name: str) -> int:
    """Return when the week of a partition began, by its name."""
    day = datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC)
    return int(day.timestamp() * 1000)


def make_weeks(driver: PostgresDriver, now: int) -> int:
    """Make the partitions of this week and those to come that are missing; return how many.

    A new one is made aside and attached: no transaction waits for that.
    """
    made = 0
    for table in BY_TIME:
        there = {row[0] for row in driver.rows(PARTITIONS, table)}
        for ahead in range(_WEEKS_AHEAD + 1):
            week = week_of(now) + ahead * WEEK_MS
            if (name := name_of(table, week)) not in there:
                driver.run(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
                driver.run(
                    f"ALTER TABLE {table} ATTACH PARTITION {name}"
                    f" FOR VALUES FROM ({week}) TO ({week + WEEK_MS})"
                )
                made += 1
    return made


def weeks_ahead(driver: PostgresDriver, now: int) -> int:
    """Return for how many weeks after this one there is a place, in every table."""
    ahead = []
    for table in BY_TIME:
        there = {row[0] for row in driver.rows(PARTITIONS, table)}
        week = week_of(now)
        while name_of(table, week) in there:
            week += WEEK_MS
        ahead.append((week - week_of(now)) // WEEK_MS - 1)
    return min(ahead)


def make_slices(driver: PostgresDriver, now: int) -> None:
    """Make the queue's slices; for a fresh schema."""
    for which in range(SLICES):
        driver.run(
            f"CREATE TABLE queue_{which} PARTITION OF queue FOR VALUES IN ({which})"
            " WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,"
            " autovacuum_vacuum_cost_delay = 0)"
        )
    driver.run("INSERT INTO queue_slices (current, turned_at) VALUES (0, $1)", now)
