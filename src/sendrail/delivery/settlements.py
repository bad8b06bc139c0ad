"""A carrier's answer with what follows from it, and how that is written."""

from dataclasses import dataclass

from sendrail.domain.delivery import Claim, Outcome, Settlement
from sendrail.storage.rows import AttemptResult, QueuePlace


@dataclass(frozen=True, slots=True)
class Answer:
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
    )


def _ref(claim: Claim, given: str | None) -> str | None:
    """Return a message's reference; one that was taken without a name gets one of ours."""
    return f"unnamed-{claim.number}-{claim.attempt}" if given == "" else given
