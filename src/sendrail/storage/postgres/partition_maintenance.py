"""The chores of a shared database: room for the weeks to come, old weeks dropped, the queue small.

None of them waits for traffic or makes it wait for long. A week is detached concurrently before it
is dropped. A slice of the queue is worn when it is large; then new rows go to the next, and what
little still waits in the worn one is moved, so that it can be emptied at once. That takes its dead
rows away at once, which vacuum cannot while a long transaction runs elsewhere.
"""

import re
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy import Engine
from sqlalchemy.util import greenlet_spawn

from sendrail.domain.ids import LANES
from sendrail.storage.postgres.distributed import driver_of, wait_at_most
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.messages import FORGET_FINGERPRINTS
from sendrail.storage.postgres.partitions import PARTITIONS, SIZE, WEEK_MS, began, make_weeks
from sendrail.storage.postgres.schema import BY_TIME, SLICES

_log = structlog.get_logger()

_HOUR_MS: Final = 3_600_000
# Some fifteen thousand rows: what a claim may pass over that is gone, under a long reader.
_WORN_BYTES: Final = 2**20
# Moved while all writers wait: a few hundredths of a second.
_MOVED_MAX: Final = 2_000
_SPAN: Final = 64
_BATCH: Final = 2_000
# Others queue up behind a transaction that waits for a lock, so the chores do not wait long.
_SETTINGS: Final = (
    "SET application_name = 'sendrail-maintenance'",
    "SET jit = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
)
_SHORT: Final = "50ms"
_SHORT_WAIT: Final = f"SET lock_timeout = '{_SHORT}'"
_MOMENT: Final = "300ms"
# A detachment waits for transactions that use the partition, and none waits for it.
_LONG_WAIT: Final = "SET lock_timeout = '10s'"

SLICE: Final = "SELECT current FROM queue_slices"
TURN: Final = "UPDATE queue_slices SET current = $1, turned_at = $2"
PENDING: Final = """
    SELECT p.relname, c.relname FROM pg_inherits AS i
    JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhdetachpending AND p.relnamespace = current_schema()::regnamespace
"""
LEFT_OVER: Final = """
    SELECT c.relname FROM pg_class AS c
    WHERE c.relkind = 'r' AND NOT c.relispartition
        AND c.relnamespace = current_schema()::regnamespace
    ORDER BY c.relname
"""
_WEEK: Final = re.compile(rf"({'|'.join(BY_TIME)})_\d{{8}}").fullmatch


