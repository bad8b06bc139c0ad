"""Conversions, coupons, an account's postback settings, and what contacts have earned."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_conversions()
    op.create_table(
        "coupons",
        sa.Column("account_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("offer_id", _ROW_ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "code", name="coupons_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("coupons_by_code", "coupons", ["code"])
    op.create_table(
        "postback_settings",
        sa.Column("account_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("click_window_days", sa.SmallInteger()),
        sa.Column("open_links", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("old_secret", sa.LargeBinary()),
        sa.Column("old_secret_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account_id", name="postback_settings_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact_earnings",
        sa.Column("list_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("recipient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("last_clicked_at", sa.BigInteger()),
        sa.Column("conversions", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.Column("last_revenue_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("list_id", "recipient", name="contact_earnings_key"),
        sqlite_with_rowid=False,
    )


def _make_conversions() -> None:
    op.create_table(
        "conversions",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("account_id", _ROW_ID, nullable=False),
        sa.Column("offer_id", _ROW_ID, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text()),
        sa.Column("known_by", sa.Text()),
        sa.Column("number", sa.BigInteger()),
        sa.Column("list_id", sa.BigInteger()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payout", sa.BigInteger()),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("attributed", sa.Boolean(), nullable=False),
        sa.Column("takes_back", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="conversions_key"),
        sa.UniqueConstraint(
            "account_id",
            "offer_id",
            "event",
            "known_by",
            name="conversions_one_account_id_offer_id_event_known_by",
        ),
    )
    op.create_index(
        "conversions_by_account_id_offer_id_external_id",
        "conversions",
        ["account_id", "offer_id", "external_id"],
    )
    op.create_index("conversions_by_account_id_number", "conversions", ["account_id", "number"])
