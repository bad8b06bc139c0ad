"""The shared database goes away under load, in every way it can, and comes back.

Nothing that was accepted is lost, no phone rings twice unasked, what one list sends to one
recipient keeps its order; and callers are told at once, and told when to come again.
"""

import json
import random
import time
from collections import Counter, defaultdict
from contextlib import contextmanager

import postgres
import proxy
import pytest
from cluster import Cluster

from .audit import check_found, check_uncertain, look_up_all, rung, settle_down
from .caller import Caller
from .load import Load
from .serve import wait_until

HOLD, RESEND, SERIES = "+15550002000", "+15550003000", "+15550004000"
# Silence is noticed within half a second, and proven within one more.
NOTICED_SECONDS = 2.0
TOLD_SECONDS = 1.0
BACK_SECONDS = 5.0


@pytest.fixture
def cluster():
    cluster = Cluster()
    cluster.start()
    cluster.do("CREATE DATABASE sendrail")
    yield cluster
    cluster.close()


@contextmanager
def under_load(server, log, seed, faults=1):
    """Run a server under load; at the end, look whether the laws hold."""
    server.start()
    for number, policy in ((HOLD, "hold"), (RESEND, "resend_once"), (SERIES, "hold")):
        server.run("lists", "add", number, "--on-uncertain", policy)
    server.run("links", "change", "sandbox", "--set", "answer_delay_ms=25")
    assert server.stop(15) == 0
    server.start()
    with (
        Caller(server, SERIES) as caller,
        Load(server, [server.list_number, HOLD, RESEND], seed, singles=3, pause=0.03) as load,
    ):
        time.sleep(1.5)
        yield caller, load
        time.sleep(1)
    print(f"{len(load.told)} messages, refused {dict(load.refused)}")
    assert set(load.refused) <= {"duplicate_message", "storage_unavailable", "server_busy"}
    assert {call.retry_after for call in caller.calls if call.status == 503} <= {"1"}
    # What was claimed in a commit of which nobody heard is found when the next process starts.
    server.kill()
    server.start()
    check(server, load, caller, log, faults + 1)


def check(server, load, caller, log, faults):
    client = server.client()
    settle_down(client, 60)
    found, handsets = look_up_all(client), rung(log)
    assert {each for sent in caller.sent.values() for each in sent} <= set(found)
    series = {each for each, message in found.items() if message["list_number"] == SERIES}
    theirs = set(found) - series
    rings = Counter({each: times for each, times in handsets.items() if each not in series})
    check_found(load, {each: found[each] for each in theirs}, rings)
    uncertain = check_uncertain(client, found, faults)
    twice = {each for each, times in handsets.items() if times > 1}
    assert {found[each]["list_number"] for each in twice} <= {RESEND}
    check_order(log)
    print(f"{len(uncertain)} uncertain, {len(twice)} rang twice")
    url = server.settings["database_url"]
    queued = "SELECT number FROM messages WHERE status = 'queued' ORDER BY number"
    assert ask(url, "SELECT number FROM queue ORDER BY number") == ask(url, queued)
    assert ask(url, "SELECT count(*) FROM messages WHERE status = 'sending'") == [(0,)]


def ask(url, statement):
    return [tuple(row) for row in postgres.do(url, statement)]


def check_order(log):
    """Check that whoever was sent one text after another had them ring in that order."""
    rang = defaultdict(list)
    with log.open(encoding="utf-8") as lines:
        for ring in map(json.loads, lines):
            if ring["from"] == SERIES.removeprefix("+") or ring["from"] == SERIES:
                rang[ring["to"]].append(int(ring["body"]))
    assert rang
    for texts in rang.values():
        assert texts == sorted(set(texts))


def check_told(caller, away, back):
    """Check that callers are told at once while the database is away, and soon that it is back."""
    during = caller.told_between(away + NOTICED_SECONDS, back - TOLD_SECONDS)
    assert [call for call in during if call.status == 200] == []
    slow = [call for call in during if call.seconds > TOLD_SECONDS]
    assert slow == []
    first = [call for call in caller.calls if call.at < away < call.at + call.seconds]
    longest = max((call.seconds for call in first), default=0.0)
    back_after = caller.accepted_after(back)
    print(f"{len(during)} refused meanwhile, the slowest {longest:.1f} s; back {back_after:.1f} s")
    assert longest <= NOTICED_SECONDS
    assert back_after <= BACK_SECONDS


@pytest.mark.timeout(120)
def test_the_server_is_killed(make_server, handset_log, cluster, seed):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket, database_url=cluster.url("sendrail"))
    with under_load(server, log, seed):
        server.kill()
        server.start()


@pytest.mark.timeout(120)
def test_the_database_is_killed(make_server, handset_log, cluster, seed):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket, database_url=cluster.url("sendrail"))
    with under_load(server, log, seed) as (caller, _):
        away = time.monotonic()
        cluster.kill()
        time.sleep(3)
        cluster.start()
        back = time.monotonic()
        time.sleep(2)
    check_told(caller, away, back)


@pytest.mark.timeout(120)
def test_the_database_stands_still(make_server, handset_log, cluster, seed):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket, database_url=cluster.url("sendrail"))
    with under_load(server, log, seed) as (caller, _):
        away = time.monotonic()
        cluster.freeze()
        time.sleep(4)
        cluster.thaw()
        back = time.monotonic()
        time.sleep(2)
    check_told(caller, away, back)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["held", "dark"])
def test_the_network_is_cut_and_healed(make_server, handset_log, cluster, seed, how):
    """Packets come later, or never; new connections are taken, and nobody speaks on them."""
    socket, log = handset_log
    with proxy.beside(cluster.port) as wire:
        url = cluster.url("sendrail", port=wire.port)
        server = make_server(simulator_handsets=socket, database_url=url)
        with under_load(server, log, seed) as (caller, _):
            away = time.monotonic()
            setattr(wire, how, True)
            time.sleep(4)
            setattr(wire, how, False)
            back = time.monotonic()
            time.sleep(2)
        check_told(caller, away, back)
        server.kill()


@pytest.mark.timeout(120)
def test_connections_are_reset(make_server, handset_log, cluster, seed):
    socket, log = handset_log
    chance = random.Random(seed)
    with proxy.beside(cluster.port) as wire:
        url = cluster.url("sendrail", port=wire.port)
        server = make_server(simulator_handsets=socket, database_url=url)
        with under_load(server, log, seed, faults=10) as (caller, _):
            for _ in range(10):
                wire.call(wire.reset)
                time.sleep(chance.uniform(0.05, 0.3))
            back = time.monotonic()
            time.sleep(1)
        assert caller.accepted_after(back) <= BACK_SECONDS
        server.kill()


@pytest.mark.timeout(120)
def test_a_synchronous_standby_takes_over(make_server, handset_log, cluster, seed):
    """The address names both; whoever takes what is written is spoken to."""
    standby = Cluster(cluster)
    try:
        standby.start()
        cluster.do(
            "ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"
        )
        is_sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: cluster.do(is_sync), 10, "the standby follows in step")
        url = (
            f"postgresql://postgres@127.0.0.1:{cluster.port},127.0.0.1:{standby.port}/sendrail"
            "?target_session_attrs=read-write"
        )
        socket, log = handset_log
        server = make_server(simulator_handsets=socket, database_url=url)
        with under_load(server, log, seed) as (caller, _):
            away = time.monotonic()
            cluster.kill()
            time.sleep(3)
            standby.promote()
            back = time.monotonic()
            time.sleep(2)
            server.settings["database_url"] = standby.url("sendrail")
        check_told(caller, away, back)
        server.kill()
    finally:
        standby.close()
