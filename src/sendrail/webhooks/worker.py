"""Notify customers: take events up endpoint by endpoint, post them, keep what came of it.

Each endpoint has a line of its own, with its own bound on what is under way and its own breaker, so
that a dead one never delays another. An attempt is kept after its answer, in one transaction with
what follows from it: a crash in between repeats the POST, with the same id and the same body.
"""

import asyncio
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import structlog

from sendrail.clock import Clock
from sendrail.domain.errors import SetupError
from sendrail.domain.ids import EndpointId, MessageIds, lane_of
from sendrail.domain.webhook import (
    ACKNOWLEDGED,
    Acknowledged,
    Answer,
    Endpoint,
    EndpointGone,
    EndpointState,
    EventSettlement,
    NotAcknowledged,
    OutboxEvent,
)
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.settling import GroupWriter
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics
from sendrail.webhooks import signing
from sendrail.webhooks.claim import take
from sendrail.webhooks.endpoint_queue import QUEUE_MAX, DueEvent, EndpointQueue
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.payloads import event_names
from sendrail.webhooks.poster import Poster
from sendrail.webhooks.retry import settle

_log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.5
_EVER: Final = 1 << 62
# How often at most the endpoints are read again; a change by the command line shows that soon.
_ENDPOINTS_KEPT_SECONDS: Final = 0.25
# Answers wait so long for others to share a transaction with. A crash repeats what was posted
# meanwhile, and nothing else waits for them.
_GATHER_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Answered:
    line: EndpointQueue
    name: str
    settlement: EventSettlement


