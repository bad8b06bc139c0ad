"""The delivery loop: whose turn it is, claim from the lanes we own, hand over to carriers.

Claims and settlements are transactions of the store's group commit; between them lies the carrier.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from sendrail.clock import Clock
from sendrail.delivery.claiming import Claimer, ClaimRound, NextLook, TurnResult
from sendrail.delivery.handover import Submitter
from sendrail.delivery.pacer import ListTurn, Pacer
from sendrail.delivery.parked import ParkedLists
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.settling import Settler
from sendrail.delivery.unconfirmed import UnconfirmedClaims
from sendrail.domain.contact import TroublePolicy
from sendrail.domain.errors import StorageUnavailable
from sendrail.ownership import Ownership
from sendrail.rounds import STORAGE_RETRY_SECONDS, hinted
from sendrail.settling import SETTLE_SECONDS
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_LISTS_MAX: Final = 512
# How often we look at the most, should another process have written.
_LOOK_SECONDS: Final = 0.5
# On a shared database every look costs the others as well: at most this part of the time.
_LOOK_SHARE_MAX: Final = 0.05
# Under load there is a hint with every commit, a thousand times a second, and hardly ever of a list
# whose turn has come: hints are taken together.
_HEAR_SECONDS: Final = 0.005
# When the window was full, some of what is under way will be answered by then.
_ANSWERS_SECONDS: Final = 0.01
# The shortest rest when only the clock's grain is between us and the next turn.
_REST_MIN_SECONDS: Final = 0.001


class Worker:
    """Delivers until stopped; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        claimer: Claimer,
        pacer: Pacer,
        routes: Routes,
        *,
        lanes: Ownership,
        metrics: Metrics,
        clock: Clock,
        chance: random.Random,
        answer_timeout_seconds: float,
        troubles: TroublePolicy | None = None,
    ) -> None:
        self._store = store
        self._claimer = claimer
        self._pacer = pacer
        self._routes = routes
        self._lanes = lanes
        self._metrics = metrics
        self._clock = clock
        self._parked = ParkedLists(routes, pacer, store.hints, clock)
        routes.news = self._parked.wake_all
        self._settler = Settler(
            store,
            lanes,
            pacer,
            metrics=metrics,
            clock=clock,
            chance=chance,
            troubles=troubles or TroublePolicy(),
        )
        self._unconfirmed = UnconfirmedClaims(store, lanes, self._settler.not_handed_over)
        self._hand_over = Submitter(
            routes,
            pacer,
            self._parked,
            self._settler,
            self._unconfirmed,
            hints=store.hints,
            lanes=lanes,
            metrics=metrics,
            clock=clock,
            answer_timeout_seconds=answer_timeout_seconds,
            stale_after_ms=claimer.stale_after_ms,
        )
        self._look_missed = False
        self._look_every = _LOOK_SECONDS
        self._looked_at = 0.0
        self._heard_at = 0.0
        self._look_soon = False
        self._stopping = False
        # Set while `run` is not under way: only then no claim can turn into another hand-over.
        self._ended = asyncio.Event()
        self._ended.set()

    async def run(self) -> None:
        """Deliver until `stop` is called."""
        self._ended.clear()
        try:
            await self.look()
            self._looked_at = self._clock.monotonic()
            while not self._stopping:
                now = self._clock.monotonic()
                if now - self._looked_at >= self._look_every or self._look_soon:
                    self._look_soon = False
                    if self._is_changed_elsewhere() or self._look_missed:
                        self._looked_at = now
                        self._store.hints.connectors_event.set()
                        await self.look()
                if await self.step() == 0:
                    await self._rest()
        finally:
            self._ended.set()

    async def stop(self, within_seconds: float) -> None:
        """Claim no more; wait a while for the answers under way, and settle what came."""
        self._stopping = True
        self._hand_over.stop()
        self._store.hints.queued_event.set()
        until = asyncio.get_running_loop().time() + within_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until + SETTLE_SECONDS):
                await self._ended.wait()
                self._hand_over.put_all_back()
                if self._unconfirmed:
                    await self._unconfirmed.settle()
        await self._settler.writer.drain(self._hand_over.tasks, until)

    async def look(self) -> None:
        """Find every list of ours that has something waiting, whichever process put it there."""
        began, lanes = self._clock.monotonic(), self._lanes.ranges
        try:
            waiting = await self._store.read(lambda tx: tx.queue.lists_waiting(lanes), begun=False)
        except StorageUnavailable as error:
            _log.warning("look_postponed", reason=error.code)
            self._look_missed = True
            return
        self._look_missed = False
        now = self._clock.monotonic()
        self._look_every = max(_LOOK_SECONDS, (now - began) / _LOOK_SHARE_MAX)
        for lane, list_id in waiting:
            if self._lanes.epoch_of(lane):
                self._pacer.wake(lane, list_id, now)

    def _is_changed_elsewhere(self) -> bool:
        hints = self._store.hints
        if not hints.is_watched:
            return self._store.changed_elsewhere()
        is_changed, hints.is_changed_elsewhere = hints.is_changed_elsewhere, False
        return is_changed

    def look_soon(self) -> None:
        """Look without waiting for the time: other lanes have become ours."""
        self._look_soon = self._look_missed = True
        self._store.hints.queued_event.set()

    def granted(self, route: Route, start: float) -> None:
        """Wake lists for the time at which a slice of a shared contract begins."""
        self._parked.wake(route, route.wakeable_later(), start)

    async def step(self) -> int:
        """Do one round; return how many lists had their turn."""
        self._hand_over.look_through(self._clock.monotonic(), self._clock.now())
        is_open = self._settler.writer.writes_again
        if is_open or (self._unconfirmed and not await self._unconfirmed.settle()):
            # Nothing is claimed meanwhile: what is claimed again is under the same attempt.
            await asyncio.sleep(STORAGE_RETRY_SECONDS)
            return 0
        now, wall = self._clock.monotonic(), self._clock.now()
        self._hear_hints(now)
        self._parked.wake_tried(now)
        turns = self._owned(self._pacer.turns(now, self._store.portion(_LISTS_MAX)), now)
        if not turns:
            return 0
        under_way = [turn.lane for turn in turns]
        self._lanes.begin(under_way)
        try:
            found = await self._claim(turns, now, wall)
        except StorageUnavailable as error:
            _log.warning("claim_postponed", reason=error.code)
            for turn in turns:
                self._pacer.wake(turn.lane, turn.list_id, now + STORAGE_RETRY_SECONDS)
            return 0
        else:
            # The messages leave only now, after the commit, however long that took.
            now, wall = self._clock.monotonic(), self._clock.now()
            self._hand_over.start(found, now)
            self._plan(found, now, wall)
            self._hand_over.wake_others(found, now)
            return len(turns)
        finally:
            self._lanes.end(under_way)

    def _owned(self, turns: Sequence[ListTurn], now: float) -> list[ListTurn]:
        """Return the turns of lanes from which we may claim just now; postpone the others."""
        owned = []
        for turn in turns:
            if self._lanes.owns(turn.lane):
                owned.append(turn)
            else:
                self._not_ours(turn, now)
        return owned

    def _not_ours(self, turn: ListTurn, now: float) -> None:
        if self._lanes.epoch_of(turn.lane):
            # It may be ours again in a moment, or gone.
            self._pacer.wake(turn.lane, turn.list_id, now + _LOOK_SECONDS)
        else:
            self._pacer.forget(turn.list_id)

    async def _claim(self, turns: Sequence[ListTurn], now: float, wall: int) -> ClaimRound:
        found: ClaimRound | None = None

        def claim(tx: Tx) -> ClaimRound:
            nonlocal found
            found = self._claimer.claim(tx, turns, now, wall, self._store.portion)
            return found

        try:
            return await self._store.write(claim)
        except StorageUnavailable:
            if found is not None and found.claims:
                # The commit may have gone through, and only its answer was lost.
                self._unconfirmed.note([claim for _, claim in found.claims])
            raise

    def _hear_hints(self, now: float) -> None:
        hints = self._store.hints
        self._heard_at = now
        hints.queued_event.clear()
        while hints.queued:
            list_id, lane = hints.queued.popitem()
            if self._lanes.epoch_of(lane):
                self._pacer.wake(lane, list_id, now)

    async def _rest(self) -> None:
        now = self._clock.monotonic()
        hints = self._store.hints
        times = [self._pacer.next_at(), self._routes.next_try_at()]
        if hints.is_changed_elsewhere or self._look_missed:
            times.append(self._looked_at + self._look_every)
        if self._hand_over.claims_wait:
            times.append(now + _LOOK_SECONDS)
        waits = (at - now for at in times if at is not None)
        seconds = min((*waits, hints.look_seconds))
        event = hints.queued_event
        if not await hinted(event, max(_REST_MIN_SECONDS, seconds)):
            return
        if (early := self._heard_at + _HEAR_SECONDS - self._clock.monotonic()) > 0:
            await asyncio.sleep(early)

    # After a claim

    def _plan(self, found: ClaimRound, now: float, wall: int) -> None:
        # Lists for which the connector had nothing left come before the others next time: in an
        # order that never changed, the first would take all that a slow connector gives.
        for taken in sorted(
            found.taken, key=lambda taken: taken.next_look is not NextLook.WHEN_CONNECTOR_ALLOWS
        ):
            self._plan_next_turn(taken, found.now, now, wall)
        if found.quiet:
            self._metrics.held_quiet.inc(found.quiet)
        for _, status, detail in found.drops:
            self._metrics.dropped.labels(detail).inc()
            self._metrics.ended.labels(status).inc()

    def _plan_next_turn(self, taken: TurnResult, began: float, now: float, wall: int) -> None:
        lane, list_id = taken.turn
        match taken.next_look:
            case NextLook.AFTER_THE_OTHERS:
                # As long again as the round took: others want the database and the loop as well.
                self._pacer.hasten(list_id, now + (now - began))
                self._pacer.again(list_id, now)
            case NextLook.WITH_THE_NEXT_ANSWERS:
                self._pacer.hasten(list_id, now + _ANSWERS_SECONDS)
                self._pacer.again(list_id, now)
            case NextLook.WHEN_PACE_ALLOWS:
                self._pacer.again(list_id, now)
            case NextLook.WHEN_DUE:
                self._pacer.wake(lane, list_id, now + (taken.due_at - wall) / 1000)
            case NextLook.WHEN_TOLD:
                self._pacer.rest(list_id, now)
            case NextLook.WHEN_OURS:
                self._not_ours(taken.turn, now)
            case NextLook.WHEN_CONNECTOR_ALLOWS:
                self._pacer.hasten(list_id, now + _ANSWERS_SECONDS)
                self._wait_for_connector(taken, now)

    def _wait_for_connector(self, taken: TurnResult, now: float) -> None:
        lane, list_id = taken.turn
        if taken.route is not None and not taken.route.waits_for_news(now):
            ready = taken.route.ready_at(now, taken.segments)
            self._pacer.wake(lane, list_id, max(ready, now + _REST_MIN_SECONDS))
            return
        for connector_id in taken.connectors:
            if self._routes.park(connector_id, list_id, lane):
                _log.warning("connector_not_open", connector_id=connector_id, list_id=list_id)
