"""The services of people, on the embedded database unless a test asks for another."""

import pytest
from people_house import House
from stores import BACKENDS


@pytest.fixture
def house(request, tmp_path):
    house = House(BACKENDS[getattr(request, "param", "sqlite")](tmp_path).open())
    yield house
    house.close()
