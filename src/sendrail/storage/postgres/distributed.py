"""PostgreSQL spread over several servers (Citus): how its tables are distributed, and what differs.

A statement on the rows of a batch names their lanes by a join, of which the planner cannot tell
which shards it means: it would ask all of them, and locks no rows. So there each such statement
goes to one lane after the other, each time to one shard. What has a form of its own beside that
stands here as well; a store asks at its opening which of the two it speaks with.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy.util import await_only

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.message import Skip, Status
from sendrail.storage.postgres import gate, inbox, outbox, partitions, queue, replies
from sendrail.storage.postgres.driver import Driver, Rows, columns
from sendrail.storage.postgres.schema import HOT_KEYS, metadata
from sendrail.storage.rows import (
    Asked,
    Found,
    MessageRow,
    ParkedReceipt,
    QueuePlace,
)
from sendrail.storage.sqlite.gate import find_by_kind
from sendrail.storage.sqlite.inbox import parked_of

# What else grows, and by what it is spread: each is asked for by it, or by nothing that is hot.
SPREAD: Final = {
    "list_contacts": "list_id",
    "contact_activity": "list_id",
    "enrolments": "list_id",
    "recipient_troubles": "list_id",
    "auto_replies": "list_id",
    "consent_events": "id",
    "replies": "id",
    "refused_callbacks": "id",
    "webhook_attempts": "event_id",
    "idempotency": "key",
    "reply_refs": "carrier_ref",
    "reply_parts": "sender",
}
# By which processes agree: few rows, changed all the time, by the clock of one server. They stay
# what they are, tables of the coordinator.
AGREED: Final = (
    "leases",
    "spans",
    "processes",
    "connector_paces",
    "full_accounts",
    "counters",
    "queue_slices",
)

HAS_EXTENSION: Final = "SELECT 1 FROM pg_extension WHERE extname = 'citus'"
# A transaction that has written to many shards at once could not write to what all nodes share.
ONE_BY_ONE: Final = "SET citus.multi_shard_modify_mode = 'sequential'"
# There the values decide which shard is meant, and without them some statements have no plan.
PLANNED_BY_VALUES: Final = "SET plan_cache_mode = auto"


def has_extension(raw: Any) -> bool:
    """Tell whether a database can spread its tables over several servers."""
    return await_only(raw.fetchrow(HAS_EXTENSION)) is not None


def driver_of(raw: Any) -> Driver:
    """Return what speaks with a database by a connection that was just made."""
    if not has_extension(raw):
        return Driver(raw)
    driver = LaneByLane(raw)
    driver.run(ONE_BY_ONE)
    return driver


# The tables


def distribution() -> dict[str, list[str]]:
    """Return the statements that distribute an installation's tables, by what they are for."""
    tables = [table.name for table in metadata.sorted_tables]
    first, *others = HOT_KEYS
    contacts, *beside = [name for name, column in SPREAD.items() if column == "list_id"]
    alone = {name: column for name, column in SPREAD.items() if column != "list_id"}
    known = {*HOT_KEYS, *SPREAD, *AGREED}
    return {
        "Settings: small, and the same on every node.": [
            f"SELECT create_reference_table('{name}')" for name in tables if name not in known
        ],
        "Hot: a lane and all that belongs to it on one shard.": [
            _distributed(first, "lane", "none"),
            *(_distributed(name, "lane", first) for name in others),
        ],
        "Contacts: by their list.": [
            _distributed(contacts, "list_id", "none"),
            *(_distributed(name, "list_id", contacts) for name in beside),
        ],
        "The rest of what grows: evenly.": [
            _distributed(name, column, "none") for name, column in alone.items()
        ],
    }


def _distributed(name: str, column: str, beside: str) -> str:
    return f"SELECT create_distributed_table('{name}', '{column}', colocate_with => '{beside}')"


def distribute(driver: Driver) -> None:
    """Distribute the tables of a new schema, within the transaction that has made them."""
    driver.run(ONE_BY_ONE)
    for statements in distribution().values():
        for statement in statements:
            driver.run(statement)


# The statements

