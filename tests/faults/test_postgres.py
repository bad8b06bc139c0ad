"""The shared database goes away under load, in every way it can, and comes back.

Nothing that was accepted is lost, no phone rings twice unasked, what one list sends to one
recipient keeps its order; and callers are told at once, and told when to come again.
"""

import http.client
import itertools
import json
import random
import shutil
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import postgres
import proxy
import psutil
import pytest
from cluster import Cluster

from .audit import check_found, check_uncertain, look_up_all, rung, settle_down, total
from .caller import Caller
from .disk import fill_up_to, mounted_tmpfs
from .load import Load
from .serve import Server, wait_until
from .test_clicks import SHOP, follow, kept, lost, send_links
from .test_disk import MIB, bulk, check_told_full, fill

HOLD, RESEND, SERIES = "+15550002000", "+15550003000", "+15550004000"
# Silence is noticed and proven within a second. A busy machine adds to each of these as many times
# what a call took on it before.
NOTICED_SECONDS = 1.5
TOLD_SECONDS = 1.0
SLOWER = 5
# One call may meet a moment in which the machine stands still. Less than a transaction may take.
LONGEST_SECONDS = 5.0
STOOD_STILL_MAX = 2
BACK_SECONDS = 15.0


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A server with an installation on it, of which each test gets a copy."""
    folder = tmp_path_factory.mktemp("installed")
    cluster = Cluster()
    cluster.start()
    cluster.do("CREATE DATABASE installed")
    server = Server(folder / "data", folder / "log", database_url=cluster.url("installed"),
                    default_list_rate=6_000_000)  # fmt: skip
    server.start()
    for number, policy in ((HOLD, "hold"), (RESEND, "resend_once"), (SERIES, "hold")):
        server.run("lists", "add", number, "--on-uncertain", policy)
    server.run("connectors", "change", "sandbox", "--set", "answer_delay_ms=25")
    assert server.stop(15) == 0
    yield cluster, server
    cluster.close()


@pytest.fixture
def site(installed, make_server, handset_log, tmp_path):
    """The database server, a server of ours on a database of its own, and the handsets' log."""
    cluster, first = installed
    cluster.do(f"CREATE DATABASE {tmp_path.name} TEMPLATE installed")
    socket, log = handset_log
    shutil.copytree(first.data, tmp_path / "data")
    url = cluster.url(tmp_path.name)
    server = make_server(simulator_handsets=socket, database_url=url)
    server.key = first.key
    yield Site(cluster, server, log)
    server.close()


class Site(NamedTuple):
    cluster: Cluster
    server: Server
    log: Path

    def through(self, port):
        """Let our server reach the database by another port."""
        url = self.server.settings["database_url"]
        self.server.settings["database_url"] = url.replace(str(self.cluster.port), str(port))


class InTurn:
    """Several processes as a caller has them behind a balancer: each connection is to the next."""

    def __init__(self, *servers):
        self._next = itertools.cycle(servers)

    def client(self):
        return next(self._next).client()


@contextmanager
def under_load(site, seed, faults=1, others=()):
    """Run the server under load; at the end, look whether the laws hold."""
    server = site.server
    server.start()
    for other in others:
        other.start()
    numbers = [server.list_number, HOLD, RESEND]
    load = Load(InTurn(server, *others), numbers, seed, singles=3, pause=0.03,
                refusals_are_certain=False)  # fmt: skip
    with Caller(server, SERIES) as caller, load:
        time.sleep(1.2)
        yield caller
        time.sleep(1)
    print(f"{len(load.told)} messages, refused {dict(load.refused)}")
    assert set(load.refused) <= {"duplicate_message", "storage_unavailable"}
    assert {call.retry_after for call in caller.calls if call.status == 503} <= {"1"}
    check(site, load, caller, faults)


def check(site, load, caller, faults):
    server, log = site.server, site.log
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
    slack = SLOWER * caller.usual_before(away)
    during = caller.told_between(away + NOTICED_SECONDS + slack, back - TOLD_SECONDS - slack)
    assert [call for call in during if call.status == 200] == []
    assert median([call.seconds for call in during] or [0]) <= TOLD_SECONDS + slack
    longest = max(call.seconds for call in caller.told_between(away - 1, back))
    back_after = caller.accepted_after(back)
    print(f"{len(during)} refused meanwhile, the slowest of all {longest:.1f} s; "
          f"accepted {back_after:.1f} s after its return")  # fmt: skip
    assert longest <= LONGEST_SECONDS + slack
    assert back_after <= BACK_SECONDS + slack


