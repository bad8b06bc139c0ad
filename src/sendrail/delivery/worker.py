"""The delivery loop: claim from the lanes we own, hand over to carriers, settle their answers.

Claims and settlements are transactions of the store's group commit; between them lies the carrier,
in a task of its own for each hand-over, so that one slow connector never delays another.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

import structlog

from sendrail.clock import Clock
from sendrail.delivery.claiming import Claimer, ClaimRound, NextLook, TurnResult
from sendrail.delivery.outcomes import storable_outcome
from sendrail.delivery.pacer import Pacer, Turn
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.settle import settle
from sendrail.delivery.settlements import Answer, result_of
from sendrail.delivery.unconfirmed import UnconfirmedClaims
from sendrail.domain.breaker import BreakerState, Departed
from sendrail.domain.contact import RecipientTrouble, TroublePolicy
from sendrail.domain.delivery import (
    Claim,
    Outbound,
    Outcome,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.ids import ConnectorId, MessageId
from sendrail.domain.message import FINAL, Status
from sendrail.drain import wait_at_most
from sendrail.ownership import Ownership
from sendrail.storage.interface import Store, Tx
from sendrail.storage.rows import RecipientReport
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_LISTS_MAX: Final = 512
# How often we look for ourselves, should a hint have been lost or another process have written.
_LOOK_SECONDS: Final = 0.5
# On a shared database every look costs the others as well: at most this part of the time.
_LOOK_SHARE_MAX: Final = 0.05
_STORAGE_RETRY_SECONDS: Final = 0.5
# Under load there is news with every commit, a thousand times a second, and hardly ever of a list
# whose turn has come: it is heard together.
_HEAR_SECONDS: Final = 0.005
# A settlement is one commit; one that takes longer waits for a disk that is gone.
_SETTLE_SECONDS: Final = 1.5
# When the window was full, some of what is under way will be answered by then.
_ANSWERS_SECONDS: Final = 0.01
# The shortest rest when only the clock's grain is between us and the next turn.
_REST_MIN_SECONDS: Final = 0.001
_NOT_HANDED_OVER: Final = Unavailable("not handed over", 0)


class Worker:
    """Delivers until told to stop; tests drive it a step at a time."""

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
        self._chance = chance
        self._answer_timeout = answer_timeout_seconds
        self._troubles = troubles or TroublePolicy()
        routes.news = self._wake_all_parked
        self._handing_over: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []
        self._settling: list[Answer] = []
        self._settle_scheduled = False
        self._unconfirmed = UnconfirmedClaims(
            store, lanes, lambda claim: result_of(self._answer(claim, _NOT_HANDED_OVER))
        )
        # A settlement of which nobody knows whether it was committed will be written again.
        self._settles_again = False
        self._look_missed = False
        self._look_every = _LOOK_SECONDS
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
            looked_at = self._clock.monotonic()
            while not self._stopping:
                now = self._clock.monotonic()
                if now - looked_at >= self._look_every or self._look_soon:
                    looked_at, self._look_soon = now, False
                    if self._store.changed_elsewhere() or self._look_missed:
                        self._store.hints.connectors_event.set()
                        await self.look()
                if await self.step() == 0:
                    await self._rest()
        finally:
            self._ended.set()

    async def stop(self, within_seconds: float) -> None:
        """Claim no more; wait a while for the answers under way, and settle what came."""
        self._stopping = True
        self._store.hints.queued_event.set()
        now = asyncio.get_running_loop().time
        until = now() + within_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until + _SETTLE_SECONDS):
                await self._ended.wait()
                if self._unconfirmed:
                    await self._unconfirmed.settle()
        # Each is cancelled at the deadline, and a carrier may take its time to notice.
        await wait_at_most(max(0.0, until - now()), self._handing_over)
        while self._unsettled() and now() < until + _SETTLE_SECONDS:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(_REST_MIN_SECONDS)

    def _unsettled(self) -> bool:
        return self._settle_scheduled or bool(self._answers) or bool(self._handing_over)

    async def look(self) -> None:
        """Find every list of ours that has something waiting, whoever put it there."""
        began, lanes = self._clock.monotonic(), self._lanes.ranges
        try:
            waiting = await self._store.read(lambda tx: tx.queue.lists_waiting(lanes))
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

    def look_soon(self) -> None:
        """Look without waiting for the time: other lanes have become ours."""
        self._look_soon = self._look_missed = True
        self._store.hints.queued_event.set()

    async def step(self) -> int:
        """Do one round; return how many lists had their turn."""
        if self._settles_again or (self._unconfirmed and not await self._unconfirmed.settle()):
            # Nothing is claimed meanwhile: what is claimed again is under the same attempt.
            await asyncio.sleep(_STORAGE_RETRY_SECONDS)
            return 0
        now, wall = self._clock.monotonic(), self._clock.now()
        self._hear_hints(now)
        for route in self._routes.to_try(now):
            self._wake_parked(route, 1, now)
        turns = self._owned(self._pacer.turns(now, _LISTS_MAX), now)
        if not turns:
            return 0
        under_way = [turn.lane for turn in turns]
        self._lanes.begin(under_way)
        try:
            found = await self._claim(turns, now, wall)
        except StorageUnavailable as error:
            _log.warning("claim_postponed", reason=error.code)
            for turn in turns:
                self._pacer.wake(turn.lane, turn.list_id, now + _STORAGE_RETRY_SECONDS)
            return 0
        else:
            # The messages leave only now, after the commit, however long that took.
            now, wall = self._clock.monotonic(), self._clock.now()
            self._plan(found, now, wall)
            self._hand_over_all(found, now)
            return len(turns)
        finally:
            self._lanes.end(under_way)

    def _owned(self, turns: Sequence[Turn], now: float) -> list[Turn]:
        """Return the turns of lanes from which we may claim just now; postpone the others."""
        owned = []
        for turn in turns:
            if self._lanes.owns(turn.lane):
                owned.append(turn)
            else:
                self._not_ours(turn, now)
        return owned

    def _not_ours(self, turn: Turn, now: float) -> None:
        if self._lanes.epoch_of(turn.lane):
            # It may be ours again in a moment, or gone.
            self._pacer.wake(turn.lane, turn.list_id, now + _LOOK_SECONDS)
        else:
            self._pacer.forget(turn.list_id)

    async def _claim(self, turns: Sequence[Turn], now: float, wall: int) -> ClaimRound:
        found: ClaimRound | None = None

        def claim(tx: Tx) -> ClaimRound:
            nonlocal found
            found = self._claimer.claim(tx, turns, now, wall)
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
        times = [self._pacer.next_at(), self._routes.next_try_at()]
        seconds = min((at - now for at in times if at is not None), default=_LOOK_SECONDS)
        seconds = min(seconds, _LOOK_SECONDS)
        event = self._store.hints.queued_event
        try:
            async with asyncio.timeout(max(_REST_MIN_SECONDS, seconds)):
                await event.wait()
        except TimeoutError:
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
            if taken.paced:
                self._pacer.took(taken.turn.list_id, now, taken.paced)
            self._plan_next_turn(taken, found.now, now, wall)
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

    def _hand_over_all(self, found: ClaimRound, now: float) -> None:
        by_route: defaultdict[Route, list[Claim]] = defaultdict(list)
        staying = []
        may_finish = self._lanes.may_finish
        for route, claim in found.claims:
            if may_finish(claim.lane, claim.epoch):
                by_route[route].append(claim)
            else:
                staying.append(claim)
        for route, claims in by_route.items():
            fitting = _fitting(route, claims, now)
            staying += claims[fitting:]
            if fitting:
                self._begin_hand_over(route, claims[:fitting], now)
        self._give_back(staying, now)
        for route in {taken.route for taken in found.taken if taken.route is not None}:
            # A list that was woken by an answer may have had nothing to send after all.
            self._wake_parked(route, route.wakeable(now), now)
        for connector, count in found.failed_over.items():
            self._metrics.failed_over.labels(connector).inc(count)
        self._metrics.claimed.inc(len(found.claims))

    def _begin_hand_over(self, route: Route, claims: Sequence[Claim], now: float) -> None:
        self._lanes.begin(claim.lane for claim in claims)
        self._metrics.in_flight.inc(len(claims))
        departed = route.take(now, len(claims), sum(claim.outbound.segments for claim in claims))
        task = asyncio.get_running_loop().create_task(self._hand_over(route, claims, departed))
        self._handing_over.add(task)
        task.add_done_callback(self._handing_over.discard)

    def _give_back(self, claims: Sequence[Claim], now: float) -> None:
        """Have what may not leave put back before anything else is claimed: it comes first."""
        if not claims:
            return
        _log.warning("claims_came_late", count=len(claims))
        self._metrics.retried.inc(len(claims))
        self._unconfirmed.note(claims)
        for claim in claims:
            self._pacer.wake(claim.lane, claim.list_id, now)

    def granted(self, route: Route, start: float) -> None:
        """Wake lists for the time at which a connector of a shared contract may be used."""
        self._wake_parked(route, route.wakeable_later(), start)

    def _wake_parked(self, route: Route, count: int, now: float) -> None:
        for list_id in list(islice(route.parked, count)):
            self._pacer.wake(route.parked.pop(list_id), list_id, now)
            self._store.hints.queued_event.set()

    def _wake_all_parked(self, connector_id: ConnectorId) -> None:
        now, parked = self._clock.monotonic(), self._routes.parked(connector_id)
        while parked:
            list_id, lane = parked.popitem()
            self._pacer.wake(lane, list_id, now)
        self._store.hints.queued_event.set()

    async def _hand_over(self, route: Route, claims: Sequence[Claim], departed: Departed) -> None:
        waiting = {claim.outbound.message_id: claim for claim in claims}
        given_up: dict[MessageId, Claim] = {}

        def report(outbound: Outbound, reported: Outcome) -> None:
            outcome = storable_outcome(reported)
            if (claim := waiting.pop(outbound.message_id, None)) is not None:
                if isinstance(outcome, Uncertain):
                    # The carrier may still hear what became of it.
                    given_up[outbound.message_id] = claim
                self._answered(route, claim, outcome, departed)
            elif (claim := given_up.pop(outbound.message_id, None)) is not None:
                self._answered_late(route, claim, outcome)
            else:
                _log.error("carrier_answered_twice", connector=route.connector.name)

        reason = "the carrier gave no answer"
        try:
            async with asyncio.timeout(self._answer_timeout):
                await route.carrier.submit([claim.outbound for claim in claims], report)
        except TimeoutError:
            reason = "no answer in time"
        except asyncio.CancelledError:
            reason = "stopped before the answer"
        except Exception:  # noqa: BLE001 - a plug-in may raise anything
            # A carrier that raises broke its contract mid-send: what left is unknown.
            _log.exception("carrier_raised", connector=route.connector.name)
            reason = "the carrier broke off"
        unanswered = list(waiting.values())
        given_up.update(waiting)
        waiting.clear()
        for claim in unanswered:
            self._answered(route, claim, Uncertain(reason), departed)

    # Settling

    def _answered(self, route: Route, claim: Claim, outcome: Outcome, departed: Departed) -> None:
        now = self._clock.monotonic()
        was_trusted = route.breaker.state is BreakerState.CLOSED
        if route.answered(now, departed, outcome):
            self._breaker_changed(route, was_trusted)
        if isinstance(outcome, Throttled):
            route.throttled(now, outcome.retry_after_ms / 1000)
            self._metrics.throttled.labels(route.connector.name).inc()
        self._answers.append(self._answer(claim, outcome))
        self._schedule_settle()
        self._wake_parked(route, min(1, route.wakeable(now)), now)

    def _breaker_changed(self, route: Route, was_trusted: bool) -> None:
        self._routes.breaker_changed(route)
        if route.breaker.state is BreakerState.OPEN:
            self._metrics.rests.labels(route.connector.name).inc()
            _log.warning(
                "connector_breaker_opens",
                connector=route.connector.name,
                reason=route.breaker.detail,
            )
        else:
            _log.info("connector_recovered", connector=route.connector.name)
        if was_trusted or route.breaker.state is BreakerState.CLOSED:
            # Now those with a second connector need not wait; or nobody must. An attempt that
            # failed changes nothing for anybody.
            self._wake_all_parked(route.connector.id)

    def _answered_late(self, route: Route, claim: Claim, outcome: Outcome) -> None:
        _log.warning(
            "carrier_answered_late",
            connector=route.connector.name,
            message_id=claim.outbound.message_id,
            outcome=type(outcome).__name__.lower(),
        )
        if isinstance(outcome, Submitted):
            # The message counts as uncertain by now; its reference lets a receipt settle it.
            result = result_of(self._answer(claim, outcome))
            self._store.submit(lambda tx: tx.queue.finish_attempts([result]), _reference_kept)

    def _answer(self, claim: Claim, outcome: Outcome) -> Answer:
        now = self._clock.now()
        settlement = settle(
            claim.attempt,
            outcome,
            due_at=claim.due_at,
            now=now,
            chance=self._chance.random(),
            on_uncertain=claim.on_uncertain,
            resent=claim.resent,
        )
        return Answer(claim, outcome, settlement, now)

    def _schedule_settle(self) -> None:
        if not self._settle_scheduled:
            self._settle_scheduled = True
            self._store.submit(self._settle, self._settled)

    def _settle(self, tx: Tx) -> Sequence[RecipientTrouble]:
        self._settling, self._answers = self._answers, []
        tx.queue.finish_attempts([result_of(answer) for answer in self._settling])
        words = [
            RecipientReport(each.claim.number, each.outcome.trouble, each.outcome.detail, each.at)
            for each in self._settling
            if isinstance(each.outcome, Rejected) and each.outcome.trouble is not None
        ]
        return tx.bounces.apply(words, self._troubles) if words else ()

    def _settled(self, removed: Sequence[RecipientTrouble] | None, error: Exception | None) -> None:
        self._settle_scheduled = False
        # Taken, not only read: a transaction that cannot even begin must find none of the last one.
        settled, self._settling = self._settling, []
        if error is not None:
            # An answer must not be lost: without it the message would be uncertain for ever.
            _log.warning("settlement_postponed", reason=str(error), count=len(settled))
            self._settles_again = True
            self._answers = [*settled, *self._answers]
            asyncio.get_running_loop().call_later(_STORAGE_RETRY_SECONDS, self._schedule_settle)
            return
        self._settles_again = False
        self._metrics.in_flight.dec(len(settled))
        self._lanes.end(answer.claim.lane for answer in settled)
        for trouble in removed or ():
            self._metrics.removed.labels(trouble).inc()
        for answer in settled:
            self._tell(answer)
        if self._answers:
            self._schedule_settle()

    def _tell(self, answer: Answer) -> None:
        settlement, claim = answer.settlement, answer.claim
        if isinstance(answer.outcome, Uncertain):
            self._metrics.uncertain.inc()
            _log.warning(
                "message_uncertain",
                message_id=claim.outbound.message_id,
                detail=answer.outcome.detail,
                then=settlement.status.value,
            )
        if settlement.status is Status.SENT:
            self._metrics.sent.inc()
        elif settlement.status in FINAL:
            self._metrics.ended.labels(settlement.status).inc()
        elif settlement.due_at is not None:
            self._metrics.retried.inc()
            if settlement.resent and not claim.resent:
                self._metrics.resent.inc()
            wait = (settlement.due_at - answer.at) / 1000
            now = self._clock.monotonic()
            self._pacer.wake(claim.lane, claim.list_id, now + max(0.0, wait))
            self._store.hints.queued_event.set()


def _fitting(route: Route, claims: Sequence[Claim], now: float) -> int:
    """Return for how many a contract that is shared still has reservations."""
    if route.reserved is None:
        return len(claims)
    return route.reserved.take(now, (claim.outbound.segments for claim in claims))


def _reference_kept(_: None, error: Exception | None) -> None:
    if error is not None:
        _log.warning("late_answer_lost", reason=str(error))
