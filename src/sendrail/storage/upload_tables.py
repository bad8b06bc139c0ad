"""The tables of files that wait to be brought in; their pieces are deleted with the import."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

uploads: Final = Table(
    "uploads",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("list_id", RowId, ForeignKey("lists.id")),
    needed("name", Text),
    needed("source", Text),
    needed("country", Text),
    # Which columns go into custom fields, as an object in JSON.
    needed("fields", Text, server_default=text("'{}'")),
    needed("state", Text),
    # In bytes: what is there, and what was brought in.
    needed("size", BigInteger),
    needed("done", BigInteger),
    # What becomes of the rows, as JSON.
    needed("report", Text),
    needed("fault", Text),
    needed("created_by", Text),
    needed("created_at", BigInteger),
    Column("started_at", BigInteger),
    # When its process last said that it is at work.
    needed("beat_at", BigInteger),
    Column("ended_at", BigInteger),
    # Whether its pieces are there.
    needed("has_pieces", Boolean),
    Index(None, "account_id"),
)

upload_pieces: Final = Table(
    "upload_pieces",
    metadata,
    key("upload_id", BigInteger),
    key("number", Integer),
    needed("account_id", BigInteger),
    needed("content", LargeBinary),
)
