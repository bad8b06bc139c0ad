"""One application for a module of tests."""

import pytest
from dashboard_site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()
