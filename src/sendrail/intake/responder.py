"""Queue the answers to keywords that `receipts` has requested.

An answer is offered at least once and accepted at most once: its row waits until the message is
durable, and the order carries an idempotency key made of the row. So a crash between the two leads
to the same order under the same key, which the store answers from its memory of the first. What
happens after acceptance is what happens to every message.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from sendrail.domain import phone, text
from sendrail.domain.consent import Keyword
from sendrail.domain.errors import Forbidden, SendrailError
from sendrail.domain.message import Skip
from sendrail.domain.order import Order, Refusal
from sendrail.intake.service import Intake
from sendrail.intake.submission import AwaitedSubmission, IdempotencyKey, Shaped
from sendrail.intake.verdicts import Accepted, Replay, SubmissionResult, Verdict
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store
from sendrail.storage.pipeline.auto_replies import AutoReply
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_BATCH_MAX: Final = 100
# A hint comes with new rows, and nothing says when what was refused for now may be accepted.
_LOOK_SECONDS: Final = 5.0
# An answer that comes much later than its question only confuses.
_STALE_MS: Final = 30 * 60_000
_ROUTE: Final = "auto-reply"
_SKIPS: Final = Skip.DUPLICATE | Skip.RATE_LIMIT | Skip.JOURNEY | Skip.AUTOMATIC


class Responder:
    """Queues answers until stopped; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        ownership: Ownership,
    ) -> None:
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._now = now
        self._ownership = ownership
        # Whether any were left by the last round.
        self._waits = False
        self._rounds = Rounds("answers", hint=store.hints.answers_event)

    async def run(self) -> None:
        """Queue until `stop` is called."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        is_ours = self._ownership.owns()
        if is_ours and await self.step():
            return 0.0
        look = max(_LOOK_SECONDS, self._store.hints.look_seconds)
        return _LOOK_SECONDS if self._waits or not is_ours else look

    def stop(self) -> None:
        """End after the round under way; what is left waits in its rows."""
        self._rounds.stop()

    async def step(self) -> int:
        """Go once through what waits; return how many answers were settled."""
        settled = postponed = 0
        # What one account cannot have queued now must not keep back the answers of the others.
        while waiting := await self._waiting(postponed):
            done = await self._settle(waiting)
            settled += done
            postponed += len(waiting) - done
        self._waits = postponed > 0
        return settled

    async def _waiting(self, offset: int) -> Sequence[AutoReply]:
        return await self._store.read(
            lambda tx: tx.auto_replies.waiting(offset, _BATCH_MAX), begun=False
        )

    async def _settle(self, waiting: Sequence[AutoReply]) -> int:
        now = self._now()
        settled = [reply for reply in waiting if now - reply.asked_at > _STALE_MS]
        self._metrics.auto_replies.labels("stale").inc(len(settled))
        answers = [_Answer(reply) for reply in waiting if now - reply.asked_at <= _STALE_MS]
        for answer in answers:
            self._intake.offer(answer)
        results = [await answer.future for answer in answers]
        settled += [
            answer.reply
            for answer, result in zip(answers, results, strict=True)
            if self._is_settled(answer.reply, result)
        ]
        if settled:
            await self._store.write(lambda tx: tx.auto_replies.settle(settled, self._now()))
        return len(settled)

    def _is_settled(self, reply: AutoReply, result: SubmissionResult) -> bool:
        """Return whether an answer is queued or never will be; otherwise it is tried again."""
        if isinstance(result, Replay):
            # Accepted by an earlier round whose end was not written.
            return True
        if isinstance(result, SendrailError):
            return isinstance(result, Forbidden) and self._refused(reply, result.code)
        [verdict] = result
        if isinstance(verdict, Accepted):
            self._metrics.auto_replies.labels("queued").inc()
            return True
        return verdict.code != Refusal.QUEUE_FULL and self._refused(reply, verdict.code)

    def _refused(self, reply: AutoReply, code: str) -> bool:
        _log.warning(
            "auto_reply_refused",
            recipient=phone.mask(reply.recipient),
            list_id=reply.list_id,
            keyword=reply.keyword,
            code=code,
        )
        self._metrics.auto_replies.labels("refused").inc()
        return True


class _Answer(AwaitedSubmission):
    """One answer on its way through the gate."""

    __slots__ = ("reply",)

    def __init__(self, reply: AutoReply) -> None:
        super().__init__(reply.account_id, [_order(reply)], _key_of(reply))
        self.reply = reply

    def shape(self, verdicts: Sequence[Verdict]) -> Shaped:
        # It is not read; that it is there says that the order was judged.
        return len(verdicts), b""


def _order(reply: AutoReply) -> Order:
    size = text.measure(reply.body)
    # A contact who has just left gets the answer to STOP, and no help text that was waiting.
    contact = Skip.CONTACT_VALIDATION if reply.keyword is Keyword.STOP else Skip.NONE
    return Order(
        reply.recipient,
        reply.list_number,
        reply.body,
        int(_SKIPS | contact),
        encoding=size.encoding.value,
        segments=size.segments,
    )


def _key_of(reply: AutoReply) -> IdempotencyKey:
    key = f"{reply.list_id}:{reply.recipient}:{reply.keyword}:{reply.asked_at}"
    # The line break keeps the key apart from those of callers, which come in an HTTP header.
    return IdempotencyKey(f"{_ROUTE}\n{key}", _ROUTE, b"")
