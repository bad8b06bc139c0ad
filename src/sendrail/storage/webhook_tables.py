"""The tables of events to customers: where they go, what is to be posted, and what came of it."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

webhook_endpoints: Final = Table(
    "webhook_endpoints",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("url", Text),
    needed("events", Text),
    Column("list_id", RowId, ForeignKey("lists.id")),
    needed("state", Text),
    needed("secret", LargeBinary),
    Column("old_secret", LargeBinary),
    Column("old_secret_until", BigInteger),
    Column("failing_since", BigInteger),
    # Of an endpoint of `sendrail listen`: it is no longer one after this, unless renewed.
    Column("listens_until", BigInteger),
    needed("created_at", BigInteger),
    Index(None, "account_id"),
    sqlite_autoincrement=True,
)

outbox: Final = Table(
    "outbox",
    metadata,
    row_id(),
    needed("endpoint_id", BigInteger),
    needed("kind", Text),
    needed("ref", BigInteger),
    needed("at", BigInteger),
    # None: it has come to rest, delivered or given up.
    Column("due_at", BigInteger),
    needed("told", Boolean),
    needed("attempts", SmallInteger),
    needed("retries", SmallInteger),
    Column("body", LargeBinary),
    Index(None, "ref"),
    # What is still to be posted, and in what order: a short one, however much is kept for replays.
    Index(
        "outbox_due",
        "endpoint_id",
        "due_at",
        "id",
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    # What has failed and is to be tried again: found past any number of events that were not tried.
    Index(
        "outbox_again",
        "endpoint_id",
        "due_at",
        "id",
        sqlite_where=text("due_at IS NOT NULL AND retries > 0"),
    ),
)

webhook_attempts: Final = Table(
    "webhook_attempts",
    metadata,
    key("event_id", BigInteger),
    key("attempt", SmallInteger),
    needed("endpoint_id", BigInteger),
    needed("started_at", BigInteger),
    needed("ended_at", BigInteger),
    needed("outcome", Text),
    Column("status", SmallInteger),
    needed("detail", Text),
    Index(None, "endpoint_id", "event_id"),
    sqlite_with_rowid=False,
)
