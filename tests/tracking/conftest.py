"""The store of `tests/support/stores.py`, on every database there is."""

from stores import house

__all__ = ["house"]
