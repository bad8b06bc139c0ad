"""Several processes that deliver from one database, each with a thread, a loop and a clock.

What a process can suffer, an owner can: standing still longer than its lease, being killed, losing
its connections at any moment, living in the wrong hour. They all hand over to one carrier, which
writes down what left, by whom and when.
"""

import asyncio
import random
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

from owned_time import OwnedClock
from road import EXPIRE_MS
from sqlalchemy.util import greenlet_spawn
from stores import PatientStore

from sendrail.clock import SystemClock
from sendrail.contacts.number_places import place_of
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.quiet import QuietHours
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.reserved_slices import ReservedSlices
from sendrail.delivery.reserver import SliceReserver
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.takeover import Takeover
from sendrail.delivery.worker import Worker
from sendrail.domain.delivery import Submitted
from sendrail.domain.ids import MessageIds
from sendrail.domain.quiet_hours import OpeningTable, QuietRules
from sendrail.domain.short_ids import ShortIds
from sendrail.links.domains import TrackingDomains
from sendrail.links.ranges import RangeSlots
from sendrail.links.texts import LinkTexts
from sendrail.membership import ClusterMember
from sendrail.telemetry import Metrics
from sendrail.workers import LANE_SPANS

LIFE_SECONDS = 0.8
ANSWER_SECONDS = 2.0
ID_KEY = bytes(range(16))
# Turns of the loop in which a report becomes a settlement.
_TURNS = 50
_TRIES_MAX = 500
_TRY_SECONDS = 0.05


class WrongClock(SystemClock):
    """A machine's clocks, set wrong until somebody says what time it is."""

    def __init__(self, wrong_ms, offset):
        super().__init__()
        self._ahead = wrong_ms
        self.offset = offset

    def monotonic(self):
        return super().monotonic() + self.offset


class Carrier:
    """Takes everything, after a moment; `left` is what has left, in order.

    With each stands the moment for which it was paced, by a clock that all owners share: how long
    a thread then takes to get here says more about the machine than about the pace.
    """

    def __init__(self, seed):
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self.left = []
        self._paced = {}

    def note_pace(self, worker, clock):
        """Note for which moment a worker hands its messages over."""
        start = worker._hand_over.start

        def noted(found, now):
            at = now - clock.offset
            self._paced.update((claim.outbound.message_id, at) for _, claim in found.claims)
            start(found, now)

        worker._hand_over.start = noted

    def of(self, owner):
        return _Connection(self, owner)

    def took(self, owner, message):
        with self._lock:
            self.left.append((self._paced[message.message_id], owner.name, message))
            return f"ref-{len(self.left)}", self._dice.choice((0.0, 0.0, 0.01, 0.1))


class _Connection:
    def __init__(self, carrier, owner):
        self._carrier, self._owner = carrier, owner

    async def submit(self, messages, report):
        await asyncio.gather(*[self._one(message, report) for message in messages])

    async def _one(self, message, report):
        reference, seconds = self._carrier.took(self._owner, message)
        await asyncio.sleep(seconds)
        report(message, Submitted(reference))


