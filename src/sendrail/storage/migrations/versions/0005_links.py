"""Links as things an operator manages: sealed settings, callback tokens, states, a second way.

The settings move into a binary column as they are; the first opening with the master key seals
them, because a migration has no key.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"
PHASE: Final = "pre"

_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Rebuild links and lists with their new columns, and add the tables beside them."""
    _rebuild_links()
    with op.batch_alter_table("lists", recreate="always") as lists:
        lists.add_column(sa.Column("second_link_id", _ROW_ID))
        lists.create_foreign_key("lists_to_second_links", "links", ["second_link_id"], ["id"])
    op.create_table(
        "link_states",
        _needed("link_id", _ROW_ID),
        _needed("state", sa.Text),
        _needed("detail", sa.Text),
        _needed("since", sa.BigInteger),
        sa.PrimaryKeyConstraint("link_id", name="link_states_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "verifications",
        _needed("list_id", _ROW_ID),
        _needed("checked_at", sa.BigInteger),
        _needed("checked", sa.Text),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("recipient", sa.BigInteger),
        sa.Column("message_number", sa.BigInteger),
        sa.PrimaryKeyConstraint("list_id", name="verifications_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "marks",
        _needed("name", sa.Text),
        _needed("value", sa.LargeBinary),
        sa.PrimaryKeyConstraint("name", name="marks_key"),
        sqlite_with_rowid=False,
    )


def _rebuild_links() -> None:
    op.execute("CREATE TEMPORARY TABLE links_before AS SELECT * FROM links")
    op.drop_table("links")
    op.create_table(
        "links",
        _needed("id", _ROW_ID),
        sa.Column("account_id", _ROW_ID),
        _needed("name", sa.Text),
        _needed("kind", sa.Text),
        _needed("settings", sa.LargeBinary),
        _needed("window", sa.Integer),
        sa.Column("mps", sa.Float),
        sa.Column("segments_per_second", sa.Float),
        _needed("version", sa.Integer),
        sa.Column("token", sa.LargeBinary),
        sa.Column("token_digest", sa.LargeBinary),
        sa.Column("old_token_digest", sa.LargeBinary),
        sa.Column("old_token_until", sa.BigInteger),
        sa.Column("paused_at", sa.BigInteger),
        sa.Column("removed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="links_key"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="links_to_accounts"),
    )
    op.create_index("links_by_token_digest", "links", ["token_digest"])
    op.create_index("links_by_old_token_digest", "links", ["old_token_digest"])
    op.execute(
        "INSERT INTO links (id, account_id, name, kind, settings, window, mps, version) "
        "SELECT id, account_id, name, kind, CAST(settings AS BLOB), window, mps, 1 "
        "FROM links_before"
    )
    op.execute("DROP TABLE links_before")


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