# Those that have another form there.
FORMS: Final = {
    # By the lists that are known instead of a walk through the queue: recursion needs one shard.
    # A lane has a row in `numbers` since its first message; it says which shards are meant.
    queue.LISTS_WAITING: """
        SELECT n.lane, l.id FROM numbers AS n JOIN lists AS l ON l.lane = n.lane
        WHERE n.lane >= $1 AND n.lane < $2 AND EXISTS (
            SELECT 1 FROM queue AS q WHERE q.lane = n.lane AND q.list_id = l.id)
        ORDER BY n.lane, l.id
    """,
    # One process at a time does the chores, and whoever takes up a text's parts locks those: no
    # more than that is lost with a lock that is not to be had on many shards.
    **{
        statement: statement.replace("FOR UPDATE SKIP LOCKED", "")
        for statement in (
            gate.FORGET_ANSWERS,
            gate.FORGET_FINGERPRINTS,
            inbox.FORGET_PARKED,
            replies.OVERDUE_PARTS,
            outbox.OLD_EVENTS,
        )
    },
    # The mean of its shards: it is worn when those are.
    partitions.SIZE: """
        SELECT ceil(citus_relation_size($1::regclass)::numeric / count(*))::bigint
        FROM pg_dist_shard WHERE logicalrelid = $1::regclass
    """,
    inbox.PARKED: inbox.PARKED.replace("FOR UPDATE OF p SKIP LOCKED", ""),
}
# `gate.INSERT_NEW` in four: there, what is to be done with a row that is there takes no values, and
# what one part of a statement has written is no source for the next.
OUTDATE: Final = """
    DELETE FROM fingerprints AS f
    USING unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS new (lane, fingerprint, number)
    WHERE f.lane = new.lane AND f.fingerprint = new.fingerprint
        AND (f.at <= $4 OR new.number = ANY($5::bigint[]))
"""
NOTE: Final = """
    INSERT INTO fingerprints (lane, fingerprint, number, at)
    SELECT new.* FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS new (lane, fingerprint, number, at)
    ORDER BY lane, fingerprint ON CONFLICT DO NOTHING RETURNING number
"""
ACCEPT: Final = """
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
        segments, encoding, body, metadata, status, attempt, epoch, resent)
    SELECT new.*, 'queued', 0, 0, 0
    FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[], $7::smallint[], $8::smallint[], $9::text[], $10::text[], $11::text[]) AS new
"""
LOCK_PARKED: Final = """
    SELECT p.id FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, id)
    JOIN parked_receipts AS p ON p.lane = wanted.lane AND p.id = wanted.id
    FOR UPDATE OF p SKIP LOCKED
"""
NOTE_NEWS: Final = """
    INSERT INTO activity_news (lane, number, numbers)
    SELECT lane, min(number), array_agg(number)
    FROM unnest($1::smallint[], $2::bigint[]) AS new (lane, number) GROUP BY lane
"""
CURRENT_SLICE: Final = "SELECT current FROM queue_slices"
QUEUE: Final = """
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT $1::smallint, new.*
    FROM unnest($2::smallint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[]) AS new
"""

_QUEUED: Final = Status.QUEUED.value
_BATCH: Final = re.compile(r"unnest\(([^()]*)\)\s+AS (\w+) \(([^()]*)\)")
_ARRAY: Final = re.compile(r"\$(\d+)::")


@dataclass(frozen=True, slots=True)
class OneLane:
    """A statement on a batch as it is for the part of the batch that is in one lane.

    `arrays` are the places of the batch's columns among the values, `lane` that of the lanes.
    """

    text: str
    arrays: tuple[int, ...]
    lane: int

    def shares(self, values: Sequence[Any]) -> Iterator[list[Any]]:
        """Cut the values lane by lane, in the lanes' order; each share ends with its lane."""
        lanes = values[self.lane]
        order = sorted(range(len(lanes)), key=lanes.__getitem__)
        for lane, places in groupby(order, key=lanes.__getitem__):
            chosen = list(places)
            share = list(values)
            for array in self.arrays:
                share[array] = [values[array][place] for place in chosen]
            yield [*share, lane]


