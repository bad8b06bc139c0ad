"""Parts of a long text that the carrier names each on its own."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"
PHASE: Final = "pre"


def upgrade() -> None:
    """Add columns that nothing older writes."""
    op.add_column("messages", sa.Column("parts_left", sa.SmallInteger))
    op.add_column("carrier_refs", sa.Column("part", sa.SmallInteger))
    op.add_column("carrier_refs", sa.Column("parts", sa.SmallInteger))
    op.add_column(
        "carrier_refs",
        sa.Column("told", sa.Boolean, nullable=False, server_default=sa.text("0")),
    )
