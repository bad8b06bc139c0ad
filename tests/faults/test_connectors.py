"""A real message centre behind a bad network, and a server that is killed: nothing lost or doubled.

node-smpp takes the place of the handsets: what it has taken is what rang.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from proxy import between

import smsc

from .audit import check_database, is_uncertain, look_up_all, settle_down
from .serve import wait_until

LIST = "+15550007000"
WINDOW = 50
MESSAGES = 3_000


@contextmanager
def bad_network(port):
    """Run a proxy to this port on a loop of its own; give it, and a way to do things there."""
    ready, end = threading.Event(), asyncio.Event()
    told = {}

    async def run():
        async with between(port) as proxy:
            told.update(proxy=proxy, loop=asyncio.get_running_loop())
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(60)

    def there(act):
        told["loop"].call_soon_threadsafe(act)

    yield told["proxy"], there
    there(end.set)
    thread.join(60)


def set_up(server, port):
    server.start()
    connector = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "esme",
        "password": "secret",
        "window": WINDOW,
        "response_timeout_seconds": 2,
        "enquire_link_seconds": 1,
    }
    words = [word for name, value in connector.items() for word in ("--set", f"{name}={value}")]
    server.run("connectors", "add", "smpp", "centre", *words, "--window", "1000")
    server.run("lists", "add", LIST, "--connector", "centre", "--rate", "6000000")


def post(server, count):
    """Accept messages whose text is their id; return the ids."""
    client, ids = server.client(), []
    for first in range(0, count, 500):
        messages = [
            {"to": f"+1555{2_000_000 + first + n}", "list_number": LIST, "body": "{{messageId}}"}
            for n in range(500)
        ]
        answer = client.post("/api/v2/send-raw/bulk", {"messages": messages})
        assert answer.status == 200
        ids += [each["message_id"] for each in answer.body["messages"]]
    return ids


def check(server, peer, ids, open_windows):
    """Each message arrived once, or is uncertain and listed as such; none arrived twice."""
    client = server.client()
    settle_down(client, 60)
    wait_until(
        lambda: (
            {each["status"] for each in look_up_all(client).values() if not is_uncertain(each)}
            == {"delivered"}
        ),
        60,
        "whatever is certain is delivered",
    )
    found = look_up_all(client)
    assert set(ids) == set(found)
    arrived = Counter(each["text"] for each in peer.state["submitted"])
    assert [each for each, times in arrived.items() if times > 1] == []
    uncertain = {each for each, message in found.items() if is_uncertain(message)}
    assert set(ids) - uncertain <= set(arrived)
    assert len(uncertain) <= WINDOW * open_windows
    print(f"{len(uncertain)} of {len(ids)} uncertain after {open_windows} open windows")


@pytest.mark.timeout(240)
def test_a_connector_that_is_cut_and_goes_dark_loses_and_doubles_nothing(server, seed):
    chance = random.Random(seed)
    with smsc.running() as peer, bad_network(peer.port) as (proxy, there):
        peer.set(respDelay=20)
        set_up(server, proxy.port)
        ids = post(server, MESSAGES)
        faults = 0
        for _ in range(4):
            time.sleep(chance.uniform(0.2, 0.8))
            there(proxy.reset)
            faults += 1
        time.sleep(1.5)
        there(lambda: setattr(proxy, "dark", True))
        time.sleep(3)
        there(lambda: setattr(proxy, "dark", False))
        there(proxy.reset)
        check(server, peer, ids, faults + 1)
        assert server.stop(20) == 0
        check_database(server)


@pytest.mark.timeout(240)
def test_a_server_that_is_killed_amidst_its_submits_loses_and_doubles_nothing(server, seed):
    chance = random.Random(seed)
    with smsc.running() as peer:
        peer.set(respDelay=20)
        set_up(server, peer.port)
        ids = post(server, MESSAGES)
        kills = 3
        for _ in range(kills):
            time.sleep(chance.uniform(1.1, 1.6))
            server.kill()
            server.start()
        # A claim is on disk before its bytes leave, and what a dead process had claimed may have
        # left: so up to a connector's whole window of messages is uncertain after each kill.
        check(server, peer, ids, kills * 1000 // WINDOW)
        assert server.stop(20) == 0
        check_database(server)
