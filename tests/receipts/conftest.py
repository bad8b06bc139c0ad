"""The road of `tests/support/road.py`, for every test in this room."""

import pytest
from odd_carrier import sender, sent, table
from road import ground, make_road, road
from structlog.testing import capture_logs

__all__ = ["ground", "logs", "make_road", "road", "sender", "sent", "table"]


@pytest.fixture
def logs():
    """Return what is logged meanwhile."""
    with capture_logs() as lines:
        yield lines