class Owner:
    """One process that delivers."""

    def __init__(self, url, carrier, seed, *, life_seconds=LIFE_SECONDS):
        self._prepare(url, carrier, seed, life_seconds)
        self.loop = asyncio.new_event_loop()
        self._stop = None
        self.error = None
        ready = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.result(60)

    def _prepare(self, url, carrier, seed, life_seconds):
        self.dice = random.Random(seed)
        self.name = f"owner-{seed}"
        self.killed = False
        self._url, self._carrier, self._life = url, carrier, life_seconds

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._live(ready))
        except BaseException as error:  # noqa: BLE001 - told to whoever ends it
            self.error = error
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    async def _live(self, ready):
        self.store = PatientStore(self._url)
        try:
            await self._make()
            await self.member.begin()
        except BaseException as error:
            ready.set_exception(error)
            raise
        self.store.start_news()
        work = (self.worker.run(), self.member.run(), self.reserver.run())
        self.tasks = [asyncio.create_task(each) for each in work]
        self._stop = asyncio.Event()
        ready.set_result(None)
        await self._stop.wait()
        if self.killed:
            await self._die()
        else:
            await self._leave()

    async def _make(self):
        clock = self._make_clock()
        self.metrics, ids = Metrics(), MessageIds(ID_KEY)
        self.member = ClusterMember(
            self.store, clock, self.metrics, name=self.name, roles=["deliver"],
            life_seconds=self._life,
        )  # fmt: skip
        self.share = lanes = self.member.share("lanes", LANE_SPANS, "deliver")
        pacer, routes = Pacer(), Routes()
        store = self.store.beside()
        links = LinkTexts(ShortIds(ID_KEY), RangeSlots(), TrackingDomains())
        claimer = Claimer(
            lanes,
            routes,
            pacer,
            ids,
            links,
            quiet=QuietHours(OpeningTable(QuietRules({}), place_of)),
            stale_after_ms=1_800_000,
            blocked_words="",
        )
        self.worker = Worker(
            store, claimer, pacer, routes, lanes=lanes, metrics=self.metrics, clock=clock,
            chance=self.dice, answer_timeout_seconds=ANSWER_SECONDS,
        )  # fmt: skip
        self._carrier.note_pace(self.worker, clock)
        for connector in await self.store.read(lambda tx: tx.connectors.all()):
            reserved = ReservedSlices(connector, routes.wished.set) if connector.mps else None
            routes.put(Route(connector, self._carrier.of(self), 0.0, reserved))
        rescuer = Rescuer(store, lanes, ids, self.metrics, expire_after_ms=EXPIRE_MS)
        takeover = Takeover(lanes, rescuer, pacer, self.worker.look_soon, clock)
        lanes.on_gained, lanes.on_lost = takeover.on_gained, takeover.on_lost
        self.reserver = SliceReserver(self.store, routes, clock, self.worker.granted)
        self.pacer, self.routes = pacer, routes

    def _make_clock(self):
        return WrongClock(self.dice.choice((0, -3_600_000, 3_600_000)), self.dice.uniform(0, 1e6))

    async def _leave(self):
        self.member.leave_soon()
        await self.worker.stop(3.0)
        await self._cancel()
        await self.member.leave()
        await self.store.close()

    async def _die(self):
        """End as a killed process does: its connections break off, and it says nothing more."""
        stores = (self.store, *self.store._others)
        for store in stores:
            for session in (*store._writers, *store._readers):
                with suppress(Exception):
                    await greenlet_spawn(session.drop)
        await self._cancel()
        for store in stores:
            with suppress(Exception):
                await store.close()

    async def _cancel(self):
        ours = asyncio.current_task()
        tasks = self.tasks if not self.killed else asyncio.all_tasks() - {ours}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What may happen to it

    def stand_still(self, seconds):
        """Stop between any two steps, as by a signal, and go on later."""
        self.loop.call_soon_threadsafe(time.sleep, seconds)

    def kill(self):
        self.killed = True
        self.end()

    def end(self):
        """Leave in good order."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive(), f"{self.name} does not end"
        if self.error is not None and not self.killed:
            raise self.error

    def spans(self):
        return self.share.ready()


class SteppedOwner(Owner):
    """An owner that does one thing after the other, as a test says, in a time that a test owns."""

    def __init__(self, time, carrier, seed=1, *, life_seconds):
        self._prepare(time.url, carrier, seed, life_seconds)
        self.time = time
        self.store = PatientStore(time.url)
        self.runner = asyncio.Runner()
        self.do(self._make())
        self.do(self.member.begin())
        self.member._joined = True
        # The connection of the worker's own groups.
        [self.writer] = self.worker._store._writers

    def _make_clock(self):
        return OwnedClock(self.time, self.dice.uniform(0, 1e6))

    def do(self, work):
        return self.runner.run(work)

    def heartbeat(self):
        """Take what there is to take, and see to it."""

        async def heartbeat():
            await self.member.heartbeat()
            await asyncio.gather(*self.member._takeovers)

        self.do(heartbeat())

    def take_over(self):
        """Let what nobody renews lapse, and take it: the second time, as one who was away."""
        self.time.advance(self._life)
        for _ in range(2):
            self.heartbeat()
        assert self.spans(), "what has lapsed is ours"

    def step(self, *, until=None):
        """Look, do one round and let its answers come; again until something holds, if given."""

        async def step():
            await self.worker.look()
            moved = await self.worker.step()
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            return moved

        moved, tries = self.do(step()), 0
        while until is not None and not until():
            tries += 1
            assert tries < _TRIES_MAX, "it never comes to hold"
            # A moment passes, in our time and for the machine.
            self.time.advance(_TRY_SECONDS)
            self.do(asyncio.sleep(0.01))
            self.do(step())
        return moved

    def close(self):
        self.do(self._cancel_hand_overs())
        self.do(self.store.close())
        self.runner.close()

    async def _cancel_hand_overs(self):
        await self.worker.stop(0.0)
        await asyncio.sleep(0.05)
