"""The power fails under load: what was acknowledged is on the disk.

Each cut is a clone of the disk at a moment of its own, with the list of what had been acknowledged
before it. Afterwards each clone is mounted, a server is started on it, and every acknowledged
message is looked up. The control has a store that syncs nothing, and must lose messages: a test
that cannot see a loss shows nothing.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from .audit import answered, check_file
from .load import Load
from .power import Disk, disk, mounted
from .serve import DidNotStart, Server, wait_until

# `sendrail`, with a store that leaves it to the kernel when to write.
_CARELESS = """
import sendrail.storage.sqlite.store as store
connect = store.connect
def careless(*values, **more):
    raw = connect(*values, **more)
    raw.execute("PRAGMA synchronous = OFF")
    return raw
store.connect = careless
from sendrail.cli.main import main
main()
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """The disk at one moment, and what each recipient's order had become by then."""

    image: Path
    acknowledged: dict[str, str]


@pytest.fixture
def power() -> Iterator[Disk]:
    with disk() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def words(request: pytest.FixtureRequest) -> list[str]:
    """How the first start is asked for one database or the other."""
    return ["--postgres"] if request.param == "postgres" else []


def cut_under_load(server: Server, power: Disk, seed: int, cuts: int) -> list[Cut]:
    """Start a server on a disk and cut its power at random moments under load."""
    chance = random.Random(seed)
    server.start()
    made = []
    # A database may be silent for longer than a call waits, on a busy machine.
    with Load(server, [server.list_number], seed, refusals_are_certain=False) as load:
        wait_until(lambda: load.told, 10, "the load has begun")
        for number in range(cuts):
            time.sleep(chance.uniform(0.1, 1.0))
            acknowledged = dict(load.told)
            made.append(Cut(power.cut(number), acknowledged))
    assert server.stop(30) == 0
    assert set(load.refused) <= {"storage_unavailable", "duplicate_message"}
    return made


def lost_after(cut: Cut, server: Server) -> dict[str, str]:
    """Start a server on what a disk holds after a cut; return the messages that are not found."""
    server.start()
    with closing(server.client()) as client:
        found = {
            recipient: answered(client, f"/api/v2/messages/{message_id}")
            for recipient, message_id in cut.acknowledged.items()
        }
    lost = {
        recipient: cut.acknowledged[recipient]
        for recipient, answer in found.items()
        if answer.status != 200 or answer.body["to"] != recipient
    }
    assert server.stop(30) == 0
    return lost


def survive(
    make_server: Callable[..., Server], power: Disk, seed: int, words: list[str], cuts: int
) -> None:
    key = make_server(power.path / "data", words=words)
    total = 0
    for cut in cut_under_load(key, power, seed, cuts):
        with mounted(cut.image, power.path.with_name(cut.image.stem)) as path:
            server = make_server(path / "data")
            server.key = key.key
            assert lost_after(cut, server) == {}
            if not words:
                check_file(server)
        cut.image.unlink()
        total += len(cut.acknowledged)
    print(f"{cuts} cuts, 0 of {total} acknowledged messages lost")
    assert total > 0


@pytest.mark.timeout(240)
def test_two_power_cuts_lose_nothing(make_server, power, seed, words):
    survive(make_server, power, seed, words, cuts=2)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_twenty_power_cuts_lose_nothing(make_server, power, seed, words):
    survive(make_server, power, seed, words, cuts=20)


@pytest.mark.timeout(240)
def test_a_store_that_does_not_sync_is_seen_to_lose(make_server, power, seed):
    program = [sys.executable, "-c", _CARELESS]
    server = make_server(power.path / "data", program=program)
    [cut] = cut_under_load(server, power, seed, cuts=1)
    with mounted(cut.image, power.path.with_name("after")) as path:
        after = make_server(path / "data")
        after.key = server.key
        try:
            lost = lost_after(cut, after)
        except DidNotStart:
            # Not even the schema was on the disk.
            lost = cut.acknowledged
    print(f"without syncing: {len(lost)} of {len(cut.acknowledged)} lost")
    assert len(lost) > 0
