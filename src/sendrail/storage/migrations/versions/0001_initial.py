"""The first schema: everything the road from an order to its receipt needs.

Frozen as it was released: a later change is a later migration, never an edit here.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNSETTLED: Final = sa.text("status IN ('sending', 'uncertain')")


def upgrade() -> None:
    """Create every table."""
    _create_setup()
    _create_contacts()
    _create_messages()
    _create_deliveries()
    _create_inbound()
    _create_shared()


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _create_setup() -> None:
    op.create_table(
        "accounts",
        _needed("id", _ROW_ID),
        _needed("name", sa.Text),
        _needed("status", sa.Text),
        _needed("blocked_words", sa.Text),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="accounts_key"),
    )
    op.create_table(
        "api_keys",
        _needed("id", _ROW_ID),
        _needed("account_id", _ROW_ID),
        _needed("digest", sa.LargeBinary),
        _needed("shown", sa.Text),
        _needed("name", sa.Text),
        _needed("created_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="api_keys_key"),
        sa.UniqueConstraint("digest", name="api_keys_one_digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="api_keys_to_accounts"),
    )
    op.create_table(
        "links",
        _needed("id", _ROW_ID),
        sa.Column("account_id", _ROW_ID),
        _needed("name", sa.Text),
        _needed("kind", sa.Text),
        _needed("settings", sa.Text),
        _needed("window", sa.Integer),
        sa.Column("mps", sa.Float),
        sa.PrimaryKeyConstraint("id", name="links_key"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="links_to_accounts"),
    )
    op.create_table(
        "lists",
        _needed("id", _ROW_ID),
        _needed("lane", sa.SmallInteger),
        _needed("account_id", _ROW_ID),
        _needed("number", sa.BigInteger),
        _needed("name", sa.Text),
        _needed("brand", sa.Text),
        _needed("status", sa.Text),
        _needed("rate", sa.Integer),
        _needed("link_id", _ROW_ID),
        _needed("byoc", sa.Boolean),
        sa.Column("verified_at", sa.BigInteger),
        _needed("on_uncertain", sa.Text),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="lists_key"),
        sa.UniqueConstraint("account_id", "number", name="lists_one_account_id_number"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="lists_to_accounts"),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name="lists_to_links"),
    )
    op.create_index("lists_by_number", "lists", ["number"])


def _create_contacts() -> None:
    op.create_table(
        "list_contacts",
        _needed("list_id", _ROW_ID),
        _needed("recipient", sa.BigInteger),
        _needed("active", sa.Boolean),
        _needed("first_name", sa.Text),
        _needed("last_name", sa.Text),
        _needed("subscribed_at", sa.BigInteger),
        sa.Column("unsubscribed_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("list_id", "recipient", name="list_contacts_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consent_events",
        _needed("id", _ROW_ID),
        _needed("list_id", _ROW_ID),
        _needed("recipient", sa.BigInteger),
        _needed("active", sa.Boolean),
        _needed("reason", sa.Text),
        _needed("source", sa.Text),
        _needed("evidence", sa.Text),
        _needed("at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="consent_events_key"),
    )
    op.create_index(
        "consent_events_by_list_id_recipient", "consent_events", ["list_id", "recipient"]
    )
    op.create_table(
        "blocks",
        _needed("account_id", _ROW_ID),
        _needed("recipient", sa.BigInteger),
        _needed("note", sa.Text),
        _needed("blocked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", "recipient", name="blocks_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journeys",
        _needed("id", _ROW_ID),
        _needed("list_id", _ROW_ID),
        _needed("name", sa.Text),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="journeys_key"),
        sa.UniqueConstraint("list_id", "name", name="journeys_one_list_id_name"),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="journeys_to_lists"),
    )
    op.create_table(
        "enrolments",
        _needed("list_id", _ROW_ID),
        _needed("recipient", sa.BigInteger),
        _needed("journey_id", _ROW_ID),
        _needed("started_at", sa.BigInteger),
        _needed("ends_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("list_id", "recipient", "journey_id", name="enrolments_key"),
        sqlite_with_rowid=False,
    )


def _create_messages() -> None:
    op.create_table(
        "counters",
        _needed("name", sa.Text),
        _needed("value", sa.BigInteger),
        sa.PrimaryKeyConstraint("name", name="counters_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("number", _ROW_ID, nullable=False, autoincrement=False),
        _needed("lane", sa.SmallInteger),
        _needed("account_id", sa.BigInteger),
        _needed("list_id", sa.BigInteger),
        _needed("recipient", sa.BigInteger),
        _needed("created_at", sa.BigInteger),
        _needed("status", sa.Text),
        _needed("attempt", sa.SmallInteger),
        _needed("epoch", sa.BigInteger),
        _needed("skips", sa.SmallInteger),
        _needed("resent", sa.SmallInteger),
        _needed("segments", sa.SmallInteger),
        _needed("encoding", sa.Text),
        _needed("body", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("link_id", sa.BigInteger),
        sa.Column("carrier_ref", sa.Text),
        sa.Column("sending_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="messages_key"),
    )
    op.create_index(
        "messages_unsettled",
        "messages",
        ["status", "number"],
        sqlite_where=_UNSETTLED,
        postgresql_where=_UNSETTLED,
    )
    op.create_table(
        "queue",
        _needed("lane", sa.SmallInteger),
        _needed("list_id", sa.BigInteger),
        _needed("rank", sa.SmallInteger),
        _needed("due_at", sa.BigInteger),
        _needed("number", sa.BigInteger),
        sa.PrimaryKeyConstraint("lane", "list_id", "rank", "due_at", "number", name="queue_key"),
        sqlite_with_rowid=False,
    )


def _create_deliveries() -> None:
    op.create_table(
        "attempts",
        _needed("number", sa.BigInteger),
        _needed("attempt", sa.SmallInteger),
        _needed("lane", sa.SmallInteger),
        _needed("link_id", sa.BigInteger),
        _needed("epoch", sa.BigInteger),
        _needed("started_at", sa.BigInteger),
        _needed("ended_at", sa.BigInteger),
        _needed("outcome", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("carrier_ref", sa.Text),
        sa.PrimaryKeyConstraint("number", "attempt", name="attempts_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "carrier_refs",
        _needed("link_id", sa.BigInteger),
        _needed("carrier_ref", sa.Text),
        _needed("lane", sa.SmallInteger),
        _needed("number", sa.BigInteger),
        sa.PrimaryKeyConstraint("link_id", "carrier_ref", name="carrier_refs_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbox",
        _needed("id", _ROW_ID),
        _needed("link_id", sa.BigInteger),
        _needed("received_at", sa.BigInteger),
        _needed("raw", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="inbox_key"),
    )


def _create_inbound() -> None:
    op.create_table(
        "parked_receipts",
        _needed("id", _ROW_ID),
        _needed("link_id", sa.BigInteger),
        _needed("carrier_ref", sa.Text),
        sa.Column("status", sa.Text),
        _needed("detail", sa.Text),
        _needed("received_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="parked_receipts_key"),
    )
    op.create_index("parked_receipts_by_received_at", "parked_receipts", ["received_at"])
    op.create_table(
        "refused_callbacks",
        _needed("id", _ROW_ID),
        _needed("link_id", sa.BigInteger),
        _needed("received_at", sa.BigInteger),
        _needed("raw", sa.LargeBinary),
        _needed("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="refused_callbacks_key"),
    )
    op.create_table(
        "replies",
        _needed("id", _ROW_ID),
        _needed("account_id", sa.BigInteger),
        _needed("list_id", sa.BigInteger),
        _needed("sender", sa.BigInteger),
        _needed("body", sa.Text),
        sa.Column("keyword", sa.Text),
        _needed("received_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="replies_key"),
    )


def _create_shared() -> None:
    op.create_table(
        "leases",
        _needed("name", sa.Text),
        _needed("owner", sa.Text),
        _needed("epoch", sa.BigInteger),
        _needed("taken_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("name", name="leases_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        _needed("account_id", sa.BigInteger),
        _needed("key", sa.Text),
        _needed("route", sa.Text),
        _needed("body_digest", sa.LargeBinary),
        _needed("status", sa.SmallInteger),
        _needed("answer", sa.LargeBinary),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", "key", name="idempotency_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_by_created_at", "idempotency", ["created_at"])
