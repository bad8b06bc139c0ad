"""The tables of journeys: what they are, and each version that was activated.

Times are milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

journeys: Final = Table(
    "journeys",
    metadata,
    row_id(),
    needed("list_id", RowId, ForeignKey("lists.id")),
    needed("name", Text),
    needed("created_at", BigInteger),
    # What puts a contact on it: joining its list, or nothing but a call for this one contact.
    needed("trigger", Text, server_default=text("'none'")),
    # One without steps is active from the first.
    needed("status", Text, server_default=text("'active'")),
    # Of several journeys that one occasion starts, an exclusive one is started alone: the one of
    # the highest priority. These three are those of the active version.
    needed("priority", Integer, server_default=text("0")),
    needed("exclusive", Boolean, server_default=text("0")),
    needed("holds_other_sends", Boolean, server_default=text("1")),
    # Whether a version of it ever asked what became of a message: contacts may be on any of them.
    needed("asks_message", Boolean, server_default=text("0")),
    # The version that contacts enter; null is a journey without steps, or a draft.
    Column("active_version", Integer),
    # The document that is to become the next version.
    Column("draft", Text),
    # For how long it has been paused in all, without the pause that has begun.
    needed("paused_ms", BigInteger, server_default=text("0")),
    Column("paused_at", BigInteger),
    # When its last pause ended, and what was said then of those whose turn had come in it.
    Column("resumed_at", BigInteger),
    Column("overdue", Text),
    UniqueConstraint("list_id", "name"),
    sqlite_autoincrement=True,
)

# A version never changes: contacts are on it, and reports are of it.
journey_versions: Final = Table(
    "journey_versions",
    metadata,
    key("journey_id", RowId),
    key("version", Integer),
    needed("account_id", RowId),
    needed("document", Text),
    # Of the document: the same one again is no new version.
    needed("digest", Text),
    needed("created_at", BigInteger),
    needed("created_by", Text),
    sqlite_with_rowid=False,
)
