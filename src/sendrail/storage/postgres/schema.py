"""The tables as PostgreSQL keeps them, made from the same definitions as the embedded ones.

A hot table has `lane` first in its key, so that it can be distributed by it. What grows with every
message is partitioned by time, so that old rows leave as whole partitions; the queue is cut into
slices that are emptied in turn, so that its dead rows go away even under a long reader.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DefaultClause,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.storage import tables
from sendrail.storage.columns import key

# The key of each hot table. Its lane comes first; what it is partitioned by must be part of it.
HOT_KEYS: Final = {
    "messages": ("lane", "number", "created_at"),
    "queue": ("lane", "list_id", "rank", "due_at", "number", "slice"),
    "attempts": ("lane", "number", "attempt", "started_at"),
    "carrier_refs": ("lane", "connector_id", "carrier_ref", "kept_at"),
    "inbox": ("lane", "id"),
    "parked_receipts": ("lane", "id"),
    "outbox": ("lane", "id"),
    "fingerprints": ("lane", "fingerprint"),
    "numbers": ("lane",),
    "activity_news": ("lane", "number"),
    "clicks": ("lane", "id"),
    "message_clicks": ("lane", "number", "made_at"),
    "origin_counts": ("lane", "origin_id", "list_id", "hour", "what", "shard"),
    "enrolments": ("lane", "list_id", "recipient", "journey_id"),
    "journey_events": ("lane", "list_id", "recipient", "kind", "detail"),
    "journey_counts": ("lane", "journey_id", "version", "step", "what"),
}
# What is dropped by partition, and the column that says when a row began.
BY_TIME: Final = {
    "messages": "created_at",
    "attempts": "started_at",
    "carrier_refs": "kept_at",
    "message_clicks": "made_at",
}
# New rows of the queue go to one slice for a while, then to the next that is empty.
SLICES: Final = 4
# Rows of these are named by one number, whose last twelve bits are their lane.
LANE_IN_ID: Final = ("inbox", "parked_receipts", "outbox", "clicks")

metadata: Final = MetaData(naming_convention=tables.metadata.naming_convention)


# What is a key by itself is a number that we give, not the database.
def _small(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, autoincrement=False)


def _big(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, autoincrement=False)


def _partitioning(name: str) -> str | None:
    if name in BY_TIME:
        return f"RANGE ({BY_TIME[name]})"
    return "LIST (slice)" if name == "queue" else None


def _copy(source: Table) -> Table:
    """Return a table of ours for one of the embedded store."""
    table = source.to_metadata(metadata)
    table.dialect_options["postgresql"]["partition_by"] = _partitioning(table.name)
    for index in table.indexes:
        # Not where the index is made: naming a database there loads what speaks with it.
        if (where := index.dialect_options["sqlite"]["where"]) is not None:
            index.dialect_options["postgresql"]["where"] = where
    for column in table.columns:
        if isinstance(column.type, Boolean) and column.server_default is not None:
            # One database writes its truths as numbers, the other does not take them.
            is_true = "1" in str(column.server_default.arg)  # type: ignore[attr-defined]
            column.server_default = DefaultClause(text("true" if is_true else "false"))
    return table


for _table in tables.metadata.sorted_tables:
    _copy(_table)

_tables: Final = metadata.tables
for _name in LANE_IN_ID:
    _tables[_name].append_column(_small("lane"))
    _tables[_name].columns["id"].autoincrement = False
_tables["queue"].append_column(_small("slice"))
_tables["message_clicks"].append_column(_small("lane"))
_tables["origin_counts"].append_column(_small("lane"))
# When their message was created: they leave with it.
_tables["message_clicks"].append_column(_big("made_at"))
# A click's id says nothing of what has become visible before it: each says whether it was applied.
_tables["clicks"].append_column(
    Column("waits", Boolean, nullable=False, server_default=text("true"))
)
# A reference's lane is its own: a receipt names nothing else. Its message's lane stands beside it.
_tables["carrier_refs"].append_column(_small("message_lane"))
_tables["carrier_refs"].append_column(_big("kept_at"))
# Each turn writes its row anew: with room beside it, most of what stays the same is not written.
_tables["enrolments"].dialect_options["postgresql"]["with"] = {"fillfactor": 80}
# They leave by the week, and are not looked up by message.
_tables["carrier_refs"].indexes.clear()
# An entry of an index has an end here, and custom fields may be longer: they stay in the rows. And
# what is true or false is no number here.
_contacts: Final = _tables["list_contacts"]
_contacts.indexes = {
    each
    for each in _contacts.indexes
    if each.name not in {"list_contacts_left", "list_contacts_sample"}
}
Index(
    "list_contacts_left",
    _contacts.c.list_id,
    _contacts.c.signup_at,
    _contacts.c.recipient,
    postgresql_where=text("NOT active"),
)
Index(
    "list_contacts_sample",
    _contacts.c.list_id,
    _contacts.c.recipient,
    postgresql_include=["active", "signup_at"],
    postgresql_where=text(f"recipient % {SAMPLE_STEP} = 0"),
)
Index(None, _tables["messages"].c.account_id, _tables["messages"].c.created_at)
Index(None, _tables["outbox"].c.at)
# What is counted of a run is of several lanes.
Index(None, _tables["origin_counts"].c.origin_id)
Index(None, _tables["clicks"].c.at, _tables["clicks"].c.id)
Index(
    "clicks_waiting",
    _tables["clicks"].c.at,
    _tables["clicks"].c.id,
    postgresql_where=text("waits"),
)

# The duplicate window: the last message with a list's, recipient's and body's fingerprint.
Table("fingerprints", metadata, _small("lane"), _big("fingerprint"), _big("number"), _big("at"))
# The last message number of each lane that was given out.
Table("numbers", metadata, _small("lane"), _big("last"))
# The messages of a lane that were accepted together, until what was sent to whom is counted.
Table(
    "activity_news",
    metadata,
    _small("lane"),
    _big("number"),
    Column("numbers", ARRAY(BigInteger), nullable=False),
)
# Which slots the links of a lane's messages have: one row for each thousand messages with links.
Table(
    "link_ranges",
    metadata,
    key("first_slot", BigInteger),
    _small("lane"),
    _big("first_number"),
    Column("messages", Integer, nullable=False),
    _small("per_message"),
    _big("made_at"),
    UniqueConstraint("lane", "first_number"),
)
# Which slice of the queue new rows go to; one row.
Table("queue_slices", metadata, _small("current"), _big("turned_at"))
# The lanes in spans, with their owner and its end; the same for other kinds of work.
spans: Final = Table(
    "spans",
    metadata,
    Column("kind", Text, primary_key=True),
    key("span", SmallInteger),
    Column("owner", Text, nullable=False),
    _big("epoch"),
    _big("until"),
)
# The processes that are there, as they report themselves.
processes: Final = Table(
    "processes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("roles", Text, nullable=False),
    Column("version", Text, nullable=False),
    _big("started_at"),
    _big("seen_at"),
)
# A carrier connector's pace, shared by all who hand over to it: the time up to which it is given
# out.
connector_paces: Final = Table(
    "connector_paces",
    metadata,
    key("connector_id", BigInteger),
    _big("messages_until"),
    _big("segments_until"),
)

# The accounts that have as much waiting as they may, as it was last counted.
Table(
    "full_accounts",
    metadata,
    key("account_id", BigInteger),
)

# Every heartbeat writes these two, and sees whether any other transaction has written since. What
# autovacuum writes about them would be taken for news each minute: the count of their rows, which
# no plan depends on, and the lock under which it gives pages at the end back.
for _table in (spans, processes):
    _table.dialect_options["postgresql"]["with"] = {
        "autovacuum_analyze_threshold": 2**31 - 1,
        "vacuum_truncate": "false",
    }

for _name, _key in HOT_KEYS.items():
    for _column in _tables[_name].columns:
        _column.primary_key = _column.name in _key
    _tables[_name].append_constraint(PrimaryKeyConstraint(*_key))
