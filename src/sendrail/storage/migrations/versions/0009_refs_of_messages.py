"""The carriers' references of a message are found by its number, so that all of them go with it."""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"
PHASE: Final = "pre"


def upgrade() -> None:
    """Add an index that nothing older minds, and delete what forgotten messages left behind.

    On PostgreSQL references go by the week, and need neither.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM carrier_refs WHERE number NOT IN (SELECT number FROM messages)")
        op.create_index("carrier_refs_by_number", "carrier_refs", ["number"])
