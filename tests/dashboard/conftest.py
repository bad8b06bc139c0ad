"""One application for a module of tests, or for one test."""

import pytest
from dashboard_site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture
def fresh_site(tmp_path):
    """An application of which nothing was asked."""
    site = Site(tmp_path / "site")
    yield site
    site.close()
