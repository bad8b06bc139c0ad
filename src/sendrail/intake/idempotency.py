"""Submissions under an idempotency key: answered once, and repeated word for word."""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.errors import Overloaded
from sendrail.domain.order import Refusal
from sendrail.intake.facts import Callers
from sendrail.intake.submission import Submission
from sendrail.intake.verdicts import Refused, Replay, SubmissionResult, Verdict
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.gate import Caller
from sendrail.storage.pipeline.idempotency import KeptAnswer

# Looked up once: on Python 3.11 each look-up on an enumeration costs as much as a query.
_FULL: Final = Refusal.QUEUE_FULL.value


def replay(
    tx: Tx,
    submissions: Sequence[Submission],
    keyed: Sequence[int],
    callers: Callers,
    results: list[SubmissionResult],
) -> None:
    """Put the result of each submission that was answered before, or cannot be now, in its place.

    `keyed` are the positions of those with a key. Of two with the same key in one group the second
    gets an error that lets its caller try again.
    """
    asked: dict[tuple[int, str], int] = {}
    for at in keyed:
        submission = submissions[at]
        assert submission.idempotency is not None, "only those with a key are looked at"
        account_id: int = callers[submission.caller].account_id
        pair = (account_id, submission.idempotency.key)
        if pair in asked:
            results[at] = Overloaded(
                "A request with this idempotency key is still running. Try again shortly.",
                code="idempotency_in_progress",
            )
        else:
            asked[pair] = at
    for pair, kept in tx.idempotency.claim(asked).items():
        idempotency = submissions[asked[pair]].idempotency
        assert idempotency is not None, "only submissions with a key were asked about"
        results[asked[pair]] = idempotency.misuse(kept) or Replay(kept.status, kept.answer)


def keep_answer(
    tx: Tx, submission: Submission, caller: Caller, verdicts: Sequence[Verdict], now: int
) -> None:
    """Store the answer to these verdicts under the submission's key."""
    idempotency = submission.idempotency
    assert idempotency is not None, "there is a key to keep the answer under"
    if all(isinstance(each, Refused) and each.code == _FULL for each in verdicts):
        # A temporary refusal: a caller that repeats it with the same key must be judged anew.
        return
    kept = KeptAnswer(idempotency.route, idempotency.body_digest, *submission.shape(verdicts))
    tx.idempotency.answer(caller.account_id, idempotency.key, kept, now)
