"""What holds for every test: no setting of the developer's own, no stopwatch on a shared core."""

import os
import sys

import pytest
import structlog
from hypothesis import settings

# Some images forbid compiled files (`PYTHONDONTWRITEBYTECODE`). Then each worker would prepare all
# files of tests anew in every run, and each process that a test starts compile the whole program.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Servers that other tests have in this process write while a command's output is looked at.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("short", deadline=None, print_blob=True, max_examples=40)
settings.register_profile("long", settings.get_profile("short"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside():
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SENDRAIL_"):
                patch.delenv(name)
        yield
