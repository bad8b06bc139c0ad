"""PostgreSQL spread over several servers (Citus): how its tables are distributed, and what differs.

A statement on the rows of a batch names their lanes by a join, from which the planner cannot see
which shards it means: it would ask all of them, and locks no rows. So there a statement that
changes or locks rows goes to one lane after the other, each time to one shard; reading and adding
rows take one for all lanes. What has a form of its own beside that stands here as well; a store
asks at its opening which of the two it speaks with.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.util import await_only

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.delivery import rank_of
from sendrail.domain.ids import AccountId, EndpointId, ListId, lane_in, lane_of
from sendrail.domain.message import Status
from sendrail.domain.short_ids import SlotRange
from sendrail.storage.contact_tables import list_contacts
from sendrail.storage.contacts.audience_members import in_sample
from sendrail.storage.contacts.signups import ContactFilter, ListSize, SignUps
from sendrail.storage.driver import Row, Rows
from sendrail.storage.pipeline.gate import Gate, GateQuery, GateResult, KnownContact
from sendrail.storage.pipeline.inbox import ParkedReceipt
from sendrail.storage.pipeline.messages import NO_ORIGINS, MessageRow
from sendrail.storage.pipeline.outbox import AccountEvent
from sendrail.storage.pipeline.soft_bounces import SoftBounces
from sendrail.storage.postgres import link_ranges, queue
from sendrail.storage.postgres.driver import PostgresDriver, columns
from sendrail.storage.postgres.gate import PostgresGate
from sendrail.storage.postgres.inbox import PostgresInbox
from sendrail.storage.postgres.messages import PostgresMessages
from sendrail.storage.postgres.outbox import PostgresOutbox
from sendrail.storage.postgres.schema import HOT_KEYS, metadata
from sendrail.storage.tables import lists
from sendrail.storage.templates import (
    InsertRows,
    OverLanes,
    Statement,
    StatementForms,
    read_over_lanes,
    text_of,
)

# What else grows, and by what it is spread: each is read by it, or by nothing that is hot.
SPREAD: Final = {
    "list_contacts": "list_id",
    "contact_activity": "list_id",
    "signup_counts": "list_id",
    "cohort_counts": "list_id",
    "contact_counts": "list_id",
    "recipient_troubles": "list_id",
    "auto_replies": "list_id",
    "watched_members": "list_id",
    "consent_events": "id",
    "replies": "id",
    "refused_callbacks": "id",
    "webhook_attempts": "event_id",
    "idempotency": "key",
    "reply_refs": "carrier_ref",
    "reply_parts": "sender",
    "upload_pieces": "upload_id",
}
# By which processes agree: few rows, changed all the time, by the clock of one server; or read by
# nothing that reads another table. They stay what they are, tables of the coordinator.
AGREED: Final = (
    "leases",
    "spans",
    "processes",
    "connector_paces",
    "found_paces",
    "full_accounts",
    "counters",
    "queue_slices",
    "link_ranges",
)

HAS_EXTENSION: Final = "SELECT 1 FROM pg_extension WHERE extname = 'citus'"
# A transaction that has written to many shards at once could not write to what all nodes share.
ONE_BY_ONE: Final = "SET citus.multi_shard_modify_mode = 'sequential'"
# To hide shards, each look into the catalogue asks of every table whether it is one. The driver's
# first question about a type took two seconds by that.
SHARDS_SHOWN: Final = "SET citus.override_table_visibility = off"

# How many rows go into one statement at most; each size is a statement of its own to plan.
_ROWS_AT_ONCE: Final = 256


def has_extension(raw: Any) -> bool:
    """Return whether a database can spread its tables over several servers."""
    return await_only(raw.fetchrow(HAS_EXTENSION)) is not None


def driver_of(raw: Any) -> PostgresDriver:
    """Return what speaks with a database by a connection that was just made."""
    if not has_extension(raw):
        return PostgresDriver(raw)
    driver = LaneByLane(raw)
    driver.run(ONE_BY_ONE)
    driver.run(SHARDS_SHOWN)
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


def distribute(driver: PostgresDriver) -> None:
    """Distribute the tables of a new schema, within the transaction that has made them."""
    driver.run(ONE_BY_ONE)
    for statements in distribution().values():
        for statement in statements:
            driver.run(statement)


# The statements

# `messages.INSERT_NEW` in four: there, what is to be done with a row that is there takes no values,
# and what one part of a statement has written is no source for the next.
OUTDATE: Final = OverLanes(
    "lane smallint, fingerprint bigint, number bigint",
    """
    DELETE FROM fingerprints AS f USING {batch}
    WHERE f.lane = {lane} AND f.fingerprint = batch.fingerprint
        AND (f.at <= $4 OR batch.number = ANY($5::bigint[]))
    """,
    key="f.fingerprint",
)
NOTE: Final = InsertRows(
    "fingerprints",
    "lane smallint, fingerprint bigint, number bigint, at bigint",
    "ON CONFLICT DO NOTHING RETURNING number",
)
ACCEPT: Final = InsertRows(
    "messages",
    "number bigint, lane smallint, account_id bigint, list_id bigint, recipient bigint,"
    " created_at bigint, skips smallint, segments smallint, encoding text, body text,"
    " metadata text, links text, status text, attempt smallint, epoch bigint, resent smallint,"
    " origin_id bigint",
)
NOTE_NEWS: Final = InsertRows("activity_news", "lane smallint, number bigint, numbers bigint[]")
LOCK_PARKED: Final = OverLanes(
    "lane smallint, id bigint",
    """
    SELECT p.id FROM {batch} JOIN parked_receipts AS p ON p.lane = {lane} AND p.id = batch.id
    FOR UPDATE OF p SKIP LOCKED
    """,
    key="p.id",
)


# Of `outbox.add_whole`, which takes its row from the endpoint's: there is no plan for that there.
ENDPOINT: Final = (
    "SELECT 1 FROM webhook_endpoints WHERE id = $1 AND account_id = $2 AND state <> 'gone'"
)
# Of `replies.SOFT_BOUNCES`, which deletes rows of lists by what is on other shards.
REACHED: Final = read_over_lanes(
    "lane smallint, number bigint",
    """
    SELECT m.list_id, m.recipient
    FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
    """,
    key="m.number",
)
TROUBLED: Final = read_over_lanes(
    "list_id bigint, recipient bigint",
    """
    SELECT DISTINCT t.list_id, t.recipient
    FROM {batch}
    JOIN recipient_troubles AS t ON t.list_id = {lane} AND t.recipient = batch.recipient
    """,
    key="t.recipient",
)
CLEAR_TROUBLES: Final = OverLanes(
    "list_id bigint, recipient bigint",
    """
    DELETE FROM recipient_troubles AS t USING {batch}
    WHERE t.list_id = {lane} AND t.recipient = batch.recipient
    """,
    key="t.recipient",
)


class LaneByLane(PostgresDriver):
    """A connection to the coordinator: what means many lanes goes to one shard after the other."""

    is_spread = True

    def rows(self, statement: Statement, *values: Any) -> Rows:
        if not isinstance(statement, OverLanes):
            return super().rows(_form_of(statement), *values)
        return [
            row
            for share in _shares(statement, values)
            for row in super(LaneByLane, self).rows(statement.on_one_lane, *share)
        ]

    def row(self, statement: Statement, *values: Any) -> Row | None:
        assert not isinstance(statement, OverLanes), "a statement over a batch returns many rows"
        return super().row(_form_of(statement), *values)

    def run(self, statement: Statement, *values: Any) -> int:
        if not isinstance(statement, OverLanes):
            return super().run(_form_of(statement), *values)
        return sum(
            super(LaneByLane, self).run(statement.on_one_lane, *share)
            for share in _shares(statement, values)
        )

    def each(self, statement: Statement, rows: Sequence[Row]) -> int:
        if not isinstance(statement, InsertRows):
            return super().each(statement, rows)
        return sum(
            super(LaneByLane, self).run(statement.of_values(len(part)), *chain.from_iterable(part))
            for part in _parts(rows)
        )

    def each_returning(self, statement: Statement, rows: Sequence[Row]) -> Rows:
        if not isinstance(statement, InsertRows):
            return super().each_returning(statement, rows)
        return [
            row
            for part in _parts(rows)
            for row in super(LaneByLane, self).rows(
                statement.of_values(len(part)), *chain.from_iterable(part)
            )
        ]

    def _note_write(self) -> None:
        """Count nothing: a statement that goes lane by lane is many."""


def _form_of(statement: Statement) -> str:
    return statement.distributed if isinstance(statement, StatementForms) else text_of(statement)


def _shares(statement: OverLanes, values: Sequence[Any]) -> Iterator[list[Any]]:
    """Cut a batch lane by lane, in the lanes' order; each share begins with its lane."""
    lanes, *others = values[: statement.width]
    order = sorted(range(len(lanes)), key=lanes.__getitem__)
    for lane, places in groupby(order, key=lanes.__getitem__):
        chosen = list(places)
        batch = [[column[place] for place in chosen] for column in others]
        yield [lane, *batch, *values[statement.width :]]


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into as few parts as sizes of powers of two allow: each size is a statement."""
    at = 0
    while at < len(rows):
        size = min(_ROWS_AT_ONCE, 1 << (len(rows) - at).bit_length() - 1)
        yield rows[at : at + size]
        at += size


def wait_at_most(driver: PostgresDriver, time: str) -> None:
    """Let this transaction wait for no lock for longer, on whichever server it is."""
    driver.run("SET LOCAL citus.propagate_set_commands = 'local'")
    driver.run(f"SET LOCAL lock_timeout = '{time}'")


class DistributedGate(PostgresGate):
    """The facts the gate judges by, read one kind after the other."""

    def find(self, asked: Sequence[GateQuery], now: int) -> list[GateResult]:
        return Gate.find(self, asked, now)

    def known_contacts_of_lists(
        self, asked: Mapping[tuple[int, int], Sequence[int]], now: int
    ) -> dict[tuple[int, int], dict[int, KnownContact]]:
        # A list's contacts are on one shard.
        return Gate.known_contacts_of_lists(self, asked, now)


class DistributedMessages(PostgresMessages):
    """Messages coming in: each table is written by a statement of its own, all in a transaction."""

    def _note_and_insert(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int],
        origins: Mapping[int, int],
        *,
        ranges: Sequence[SlotRange],
    ) -> set[int]:
        self._driver.begin()
        self._driver.each(link_ranges.ADD, link_ranges.rows_of(ranges))
        new = sorted(
            (row[1], each, row[0], row[5]) for row, each in zip(rows, fingerprints, strict=True)
        )
        noted = self._note(new)
        # Nearly always all of them are. What is in the way of the others may be out of date.
        in_the_way = [each for each in new if each[2] not in noted]
        if in_the_way:
            batch = columns([each[:3] for each in in_the_way])
            if self._driver.run(OUTDATE, *batch, since, list(forced)):
                noted |= self._note(in_the_way)
        self.insert([row for row in rows if row[0] in noted], origins=origins)
        return {row[0] for row in rows} - noted

    def _note(self, new: Sequence[Row]) -> set[int]:
        return {row[0] for row in self._driver.each_returning(NOTE, new)}

    def insert(
        self,
        rows: Sequence[MessageRow],
        due_at: int | None = None,
        origins: Mapping[int, int] = NO_ORIGINS,
    ) -> None:
        if not rows:
            return
        self._driver.begin()
        self._driver.each(
            ACCEPT,
            [
                (*row[:11], row[11] or None, Status.QUEUED.value, 0, 0, 0, origins.get(row[0]))
                for row in rows
            ],
        )
        by_lane: dict[int, list[int]] = {}
        for row in rows:
            by_lane.setdefault(row[1], []).append(row[0])
        self._driver.each(
            NOTE_NEWS, [(lane, min(numbers), numbers) for lane, numbers in by_lane.items()]
        )
        [(slice_,)] = self._driver.rows(queue.CURRENT_SLICE)
        places = [
            (
                row[1], slice_, row[3], rank_of(row[6]),
                row[5] if due_at is None else due_at, row[0],
            )
            for row in rows
        ]  # fmt: skip
        self._driver.each(queue.TEXTS.return_to_queue, places)


class DistributedInbox(PostgresInbox):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def parked(self, since: int, limit: int) -> list[ParkedReceipt]:
        found = super().parked(since, limit)
        ours = {row[0] for row in self._driver.rows_by_id(LOCK_PARKED, [each.id for each in found])}
        return [each for each in found if each.id in ours]


class DistributedOutbox(PostgresOutbox):
    """Events for customers."""

    def _add_whole(
        self, account_id: AccountId, endpoint_id: EndpointId, event: AccountEvent
    ) -> bool:
        if self._driver.row(ENDPOINT, endpoint_id, account_id) is None:
            return False
        kind, ref, at, body = event
        row = (lane_of(endpoint_id), endpoint_id, kind, ref, at, at, False, 0, 0, body)
        return self._driver.each(self._texts.add_events, [row]) > 0


class DistributedSoftBounces(SoftBounces):
    """Troubles of recipients that a delivery clears."""

    def clear(self, delivered: Iterable[int]) -> None:
        batch = [(lane_in(number), number) for number in delivered]
        reached = sorted({(row[0], row[1]) for row in self._driver.rows_by_key(REACHED, batch)})
        # Nearly always none of them: then nothing is written.
        troubled = self._driver.rows_by_key(TROUBLED, reached)
        self._driver.each(CLEAR_TROUBLES, sorted((row[0], row[1]) for row in troubled))


class DistributedSignUps(SignUps):
    """Contacts of several lists: counted by list where they lie, not by a query for each list."""

    def active_of_lists(self, account_id: AccountId) -> dict[ListId, int]:
        return self._active_of(self._own(account_id))

    def sizes_of_lists(
        self, account_id: AccountId, list_ids: Sequence[ListId], most: int
    ) -> dict[ListId, ListSize]:
        own = [each for each in self._own(account_id) if each in set(list_ids)]
        sampled = self._active_of(own, *in_sample(list_contacts.c))
        # A list of few is counted whole with all of its kind, one of many up to the bound.
        few = [each for each in own if sampled.get(each, 0) * SAMPLE_STEP <= most]
        counted = self._active_of(few)
        for list_id in sorted(set(own) - set(few)):
            counted[list_id] = self.count(account_id, ContactFilter(list_id, active=True), most)
        return {
            each: ListSize(min(most, counted.get(each, 0)), sampled.get(each, 0)) for each in own
        }

    def _own(self, account_id: AccountId) -> list[ListId]:
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        return [ListId(each) for each in self._connection.execute(own).scalars()]

    def _active_of(
        self, list_ids: Sequence[ListId], *among: ColumnElement[bool]
    ) -> dict[ListId, int]:
        of = list_contacts.c
        counts = select(of.list_id, func.count()).where(of.list_id.in_(list_ids), of.active, *among)
        rows = self._connection.execute(counts.group_by(of.list_id))
        return {ListId(row[0]): row[1] for row in rows}
