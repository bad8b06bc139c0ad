"""The first schema. Nothing leads to it: a new database is made from `tables.py` at once.

What it is stands frozen in `tests/storage/first_schema_*.sql`, one file for each database.
"""

from typing import Final

revision: Final = "0001"
down_revision: Final = None
PHASE: Final = "pre"


def upgrade() -> None:
    """Change nothing: whatever has this number has the first schema already."""
