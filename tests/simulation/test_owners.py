"""Several owners of the lanes, on a real PostgreSQL, in a world of bad luck: the laws hold.

Owners come and go, stand still beyond their leases, are killed, lose their connections in the midst
of a commit, and live in the wrong hour. Chance decides when; the threads are real, so a seed tells
what was tried and not how it went.
"""

import asyncio
import math
import random
import time
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import count

import postgres
import pytest
from no_links import NoLinks
from owners import ID_KEY, LIFE_SECONDS, Carrier, Owner
from stores import _EMPTY as EMPTY
from stores import PatientStore, postgres_database

from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.ids import MessageIds
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.phone import PhoneNumber
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.service import Intake
from sendrail.links.ranges import RangeSlots
from sendrail.telemetry import Metrics

RATES = (600, 1_200, 3_000, 6_000)
CONNECTOR_MPS = 60
RECIPIENTS = range(15550100000, 15550100020)
STORM_SECONDS = 10
SQUALL_SECONDS = 4
CALM_SECONDS = 400


class World:
    """A database, its owners, and the customers that fill its queue."""

    def __init__(self, url, seed):
        self.url, self.dice = url, random.Random(seed)
        self.carrier = Carrier(seed)
        self.runner = asyncio.Runner()
        self.store = PatientStore(url)
        self.ids = MessageIds(ID_KEY)
        self.serial = count(1)
        self.owners = []
        self.orders = {}
        self.deeds = Counter()
        now = time.time_ns() // 1_000_000
        self.account = self.write(lambda tx: tx.accounts.add("us", now))
        self.connectors = [
            self.write(lambda tx, mps=mps: tx.connectors.add(None, f"l{mps}", "x", b"", 100, mps))
            for mps in (None, CONNECTOR_MPS)
        ]
        self.lists = [
            self.add_list(rate, connector, now) for connector in self.connectors for rate in RATES
        ]
        self.intake = Intake(
            self.store,
            ClusterAcceptor(self.ids, RangeSlots(), window_ms=0, fingerprint_key=bytes(16)),
            self.ids, Metrics(), now=lambda: time.time_ns() // 1_000_000, blocked_words="",
            waiting_max=5_000, links=NoLinks(),
        )  # fmt: skip

    def add_list(self, rate, connector, now):
        number = PhoneNumber(15550001000 + next(self.serial))

        def add(tx):
            tx.lists.add(
                self.account, number, name="N", brand="B", rate=rate, connector_id=connector,
                byoc=False, on_uncertain="hold", now=now,
            )  # fmt: skip
            return tx.lists.find(self.account, number)

        return self.write(add)

    def write(self, work):
        return self.runner.run(self.store.write(work))

    def post(self, most=20):
        orders = [
            Order(
                self.dice.choice(RECIPIENTS), self.dice.choice(self.lists).number,
                f"Offer {next(self.serial)}", int(Skip.NONE),
            )
            for _ in range(self.dice.randint(1, most))
        ]  # fmt: skip
        verdicts = self.runner.run(self.intake.accept(self.account, orders))
        for order, verdict in zip(orders, verdicts, strict=True):
            self.orders[verdict.message_id] = order

    def join(self):
        self.owners.append(Owner(self.url, self.carrier, next(self.serial)))
        return self.owners[-1]

    def something_happens(self):
        owner = self.dice.choice(self.owners)
        deeds = ["pause", "long pause", "cut", "cut"]
        if len(self.owners) > 1:
            deeds += ["kill", "leave"]
        if len(self.owners) < 4:
            deeds += ["join", "join"]
        deed = self.dice.choice(deeds)
        self.deeds[deed] += 1
        match deed:
            case "pause":
                owner.stand_still(self.dice.uniform(0.05, LIFE_SECONDS))
            case "long pause":
                owner.stand_still(LIFE_SECONDS * self.dice.uniform(1.2, 3))
            case "cut":
                self.cut()
            case "join":
                self.join()
            case "kill":
                self.owners.remove(owner)
                owner.kill()
            case "leave":
                self.owners.remove(owner)
                owner.end()

    def cut(self):
        """Break connections off at whatever they are at, some commits among them."""
        name = postgres.name_of(self.url)
        postgres.do(
            postgres.url_of("postgres"),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND random() < 0.5 AND backend_type = 'client backend'",
        )

    def sql(self, statement):
        return [tuple(row) for row in postgres.do(self.url, statement)]

    def storm(self, seconds):
        for _ in range(2):
            self.join()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            # Who is told that nothing is known to be stored has no id to ask for.
            with suppress(StorageUnavailable):
                self.post()
            if self.dice.random() < 0.12:
                self.something_happens()
            time.sleep(self.dice.uniform(0.02, 0.2))

    def calm(self):
        until = time.monotonic() + CALM_SECONDS
        while self.sql("SELECT 1 FROM messages WHERE status IN ('queued', 'sending') LIMIT 1"):
            assert time.monotonic() < until, self.sql(
                "SELECT status, lane / 64, epoch, count(*) FROM messages GROUP BY 1, 2, 3"
            ) + self.sql("SELECT * FROM spans WHERE kind = 'lanes'")
            time.sleep(0.2)

    def close(self):
        for owner in self.owners:
            owner.end()
        self.runner.run(self.store.close())
        self.runner.close()


def most_within(times, seconds):
    times = sorted(times)
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def check_laws(world):
    rows = {
        world.ids.show(number): (number, list_id, recipient, status)
        for number, list_id, recipient, status in world.sql(
            "SELECT number, list_id, recipient, status FROM messages"
        )
    }
    left = Counter(message.message_id for _, _, message in world.carrier.left)
    # None is lost: what was accepted has left, or is listed as uncertain.
    assert set(world.orders) <= set(rows)
    for message_id, (*_, status) in rows.items():
        assert status in {"sent", "uncertain"}, (message_id, status)
        assert left[message_id] == 1 or status == "uncertain", (message_id, status)
        assert left[message_id] <= 1, (message_id, status)
    sequence, by_list, by_connector = defaultdict(list), defaultdict(list), defaultdict(list)
    rates = {each.shown: each for each in world.lists}
    for at, _, message in world.carrier.left:
        number, list_id, recipient, _ = rows[message.message_id]
        sequence[list_id, recipient].append(number)
        by_list[message.sender].append(at)
        by_connector[rates[message.sender].connector_id].append(at)
    for key, numbers in sequence.items():
        assert numbers == sorted(numbers), key
    for number, times in by_list.items():
        per_second = math.ceil(rates[number].rate / 60)
        assert most_within(times, 1.0) <= per_second, number
    assert most_within(by_connector[world.connectors[1]], 1.0) <= CONNECTOR_MPS


@pytest.fixture
def make_world():
    worlds = []

    def make(seed):
        with_rows = postgres_database()
        postgres.do(with_rows, EMPTY)
        worlds.append(World(with_rows, seed))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def live_through(world, seconds):
    world.storm(seconds)
    if not world.owners:
        world.join()
    world.calm()
    check_laws(world)


def test_whatever_happens_to_its_owners_no_message_is_doubled_or_lost(make_world):
    live_through(make_world(0), SQUALL_SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_more_worlds(make_world, seed):
    world = make_world(seed)
    live_through(world, STORM_SECONDS)
    assert sum(world.deeds.values()) > 3
