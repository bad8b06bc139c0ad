"""Digests of numbers whose data was deleted, and the log of what was done to people's data."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables that nothing older knows."""
    op.create_table(
        "erased",
        _needed("account_id", _ROW_ID),
        _needed("digest", sa.BigInteger),
        _needed("complained", sa.Boolean),
        _needed("erased_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", "digest", name="erased_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit",
        _needed("id", _ROW_ID),
        _needed("account_id", _ROW_ID),
        _needed("at", sa.BigInteger),
        _needed("actor", sa.Text),
        _needed("action", sa.Text),
        _needed("about", sa.Text),
        _needed("details", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="audit_key"),
    )
    op.create_index("audit_by_account_id", "audit", ["account_id"])


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
