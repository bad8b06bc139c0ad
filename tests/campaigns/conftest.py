"""The house of `stores.py` on each kind of database, with people and runs in it."""

import pytest
from planned import Desk
from stores import BACKENDS, House


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, tmp_path):
    house = House(BACKENDS[request.param](tmp_path))
    yield house
    house.close()


@pytest.fixture
def desk(house):
    return Desk(house)
