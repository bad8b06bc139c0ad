"""Contacts of an account, sign-ups with their evidence, and what starts a journey.

Who was subscribed before came by a command, on the day of the subscription. Whoever a list knows
only by their leaving has signed up nowhere.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NOT_LOOKED_UP: Final = sa.text("looked_up_at IS NULL")


def upgrade() -> None:
    """Add columns with defaults and a table that nothing older knows, and fill both."""
    _extend_list_contacts()
    _create_contacts()
    op.add_column("journeys", _needed("trigger", sa.Text, server_default=sa.text("'none'")))
    op.create_index("enrolments_by_journey_id_recipient", "enrolments", ["journey_id", "recipient"])
    op.create_index("enrolments_by_ends_at", "enrolments", ["ends_at"])


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _extend_list_contacts() -> None:
    for column in (
        _needed("custom_fields", sa.Text, server_default=sa.text("'{}'")),
        _needed("signup_at", sa.BigInteger, server_default=sa.text("0")),
        sa.Column("signup_method", sa.Text),
        sa.Column("ip_address", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("ad_network_source", sa.Text),
        sa.Column("ad_network_id", sa.Text),
    ):
        op.add_column("list_contacts", column)
    op.execute("UPDATE list_contacts SET signup_at = subscribed_at")
    op.execute(
        "UPDATE list_contacts SET signup_method = 'cli' "
        "WHERE unsubscribed_at IS NULL OR unsubscribed_at <> subscribed_at"
    )
    op.create_index(
        "list_contacts_by_signup", "list_contacts", ["list_id", "signup_at", "recipient", "active"]
    )


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        _needed("account_id", _ROW_ID),
        _needed("recipient", sa.BigInteger),
        sa.Column("email", sa.Text),
        sa.Column("carrier", sa.Text),
        sa.Column("line_type", sa.Text),
        sa.Column("timezone", sa.Text),
        sa.Column("is_valid", sa.Boolean),
        sa.Column("looked_up_at", sa.BigInteger),
        _needed("created_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", "recipient", name="contacts_key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "contacts_to_look_up",
        "contacts",
        ["account_id", "recipient"],
        sqlite_where=_NOT_LOOKED_UP,
        postgresql_where=_NOT_LOOKED_UP,
    )
    op.execute(
        "INSERT INTO contacts (account_id, recipient, created_at) "
        "SELECT lists.account_id, list_contacts.recipient, MIN(list_contacts.subscribed_at) "
        "FROM list_contacts JOIN lists ON lists.id = list_contacts.list_id "
        "GROUP BY lists.account_id, list_contacts.recipient"
    )
