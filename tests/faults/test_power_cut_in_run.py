"""The power fails while a campaign is planned and leaves: nothing rings again, nobody is left out.

A page of a run is not synced by itself, but with the claim of its messages at the latest. So what
rang a handset before a cut must be known on the disk, and is not sent again; and everybody else of
the audience gets their message afterwards, once.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .audit import check_file, is_uncertain, look_up_all, rings, settle_down
from .conftest import handsets
from .power import Disk, disk, mounted
from .serve import Server, wait_until

# Few: a log of a few megabytes is synced four times a second, whatever the commits do.
_CONTACTS = 400
# Some at a time, and no callers beside them: then nothing else syncs what a claim should.
_A_MINUTE = 12_000
_TEXT = "Half price this week"
_EVERYBODY = """
    {"operator": "AND", "conditions": [
        {"condition_type": "count", "field": "send_count", "operator": "gte", "value": 0}]}
"""


@pytest.fixture
def power() -> Iterator[Disk]:
    with disk() as made:
        yield made


def crowd() -> list[str]:
    """Return numbers of mobiles for which no hour is quiet."""
    return [f"+4479111{number:05}" for number in range(_CONTACTS)]


def prepare(server: Server, folder: Path) -> str:
    """Subscribe the crowd, and add a campaign to all of it; return its id."""
    people = folder / "people.csv"
    people.write_text("\n".join(["phone_number", *crowd()]))
    server.run("contacts", "import", server.list_number, str(people), "--no-dry-run")
    audience = server.run("audiences", "add", "Everybody", "--filter", _EVERYBODY)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    campaign = server.run(
        "campaigns", "add", "Sale", "--audience", audience["id"], "--at", "12:00", "--on", day,
        "--text", _TEXT, "--status", "on",
    )  # fmt: skip
    return str(campaign["id"])


def sent(log: Path) -> Counter[str]:
    """Return whom the campaign's text has rung, and how often."""
    return Counter(each["to"] for each in rings(log) if _TEXT in each["body"])


@pytest.mark.timeout(240)
def test_a_power_cut_in_a_run_repeats_nothing_and_leaves_nobody_out(
    make_server: Callable[..., Server], power: Disk, handset_log: tuple[Path, Path],
    tmp_path: Path, seed: int,
) -> None:  # fmt: skip
    chance = random.Random(seed)
    socket, log = handset_log
    server = make_server(
        power.path / "data", simulator_handsets=socket, default_list_rate=_A_MINUTE
    )
    server.start()
    campaign = prepare(server, tmp_path)
    # Its log is a new one then.
    assert server.stop(30) == 0
    server.start()
    cuts = []
    server.run("campaigns", "run", campaign)
    for number in range(2):
        enough = chance.randrange(1 + 150 * number, 150 + 150 * number)
        wait_until(lambda n=enough: len(sent(log)) >= n, 60, "enough has rung")
        before = sent(log)
        cuts.append((before, power.cut(number)))
    assert server.stop(30) == 0
    for number, (before, image) in enumerate(cuts):
        with (
            handsets(tmp_path, f"h{number}") as (next_socket, next_log),
            mounted(image, power.path.with_name(image.stem)) as path,
        ):
            after = make_server(path / "data", simulator_handsets=next_socket)
            after.key = server.key
            check_one_after(after, campaign, before, next_log)
        image.unlink()
    assert len(cuts[0][0]) < _CONTACTS, "the first cut was in the midst of the run"


def is_finished(server: Server, campaign: str) -> bool:
    [run] = server.run("runs", "list", campaign)["runs"]
    return run["state"] == "finished"


def check_one_after(server: Server, campaign: str, before: Counter[str], log: Path) -> None:
    """Start a server on what a cut has left; check that the run goes on with who is missing."""
    server.start()
    client = server.client()
    wait_until(lambda: is_finished(server, campaign), 120, "the run has ended")
    settle_down(client, 60)
    again = sent(log)
    assert (before + again).most_common(1)[0][1] == 1, "none rang twice"
    of_run = [each for each in look_up_all(client).values() if each["body"] == _TEXT]
    assert sorted(each["to"] for each in of_run) == crowd(), "each has one message"
    silent = {each["to"] for each in of_run} - (before + again).keys()
    assert all(is_uncertain(each) for each in of_run if each["to"] in silent)
    print(f"{len(before)} had rung before the cut, {len(again)} afterwards, {len(silent)} unknown")
    assert server.stop(30) == 0
    check_file(server)
