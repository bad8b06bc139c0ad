"""Offers, which links lead to and conversions pay for."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of offers."""
    op.create_table(
        "offers",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tracking_url", sa.Text(), nullable=False),
        sa.Column("fallback_url", sa.Text()),
        sa.Column("external_platform", sa.Text()),
        sa.Column("external_id", sa.Text()),
        sa.Column("advertiser_id", sa.Text()),
        sa.Column("payout", sa.BigInteger(), nullable=False),
        sa.Column("payout_type", sa.Text(), nullable=False),
        sa.Column("click_window_days", sa.SmallInteger()),
        sa.Column("filter_bots", sa.Boolean(), nullable=False),
        sa.Column("pixel_amounts", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("old_secret", sa.LargeBinary()),
        sa.Column("old_secret_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="offers_key"),
        sa.UniqueConstraint("ref", name="offers_one_ref"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="offers_to_accounts"),
    )
    op.create_index("offers_by_account_id_external_id", "offers", ["account_id", "external_id"])
