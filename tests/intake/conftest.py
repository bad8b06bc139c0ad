"""The road of `tests/support/road.py` and the house of `stores.py`, for every test in this room."""

from road import ground, make_road, road
from stores import house

__all__ = ["ground", "house", "make_road", "road"]
