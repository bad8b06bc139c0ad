"""Claims handed over to their carriers: a task for each, so that no connector delays another.

What finds no place in its connector's window waits in memory, and leaves as soon as an answer makes
one free.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import structlog

from sendrail.clock import Clock
from sendrail.delivery.claiming import ClaimRound
from sendrail.delivery.outcomes import storable_outcome
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.parked import ParkedLists
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.settling import Settler
from sendrail.delivery.unconfirmed import UnconfirmedClaims
from sendrail.domain.breaker import BreakerState, SubmitTime
from sendrail.domain.delivery import (
    RANK_AHEAD,
    Claim,
    OutboundMessage,
    Outcome,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.ids import MessageId
from sendrail.ownership import Ownership
from sendrail.storage.interface import Hints
from sendrail.telemetry import Metrics

_log = structlog.get_logger()


class Submitter:
    """Hands over what a round has claimed, and has the answer to each message settled."""

    def __init__(
        self,
        routes: Routes,
        pacer: Pacer,
        parked: ParkedLists,
        settler: Settler,
        unconfirmed: UnconfirmedClaims,
        *,
        hints: Hints,
        lanes: Ownership,
        metrics: Metrics,
        clock: Clock,
        answer_timeout_seconds: float,
        stale_after_ms: int,
    ) -> None:
        self._routes = routes
        self._pacer = pacer
        self._parked = parked
        self._settler = settler
        self._unconfirmed = unconfirmed
        self._hints = hints
        self._lanes = lanes
        self._metrics = metrics
        self._clock = clock
        self._answer_timeout = answer_timeout_seconds
        self._stale_after_ms = stale_after_ms
        self.tasks: set[asyncio.Task[None]] = set()
        # The connectors for which claims wait; true where the next turn of the loop looks at them.
        self._waiting: dict[Route, bool] = {}
        # Answers that are settled once the places they made free are taken; and whether that is
        # planned.
        self._answers: list[tuple[Claim, Outcome]] = []
        self._is_settling = False
        self._is_stopping = False

    def start(self, found: ClaimRound, now: float) -> None:
        """Hand over what may leave after the commit, or soon, and have the rest put back."""
        by_route: defaultdict[Route, list[Claim]] = defaultdict(list)
        for route, claim in found.claims:
            by_route[route].append(claim)
        for route, claims in by_route.items():
            self._lanes.begin(claim.lane for claim in claims)
            if route.ahead or len(claims) > route.window_room():
                self._hold(route, claims)
                self._fill(route, now)
            else:
                self._leave(route, claims, now)
        for connector, count in found.failed_over.items():
            self._metrics.failed_over.labels(connector).inc(count)
        self._metrics.claimed.inc(len(found.claims))

    def wake_others(self, found: ClaimRound, now: float) -> None:
        """Give lists that wait a turn where a round has left room.

        A list that was woken by an answer may have had nothing to send after all.
        """
        for route in dict.fromkeys(taken.route for taken in found.taken):
            if route is None:
                continue
            self._parked.wake(route, route.wakeable(now), now)

    # Claims ahead

    @property
    def claims_wait(self) -> bool:
        """Whether claims wait for a place, and must be looked through."""
        return bool(self._waiting)

    def look_through(self, now: float, wall: int) -> None:
        """Put back what waits where it may not leave any more, or has waited too long."""
        for route in list(self._waiting):
            if route.ahead.waits_too_long(wall):
                route.answer_time.forget()
                self._put_back(route, now)
            elif not self._may_wait(route, now) or self._is_leaving(route):
                self._put_back(route, now)

    def stop(self) -> None:
        """Hand over nothing more when an answer comes."""
        self._is_stopping = True

    def put_all_back(self) -> None:
        """Put back everything that waits, and settle every answer."""
        self._settle_answers()
        now = self._clock.monotonic()
        for route in list(self._waiting):
            self._put_back(route, now)

    def _may_wait(self, route: Route, now: float) -> bool:
        return self._routes.of(route.connector.id) is route and route.keeps_ahead(now)

    def _is_leaving(self, route: Route) -> bool:
        """Return whether a lane of what waits is to be given back, or is another owner's."""
        return not all(map(self._lanes.owns, route.ahead.lanes()))

    def _hold(self, route: Route, claims: Sequence[Claim]) -> None:
        for list_id, paced in _paced_by_list(claims).items():
            self._pacer.hold(list_id, paced)
        route.ahead.add(claims)
        self._waiting.setdefault(route, False)

    def _take(self, route: Route, count: int) -> list[Claim]:
        claims = route.ahead.take(count)
        for list_id, paced in _paced_by_list(claims).items():
            self._pacer.release(list_id, paced)
        if not route.ahead:
            del self._waiting[route]
        return claims

    def _put_back(self, route: Route, now: float) -> None:
        claims = self._take(route, len(route.ahead))
        _log.info("claims_ahead_returned", connector=route.connector.name, count=len(claims))
        self._give_back(claims, now)

    def _fill_soon(self, route: Route) -> bool:
        """Return whether the window is filled again, once all answers of this turn are known."""
        is_planned = self._waiting.get(route)
        if is_planned is None or self._is_stopping:
            return False
        if not is_planned:
            self._waiting[route] = True
            asyncio.get_running_loop().call_soon(self._fill_again, route)
        return True

    def _fill_again(self, route: Route) -> None:
        if route in self._waiting and not self._is_stopping:
            self._waiting[route] = False
            now = self._clock.monotonic()
            if self._may_wait(route, now):
                self._fill(route, now)
            else:
                self._put_back(route, now)
        # What has just been filled in leaves with the next turn, and the commit comes after it.
        self._settle_soon()

    def _settle_soon(self) -> None:
        """Settle with the next turn of the loop all that is answered by then.

        So receipts that came in one read with the answers share their commit.
        """
        if not self._is_settling:
            self._is_settling = True
            asyncio.get_running_loop().call_soon(self._settle_answers)

    def _settle_answers(self) -> None:
        self._is_settling = False
        answers, self._answers = self._answers, []
        for claim, outcome in answers:
            self._settler.add(claim, outcome)

    def _fill(self, route: Route, now: float) -> None:
        while route.ahead and (room := route.window_room()) > 0:
            self._leave(route, self._take(route, room), now)

    # Under way

    def _leave(self, route: Route, claims: Sequence[Claim], now: float) -> None:
        may_finish = self._lanes.may_finish
        going = [claim for claim in claims if may_finish(claim.lane, claim.epoch)]
        del going[_fitting(route, going, now) :]
        if len(going) < len(claims):
            leave = {claim.number for claim in going}
            late = [claim for claim in claims if claim.number not in leave]
            _log.warning("claims_came_late", count=len(late))
            self._give_back(late, now)
        if going:
            self._start_one(route, going, now)

    def _start_one(self, route: Route, claims: Sequence[Claim], now: float) -> None:
        for list_id, paced in _paced_by_list(claims).items():
            self._pacer.took(list_id, now, paced)
        self._metrics.in_flight.inc(len(claims))
        departed = route.take(now, len(claims), sum(claim.outbound.segments for claim in claims))
        task = asyncio.get_running_loop().create_task(self._submit(route, claims, departed))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _give_back(self, claims: Sequence[Claim], now: float) -> None:
        """Have what does not leave put back before anything else is claimed: it comes first."""
        self._metrics.retried.inc(len(claims))
        self._unconfirmed.note(claims)
        self._lanes.end(claim.lane for claim in claims)
        for claim in claims:
            self._pacer.wake(claim.lane, claim.list_id, now)
        self._hints.queued_event.set()

    async def _submit(self, route: Route, claims: Sequence[Claim], departed: SubmitTime) -> None:
        waiting = {claim.outbound.message_id: claim for claim in claims}
        given_up: dict[MessageId, Claim] = {}

        def report(outbound: OutboundMessage, reported: Outcome) -> None:
            outcome = storable_outcome(reported)
            if (claim := waiting.pop(outbound.message_id, None)) is not None:
                if isinstance(outcome, Uncertain):
                    # The carrier may still report what became of it.
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
        # A stop waits for this task, and then for what is to be written.
        self._settle_answers()

    def _answered(self, route: Route, claim: Claim, outcome: Outcome, departed: SubmitTime) -> None:
        now = self._clock.monotonic()
        was_trusted = route.breaker.state is BreakerState.CLOSED
        outcome = route.suspects.judge(claim.number, outcome, route.breaker.state)
        if route.answered(now, departed, outcome):
            self._breaker_changed(route, was_trusted)
            if isinstance(outcome, Unavailable):
                claim = self._stepped_back(route, claim, now)
        if isinstance(outcome, Throttled):
            claim = self._throttled(route, claim, outcome, departed, now)
        self._answers.append((claim, outcome))
        if not self._fill_soon(route):
            self._settle_soon()
        if route.parked:
            self._parked.wake(route, min(1, route.wakeable(now)), now)

    def _throttled(
        self, route: Route, claim: Claim, outcome: Throttled, departed: SubmitTime, now: float
    ) -> Claim:
        """Slow a connector down; return the claim with the place that it has from now on."""
        is_own = route.throttles.is_own(claim.number, departed.at, may_be_own=outcome.may_be_own)
        if not is_own:
            route.throttled(now, outcome.retry_after_ms / 1000, departed.at)
        if not (is_own and outcome.may_be_own):
            self._metrics.throttled.labels(route.connector.name).inc()
        due_at = route.throttles.put_back(
            claim,
            now,
            self._clock.now(),
            is_own=is_own,
            rest_ms=int((route.ready_at(now) - now) * 1000),
            stale_after_ms=self._stale_after_ms,
        )
        return claim._replace(due_at=due_at)

    def _stepped_back(self, route: Route, claim: Claim, now: float) -> Claim:
        """Return the claim at which the breaker opened with a place behind others that wait."""
        retry_at = route.breaker.retry_at
        assert retry_at is not None, "it has just opened"
        rest_ms = int((retry_at - now) * 1000)
        due_at = route.suspects.opened_by(claim, self._clock.now(), rest_ms, self._stale_after_ms)
        return claim._replace(due_at=due_at)

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
            # Now lists with a second connector need not wait, or no list must. An attempt that
            # failed changes nothing for any of them.
            self._parked.wake_all(route.connector.id)

    def _answered_late(self, route: Route, claim: Claim, outcome: Outcome) -> None:
        _log.warning(
            "carrier_answered_late",
            connector=route.connector.name,
            message_id=claim.outbound.message_id,
            outcome=type(outcome).__name__.lower(),
        )
        self._settler.add_late(claim, outcome)


def _paced_by_list(claims: Iterable[Claim]) -> Mapping[int, int]:
    return Counter(claim.list_id for claim in claims if claim.rank != RANK_AHEAD)


def _fitting(route: Route, claims: Sequence[Claim], now: float) -> int:
    """Return for how many a contract that is shared still has reservations."""
    if route.reserved is None:
        return len(claims)
    return route.reserved.take(now, (claim.outbound.segments for claim in claims))
