"""The tables of what an operator sets up and of how processes work together, and all the others.

Times are milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sendrail.storage import (
    campaign_tables,
    contact_tables,
    enrolment_tables,
    journey_tables,
    message_tables,
    tracking_tables,
    upload_tables,
    user_tables,
    webhook_tables,
)
from sendrail.storage.columns import RowId, key, needed, row_id

# The newest migration; a test holds it against the migrations' own chain.
SCHEMA: Final = "0001"
# The others have modules of their own.
metadata: Final = tracking_tables.offers.metadata
assert metadata is campaign_tables.creatives.metadata
assert metadata is contact_tables.contacts.metadata
assert metadata is message_tables.messages.metadata
assert metadata is journey_tables.journey_versions.metadata
assert metadata is enrolment_tables.journey_events.metadata
assert metadata is user_tables.users.metadata
assert metadata is upload_tables.uploads.metadata
assert metadata is webhook_tables.outbox.metadata

# What an operator sets up: small, read often, changed by hand.

accounts: Final = Table(
    "accounts",
    metadata,
    row_id(),
    needed("name", Text),
    needed("status", Text),
    needed("blocked_words", Text),
    needed("created_at", BigInteger),
    # An account's own words for STOP.
    needed("stop_words", Text, server_default=text("''")),
    # Of numbers in files that have no plus; two letters, or empty.
    needed("country", Text, server_default=text("''")),
    # The clock that its campaigns go by where no recipient's is meant.
    needed("timezone", Text, server_default=text("'America/New_York'")),
    # What stands before and after its texts; what is not there is the default.
    Column("prepend_text", Text),
    Column("append_text", Text),
    # Quiet hours of its lists that have none of their own.
    Column("quiet_hours", Text),
    UniqueConstraint("name"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("digest", LargeBinary),
    needed("shown", Text),
    needed("name", Text),
    needed("created_at", BigInteger),
    Column("revoked_at", BigInteger),
    # To the minute or so: no request writes it.
    Column("last_used_at", BigInteger),
    UniqueConstraint("digest"),
)

connectors: Final = Table(
    "connectors",
    metadata,
    row_id(),
    Column("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("kind", Text),
    # Sealed JSON: nothing here is readable without the installation's master key.
    needed("settings", LargeBinary),
    needed("window", Integer),
    Column("mps", Float),
    Column("segments_per_second", Float),
    needed("version", Integer),
    # Sealed, because it is shown to the operator; looked up by its digest.
    Column("token", LargeBinary),
    Column("token_digest", LargeBinary),
    Column("old_token_digest", LargeBinary),
    Column("old_token_until", BigInteger),
    Column("paused_at", BigInteger),
    # A removed connector keeps its row: messages, references and callbacks name it for years.
    Column("removed_at", BigInteger),
    Index(None, "token_digest"),
    Index(None, "old_token_digest"),
)

# What the delivering process reports of its connectors; written when it changes.
connector_states: Final = Table(
    "connector_states",
    metadata,
    key("connector_id", RowId),
    needed("state", Text),
    needed("detail", Text),
    needed("since", BigInteger),
    sqlite_with_rowid=False,
)

# What delivering processes have found of the paces of throttled connectors: each for itself.
found_paces: Final = Table(
    "found_paces",
    metadata,
    key("connector_id", RowId),
    Column("process", Text, primary_key=True),
    needed("per_second", Float),
    # The most that the carrier takes; NULL where throttles have not shown it.
    Column("found_limit", Float),
    needed("at", BigInteger),
    sqlite_with_rowid=False,
)

lists: Final = Table(
    "lists",
    metadata,
    row_id(),
    needed("lane", SmallInteger),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("number", BigInteger),
    needed("name", Text),
    needed("brand", Text),
    needed("status", Text),
    needed("rate", Integer),
    needed("connector_id", RowId, ForeignKey("connectors.id")),
    needed("byoc", Boolean),
    Column("verified_at", BigInteger),
    needed("on_uncertain", Text),
    needed("created_at", BigInteger),
    # What it answers to keywords; a text that is not there is the default.
    needed("answers", Boolean, server_default=text("1")),
    Column("stop_text", Text),
    Column("start_text", Text),
    Column("help_text", Text),
    Column(
        "second_connector_id",
        RowId,
        ForeignKey("connectors.id", name="lists_to_second_connectors"),
    ),
    # Where it sends from a name, of which the number is a digest.
    Column("sender_name", Text),
    # Its own frame; what is not there is its account's. Whether `/send` has one as well.
    Column("prepend_text", Text),
    Column("append_text", Text),
    needed("frames_sends", Boolean, server_default=text("0")),
    # Which of its messages wait for the end of quiet hours; its quiet hours, and whether they are
    # its own or its account's, written here so that delivery reads one row.
    needed("quiet_scope", Text, server_default=text("'campaigns'")),
    Column("quiet_hours", Text),
    needed("has_own_hours", Boolean, server_default=text("0")),
    UniqueConstraint("account_id", "number"),
    # A reply names only the number it was sent to.
    Index(None, "number"),
)


def sender_shown(lists_as: str = "lists") -> str:
    """Return the SQL of what a list sends from as the public API writes it."""
    number, name = f"{lists_as}.number", f"{lists_as}.sender_name"
    digits = f"CASE WHEN {number} < 0 THEN CAST(-{number} AS TEXT) ELSE '+' || {number} END"
    return f"coalesce({name}, {digits})"


# Which account owns a sender on a connector that accounts share: it sends as it, and reads its
# replies.
sender_owners: Final = Table(
    "sender_owners",
    metadata,
    key("connector_id", RowId),
    key("number", BigInteger),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("since", BigInteger),
    sqlite_with_rowid=False,
)

# How far a list on the account's own carrier has come on its way to being verified.
verifications: Final = Table(
    "verifications",
    metadata,
    key("list_id", RowId),
    needed("checked_at", BigInteger),
    needed("checked", Text),
    Column("sent_at", BigInteger),
    Column("recipient", BigInteger),
    Column("message_number", BigInteger),
    sqlite_with_rowid=False,
)

# How processes work together.

leases: Final = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    needed("owner", Text),
    needed("epoch", BigInteger),
    needed("taken_at", BigInteger),
    sqlite_with_rowid=False,
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    key("account_id", BigInteger),
    Column("key", Text, primary_key=True),
    needed("route", Text),
    needed("body_digest", LargeBinary),
    needed("status", SmallInteger),
    needed("answer", LargeBinary),
    needed("created_at", BigInteger),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

# Values by which an installation knows itself, such as the proof of its master key.
marks: Final = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    needed("value", LargeBinary),
    sqlite_with_rowid=False,
)

# What was done to people's data; rows are only ever added.
audit: Final = Table(
    "audit",
    metadata,
    row_id(),
    needed("account_id", RowId),
    needed("at", BigInteger),
    needed("actor", Text),
    needed("action", Text),
    needed("about", Text),
    needed("details", Text),
    Column("request_id", Text),
    Index(None, "account_id"),
    # Its action is that of `domain.audit.Action.IMPORT_BEGUN`.
    Index("audit_imports_begun", "at", sqlite_where=text("action = 'import.begun'")),
)
