"""Several processes on one PostgreSQL, by their roles: killed, stopped, asked to go under load.

How soon one takes over from another is shown on the database's own time: tests/delivery/test_spans.
"""

import os
import random
import signal
import time

import postgres
import pytest

from .audit import rung
from .load import Load
from .serve import Client, wait_until

LISTS = 12
KEY = "ab" * 32
LEASE = 1.0
# One that is not lost where a process waits for its turn on a busy machine.
LONG_LEASE = 15.0
UNDER_WAY_MAX = 500
OPEN = "SELECT count(*) FROM messages WHERE status IN ('queued', 'sending')"


class House:
    """One database and the processes on it."""

    def __init__(self, url, make_server, handsets, lease=LEASE):
        self.url, self.lease = url, lease
        self._make, self._socket = make_server, handsets
        self.api = self.process("api,receipts,webhooks,scheduler")
        self.numbers = [self.api.list_number]
        client = Client(self.api.port, self.api.key)
        for at in range(LISTS):
            number = f"+1555000{2000 + at}"
            about = {"list_name": "Load", "rate": 6_000_000, "connector": "sandbox"}
            assert client.post("/api/v2/lists", {"phone_number": number, **about}).status == 200
            self.numbers.append(number)
        client.close()

    def process(self, roles):
        server = self._make(
            data=None if not hasattr(self, "api") else self.api.data,
            database_url=self.url, master_key=KEY, roles=roles, lease_seconds=self.lease,
            simulator_handsets=self._socket,
        )  # fmt: skip
        server.start()
        return server

    def sql(self, statement):
        return [tuple(row) for row in postgres.do(self.url, statement)]

    def owners(self):
        return {
            int(owner.split(":")[-2]): spans
            for owner, spans in self.sql(
                "SELECT owner, count(*) FROM spans WHERE kind = 'lanes' AND owner <> '' GROUP BY 1"
            )
        }

    def shared_by(self, *servers):
        """Tell whether exactly these deliver, each its fair share."""
        owners = self.owners()
        return owners.keys() == {each.process.pid for each in servers} and (
            max(owners.values()) - min(owners.values()) <= 1
        )

    def come_to_rest(self):
        wait_until(lambda: self.sql(OPEN) == [(0,)], 60, "nothing is open")
        time.sleep(1.5)


@pytest.fixture
def house(make_server, handset_log):
    with postgres.database() as url:
        yield House(url, make_server, handset_log[0])


@pytest.fixture
def patient_house(make_server, handset_log):
    with postgres.database() as url:
        yield House(url, make_server, handset_log[0], LONG_LEASE)


def check(house, told, log):
    """Nothing that was accepted is lost, and nothing has rung twice."""
    fates = dict(house.sql("SELECT recipient, status FROM messages"))
    assert {int(to) for to in told} <= fates.keys()
    rings = rung(log)
    assert max(rings.values()) == 1
    assert len(rings) >= sum(status == "delivered" for status in fates.values())
    open_ones = [status for status in fates.values() if status not in {"delivered", "sent"}]
    assert set(open_ones) <= {"uncertain"}
    return len(open_ones)


@pytest.mark.timeout(180)
def test_one_of_two_is_killed_and_the_other_stopped_beyond_its_lease(house, handset_log, seed):
    chance = random.Random(seed)
    one, two = house.process("deliver"), house.process("deliver")
    wait_until(lambda: house.shared_by(one, two), 10, "both have their share")
    with Load(house.api, house.numbers, seed, pause=0.02) as load:
        time.sleep(chance.uniform(1, 2))
        one.kill()
        wait_until(lambda: house.shared_by(two), 10, "the other has it all")
        three = house.process("deliver")
        wait_until(lambda: house.shared_by(two, three), 10, "the third has its share")
        time.sleep(chance.uniform(0.5, 1))
        os.kill(two.process.pid, signal.SIGSTOP)
        wait_until(lambda: house.shared_by(three), 10, "the third has it all")
        time.sleep(1)
        os.kill(two.process.pid, signal.SIGCONT)
        wait_until(lambda: house.shared_by(two, three), 15, "both have their share again")
        time.sleep(1)
        wait_until(lambda: len(load.told) > 200, 30, "much was accepted")
    house.come_to_rest()
    assert check(house, load.told, handset_log[1]) <= 2 * UNDER_WAY_MAX


@pytest.mark.timeout(120)
def test_who_is_asked_to_go_leaves_nothing_in_doubt_and_nobody_waiting(
    patient_house, handset_log, seed
):
    house = patient_house
    one, two = house.process("deliver"), house.process("deliver")
    wait_until(lambda: house.shared_by(one, two), 10, "both have their share")
    with Load(house.api, house.numbers, seed, pause=0.02) as load:
        time.sleep(1.5)
        assert two.stop(20) == 0
        wait_until(lambda: house.shared_by(one), 3, "the other has it all, without a lapse")
        time.sleep(1.5)
    house.come_to_rest()
    assert check(house, load.told, handset_log[1]) == 0


def test_a_process_without_the_api_tells_how_it_is_and_nothing_else(house):
    one = house.process("deliver")
    client = Client(one.port, house.api.key)
    assert client.get("/healthz").body == {"status": "ok"}
    assert client.get("/readyz").body == {"status": "ready"}
    assert client.get("/api/v2/messages").status == 404
    client.close()


def test_status_shows_who_is_there_and_what_is_whose(house):
    one = house.process("deliver")
    wait_until(lambda: house.shared_by(one), 10, "it has all lanes")
    told = house.api.run("status")
    roles = {each["roles"] for each in told["processes"]}
    assert roles == {"deliver", "api,receipts,scheduler,webhooks"}
    lanes = [each for each in told["owned"] if each["kind"] == "lanes"]
    assert [(each["spans"], each["lapsed"]) for each in lanes] == [(64, 0)]
    assert [connector["state"] for connector in told["connectors"]] == ["open"]
    house.api.client().post(
        "/api/v2/send-raw",
        {"to": "+15550100000", "list_number": house.numbers[0], "body": "hi"},
    )
    one.kill()
    wait_until(lambda: house.api.run("status")["spans_lapsed"] == 64, 10, "its spans lapse")
