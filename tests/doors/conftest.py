"""One installation for a module of tests, with its ways in."""

import pytest
from ways import resources

from doors import Doors


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    doors = Doors(tmp_path_factory.mktemp("doors"))
    doors.resources = resources(doors)
    yield doors
    doors.close()
