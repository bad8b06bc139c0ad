"""Carriers' outcomes on their way to the rows: what follows from each is decided, written, counted.

A claim holds its lane, and counts as in flight, until its settlement is durable.
"""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from sendrail.clock import Clock
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.settle import settle
from sendrail.domain.contact import RecipientTrouble, TroublePolicy
from sendrail.domain.delivery import (
    Claim,
    Outcome,
    Rejected,
    Settlement,
    Submitted,
    Unavailable,
    Uncertain,
)
from sendrail.domain.message import FINAL, Status
from sendrail.ownership import Ownership
from sendrail.settling import GroupWriter
from sendrail.storage.contacts.bounces import RecipientReport
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import AttemptResult, QueuePlace
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_NOT_HANDED_OVER: Final = Unavailable("not handed over", 0)


class Answer(NamedTuple):
    """One claim's outcome, when it came, and the settlement."""

    claim: Claim
    outcome: Outcome
    settlement: Settlement
    at: int


def result_of(answer: Answer) -> AttemptResult:
    """Return what storage keeps of an answer."""
    claim, settlement = answer.claim, answer.settlement
    place = None
    if settlement.due_at is not None:
        place = QueuePlace(claim.lane, claim.list_id, claim.rank, settlement.due_at, claim.number)
    return AttemptResult(
        number=claim.number,
        lane=claim.lane,
        connector_id=claim.connector_id,
        epoch=claim.epoch,
        attempt=claim.attempt,
        started_at=claim.claimed_at,
        ended_at=answer.at,
        outcome=type(answer.outcome).__name__.lower(),
        status=settlement.status.value,
        attempts_spent=settlement.attempt,
        resent=int(settlement.resent),
        detail=settlement.detail,
        carrier_ref=_ref(claim, settlement.carrier_ref),
        place=place,
        further_refs=settlement.further_refs,
        one_receipt=settlement.one_receipt,
        provider_detail=settlement.provider_detail,
        counted_by=(claim.origin_id, claim.list_id, claim.outbound.segments),
    )


def _ref(claim: Claim, given: str | None) -> str | None:
    """Return a message's reference; one that was taken without a name gets one of ours."""
    return f"unnamed-{claim.number}-{claim.attempt}" if given == "" else given


class Settler:
    """Settles what became of claims."""

    def __init__(
        self,
        store: Store,
        lanes: Ownership,
        pacer: Pacer,
        *,
        metrics: Metrics,
        clock: Clock,
        chance: random.Random,
        troubles: TroublePolicy,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._pacer = pacer
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._troubles = troubles
        # An answer must not be lost: without it the message would be uncertain for ever.
        self.writer = GroupWriter(
            store, self._write, self._written, postponed="settlement_postponed"
        )

    def add(self, claim: Claim, outcome: Outcome) -> None:
        """Settle a claim by its outcome."""
        self.writer.add(self._answer(claim, outcome))

    def add_late(self, claim: Claim, outcome: Outcome) -> None:
        """Keep what arrives after the claim was settled as uncertain."""
        if isinstance(outcome, Submitted):
            # Its reference lets a receipt settle the message.
            result = result_of(self._answer(claim, outcome))
            self._store.submit(lambda tx: tx.queue.finish_attempts([result]), _reference_kept)

    def not_handed_over(self, claim: Claim) -> AttemptResult:
        """Return what is written of a claim that certainly has not left."""
        return result_of(self._answer(claim, _NOT_HANDED_OVER))

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

    def _write(self, tx: Tx, answers: Sequence[Answer]) -> Sequence[RecipientTrouble]:
        tx.queue.finish_attempts([result_of(answer) for answer in answers])
        reports = [
            RecipientReport(each.claim.number, each.outcome.trouble, each.outcome.detail, each.at)
            for each in answers
            if isinstance(each.outcome, Rejected) and each.outcome.trouble is not None
        ]
        return tx.bounces.apply(reports, self._troubles) if reports else ()

    def _written(self, answers: Sequence[Answer], removed: Sequence[RecipientTrouble]) -> None:
        self._metrics.in_flight.dec(len(answers))
        self._lanes.end(answer.claim.lane for answer in answers)
        for trouble in removed:
            self._metrics.removed.labels(trouble).inc()
        self._metrics.sent.inc(sum(each.settlement.status is Status.SENT for each in answers))
        for answer in answers:
            if answer.settlement.status is not Status.SENT:
                self._follow(answer)

    def _follow(self, answer: Answer) -> None:
        """Count what was not sent, and wake the list of a message that goes again."""
        settlement, claim = answer.settlement, answer.claim
        if isinstance(answer.outcome, Uncertain):
            self._metrics.uncertain.inc()
            _log.warning(
                "message_uncertain",
                message_id=claim.outbound.message_id,
                detail=answer.outcome.detail,
                then=settlement.status.value,
            )
        if settlement.status in FINAL:
            self._metrics.ended.labels(settlement.status).inc()
        elif settlement.due_at is not None:
            self._metrics.retried.inc()
            if settlement.resent and not claim.resent:
                self._metrics.resent.inc()
            wait = (settlement.due_at - answer.at) / 1000
            now = self._clock.monotonic()
            self._pacer.wake(claim.lane, claim.list_id, now + max(0.0, wait))
            self._store.hints.queued_event.set()


def _reference_kept(_: None, error: Exception | None) -> None:
    if error is not None:
        _log.warning("late_answer_lost", reason=str(error))
