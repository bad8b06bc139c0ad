"""The tables of enrolments: who is where on a journey, what happened to them, what is to be done.

They carry their lane, so that a round of a lane is one database's transaction. Times are
milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

enrolments: Final = Table(
    "enrolments",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    key("journey_id", RowId),
    needed("lane", SmallInteger),
    needed("started_at", BigInteger),
    # When it is over at the latest, and when it was, once it is.
    needed("ends_at", BigInteger),
    # Where it rests: a step of a version. Version 0 is a journey without steps.
    needed("version", Integer, server_default=text("0")),
    needed("step", Text, server_default=text("''")),
    # When it came there.
    needed("arrived_at", BigInteger, server_default=text("0")),
    # How often it was moved: what moves it names the count it has seen.
    needed("seq", Integer, server_default=text("0")),
    # When its next turn is, at `ends_at` at the latest. It is null once it is over.
    Column("due_at", BigInteger),
    # The kinds of event that bring the turn forward, as bits.
    needed("waits", SmallInteger, server_default=text("0")),
    needed("state", Text, server_default=text("'{}'")),
    # How often the contact was put on the journey.
    needed("times", SmallInteger, server_default=text("1")),
    # Why it is over; the row stays, for re-entry has rules.
    Column("end_reason", Text),
    # Timers, agenda and expiry at once.
    Index("enrolments_due", "lane", "due_at", sqlite_where=text("due_at IS NOT NULL")),
    Index("enrolments_running", "journey_id", "recipient", sqlite_where=text("due_at IS NOT NULL")),
    Index("enrolments_over", "ends_at", sqlite_where=text("due_at IS NULL")),
    sqlite_with_rowid=False,
)

# What happened to contacts while they were on a journey, and when it last did: a step looks back
# whether it happened since a moment. It goes with the last enrolment of the contact on the list.
journey_events: Final = Table(
    "journey_events",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    # A bit of those that an enrolment waits for.
    key("kind", SmallInteger),
    # A keyword, an offer, the name of an event of the caller's own.
    Column("detail", Text, primary_key=True),
    needed("at", BigInteger),
    needed("lane", SmallInteger),
    sqlite_with_rowid=False,
)

# How many came to each step and what became of them there, written by the turns.
journey_counts: Final = Table(
    "journey_counts",
    metadata,
    key("journey_id", RowId),
    key("version", Integer),
    # Empty for what is counted of the version as a whole.
    Column("step", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    needed("lane", SmallInteger),
    needed("count", BigInteger),
    sqlite_with_rowid=False,
)

# What is done to many enrolments in bites, each with the place it has come to.
journey_tasks: Final = Table(
    "journey_tasks",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("journey_id", RowId, ForeignKey("journeys.id")),
    needed("kind", Text),
    needed("params", Text),
    # The last recipient that was dealt with, 0 before the first.
    needed("cursor", BigInteger),
    needed("done", BigInteger),
    needed("failed", BigInteger),
    needed("state", Text),
    needed("created_at", BigInteger),
    Column("ended_at", BigInteger),
    Index(None, "journey_id"),
    Index("journey_tasks_open", "id", sqlite_where=text("ended_at IS NULL")),
)

# Which audiences are looked at because a journey is entered by coming into them, and how far the
# look under way is.
journey_watches: Final = Table(
    "journey_watches",
    metadata,
    key("journey_id", RowId, ForeignKey("journeys.id")),
    needed("account_id", RowId),
    needed("list_id", RowId),
    # By its public id.
    needed("audience", Text),
    # The last number that was looked at, 0 before the first.
    needed("cursor", BigInteger),
    # Whether no look has come to its end yet: whom it finds was in the audience before.
    needed("is_first", Boolean),
    needed("next_at", BigInteger),
)

# Who was in the audience at the last look.
watched_members: Final = Table(
    "watched_members",
    metadata,
    key("list_id", RowId),
    key("journey_id", RowId),
    key("recipient", BigInteger),
    sqlite_with_rowid=False,
)
