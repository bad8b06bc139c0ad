"""What holds for every test: no setting of the developer's own, no stopwatch on a shared core."""

import os

import pytest
from hypothesis import settings

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("sendrail", deadline=None, print_blob=True)
settings.load_profile("sendrail")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside():
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SENDRAIL_"):
                patch.delenv(name)
        yield
