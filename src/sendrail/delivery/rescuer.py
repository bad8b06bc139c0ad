"""Settle what no owner will: attempts that a dead one left open, and expired uncertainty.

An attempt whose owner's epoch has passed may or may not have left: it becomes `uncertain`, and the
list's policy decides. An uncertain message that no receipt settles in time becomes `failed`.
"""

from functools import partial
from typing import Final

import structlog

from sendrail.delivery.settle import settle
from sendrail.domain.delivery import Uncertain, rank_of
from sendrail.domain.ids import MessageIds
from sendrail.domain.message import UNKNOWN_OUTCOME, Status
from sendrail.domain.sender import OnUncertain, SendingList
from sendrail.ownership import Ownership
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import (
    EVERY_LANE,
    AttemptResult,
    LaneRanges,
    QueuePlace,
    UnsettledMessage,
)
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_BATCH: Final = 500
_DETAIL: Final = "stopped before the answer"


class Rescuer:
    """Finds what was left behind; `rescue` at start, `expire` now and then."""

    def __init__(
        self,
        store: Store,
        lanes: Ownership,
        ids: MessageIds,
        metrics: Metrics,
        *,
        expire_after_ms: int,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._ids = ids
        self._metrics = metrics
        self._expire_after_ms = expire_after_ms
        # Whether messages were uncertain when that was last looked for: with time they expire.
        self.has_uncertain = True

    async def rescue(self, now: int, lanes: LaneRanges = EVERY_LANE) -> int:
        """Settle every attempt of former owners as uncertain; return how many there were."""
        rescued = after = 0
        while True:
            seen, left = await self._store.write(
                partial(self._rescue, lanes=lanes, after=after, now=now)
            )
            if not seen:
                return rescued
            after = seen[-1].number
            rescued += len(left)
            self._metrics.uncertain.inc(len(left))
            for message in left:
                _log.warning(
                    "message_uncertain",
                    message_id=self._ids.show(message.number),
                    detail=_DETAIL,
                )

    async def expire(self, now: int) -> int:
        """Fail the messages that have been uncertain for too long; return how many."""
        expired, left = await self._store.write(lambda tx: self._expire(tx, now))
        self.has_uncertain = left > 0
        self._metrics.ended.labels(Status.FAILED).inc(expired)
        return expired

    def _rescue(
        self, tx: Tx, lanes: LaneRanges, after: int, now: int
    ) -> tuple[list[UnsettledMessage], list[UnsettledMessage]]:
        seen = tx.queue.unsettled(Status.SENDING, after, _BATCH, lanes)
        left = [each for each in seen if each.epoch < self._lanes.epoch_of(each.lane)]
        senders = tx.gate.lists_by_id({message.list_id for message in left})
        tx.queue.finish_attempts(
            [_result(message, senders.get(message.list_id), now) for message in left]
        )
        return seen, left

    def _expire(self, tx: Tx, now: int) -> tuple[int, int]:
        """Return how many messages failed, and how many are still uncertain."""
        seen = expired = after = 0
        while batch := tx.queue.unsettled(Status.UNCERTAIN, after, _BATCH):
            after = batch[-1].number
            seen += len(batch)
            expired += sum(
                tx.queue.expire(message.number, message.lane, UNKNOWN_OUTCOME, now)
                for message in batch
                if message.sending_at < now - self._expire_after_ms
            )
        return expired, seen - expired


def _result(message: UnsettledMessage, sender: SendingList | None, now: int) -> AttemptResult:
    settlement = settle(
        message.attempt,
        Uncertain(_DETAIL),
        due_at=now,
        now=now,
        chance=0.0,
        on_uncertain=sender.on_uncertain if sender else OnUncertain.HOLD,
        resent=bool(message.resent),
    )
    place = None
    if settlement.due_at is not None:
        rank = rank_of(message.skips)
        place = QueuePlace(message.lane, message.list_id, rank, settlement.due_at, message.number)
    return AttemptResult(
        number=message.number,
        lane=message.lane,
        connector_id=message.connector_id,
        epoch=message.epoch,
        attempt=message.attempt,
        started_at=message.sending_at,
        ended_at=now,
        outcome="uncertain",
        status=settlement.status.value,
        attempts_spent=settlement.attempt,
        resent=int(settlement.resent),
        detail=settlement.detail,
        carrier_ref=None,
        place=place,
        provider_detail=settlement.provider_detail,
    )
