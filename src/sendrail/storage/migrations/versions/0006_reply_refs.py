"""The carriers' ids of texts that were taken, so that one offered twice is taken once."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"
PHASE: Final = "pre"


def upgrade() -> None:
    """Add a table that nothing older knows."""
    op.create_table(
        "reply_refs",
        sa.Column("link_id", sa.BigInteger, nullable=False),
        sa.Column("carrier_ref", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("link_id", "carrier_ref", name="reply_refs_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("reply_refs_by_received_at", "reply_refs", ["received_at"])
