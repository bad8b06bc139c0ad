"""Servers to be killed, and handsets that are not."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .serve import BUSY, Server

FAST = 6_000_000
HERE = Path(__file__).parent


# Of the long form (`-m slow`): the embedded store has the same one in the short form, or a database
# that is away for a while does, or orders by both doors at once.
LONG = {
    "test_two_power_cuts_lose_nothing[postgres]",
    "test_one_order_by_both_doors_is_one_message",
    "test_who_was_redirected_has_their_click_whenever_the_server_is_killed[postgres]",
    "test_a_synchronous_standby_takes_over",
    "test_killed_each_time_the_carrier_is_about_to_answer[resend_once-2]",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test so many times as long as it says that it takes on an idle machine."""
    for item in items:
        if item.path.parent == HERE:
            if item.name in LONG:
                item.add_marker(pytest.mark.slow)
            if given := item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(given.args[0] * BUSY), append=False)


@pytest.fixture
def seed() -> int:
    """Chance for one test; a failure shows it, and FAULTS_SEED brings it back."""
    given = os.environ.get("FAULTS_SEED")
    chosen = int(given) if given else random.SystemRandom().randrange(10**6)
    print(f"FAULTS_SEED={chosen}")
    return chosen


@pytest.fixture
def handset_log(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The socket and the file of handsets in a process of their own."""
    with handsets(tmp_path, "h") as made:
        yield made


@contextmanager
def handsets(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Start handsets in a process of their own; return their socket and their file."""
    # A socket's path may have some hundred characters only, and pytest's folders are deep.
    socket, log = folder / name, folder / f"{name}.jsonl"
    program = Path(__file__).with_name("handsets.py")
    process = subprocess.Popen(
        [sys.executable, program, socket, log], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield socket, log
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make servers, not yet started; whatever runs at the end of the test is killed."""
    made: list[Server] = []

    def make(data: Path | None = None, **settings: Any) -> Server:
        settings = {"default_list_rate": FAST, "free_disk_min_mb": 0} | settings
        said = tmp_path / f"server-{len(made)}.log"
        made.append(Server(data or tmp_path / "data", said, **settings))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()