# What becomes of the database; the second half undoes the first.


def killed(site, _):
    site.cluster.kill()
    yield
    site.cluster.start()


def frozen(site, _):
    site.cluster.freeze()
    yield
    site.cluster.thaw()


def held(_, wire):
    wire.held = True
    yield
    wire.held = False


def dark(_, wire):
    wire.dark = True
    yield
    wire.dark = False


FAULTS = {
    "killed": killed,
    "frozen": frozen,
    # Packets come later, or never; new connections are taken, and nobody speaks on them.
    "held": held,
    "dark": dark,
}


def suffer(site, wire, name, seconds):
    """Let the database be away for a while; return when it went and when it was back."""
    fault = FAULTS[name](site, wire)
    away = time.monotonic()
    next(fault)
    time.sleep(seconds)
    for _ in fault:
        raise AssertionError("a fault has two halves")
    return away, time.monotonic()


LONG = pytest.mark.slow


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "name",
    [
        "killed",
        pytest.param("frozen", marks=LONG),
        pytest.param("held", marks=LONG),
        pytest.param("dark", marks=LONG),
    ],
)
def test_the_database_is_away_for_a_while(site, seed, name):
    with proxy.beside(site.cluster.port) as wire:
        site.through(wire.port)
        with under_load(site, seed) as caller:
            away, back = suffer(site, wire, name, 3.5)
            time.sleep(1.5)
        check_told(caller, away, back)
        site.server.kill()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [1.5, pytest.param(61, marks=LONG)])
def test_nobody_ends_or_toils_or_floods_the_log_while_it_is_away(site, seconds):
    cluster, server = site.cluster, site.server
    server.start()
    process = psutil.Process(server.process.pid)
    wait_until(lambda: "spans_taken" in server.said.read_text(), 5, "it takes part")
    spent, before = sum(process.cpu_times()[:2]), len(server.said.read_text().splitlines())
    began = time.monotonic()
    cluster.kill()
    time.sleep(seconds)
    spent, took = sum(process.cpu_times()[:2]) - spent, time.monotonic() - began
    cluster.start()
    client = server.client()
    order = {"to": "+15550009001", "list_number": server.list_number, "body": "back again"}
    wait_until(lambda: client.post("/api/v2/send-raw", order).status != 503, 5, "it takes orders")
    wait_until(lambda: total(client, "delivered") == 1, 10, "the message is delivered")
    assert server.stop(15) == 0
    lines = [json.loads(line) for line in server.said.read_text().splitlines()[before:]]
    said = Counter(line["event"] for line in lines if line["level"] != "info")
    print(f"{dict(said)}, {spent:.1f} s of processor time in {took:.1f} s")
    # That it is away, and that it is back; who waits for it meanwhile says so once a minute.
    away, back = said.pop("database_away"), said.pop("database_back")
    # On a busy machine it may seem to be away once more.
    assert 1 <= away == back <= 1 + STOOD_STILL_MAX
    assert [event for event in said if not event.endswith("_postponed")] == []
    assert max(said.values(), default=0) <= 1 + (time.monotonic() - began) // 60
    # One that toils does nothing else.
    assert spent < 0.5 * took


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["killed", "frozen"])
def test_it_is_away_from_two_processes_that_accept(site, make_server, seed, name):
    """What one refused is posted to the other: it is a message once, whoever stored it."""
    url = site.server.settings["database_url"]
    second = make_server(site.server.data, database_url=url, roles="api")
    second.key = site.server.key
    with under_load(site, seed, others=[second]) as caller:
        away, back = suffer(site, None, name, 3.5)
        time.sleep(1.5)
    check_told(caller, away, back)
    assert second.stop(15) == 0


