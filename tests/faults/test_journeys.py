"""kill -9 in rounds of journeys: each contact has each message once, and the counters are exact.

The long form: `pytest -m slow tests/faults/test_journeys.py`.
"""

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import postgres
import pytest

from .serve import wait_until
from .travelling import ROUND_MAX

SCRIPT = Path(__file__).with_name("travelling.py")
# Longer than a start takes on a busy machine, and than all else that a process does.
START_SECONDS = 120
HANG_SECONDS = 600


def run(what, folder, url, *more):
    command = [sys.executable, str(SCRIPT), str(folder), what, *more]
    return command + (["--url", url] if url else [])


def told(command):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def line_of(process, seconds):
    """Return the next line; "" where the output has ended, None where none comes in that time."""
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline().strip() if ready else None


def count_of_sends(folder, url):
    if url:
        [(count,)] = postgres.do(url, "SELECT count(*) FROM messages")
        return count
    with contextlib.closing(sqlite3.connect(folder / "sendrail.db")) as raw:
        return raw.execute("SELECT count(*) FROM messages").fetchone()[0]


def let_strike(processes, folder, url, *, at, chance):
    """Wait for the moment of a kill, the first being `at` 0; see that all processes still move.

    The first kill strikes after a round, however slow the machine; each later one at any moment.
    """

    def some_are_sent():
        check_that_they_move(processes)
        return count_of_sends(folder, url) > 0

    if at == 0:
        wait_until(some_are_sent, 10, "some are sent")
    else:
        assert line_of(processes[0], chance.uniform(0.0, 0.12)) is None
    check_that_they_move(processes)


def check_that_they_move(processes):
    """Fail where a process has said that it is done, or has ended."""
    assert [line_of(each, 0) for each in processes] == [None] * len(processes)
    assert [each.poll() for each in processes] == [None] * len(processes)


def rounds_before_the_end(contacts, lives):
    """Return in how many rounds each life leaves some of the moves to the next one.

    There it waits: else a kill that comes late would find all of them done.
    """
    return (3 * contacts // ROUND_MAX - 1) // lives


def moved_with_kills(folder, url, kills, chance, rounds):
    """Start the engine and kill it, so many times; then let it come to its end."""
    command = run("move", folder, url, "--rounds", str(rounds))
    for at in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert line_of(process, START_SECONDS) == "ready"
            let_strike([process], folder, url, at=at, chance=chance)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
    assert told(run("move", folder, url)).split() == ["ready", "done"]


def played(folder, url, kills, seed, contacts):
    told(run("prepare", folder, url, "--contacts", str(contacts)))
    rounds = rounds_before_the_end(contacts, kills)
    moved_with_kills(folder, url, kills, random.Random(seed), rounds)
    return json.loads(told(run("report", folder, url)))


def check(report, contacts):
    assert report["ends"] == ["exited"] * contacts
    sent = Counter((recipient, body) for recipient, body in report["sent"])
    assert [each for each, times in sent.items() if times > 1] == []
    assert len(report["sent"]) == 3 * contacts
    assert len({recipient for recipient, _ in sent}) == contacts
    assert report["marked"] == contacts
    counts = report["counts"]
    ways = [counts[f"{side}:sent"] for side in ("left", "right")]
    assert sum(ways) == contacts
    assert [counts[each] for each in (":entered", ":ended:exited", "one:sent", "last:sent",
                                      "end:left", "mark:done")] == [contacts] * 6  # fmt: skip


@contextlib.contextmanager
def database_for(kind):
    if kind == "sqlite":
        yield ""
        return
    with postgres.database() as url:
        yield url


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kind", "kills", "contacts"),
    [
        ("sqlite", 2, 300),
        ("postgres", 2, 200),
        pytest.param("sqlite", 40, 3_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)]),
        pytest.param("postgres", 40, 3_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)]),
    ],
)
def test_kills_in_rounds_double_nothing_and_lose_nothing(tmp_path, seed, kind, kills, contacts):
    with database_for(kind) as url:
        check(played(tmp_path / "data", url, kills, seed, contacts), contacts)


@pytest.fixture
def crashing():
    server = postgres.OwnServer()
    yield server
    server.close()


@contextlib.contextmanager
def movers(folder, url, count, *more):
    """Let so many processes move the same lanes, none of which has a lease; then kill them."""
    command = run("move", folder, url, *more)
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for each in started:
            assert line_of(each, START_SECONDS) == "ready"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()
            each.stdout.close()


@pytest.mark.skipif("TEST_POSTGRES_URL" in os.environ, reason="that server is not ours to crash")
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kills", "crashes", "contacts"),
    [
        (2, 1, 300),
        pytest.param(22, 3, 3_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)]),
    ],
)
def test_two_processes_and_a_database_that_crashes_double_and_lose_nothing(
    tmp_path, seed, crashing, kills, crashes, contacts
):
    folder, url, chance = tmp_path / "data", crashing.url, random.Random(seed)
    told(run("prepare", folder, url, "--contacts", str(contacts)))
    rounds = rounds_before_the_end(contacts, 2 * kills)
    for at in range(kills):
        with movers(folder, url, 2, "--rounds", str(rounds)) as moving:
            let_strike(moving, folder, url, at=at, chance=chance)
            if at < crashes:
                crashing.crash()
                check_that_they_move(moving)
    with movers(folder, url, 2) as moving:
        assert [line_of(each, START_SECONDS) for each in moving] == ["done", "done"]
    check(json.loads(told(run("report", folder, url))), contacts)


@pytest.mark.timeout(240)
def test_the_control_fails(tmp_path):
    """Positions in a transaction of their own: what the check above is there to notice."""
    told(run("prepare", tmp_path, "", "--contacts", "100"))
    dying = run("move", tmp_path, "", "--apart", "--dies-in", "2")
    died = subprocess.run(dying, capture_output=True, timeout=HANG_SECONDS, check=False)
    assert died.returncode == -signal.SIGKILL
    told(run("move", tmp_path, "", "--apart"))
    report = json.loads(told(run("report", tmp_path, "")))
    sent = Counter((recipient, body) for recipient, body in report["sent"])
    assert max(sent.values()) == 2
    with pytest.raises(AssertionError):
        check(report, 100)
