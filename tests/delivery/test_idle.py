"""An idle server: it rests, and misses nothing for that."""

import asyncio
from dataclasses import fields, replace

import pytest
from grounds import NOW, Calls, OwnClock, OwnLoop, embedded_only, in_own_time
from odd_carrier import ANN, BEN
from schedules import DAILY

from sendrail.app import open_runtime
from sendrail.changes import ChangeFollower
from sendrail.contacts.activity import ActivityFollower
from sendrail.domain.local_time import shown_at, zone_of
from sendrail.domain.schedule import ScheduleStatus, ScheduleTerms, SendType
from sendrail.domain.times import DAY_MS
from sendrail.ownership import WholeOwnership
from sendrail.rounds import until_next
from sendrail.settings import load
from sendrail.storage.interface import Hints
from sendrail.workers import delivering

HOUR = 3_600.0
TODAY = shown_at(NOW, zone_of("UTC")).date()
# At ten of the day that the tests begin on.
TEN = NOW - NOW % DAY_MS + 10 * 3_600_000


class Wakes:
    """Counts how often a loop would have slept and woken."""

    def __init__(self, loop):
        self._selector = loop._selector
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
    """Start every worker, and what follows the activity of contacts."""
    road.start_all()

    async def begin():
        follower = ActivityFollower(road.store, WholeOwnership())
        return asyncio.create_task(follower.run())

    chore = road.do(begin())

    def stop():
        chore.cancel()
        road.stop_all()

    return stop


@embedded_only  # a shared database has heartbeats: tests/delivery/test_spans.py
def test_an_idle_minute_costs_a_look_every_half_second_and_hardly_a_statement(road):
    stop = start(road)
    road.pass_time(30)
    said = []
    end = road.store.trace(said.append)
    with Wakes(road.runner.get_loop()) as wakes:
        road.pass_time(60)
    end()
    looks = said.count("PRAGMA data_version")
    assert looks <= 121
    # Two looks a second, and each of four workers now and then for itself.
    assert wakes.count - looks <= 15
    assert len(said) - looks <= 30
    stop()


class Installation:
    """A whole installation, with all its workers, on a time of its own."""

    def __init__(self, folder):
        self.clock, self._calls = OwnClock(), Calls()
        self.loop = OwnLoop(self.clock, self._calls)
        self._settings = load({}, data_dir=folder, free_disk_min_mb=0)
        self.reads = self.commits = 0

    def run(self, story):
        try:
            self.loop.run_until_complete(self._live(story))
        finally:
            self.loop.close()

    async def _live(self, story):
        # It opens by threads, for which time must stand still.
        self._calls.under_way += 1
        async with open_runtime(self._settings, serving=True) as runtime:
            self._count(runtime.store)
            self._calls.under_way -= 1
            ours = replace(runtime, clock=self.clock)
            async with delivering(ours, lambda: None):
                await story(self, ours)
            self._calls.under_way += 1

    def _count(self, store):
        commit = store._commit

        async def read(work, **_):
            self.reads += 1
            return store._read(work)

        def counted():
            self.commits += 1
            commit()

        store.read, store._commit = read, counted


def test_an_idle_minute_of_a_whole_installation_is_cheap(tmp_path):
    """A worker that looks for itself where nothing was written has no place here.

    Rest until what is due next, or until a hint: of its own, or `Hints.change_event`. On PostgreSQL
    each of these reads is a statement or four, and each of these commits four or five.
    """

    async def story(here, _):
        await asyncio.sleep(90)
        reads, commits = here.reads, here.commits
        with Wakes(here.loop) as wakes:
            await asyncio.sleep(60)
        reads, commits = here.reads - reads, here.commits - commits
        # The watch looks twice a second, and what else looks does so at the same moments; the
        # workers look for themselves once a minute.
        assert reads <= 14
        assert commits <= 2
        assert wakes.count <= 120 + 6

    Installation(tmp_path).run(story)


