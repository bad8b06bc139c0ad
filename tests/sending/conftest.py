"""The road of `tests/support/road.py`, for every test in this room."""

from road import make_road, road

__all__ = ["make_road", "road"]
