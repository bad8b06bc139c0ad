"""Replies and consent: answers to keywords, parts of texts, rules, troubles of recipients."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
PHASE: Final = "pre"


def upgrade() -> None:
    """Add columns with defaults, and tables that nothing older knows."""
    _extend()
    _create_reply_parts()
    _create_auto_replies()
    _create_recipient_troubles()


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _extend() -> None:
    op.add_column("accounts", _needed("stop_words", sa.Text, server_default=sa.text("''")))
    op.add_column("lists", _needed("answers", sa.Boolean, server_default=sa.text("1")))
    for name in ("stop_text", "start_text", "help_text"):
        op.add_column("lists", sa.Column(name, sa.Text))
    op.add_column("consent_events", sa.Column("rule", sa.Text))
    op.add_column("parked_receipts", sa.Column("trouble", sa.Text))
    op.add_column("replies", sa.Column("rule", sa.Text))
    op.add_column("replies", _needed("review", sa.Boolean, server_default=sa.text("0")))
    op.create_index("replies_by_account_id", "replies", ["account_id"])


def _create_reply_parts() -> None:
    op.create_table(
        "reply_parts",
        _needed("link_id", sa.BigInteger),
        _needed("sender", sa.BigInteger),
        _needed("list_number", sa.BigInteger),
        _needed("reference", sa.Integer),
        _needed("total", sa.SmallInteger),
        _needed("number", sa.SmallInteger),
        _needed("body", sa.Text),
        _needed("answered", sa.Boolean),
        _needed("joined", sa.Boolean),
        _needed("received_at", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "link_id",
            "sender",
            "list_number",
            "reference",
            "total",
            "number",
            name="reply_parts_key",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("reply_parts_by_received_at", "reply_parts", ["received_at"])


def _create_auto_replies() -> None:
    op.create_table(
        "auto_replies",
        _needed("list_id", sa.BigInteger),
        _needed("recipient", sa.BigInteger),
        _needed("keyword", sa.Text),
        _needed("account_id", sa.BigInteger),
        _needed("list_number", sa.BigInteger),
        _needed("body", sa.Text),
        _needed("asked_at", sa.BigInteger),
        sa.Column("queued_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("list_id", "recipient", "keyword", name="auto_replies_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("auto_replies_by_queued_at_asked_at", "auto_replies", ["queued_at", "asked_at"])


def _create_recipient_troubles() -> None:
    op.create_table(
        "recipient_troubles",
        _needed("list_id", sa.BigInteger),
        _needed("recipient", sa.BigInteger),
        _needed("number", sa.BigInteger),
        _needed("at", sa.BigInteger),
        sa.PrimaryKeyConstraint("list_id", "recipient", "number", name="recipient_troubles_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("recipient_troubles_by_at", "recipient_troubles", ["at"])
