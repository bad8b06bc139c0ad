"""Counting under kill -9: each click counts once, for its message and for its contact."""

import random
import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest

from sendrail.domain.click_classes import ClickClass

from .audit import check_database
from .serve import wait_until
from .test_clicks import links_of

CLICKS = """
    INSERT INTO clicks (account_id, number, position, at, click_class, reason)
    SELECT account_id, ?, 0, ?, ?, 0 FROM lists LIMIT 1
"""
COUNT = 20_000
LIVES = 5
PART = COUNT // LIVES
MESSAGES = 2_000


def make_clicks(seed):
    """Return clicks that have waited long enough: their messages, times and classes."""
    chance, began = random.Random(seed), int(time.time() * 1000) - 3_600_000
    return [
        (chance.randint(1, MESSAGES), began + n, chance.choice([ClickClass.HUMAN, ClickClass.BOT]))
        for n in range(COUNT)
    ]


def add_clicks(server, rows):
    """Add clicks while no server runs."""
    with closing(sqlite3.connect(server.data / "sendrail.db")) as raw:
        raw.executemany(CLICKS, rows)
        raw.commit()


def sql(server, statement):
    with closing(sqlite3.connect(server.data / "sendrail.db")) as raw:
        return raw.execute(statement).fetchall()


def come_to(server):
    found = sql(server, "SELECT value FROM counters WHERE name = 'clicks'")
    return found[0][0] if found else 0


@pytest.mark.timeout(180)
def test_each_click_counts_once_whenever_the_server_is_killed(server, seed):
    server.start()
    assert server.stop(15) == 0
    links_of(server, MESSAGES)
    rows = make_clicks(seed)
    chance, places = random.Random(seed), []
    for at in range(LIVES):
        # A part for each life: none counts them all, however late it is killed.
        add_clicks(server, rows[at * PART : (at + 1) * PART])
        server.start()
        time.sleep(chance.uniform(0.0, 0.4))
        if at == LIVES - 2:
            # However slow the machine, once in the midst.
            wait_until(lambda: come_to(server) > 0, 10, "some are counted")
        server.kill()
        places.append(come_to(server))
    server.start()
    wait_until(lambda: come_to(server) == COUNT, 60, "all are counted")
    assert server.stop(15) == 0
    # Some of the work was done before, and some after, or nothing was tried.
    assert places == sorted(places)
    assert any(0 < place < COUNT for place in places), places
    clicked = Counter(number for number, _, _ in rows)
    human = Counter(number for number, _, kind in rows if kind is ClickClass.HUMAN)
    first = {}
    for number, at, kind in rows:
        if kind is ClickClass.HUMAN:
            first.setdefault(number, at)
    found = sql(server, "SELECT number, at, clicks, human_clicks FROM message_clicks")
    assert {row[0]: row[1:] for row in found} == {
        number: (first.get(number), count, human[number]) for number, count in clicked.items()
    }
    # All messages went to one person.
    [(clicks, last)] = sql(server, "SELECT clicks, last_clicked_at FROM contact_earnings")
    assert (clicks, last) == (len(first), max(at for _, at, k in rows if k is ClickClass.HUMAN))
    check_database(server)