def test_a_run_begins_in_its_second_although_the_planner_rests(tmp_path):
    """By itself when it is due; within a second when it is due at once, and was just written."""

    async def story(here, runtime):
        us = runtime.default_account
        daily = {each.name: getattr(DAILY, each.name) for each in fields(ScheduleTerms)}
        terms = replace(
            ScheduleTerms(**daily),
            send_date=TODAY, is_repeating=False, send_type=SendType.BLAST,
        )  # fmt: skip

        async def add(ref, next_at):
            on = {"status": ScheduleStatus.ON.value, "on_since": 0}
            times = {"next_at": next_at, "created_at": 0, "updated_at": 0}
            await runtime.store.write(
                lambda tx: tx.schedules.add(us, terms, ref=ref, **on, **times)
            )

        async def made():
            found = await runtime.store.read(lambda tx: tx.schedules.all(us))
            return sum(each.next_at is None for each in found)

        await runtime.store.write(lambda tx: tx.accounts.set_timezone(us, "UTC"))
        here.clock.advance((TEN - here.clock.now()) / 1000 - 300)
        await asyncio.sleep(90)
        await add("a" * 24, TEN)
        await asyncio.sleep((TEN - here.clock.now()) / 1000 - 0.01)
        assert await made() == 0
        await asyncio.sleep(0.03)
        assert await made() == 1
        await asyncio.sleep(90)
        await add("b" * 24, TEN)
        await asyncio.sleep(1.05)
        assert await made() == 2

    Installation(tmp_path).run(story)


def test_what_looks_now_and_then_looks_at_the_same_moments():
    """However late each of them began, and however long its looks take; and none looks later."""
    began, looks = 0.0, {}

    async def look(period):
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(until_next(period))
            looks.setdefault(period, []).append(round(now() - began, 3))
            await asyncio.sleep(0.01)

    async def story():
        nonlocal began
        now = asyncio.get_running_loop().time
        began = now() - now() % 5
        tasks = []
        for period in (0.5, 1.0, 5.0):
            await asyncio.sleep(0.13)
            tasks.append(asyncio.create_task(look(period)))
        await asyncio.sleep(20)
        for each in tasks:
            each.cancel()

    in_own_time(story())
    for period, moments in looks.items():
        assert moments == [period * at for at in range(1, len(moments) + 1)]
        assert len(moments) >= 20 / period
    assert set(looks[1.0]) | set(looks[5.0]) <= set(looks[0.5])


def test_a_timer_that_is_a_moment_early_is_no_second_look():
    async def rest():
        now = asyncio.get_running_loop().time
        await asyncio.sleep(5 - now() % 5 - 0.001)
        return until_next(1.0)

    assert in_own_time(rest()) == pytest.approx(1.001)


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
    any_change = hints.change_event()
    hints.changed(elsewhere=elsewhere)
    assert any_change.is_set()
    assert hints.inbox_event.is_set()
    assert hints.outbox_event.is_set()
    assert hints.activity_event.is_set()
    assert hints.clicks_event.is_set()
    assert hints.journeys_event.is_set()
    # Our own messages and connectors have hints of their own.
    assert hints.queued_event.is_set() is elsewhere
    assert hints.answers_event.is_set() is elsewhere
    assert hints.scheduled_event.is_set() is elsewhere
    assert hints.connectors_event.is_set() is elsewhere
    assert hints.is_changed_elsewhere is elsewhere


@embedded_only  # on a shared database heartbeats say what changed, and whether spans were lost
def test_a_clock_that_jumps_forward_is_a_change(road):
    follower, hints = ChangeFollower(road.store, road.clock), road.store.hints
    follower.look()
    before = hints.changes
    road.pass_time(60)
    follower.look()
    assert hints.changes == before
    # The wall clock alone: the machine has slept for an hour.
    monotonic = road.clock.monotonic()
    road.clock.monotonic = lambda: monotonic
    road.clock.advance(HOUR)
    follower.look()
    assert hints.changes == before + 1
    assert hints.scheduled_event.is_set()
