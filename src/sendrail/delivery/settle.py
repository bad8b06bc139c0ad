"""What follows a carrier's outcome: pure policy, one match, no row touched here."""

from typing import assert_never

from sendrail.domain.delivery import (
    Failed,
    Outcome,
    Rejected,
    Settlement,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)
from sendrail.domain.detail import StatusDetail, apart
from sendrail.domain.message import Status
from sendrail.domain.retry import ATTEMPTS_MAX, backoff_ms
from sendrail.domain.sender import OnUncertain


def settle(  # noqa: PLR0911 - a return for each outcome is what makes the match readable
    attempt: int,
    outcome: Outcome,
    *,
    due_at: int,
    now: int,
    chance: float,
    on_uncertain: OnUncertain,
    resent: bool,
) -> Settlement:
    """Decide what follows the given attempt (the first is 1).

    `due_at` is the message's place in the queue before the attempt, `chance` a random number in
    [0, 1) for the jitter, `resent` whether an uncertain outcome was answered by a resend before.
    """
    assert attempt >= 1, "attempts count from 1"

    match outcome:
        case Submitted(carrier_ref, further_refs, one_receipt):
            return Settlement(
                Status.SENT,
                attempt,
                carrier_ref=carrier_ref,
                resent=resent,
                # Parts of one name have one receipt between them.
                further_refs=further_refs
                and tuple(dict.fromkeys((carrier_ref, *further_refs)))[1:],
                one_receipt=one_receipt,
            )
        case Throttled() | Unavailable():
            # The carrier's pace or its absence is not the message's fault: it costs no attempt,
            # and the message keeps its place.
            return Settlement(Status.QUEUED, attempt - 1, due_at=due_at, resent=resent)
        case Failed(detail):
            said = apart(detail)
            if attempt >= ATTEMPTS_MAX:
                return _because(said, Status.FAILED, attempt, resent=resent)
            retry_at = now + backoff_ms(attempt, chance)
            return _because(said, Status.QUEUED, attempt, due_at=retry_at, resent=resent)
        case Rejected(detail):
            return _because(apart(detail), Status.FAILED, attempt, resent=resent)
        case Uncertain(detail):
            said = StatusDetail(Status.UNCERTAIN.value, detail)
            if on_uncertain is OnUncertain.RESEND_ONCE and not resent:
                return _because(said, Status.QUEUED, attempt, due_at=now, resent=True)
            # A second copy on a handset is worse than a gap in a report: wait, never resend.
            return _because(said, Status.UNCERTAIN, attempt, resent=resent)
        case _:
            assert_never(outcome)


def _because(
    said: StatusDetail, status: Status, attempt: int, *, due_at: int | None = None, resent: bool
) -> Settlement:
    return Settlement(
        status,
        attempt,
        detail=said.word,
        due_at=due_at,
        resent=resent,
        provider_detail=said.provider_detail,
    )