@pytest.mark.timeout(120)
def test_links_that_are_known_lead_on_while_it_is_away(site, make_server):
    """Two processes, and one person who follows a link at both before, meanwhile and after."""
    cluster, first, url = site.cluster, site.server, site.server.settings["database_url"]
    first.start()
    known, other = send_links(first, 2).values()
    second = make_server(first.data, database_url=url, roles="clicks")
    second.key = first.key
    second.start()
    visits, led = [visitor(server) for server in (first, second)], []

    def go(link):
        answers = [follow(each, link) for each in visits]
        led.extend(answer for answer in answers if answer == (302, SHOP))
        return answers

    # The ids of one process lead on at the other.
    assert go(known) == [(302, SHOP)] * 2
    before = [lost(each) for each in visits]
    cluster.kill()
    for _ in range(3):
        assert go(known) == [(302, SHOP)] * 2
        assert go(other) == [(503, None)] * 2
    assert [lost(each) for each in visits] == [each + 3 for each in before]
    cluster.start()
    wait_until(lambda: go(other) == [(302, SHOP)] * 2, 20, "it leads on again")
    assert go(known) == [(302, SHOP)] * 2
    kept_ones = len(led) - sum(map(lost, visits))
    assert sum(map(kept, visits)) == kept_ones
    counted = "SELECT sum(clicks), count(*) FROM message_clicks"
    wait_until(lambda: ask(url, counted) == [(kept_ones, 2)], 20, "each click is counted once")
    for each in visits:
        each.close()
    assert first.stop(15) == second.stop(15) == 0


def visitor(server):
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_connections_are_reset(site, seed):
    chance = random.Random(seed)
    with proxy.beside(site.cluster.port) as wire:
        site.through(wire.port)
        with under_load(site, seed, faults=10) as caller:
            for _ in range(10):
                wire.call(wire.reset)
                time.sleep(chance.uniform(0.05, 0.3))
            back = time.monotonic()
            time.sleep(1)
        assert caller.accepted_after(back) <= BACK_SECONDS
        site.server.kill()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_server_is_killed(site, seed):
    with under_load(site, seed):
        site.server.kill()
        site.server.start()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_everything_happens_again_and_again(site, seed):
    chance = random.Random(seed)
    with proxy.beside(site.cluster.port) as wire:
        site.through(wire.port)
        with under_load(site, seed, faults=20) as caller:
            for _ in range(20):
                what = chance.choice([*FAULTS, "reset", "server"])
                if what == "reset":
                    wire.call(wire.reset)
                elif what == "server":
                    site.server.kill()
                    site.server.start()
                else:
                    suffer(site, wire, what, chance.uniform(0.1, 6))
                back = time.monotonic()
                time.sleep(chance.uniform(0.1, 3))
            time.sleep(5)
        assert caller.accepted_after(back) <= BACK_SECONDS
        site.server.kill()


@pytest.mark.timeout(120)
def test_a_synchronous_standby_takes_over(site, seed):
    """The address names both; whoever takes what is written is spoken to."""
    cluster, server = site.cluster, site.server
    standby = Cluster(cluster)
    try:
        standby.start()
        set_standbys(cluster, "standby")
        is_sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: cluster.do(is_sync), 10, "the standby follows in step")
        site.through(f"{cluster.port},127.0.0.1:{standby.port}")
        with under_load(site, seed) as caller:
            away = time.monotonic()
            cluster.kill()
            time.sleep(3)
            standby.promote()
            back = time.monotonic()
            time.sleep(1.5)
            set_standbys(standby, "")
            only = standby.url(postgres.name_of(server.settings["database_url"]))
            site.server.settings["database_url"] = only
        check_told(caller, away, back)
        server.kill()
    finally:
        standby.close()
        cluster.start()
        set_standbys(cluster, "")


def set_standbys(cluster, names):
    cluster.do(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")


@pytest.mark.timeout(120)
def test_the_databases_disk_is_full(site):
    """What was answered stays, who comes now is told so, and with some space all goes on."""
    cluster, server = site.cluster, site.server
    with mounted_tmpfs(cluster.folder / "small", "48m") as disk:
        cluster.give(disk)
        ballast = disk / "ballast"
        name = postgres.name_of(server.settings["database_url"])
        cluster.do(
            f"CREATE TABLESPACE small LOCATION '{disk}'",
            f"ALTER DATABASE {name} SET TABLESPACE small",
        )
        server.start()
        client = server.client()
        fill_up_to(ballast, 4 * MIB)
        told, refusal, number = fill(server, client, 0)
        check_told_full(refusal)
        ballast.unlink()
        again = client.post("/api/v2/send-raw/bulk", bulk(server, number))
        assert again.status == 200
        told |= {each["message_id"]: None for each in again.body["messages"]}
        settle_down(client, 60)
        assert set(look_up_all(client)) == set(told)
        assert server.stop(15) == 0
        cluster.do(f"DROP DATABASE {name} WITH (FORCE)", "DROP TABLESPACE small")