@cache
def on_one_lane(statement: str) -> OneLane | None:
    """Return the form for one lane, None where the statement joins no table by the lanes given."""
    values = max((int(each) for each in re.findall(r"\$(\d+)", statement)), default=0)
    for arguments, alias, names in _BATCH.findall(statement):
        if "lane" not in (fields := re.split(r",\s*", names)):
            continue
        text, joins = re.subn(
            rf"\b(\w+\.lane) = {alias}\.lane\b", rf"\1 = ${values + 1}::smallint", statement
        )
        if joins:
            arrays = tuple(int(each) - 1 for each in _ARRAY.findall(arguments))
            return OneLane(text, arrays, arrays[fields.index("lane")])
    return None


class LaneByLane(Driver):
    """A connection to the coordinator: what means many lanes goes to one shard after the other."""

    is_spread = True

    def rows(self, statement: str, *values: Any) -> Rows:
        if (one := on_one_lane(statement)) is None:
            return super().rows(FORMS.get(statement, statement), *values)
        return [row for share in one.shares(values) for row in Driver.rows(self, one.text, *share)]

    def row(self, statement: str, *values: Any) -> Sequence[Any] | None:
        assert on_one_lane(statement) is None, "what is asked of a batch has many answers"
        return super().row(FORMS.get(statement, statement), *values)

    def run(self, statement: str, *values: Any) -> int:
        if (one := on_one_lane(statement)) is None:
            return super().run(FORMS.get(statement, statement), *values)
        return sum(Driver.run(self, one.text, *share) for share in one.shares(values))


def wait_at_most(driver: Driver, time: str) -> None:
    """Let this transaction wait for no lock for longer, on whichever server it is."""
    driver.run("SET LOCAL citus.propagate_set_commands = 'local'")
    driver.run(f"SET LOCAL lock_timeout = '{time}'")


def _queue(driver: Driver, places: Sequence[QueuePlace]) -> None:
    row = driver.row(CURRENT_SLICE)
    assert row is not None, "the schema was made with its slices"
    driver.run(QUEUE, row[0], *columns(places, queue.PLACE))


class Gate(gate.Gate):
    """The facts the gate judges by, asked for one kind after the other."""

    def find(self, asked: Sequence[Asked], now: int) -> list[Found]:
        return find_by_kind(self, asked, now)


class Messages(gate.Messages):
    """Messages coming in: each table is written by a statement of its own, all in a transaction."""

    def _note_and_insert(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int],
    ) -> set[int]:
        self._driver.begin()
        numbers, lanes = [row[0] for row in rows], [row[1] for row in rows]
        prints, times = list(fingerprints), [row[5] for row in rows]
        self._driver.run(OUTDATE, lanes, prints, numbers, since, list(forced))
        noted = {row[0] for row in self._driver.rows(NOTE, lanes, prints, numbers, times)}
        self.insert([row for row in rows if row[0] in noted])
        return set(numbers) - noted

    def insert(self, rows: Sequence[MessageRow], due_at: int | None = None) -> None:
        if not rows:
            return
        self._driver.begin()
        self._driver.run(ACCEPT, *columns(rows, len(rows[0])))
        self._driver.run(NOTE_NEWS, [row[1] for row in rows], [row[0] for row in rows])
        places = [
            QueuePlace(
                lane=row[1],
                list_id=row[3],
                rank=RANK_AHEAD if row[6] & Skip.RATE_LIMIT else RANK_PACED,
                due_at=row[5] if due_at is None else due_at,
                number=row[0],
            )
            for row in rows
        ]
        _queue(self._driver, places)


class Queue(queue.Queue):
    """What waits, what is under way, and what became of it."""

    def _move(self, arrived: Sequence[Sequence[Any]], back: Sequence[QueuePlace]) -> None:
        # In one statement what comes of the first half would be read with wrong types.
        queued = {row[0] for row in self._driver.rows(queue.ARRIVED, *arrived) if row[1] == _QUEUED}
        if places := [place for place in back if place.number in queued]:
            _queue(self._driver, places)


class Inbox(inbox.Inbox):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def parked(self, since: int, limit: int) -> list[ParkedReceipt]:
        found = [parked_of(row) for row in self._driver.rows(inbox.PARKED, since, limit)]
        wanted = [(outbox.lane_in(each.id), each.id) for each in found]
        ours = {row[0] for row in self._driver.rows(LOCK_PARKED, *columns(wanted, 2))}
        return [each for each in found if each.id in ours]
