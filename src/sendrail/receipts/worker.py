"""Work the inbox off: take callbacks, apply them, at our own pace."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.ids import MessageIds
from sendrail.domain.message import Status
from sendrail.domain.receipt import About
from sendrail.receipts.apply import (
    Applied,
    Parse,
    Policies,
    apply,
    apply_overdue_parts,
    apply_parked,
)
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# One round is one transaction: some thousand receipts at the most.
_CALLBACKS_MAX: Final = 500
_BYTES_MAX: Final = 64 * 1024
_PARKED_MAX: Final = 500
_PARTS_MAX: Final = 100
# A receipt that overtook its answer meets it within moments; a stray one never does.
_PARKED_WITHIN_MS: Final = 10 * 60_000
_LOOK_SECONDS: Final = 0.5
_STORAGE_RETRY_SECONDS: Final = 0.5


class ReceiptWorker:
    """Applies callbacks until told to stop; tests drive it a step at a time."""

    def __init__(
        self,
        store: Store,
        parse: Parse,
        ids: MessageIds,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        policies: Policies | None = None,
    ) -> None:
        self._store = store
        self._parse = parse
        self._ids = ids
        self._metrics = metrics
        self._now = now
        self._policies = policies or Policies()
        self._stopping = False

    async def run(self) -> None:
        """Apply until `stop` is called."""
        event = self._store.hints.inbox_event
        while not self._stopping:
            event.clear()
            try:
                moved = await self.step()
            except StorageUnavailable as error:
                _log.warning("receipts_postponed", reason=error.code)
                await asyncio.sleep(_STORAGE_RETRY_SECONDS)
                continue
            if moved:
                continue
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await event.wait()
            except TimeoutError:
                pass

    def stop(self) -> None:
        """End after the round under way; what is left waits in the inbox."""
        self._stopping = True
        self._store.hints.inbox_event.set()

    async def step(self) -> int:
        """Do one round; return how many callbacks and parked receipts it dealt with."""
        fresh, parked, joined = await self._store.write(self._round)
        for applied in (fresh, parked, joined):
            self._count(applied)
        if fresh.replies or joined.replies:
            self._store.hints.answers_wait()
        return fresh.callbacks + sum(parked.fates.values())

    def _round(self, tx: Tx) -> tuple[Applied, Applied, Applied]:
        now, policies = self._now(), self._policies
        callbacks = tx.inbox.take(_CALLBACKS_MAX, _BYTES_MAX)
        fresh = Applied()
        if callbacks:
            fresh = apply(tx, callbacks, self._parse, self._ids, policies, now)
        parked = apply_parked(tx, policies.troubles, now - _PARKED_WITHIN_MS, _PARKED_MAX)
        return fresh, parked, apply_overdue_parts(tx, policies.replies, now, _PARTS_MAX)

    def _count(self, applied: Applied) -> None:
        for fate, count in applied.fates.items():
            self._metrics.receipts.labels(fate).inc(count)
        for status, count in applied.ended.items():
            self._metrics.ended.labels(status).inc(count)
            if status is Status.DELIVERED:
                self._metrics.delivered.inc(count)
        for keyword, count in applied.replies.items():
            self._metrics.replies.labels(keyword).inc(count)
        for trouble, count in applied.removed.items():
            self._metrics.removed.labels(trouble).inc(count)
        for flaw in applied.flaws:
            self._metrics.callbacks_flawed.inc()
            _log.warning("callback_flawed", flaw=flaw)
        for why, count in applied.set_aside.items():
            self._metrics.callbacks_set_aside.labels(why).inc(count)
            _log.info("callback_set_aside", why=why, count=count)
        for refused in applied.refused:
            # A lost receipt leaves one message without its end; anything else may be a lost STOP.
            log = _log.warning if refused.about is About.RECEIPT else _log.error
            log("callback_refused", about=refused.about, reason=refused.reason)
