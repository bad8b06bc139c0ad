"""The road of `tests/support/road.py`, with journeys on it that an engine moves step by step."""

from road import ground, make_road, road
from travels import journeys

__all__ = ["ground", "journeys", "make_road", "road"]
