"""The customer's webhooks: endpoints, what they are still to be told, and what came of it.

Frozen as it was released: a later change is a later migration, never an edit here.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DUE: Final = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Create the three tables."""
    _create_endpoints()
    _create_outbox()
    _create_attempts()


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        _needed("id", _ROW_ID),
        _needed("account_id", _ROW_ID),
        _needed("name", sa.Text),
        _needed("url", sa.Text),
        _needed("events", sa.Text),
        sa.Column("list_id", _ROW_ID),
        _needed("state", sa.Text),
        _needed("secret", sa.LargeBinary),
        sa.Column("old_secret", sa.LargeBinary),
        sa.Column("old_secret_until", sa.BigInteger),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("listens_until", sa.BigInteger),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="webhook_endpoints_key"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="webhook_endpoints_to_accounts"
        ),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="webhook_endpoints_to_lists"),
    )
    op.create_index("webhook_endpoints_by_account_id", "webhook_endpoints", ["account_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _needed("id", _ROW_ID),
        _needed("endpoint_id", sa.BigInteger),
        _needed("kind", sa.Text),
        _needed("ref", sa.BigInteger),
        _needed("at", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        _needed("told", sa.Boolean),
        _needed("attempts", sa.SmallInteger),
        _needed("retries", sa.SmallInteger),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="outbox_key"),
    )
    op.create_index("outbox_by_ref", "outbox", ["ref"])
    op.create_index(
        "outbox_due",
        "outbox",
        ["endpoint_id", "due_at", "id"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )


def _create_attempts() -> None:
    op.create_table(
        "webhook_attempts",
        _needed("event_id", sa.BigInteger),
        _needed("attempt", sa.SmallInteger),
        _needed("endpoint_id", sa.BigInteger),
        _needed("started_at", sa.BigInteger),
        _needed("ended_at", sa.BigInteger),
        _needed("outcome", sa.Text),
        sa.Column("status", sa.SmallInteger),
        _needed("detail", sa.Text),
        sa.PrimaryKeyConstraint("event_id", "attempt", name="webhook_attempts_key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "webhook_attempts_by_endpoint_id_event_id", "webhook_attempts", ["endpoint_id", "event_id"]
    )