class PartitionMaintenance:
    """Does the chores, on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._weeks_at = 0
        self._lane = 0

    async def maintain(self, now: int, *, messages_before: int | None, seen_before: int) -> None:
        """Do what is due; drop weeks of messages that ended before `messages_before`, if any.

        Forgets the fingerprints that were noted before `seen_before`, some lanes at a time.
        """
        await greenlet_spawn(self._tend, now, messages_before, seen_before)

    def _tend(self, now: int, messages_before: int | None, seen_before: int) -> None:
        with self._engine.connect() as core:
            driver = driver_of(core.connection.driver_connection)
            for setting in (*_SETTINGS, _SHORT_WAIT):
                driver.run(setting)
            turn_slices(driver, now)
            self._forget(driver, seen_before)
            if now >= self._weeks_at:
                driver.run(_LONG_WAIT)
                driver.run("BEGIN")
                make_weeks(driver, now)
                driver.run("COMMIT")
                if messages_before is not None:
                    drop_weeks(driver, messages_before)
                self._weeks_at = now + _HOUR_MS

    def _forget(self, driver: PostgresDriver, before: int) -> None:
        lanes = self._lane, self._lane + _SPAN
        while driver.run(FORGET_FINGERPRINTS, before, *lanes, _BATCH) == _BATCH:
            pass
        self._lane = lanes[1] % LANES


# The queue


def turn_slices(driver: PostgresDriver, now: int) -> None:
    """Let new rows go to a clean slice when the current one is worn, and clean the others."""
    row = driver.row(SLICE)
    assert row is not None, "the schema was made with its slices"
    current = row[0]
    sizes = [_size(driver, which) for which in range(SLICES)]
    if sizes[current] >= _WORN_BYTES:
        following = [(current + step) % SLICES for step in range(1, SLICES)]
        if (clean := next((each for each in following if not sizes[each]), None)) is not None:
            driver.run(TURN, clean, now)
            current = clean
    for which in range(SLICES):
        if which != current and sizes[which]:
            _clean(driver, which, current)


def _size(driver: PostgresDriver, which: int) -> int:
    row = driver.row(SIZE, f"queue_{which}")
    assert row is not None, "every slice is there"
    return int(row[0])


def _clean(driver: PostgresDriver, which: int, current: int) -> None:
    """Empty a slice, unless much still waits in it or a transaction does not let go of it."""
    few = f"SELECT count(*) FROM (SELECT 1 FROM queue_{which} LIMIT {_MOVED_MAX + 1}) AS few"
    if _count(driver, few) > _MOVED_MAX:
        return
    driver.run("BEGIN")
    try:
        if driver.is_spread:
            # A lock on a slice would be the coordinator's alone, and keep no writer away.
            wait_at_most(driver, _SHORT)
            driver.run("LOCK TABLE queue IN EXCLUSIVE MODE")
        else:
            driver.run(f"LOCK TABLE queue_{which} IN ACCESS EXCLUSIVE MODE")
        if _count(driver, few) <= _MOVED_MAX:
            driver.run(
                "INSERT INTO queue (slice, lane, list_id, rank, due_at, number)"
                f" SELECT {current}, lane, list_id, rank, due_at, number FROM queue_{which}"
            )
            driver.run(f"TRUNCATE queue_{which}")
        driver.run("COMMIT")
    except asyncpg.LockNotAvailableError:
        driver.run("ROLLBACK")
        _log.info("queue_slice_in_use", slice=which)


def _count(driver: PostgresDriver, statement: str) -> int:
    row = driver.row(statement)
    assert row is not None, "a count returns a row"
    return int(row[0])


# The weeks


def drop_weeks(driver: PostgresDriver, before: int) -> int:
    """Drop the weeks that ended before the given time, the oldest first; return how many.

    A week with a message that is not at rest stays, and so does all that is younger.
    """
    finish_detaching(driver)
    for name in _left_over(driver, before):
        driver.run(f"DROP TABLE {name}")
    dropped = 0
    for week in _old_weeks(driver, before):
        if _is_open(driver, week):
            _log.warning("week_kept", week=week["messages"], reason="messages not at rest")
            break
        if driver.is_spread:
            _drop_from_all_servers(driver, week)
        else:
            _drop(driver, week)
        dropped += len(week)
        _log.info("week_dropped", weeks=sorted(week.values()))
    return dropped


def _drop(driver: PostgresDriver, week: dict[str, str]) -> None:
    for table, name in week.items():
        driver.run(f"ALTER TABLE {table} DETACH PARTITION {name} CONCURRENTLY")
        driver.run(f"DROP TABLE {name}")


def _drop_from_all_servers(driver: PostgresDriver, week: dict[str, str]) -> None:
    """Drop a week where nothing can be detached beside the traffic; while it is read, not yet."""
    driver.run("BEGIN")
    wait_at_most(driver, _MOMENT)
    for name in week.values():
        driver.run(f"DROP TABLE {name}")
    driver.run("COMMIT")


def finish_detaching(driver: PostgresDriver) -> None:
    """Finish detachments that were interrupted."""
    for table, name in driver.rows(PENDING):
        driver.run(f"ALTER TABLE {table} DETACH PARTITION {name} FINALIZE")


def _left_over(driver: PostgresDriver, before: int) -> list[str]:
    """Return weeks that were detached and not dropped."""
    names = [str(row[0]) for row in driver.rows(LEFT_OVER)]
    return [name for name in names if _WEEK(name) and began(name) + WEEK_MS <= before]


def _old_weeks(driver: PostgresDriver, before: int) -> list[dict[str, str]]:
    """Return the partitions, by table, of each week that ended before the given time."""
    weeks: dict[int, dict[str, str]] = {}
    for table in reversed(BY_TIME):
        for (name,) in driver.rows(PARTITIONS, table):
            if (week := began(name)) + WEEK_MS <= before:
                weeks.setdefault(week, {})[table] = name
    return [weeks[week] for week in sorted(weeks)]


def _is_open(driver: PostgresDriver, week: dict[str, Any]) -> bool:
    """Return whether a message of the week is not at rest."""
    if (messages := week.get("messages")) is None:
        return False
    under_way = f"SELECT 1 FROM {messages} WHERE status IN ('sending', 'uncertain') LIMIT 1"
    waiting = [
        f"SELECT 1 FROM {table} AS w JOIN {messages} AS m"
        " ON m.lane = w.lane AND m.number = w.number LIMIT 1"
        for table in ("queue", "scheduled")
    ]
    return any(driver.row(each) is not None for each in (under_way, *waiting))
