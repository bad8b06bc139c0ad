"""Clicks under kill -9 and on a full disk: who was redirected has their click, or it is counted."""

import http.client
import random
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing

import postgres
import pytest
from following import PHONE

from sendrail.domain.ids import MessageIds
from sendrail.domain.short_ids import ShortIds, message_slot
from sendrail.storage.data_folder import Folder

from .audit import check_database, look_up_all, rows, settle_down
from .disk import fill_up, mounted_tmpfs
from .serve import wait_until

MIB = 2**20
SHOP = "https://shop.example/sale"
MESSAGES = """
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips, segments,
        encoding, body, links, status, attempt, epoch, resent, sent_at, ended_at)
    SELECT ?1, lane, account_id, id, 15551234567, ?3, 0, 1, 'gsm7', 'See {{link1}}', ?2,
        'delivered', 1, 1, 0, ?3, ?3
    FROM lists LIMIT 1
"""


def links_of(server, count):
    """Give the sandbox messages with a link each, while no server runs; return ids by number."""
    numbers, sent_at = range(1, count + 1), int(time.time() * 1000) - 60_000
    with closing(sqlite3.connect(server.data / "sendrail.db")) as raw:
        raw.executemany(MESSAGES, [(number, SHOP, sent_at) for number in numbers])
        raw.execute("INSERT INTO counters VALUES ('message', ?)", (count,))
        raw.commit()
    ids = ShortIds(Folder(server.data).key("short-id"))
    return {number: ids.show(message_slot(number, 0)) for number in numbers}


class Visitors:
    """Follow links at random, on connections of their own, until told to stop."""

    def __init__(self, server, links, seed, count=6):
        self._server, self._links, self._count = server, links, count
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        # By message: who was redirected, and who never heard.
        self.redirected, self.unanswered = Counter(), Counter()

    def __enter__(self):
        self._threads = [
            threading.Thread(target=self._follow, args=(self._chance.random(),))
            for _ in range(self._count)
        ]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for each in self._threads:
            each.join()

    def _follow(self, seed):
        chance, numbers = random.Random(seed), [*self._links]
        while not self._stop.is_set():
            address = ("127.0.0.1", self._server.port)
            with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
                self._follow_on(connection, chance, numbers)
            time.sleep(0.05)

    def _follow_on(self, connection, chance, numbers):
        while not self._stop.is_set():
            number = chance.choice(numbers)
            try:
                found = follow(connection, self._links[number])
            except (OSError, http.client.HTTPException):
                self.unanswered[number] += 1
                return
            assert found == (302, SHOP)
            self.redirected[number] += 1


def clicks_of(server):
    with closing(sqlite3.connect(server.data / "sendrail.db")) as raw:
        return Counter(number for (number,) in raw.execute("SELECT number FROM clicks"))


@pytest.fixture(params=["sqlite", "postgres"])
def site(request, make_server):
    """A server, and a way to ask its database."""
    if request.param == "sqlite":
        server = make_server()
        yield server, lambda statement: rows(server, statement)
        return
    with postgres.database() as url:
        server = make_server(database_url=url)
        yield server, lambda statement: [tuple(row) for row in postgres.do(url, statement)]
        server.close()


def send_links(server, count):
    """Send messages with a link each; return their short ids by the messages' numbers."""
    client = server.client()
    order = {"list_number": server.list_number, "body": f"See {SHOP}", "wrap_links": True}
    orders = [{"to": f"+1444{number:07}", **order} for number in range(count)]
    answer = client.post("/api/v2/send/bulk", {"messages": orders})
    assert answer.body["queued_count"] == count, answer
    settle_down(client, 30)
    numbers = MessageIds(Folder(server.data).key("message-id"))
    found = look_up_all(client)
    return {numbers.read(each): found[each]["body"].rpartition("/")[2] for each in found}


@pytest.mark.timeout(120)
def test_who_was_redirected_has_their_click_whenever_the_server_is_killed(site, seed):
    server, sql = site
    server.start()
    links = send_links(server, 200)
    chance = random.Random(seed)
    with Visitors(server, links, seed) as visitors:
        for _ in range(3):
            led = visitors.redirected.total()
            time.sleep(chance.uniform(0.3, 1.0))
            wait_until(lambda led=led: visitors.redirected.total() > led, 10, "links lead on")
            server.kill()
            server.start()
        wait_until(lambda: visitors.redirected.total() > 100, 10, "many were led on")
    assert server.stop(15) == 0
    kept = Counter(number for (number,) in sql("SELECT number FROM clicks"))
    for number in links:
        least = visitors.redirected[number]
        # A click may have been kept whose answer never left.
        assert least <= kept[number] <= least + visitors.unanswered[number]


def test_on_a_full_disk_everybody_is_led_on_and_the_lost_clicks_are_counted(make_server, tmp_path):
    with mounted_tmpfs(tmp_path / "disk", "16m") as disk:
        server = make_server(disk / "data")
        server.start()
        assert server.stop(15) == 0
        links = links_of(server, 50)
        server.start()
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        fill_up(disk / "ballast")
        followed = 0
        while not lost(client):
            # Most of them were never followed before: what was looked up is answered all the same.
            assert follow(client, links[followed % 50 + 1]) == (302, SHOP)
            followed += 1
            assert followed < 20_000, "the disk was never full"
        assert follow(client, links[1]) == follow(client, links[50]) == (302, SHOP)
        missing = lost(client)
        assert kept(client) + missing == followed + 2
        (disk / "ballast").unlink()
        assert follow(client, links[7]) == (302, SHOP)
        assert kept(client) + lost(client) == followed + 3
        assert lost(client) == missing
        client.close()
        assert server.stop(15) == 0
        assert sum(clicks_of(server).values()) == followed + 3 - missing
        check_database(server)


def follow(client, link):
    client.request("GET", f"/{link}", headers={"user-agent": PHONE})
    answer = client.getresponse()
    answer.read()
    return answer.status, answer.getheader("location")


def sample(client, name):
    client.request("GET", "/metrics")
    lines = client.getresponse().read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def lost(client):
    return sample(client, "sendrail_clicks_lost_total")


def kept(client):
    return sample(client, "sendrail_clicks_total")
