"""What is reserved of a shared contract: used in its time, by as many as it is for."""

import asyncio
from types import SimpleNamespace

import postgres
import pytest
from owned_time import OwnedClock, OwnedTime
from stores import _EMPTY, PatientStore, postgres_database
from stores import NOW as MS

from sendrail.delivery.reserved_slices import ReservedSlices
from sendrail.delivery.reserver import SliceReserver
from sendrail.delivery.routing import Route, Routes
from sendrail.domain.slices import USABLE_SECONDS
from sendrail.storage.pipeline.leases import PaceSlot

NOW = 1_000.0
# How much time passes between two looks of a process.
TICK_SECONDS = 0.005


def make(mps=100.0, segments=None):
    wishes = []
    connector = SimpleNamespace(mps=mps, segments_per_second=segments)
    return ReservedSlices(connector, lambda: wishes.append(1)), wishes


def grant(reserved, *, in_seconds=0.0, took=0.0, messages=5, segments=5):
    slot = PaceSlot(round(in_seconds * 1e6), 0)
    return reserved.grant(slot, messages, segments, NOW, NOW + took)


def test_a_slice_is_used_up_and_not_a_message_more():
    reserved, wishes = make()
    assert (reserved.room(NOW), wishes) == (0, [1])
    grant(reserved)
    assert reserved.room(NOW) == 5
    assert reserved.take(NOW, [1, 1, 1]) == 3
    assert reserved.take(NOW, [1, 1, 1]) == 2
    assert reserved.is_used_up(NOW)


def test_a_slice_begins_no_earlier_and_ends_no_later_than_the_database_may_have_meant():
    reserved, _ = make()
    # Asked at NOW, told 30 ms later: between the two the database said `in 20 ms`.
    assert grant(reserved, in_seconds=0.02, took=0.03) == pytest.approx(NOW + 0.05)
    assert reserved.room(NOW + 0.049) == 0
    assert reserved.room(NOW + 0.051) == 5
    assert reserved.room(NOW + 0.02 + USABLE_SECONDS - 0.001) == 5
    assert reserved.room(NOW + 0.02 + USABLE_SECONDS + 0.001) == 0


def test_an_answer_that_took_as_long_as_a_slice_is_worth_none():
    reserved, _ = make()
    grant(reserved, took=USABLE_SECONDS)
    assert all(reserved.room(NOW + ms / 1000) == 0 for ms in range(300))


def test_what_follows_a_message_that_must_wait_does_not_overtake_it():
    reserved, _ = make(segments=20.0)
    grant(reserved, segments=4)
    assert reserved.take(NOW, [1, 4, 1]) == 1


def test_a_long_message_has_a_slice_made_for_it():
    reserved, _ = make(mps=None, segments=20.0)
    assert reserved.units() == (1, 1)
    assert not reserved.fits(NOW, 0, 6)
    reserved.request(6)
    assert reserved.units() == (6, 6)
    assert reserved.units() == (1, 1)


def test_one_slice_at_a_time_is_reserved():
    reserved, _ = make()
    assert not reserved.is_wanted(NOW, {})
    assert reserved.is_wanted(NOW, {1: 1})
    reserved.request()
    assert reserved.is_wanted(NOW, {})
    grant(reserved, in_seconds=0.03)
    assert not reserved.is_wanted(NOW, {1: 1})
    assert reserved.is_wanted(NOW + 1, {1: 1})


class Connector:
    """One connector at several processes, each with what it has reserved, in one time of ours."""

    def __init__(self, url, processes, **contract):
        self.runner, self.time = asyncio.Runner(), OwnedTime(url, MS)
        self.stores = [PatientStore(self.time.url) for _ in range(processes)]
        add = self.stores[0].write(
            lambda tx: tx.connectors.add(None, "l", "x", b"", 100, contract.get("mps"))
        )
        connector_id = self.runner.run(add)
        [self.connector] = self.runner.run(self.stores[0].read(lambda tx: tx.connectors.all()))
        assert self.connector.id == connector_id
        self.processes = [self._process(store, at) for at, store in enumerate(self.stores)]

    def _process(self, store, at):
        clock, routes = OwnedClock(self.time, 1_000.0 * at), Routes()
        route = Route(self.connector, None, 0.0, ReservedSlices(self.connector, routes.wished.set))
        routes.put(route)
        return clock, route.reserved, SliceReserver(store, routes, clock, lambda *_: None)

    def run_for(self, seconds):
        """Hand over as much as may leave, at every process; return when each message left."""
        left = []

        async def all_of_them():
            until = self.time.ms + seconds * 1000
            while self.time.ms < until:
                for clock, reserved, reserver in self.processes:
                    if room := reserved.room(clock.monotonic()):
                        taken = reserved.take(clock.monotonic(), [1] * room)
                        left.extend([self.time.ms] * taken)
                    await reserver.step()
                self.time.advance(TICK_SECONDS)

        self.runner.run(all_of_them())
        return left

    def close(self):
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()


LONG = pytest.mark.slow


@pytest.mark.parametrize(
    "mps", [1.0, pytest.param(7.0, marks=LONG), pytest.param(60.0, marks=LONG), 400.0]
)
def test_several_processes_together_keep_to_the_contract_and_use_most_of_it(mps):
    url = postgres_database()
    postgres.do(url, _EMPTY)
    connector = Connector(url, 3, mps=mps)
    try:
        left = connector.run_for(3.0)
    finally:
        connector.close()
    most = max(sum(at <= other < at + 1_000 for other in left) for at in left)
    assert most <= mps
    assert len(left) >= 0.85 * mps * 3
