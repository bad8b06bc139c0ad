"""An idle server: it rests, and misses nothing for that."""

import asyncio

import pytest
from grounds import embedded_only
from odd_carrier import ANN, BEN

from sendrail.changes import ChangeFollower
from sendrail.contacts.activity import ActivityFollower
from sendrail.ownership import WholeOwnership
from sendrail.storage.interface import Hints

HOUR = 3_600.0


class Wakes:
    """Counts how often a loop would have slept and woken."""

    def __init__(self, road):
        self._selector = road.runner.get_loop()._selector
        self._select = self._selector.select
        self.count = 0

    def __enter__(self):
        self._selector.select = self._counted
        return self

    def __exit__(self, *_):
        del self._selector.select

    def _counted(self, timeout=None):
        self.count += bool(timeout)
        return self._select(timeout)


def start(road):
    """Start every worker, with the watch that lets them rest."""
    road.start_all()

    async def begin():
        follower = ActivityFollower(road.store, WholeOwnership())
        work = (ChangeFollower(road.store).run(), follower.run())
        return [asyncio.create_task(each) for each in work]

    chores = road.do(begin())

    def stop():
        for chore in chores:
            chore.cancel()
        road.stop_all()

    return stop


@embedded_only  # a shared database has heartbeats: tests/delivery/test_spans.py
def test_an_idle_minute_costs_a_look_every_half_second_and_hardly_a_statement(road):
    stop = start(road)
    road.pass_time(30)
    said = []
    end = road.store.trace(said.append)
    with Wakes(road) as wakes:
        road.pass_time(60)
    end()
    looks = said.count("PRAGMA data_version")
    assert looks <= 121
    # Two looks a second, and each of four workers every few seconds for itself.
    assert wakes.count - looks <= 40
    assert len(said) - looks <= 80
    stop()


@embedded_only
def test_a_message_after_an_hour_goes_out_at_once(road):
    stop = start(road)
    sender = road.add_list()
    road.pass_time(HOUR)
    road.send(sender, ANN)
    road.pass_time(0.02)
    assert road.carrier.recipients == [ANN]
    road.pass_time(HOUR)
    road.send(sender, BEN)
    road.pass_time(0.02)
    assert road.carrier.recipients == [ANN, BEN]
    stop()


@embedded_only
def test_after_an_hour_another_process_is_heard_within_half_a_second(road):
    stop = start(road)
    sender = road.add_list()
    road.pass_time(HOUR)
    elsewhere = road.ground.open()
    road.do(road.open_intake(store=elsewhere).accept(road.account, [road.order(sender, ANN)]))
    road.do(elsewhere.close())
    road.pass_time(0.6)
    assert road.carrier.recipients == [ANN]
    stop()


def test_a_watched_stage_rests_longer_than_one_that_looks_for_itself():
    hints = Hints()
    before = hints.look_seconds
    hints.is_watched = True
    assert hints.look_seconds > before


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_change_wakes_the_stages_that_may_have_work(elsewhere):
    hints = Hints()
    hints.changed(elsewhere=elsewhere)
    assert hints.inbox_event.is_set()
    assert hints.outbox_event.is_set()
    assert hints.activity_event.is_set()
    # Our own messages and connectors have hints of their own.
    assert hints.queued_event.is_set() is elsewhere
    assert hints.connectors_event.is_set() is elsewhere
    assert hints.is_changed_elsewhere is elsewhere
