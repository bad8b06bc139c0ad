"""A road and its webhooks, for every test in this room."""

import pytest
from hooks import Hooks
from road import ground, make_road, road

__all__ = ["ground", "make_road", "road"]


@pytest.fixture
def hooks(road):
    hooks = Hooks(road)
    yield hooks
    if hooks.alive is not None:
        hooks.stop()
