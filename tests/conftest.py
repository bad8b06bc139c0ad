"""What holds for every test: no setting of the developer's own, no stopwatch on a shared core."""

import gc
import os
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from logged import take_line

# Some images forbid compiled files (`PYTHONDONTWRITEBYTECODE`). Then each worker would prepare all
# files of tests anew in every run, and each process that a test starts compile the whole program.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Servers that other tests have in this process write while a command's output is looked at.
# An exception is shown as the server shows it. Where `rich` is installed, structlog would draw each
# with all values around it, and that takes a thousand times as long: half a second of a processor.
structlog.configure(
    logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
    processors=[
        take_line,
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ],
)

# How long an example takes, or is in the making, says more about the machine than about the code.
# A test that suppresses another check has to name this one as well.
settings.register_profile(
    "short", deadline=None, print_blob=True, max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile("long", settings.get_profile("short"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

HERE = Path(__file__).parent
_BEGINS_ELSEWHERE = pytest.StashKey[bool]()


# Nothing of what is collected is garbage, and each pass looks at all of it. Python begins again
# below, and leaves aside what is there by then.
gc.disable()


def pytest_configure(config):
    """Let each of several workers begin to collect elsewhere.

    Each collects all tests. A file that has changed is prepared once and kept compiled, but not
    where all workers come to it at the same moment, as they do in a new checkout.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or [Path(each).resolve() for each in config.args] != [HERE]:
        return
    places = sorted(
        str(path)
        for path in HERE.iterdir()
        if path.name.startswith("test_") or (path.is_dir() and path.name != "__pycache__")
    )
    begin = len(places) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    config.args = places[begin:] + places[:begin]
    config.stash[_BEGINS_ELSEWHERE] = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Bring the tests into one order: workers have to agree on it.

    At the end of a run all other workers wait for the last test. So it is no long one, and none of
    `tests/faults`: those wait for half a minute, and leave the processors to the other workers.
    """
    if config.stash.get(_BEGINS_ELSEWHERE, False):
        items.sort(key=lambda item: item.path.relative_to(HERE).parts[0])
    yield
    items.sort(key=_turn)


def _turn(item):
    """Return 0 for what begins first, 1 for what comes then, 2 for all else."""
    if item.get_closest_marker("long") is not None:
        return 0
    return 1 if item.path.is_relative_to(HERE / "faults") else 2


def pytest_collection_finish():
    """Collect garbage again, but never of what lives as long as the run: tests start from it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside():
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SENDRAIL_"):
                patch.delenv(name)
        yield
