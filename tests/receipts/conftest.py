"""The road of `tests/support/road.py`, for every test in this room."""

import pytest
from logged import logged_here
from odd_carrier import sender, sent, table
from road import ground, make_road, road

__all__ = ["ground", "logs", "make_road", "road", "sender", "sent", "table"]


@pytest.fixture
def logs():
    """Return what is logged meanwhile."""
    with logged_here() as lines:
        yield lines