class WebhookWorker:
    """Notifies until stopped; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        keyring: Keyring,
        ids: MessageIds,
        *,
        metrics: Metrics,
        clock: Clock,
        chance: random.Random,
        concurrency: int,
        pause_after_ms: int,
        signature_header: str,
        ownership: Ownership,
    ) -> None:
        self._store = store
        self._poster = poster
        self._keyring = keyring
        self._ids = ids
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._concurrency = concurrency
        self._pause_after_ms = pause_after_ms
        self._signature_header = signature_header
        self._ownership = ownership
        self._lines: dict[EndpointId, EndpointQueue] = {}
        self._read_at: float | None = None
        # When the first of the events that were not taken up becomes due, by the monotonic clock.
        self._later_at = math.inf
        self._posting: set[asyncio.Task[None]] = set()
        # A lost answer would only cost a second POST; but that is one too many.
        self._settler = GroupWriter(
            store,
            self._settle,
            self._settled,
            postponed="webhook_settlement_postponed",
            gather_seconds=_GATHER_SECONDS,
        )
        self._rounds = Rounds("webhooks", hint=store.hints.outbox_event)

    async def run(self) -> None:
        """Notify until `stop` is called."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        await self.step()
        # What is tried again becomes due without being written, or with an endpoint's patience.
        look = self._store.hints.look_seconds
        next_at = min((self._later_at, *(line.opens_at() for line in self._lines.values())))
        return max(_LOOK_SECONDS, min(look, next_at - self._clock.monotonic()))

    async def stop(self, within_seconds: float) -> None:
        """Post nothing more; wait a while for the answers under way, and keep what came."""
        self._rounds.stop()
        until = asyncio.get_running_loop().time() + within_seconds
        await self._settler.drain(self._posting, until)

    async def step(self) -> None:
        """Take up what is due, and post as much of it as may be under way."""
        if self._wants_more():
            endpoints, taken = await self._store.write(self._take)
            if endpoints is not None:
                self._follow(endpoints)
            for endpoint_id, events in taken.items():
                if (line := self._lines.get(endpoint_id)) is not None:
                    names = event_names(self._ids, events)
                    line.take_up(map(DueEvent, events, names))
        if not self._rounds.stopping:
            for line in self._lines.values():
                self._post_waiting(line)

    # Taking up

    def _wants_more(self) -> bool:
        """Return whether there is anything to read: most hints come while the lines are full."""
        mono = self._clock.monotonic()
        return self._is_stale(mono) or any(any(each.rooms(mono)) for each in self._lines.values())

    def _is_stale(self, mono: float) -> bool:
        return self._read_at is None or mono - self._read_at >= _ENDPOINTS_KEPT_SECONDS

    def _take(self, tx: Tx) -> tuple[list[Endpoint] | None, dict[EndpointId, list[OutboxEvent]]]:
        now, mono = self._clock.now(), self._clock.monotonic()
        endpoints = None
        if self._is_stale(mono):
            endpoints = [
                each for each in tx.endpoints.active() if self._ownership.owns(lane_of(each.id))
            ]
        known = (
            [line.endpoint.id for line in self._lines.values()]
            if endpoints is None
            else [endpoint.id for endpoint in endpoints]
        )
        taken = {}
        for endpoint_id in known:
            line = self._lines.get(endpoint_id)
            held = line.held if line is not None else set()
            limit, again = (QUEUE_MAX, QUEUE_MAX) if line is None else line.rooms(mono)
            if not limit and not again:
                continue
            if events := take(
                tx, self._ids, endpoint_id, now=now, held=held, limit=limit, again=again
            ):
                taken[endpoint_id] = events
        self._later_at = math.inf
        if not taken:
            self._later_at = min(
                (self._next_at(tx, each, now, mono) for each in known), default=math.inf
            )
        return endpoints, taken

    def _next_at(self, tx: Tx, endpoint_id: EndpointId, now: int, mono: float) -> float:
        """Return when an endpoint's next event may be taken up, by the monotonic clock."""
        line = self._lines.get(endpoint_id)
        return min(
            (
                max(
                    mono + ((event.due_at or now) - now) / 1000,
                    0 if line is None else line.breaker.opens_at(is_again=event.retries > 0),
                )
                for event in tx.outbox.due(endpoint_id, _EVER, 1)
            ),
            default=math.inf,
        )

    def _follow(self, endpoints: list[Endpoint]) -> None:
        """Keep a line for each active endpoint, with its settings as they are now."""
        self._read_at = self._clock.monotonic()
        active = {endpoint.id: endpoint for endpoint in endpoints}
        for endpoint_id in [each for each in self._lines if each not in active]:
            self._lines.pop(endpoint_id).let_go()
        for endpoint in endpoints:
            line = self._lines.get(endpoint.id)
            if line is None:
                self._lines[endpoint.id] = EndpointQueue(
                    endpoint, endpoint.failing_since, endpoint.failing_since
                )
                continue
            if line.endpoint.url != endpoint.url:
                # Failures of the old URL say nothing of the new one.
                line.breaker.succeeded()
            line.endpoint = endpoint

    # Posting

    def _post_waiting(self, line: EndpointQueue) -> None:
        if line.state is not EndpointState.ACTIVE:
            return
        now, most = self._clock.monotonic(), self._concurrency
        for _ in range(min(len(line.again), line.breaker.room_again(now, line.in_flight, most))):
            self._post(line, line.again.popleft())
        for _ in range(min(len(line.waiting), line.breaker.room(now, line.in_flight, most))):
            self._post(line, line.waiting.popleft())
        if line.may_take_more(now):
            # Not only once these answers are written: the line would stand still meanwhile.
            line.has_more = (False, False)
            self._store.hints.outbox_event.set()

    def _post(self, line: EndpointQueue, due: DueEvent) -> None:
        line.in_flight += 1
        self._ownership.begin((line.lane,))
        task = asyncio.get_running_loop().create_task(self._notify(line, due))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _notify(self, line: EndpointQueue, due: DueEvent) -> None:
        event, name = due
        endpoint, started, begun = line.endpoint, self._clock.now(), self._clock.monotonic()
        assert event.body is not None, "an event has its body once it is taken up"
        try:
            signature = signing.headers(
                self._keyring.live(endpoint, started),
                name,
                started // 1000,
                event.body,
                plain_header=self._signature_header,
            )
            answer = await self._poster.post(endpoint.url, event.body, signature, started)
        except SetupError as error:
            answer = NotAcknowledged(error.message)
        except Exception:  # noqa: BLE001 - one event's trouble must not stop the others
            _log.exception("webhook_post_raised", endpoint_id=endpoint.id)
            answer = NotAcknowledged("the attempt broke off: see the log of that time")
        line.in_flight -= 1
        self._judge(line, answer, begun)
        self._hear(line, due, answer, started)

    def _hear(self, line: EndpointQueue, due: DueEvent, answer: Answer, started: int) -> None:
        now = self._clock.now()
        settlement = settle(
            due.event, answer, started_at=started, now=now, chance=self._chance.random()
        )
        self._settler.add(_Answered(line, due.name, settlement))
        if not self._rounds.stopping and self._lines.get(line.endpoint.id) is line:
            self._post_waiting(line)

    def _judge(self, line: EndpointQueue, answer: Answer, begun: float) -> None:
        """Update the state of the endpoint by an answer."""
        now = self._clock.now()
        match answer:
            case Acknowledged():
                line.breaker.succeeded()
                line.failing_since = None
            case NotAcknowledged(retry_after_ms=after):
                is_news = line.breaker.failed(self._clock.monotonic(), after, started=begun)
                if line.failing_since is None:
                    line.failing_since = now
                elif is_news and now - line.failing_since >= self._pause_after_ms:
                    line.state = EndpointState.PAUSED
            case EndpointGone():
                line.state = EndpointState.GONE
            case _:
                assert_never(answer)
        if line.state is not EndpointState.ACTIVE:
            line.let_go()

    # Settling

    def _settle(self, tx: Tx, answered: Sequence[_Answered]) -> None:
        tx.outbox.settle([each.settlement for each in answered])
        for line in _lines_of(answered):
            endpoint = line.endpoint
            change: dict[str, Any] = {}
            if line.failing_since != line.stored_failing_since:
                change["failing_since"] = line.failing_since
            if line.state is not EndpointState.ACTIVE:
                change["state"] = line.state
            if change:
                tx.endpoints.change(endpoint.account_id, endpoint.id, **change)

    def _settled(self, answered: Sequence[_Answered], _: None) -> None:
        for each in answered:
            each.line.held.discard(each.settlement.event_id)
            self._ownership.end((each.line.lane,))
            self._count(each)
        for line in _lines_of(answered):
            line.stored_failing_since = line.failing_since
            if line.state is not EndpointState.ACTIVE:
                self._end(line)
        self._store.hints.outbox_event.set()

    def _count(self, answered: _Answered) -> None:
        settlement, attempt = answered.settlement, answered.settlement.attempt
        self._metrics.webhook_attempts.labels(attempt.outcome).inc()
        self._metrics.webhook_seconds.observe((attempt.ended_at - attempt.started_at) / 1000)
        if attempt.outcome != ACKNOWLEDGED and settlement.due_at is None:
            self._metrics.webhook_given_up.inc()
            _log.warning(
                "webhook_given_up",
                endpoint_id=attempt.endpoint_id,
                webhook_id=answered.name,
                attempts=settlement.attempts,
                status=attempt.status,
            )

    def _end(self, line: EndpointQueue) -> None:
        """Post nothing more to an endpoint, and log an error: its owner does not know yet."""
        if self._lines.get(line.endpoint.id) is not line:
            return
        del self._lines[line.endpoint.id]
        self._metrics.webhook_ended.labels(line.state).inc()
        _log.error(
            f"webhook_endpoint_{line.state}",
            endpoint_id=line.endpoint.id,
            name=line.endpoint.name,
            then=f"sendrail webhooks resume {line.endpoint.id}",
        )


def _lines_of(answered: Iterable[_Answered]) -> list[EndpointQueue]:
    return list({id(each.line): each.line for each in answered}.values())
