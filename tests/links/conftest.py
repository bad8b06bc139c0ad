"""The road of `tests/support/road.py`, for every test in this room."""

from road import ground, make_road, road

__all__ = ["ground", "make_road", "road"]
