"""The tables of journeys beside their own: what was activated.

Times are milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from sendrail.storage.columns import RowId, metadata, needed

# A version never changes: contacts are on it, and reports are of it.
journey_versions: Final = Table(
    "journey_versions",
    metadata,
    Column("journey_id", RowId, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    needed("account_id", RowId),
    needed("document", Text),
    # Of the document: the same one again is no new version.
    needed("digest", Text),
    needed("created_at", BigInteger),
    needed("created_by", Text),
    sqlite_with_rowid=False,
)
