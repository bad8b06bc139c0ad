"""The tables of campaigns: what is written.

Times are milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sendrail.storage.columns import RowId, metadata, needed, row_id

creatives: Final = Table(
    "creatives",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("message", Text),
    needed("status", Text),
    needed("creative_type", Text),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    Index(None, "account_id"),
)

# Where the links of a creative lead, in the order in which its author gave them.
creative_links: Final = Table(
    "creative_links",
    metadata,
    Column("creative_id", RowId, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    needed("account_id", RowId),
    needed("key", Text),
    needed("offer_id", RowId),
    # A URL in place of the offer's.
    Column("url", Text),
    needed("url_params", Text),
    sqlite_with_rowid=False,
)

schedules: Final = Table(
    "schedules",
    metadata,
    row_id(),
    # The public id.
    needed("ref", Text),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("status", Text),
    # What the account says of it, as an object in JSON.
    needed("terms", Text),
    # When it was switched on; null while it is not.
    Column("on_since", BigInteger),
    # When its next run is due; null when there is none to come.
    Column("next_at", BigInteger),
    # The local date of the last run that was made of it.
    Column("last_date", Text),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    UniqueConstraint("ref"),
    Index(None, "account_id"),
    Index(
        "schedules_due",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
    ),
)
