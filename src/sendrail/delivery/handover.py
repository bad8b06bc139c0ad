"""Claims handed over to their carriers: a task for each, so that no connector delays another."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

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
from sendrail.domain.delivery import Claim, OutboundMessage, Outcome, Throttled, Uncertain
from sendrail.domain.ids import MessageId
from sendrail.ownership import Ownership
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
        lanes: Ownership,
        metrics: Metrics,
        clock: Clock,
        answer_timeout_seconds: float,
    ) -> None:
        self._routes = routes
        self._pacer = pacer
        self._parked = parked
        self._settler = settler
        self._unconfirmed = unconfirmed
        self._lanes = lanes
        self._metrics = metrics
        self._clock = clock
        self._answer_timeout = answer_timeout_seconds
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, found: ClaimRound, now: float) -> None:
        """Hand over what may still leave after the commit, and have the rest put back."""
        by_route: defaultdict[Route, list[Claim]] = defaultdict(list)
        staying: list[Claim] = []
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
                self._start_one(route, claims[:fitting], now)
        self._give_back(staying, now)
        for route in {taken.route for taken in found.taken if taken.route is not None}:
            # A list that was woken by an answer may have had nothing to send after all.
            self._parked.wake(route, route.wakeable(now), now)
        for connector, count in found.failed_over.items():
            self._metrics.failed_over.labels(connector).inc(count)
        self._metrics.claimed.inc(len(found.claims))

    def _start_one(self, route: Route, claims: Sequence[Claim], now: float) -> None:
        self._lanes.begin(claim.lane for claim in claims)
        self._metrics.in_flight.inc(len(claims))
        departed = route.take(now, len(claims), sum(claim.outbound.segments for claim in claims))
        task = asyncio.get_running_loop().create_task(self._submit(route, claims, departed))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _give_back(self, claims: Sequence[Claim], now: float) -> None:
        """Have what may not leave put back before anything else is claimed: it comes first."""
        if not claims:
            return
        _log.warning("claims_came_late", count=len(claims))
        self._metrics.retried.inc(len(claims))
        self._unconfirmed.note(claims)
        for claim in claims:
            self._pacer.wake(claim.lane, claim.list_id, now)

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

    def _answered(self, route: Route, claim: Claim, outcome: Outcome, departed: SubmitTime) -> None:
        now = self._clock.monotonic()
        was_trusted = route.breaker.state is BreakerState.CLOSED
        if route.answered(now, departed, outcome):
            self._breaker_changed(route, was_trusted)
        if isinstance(outcome, Throttled):
            route.throttled(now, outcome.retry_after_ms / 1000)
            self._metrics.throttled.labels(route.connector.name).inc()
        self._settler.add(claim, outcome)
        self._parked.wake(route, min(1, route.wakeable(now)), now)

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


def _fitting(route: Route, claims: Sequence[Claim], now: float) -> int:
    """Return for how many a contract that is shared still has reservations."""
    if route.reserved is None:
        return len(claims)
    return route.reserved.take(now, (claim.outbound.segments for claim in claims))
