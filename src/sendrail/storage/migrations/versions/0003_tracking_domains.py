"""Tracking domains, and which lists use one that is not their account's default."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "tracking_domains",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("home_url", sa.Text()),
        sa.Column("fallback_url", sa.Text()),
        sa.Column("letters", sa.SmallInteger(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("verified_at", sa.BigInteger()),
        sa.Column("checked_at", sa.BigInteger()),
        sa.Column("problem", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="tracking_domains_key"),
        sa.UniqueConstraint("host", name="tracking_domains_one_host"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="tracking_domains_to_accounts"
        ),
    )
    op.create_index("tracking_domains_by_account_id", "tracking_domains", ["account_id"])
    op.create_table(
        "list_domains",
        sa.Column("list_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("domain_id", _ROW_ID, nullable=False),
        sa.PrimaryKeyConstraint("list_id", name="list_domains_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("list_domains_by_domain_id", "list_domains", ["domain_id"])
