"""Work the inbox off: take callbacks, apply them, at our own pace.

A round is one transaction. One that fails is done again in halves, and a half that fails in halves
again, until what fails stands alone: it goes to the refused callbacks, and everything else counts.
A database in trouble is no callback's fault: then the round waits, and nothing is refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from sendrail.domain.errors import (
    SendrailError,
    Unstorable,
    is_passing,
)
from sendrail.domain.ids import ConnectorId, MessageIds
from sendrail.domain.message import Status
from sendrail.domain.receipt import CallbackSubject, Reply
from sendrail.receipts import kept
from sendrail.receipts.apply import (
    Policies,
    RoundCounts,
    apply,
    apply_overdue,
    apply_parked,
    receipt_of,
    refuse,
)
from sendrail.receipts.parts import take_as_it_is
from sendrail.receipts.reading import Parse, read, reason_of, refusal_of
from sendrail.rounds import STORAGE_RETRY_SECONDS, Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.inbox import ParkedReceipt
from sendrail.storage.pipeline.refused import Refusal
from sendrail.storage.pipeline.replies import PartsKey
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# One round is one transaction: some thousand receipts at the most.
_CALLBACKS_MAX: Final = 500
_BYTES_MAX: Final = 64 * 1024
_PARKED_MAX: Final = 500
_PARTS_MAX: Final = 100
# The answer that a receipt overtook comes within moments; that of a stray one never does.
_PARKED_WITHIN_MS: Final = 10 * 60_000
_LOOK_SECONDS: Final = 0.5
# So often, while callbacks come, it is looked for what became due without one: on many servers each
# look asks all of them. A round without callbacks always looks.
_AGAIN_MS: Final = 500
_EVER: Final = 1 << 62


@dataclass(slots=True)
class _Round:
    """What one transaction took up, known also when it fails."""

    callbacks: list[int] = field(default_factory=list)
    parked: list[ParkedReceipt] = field(default_factory=list)
    overdue: list[PartsKey] = field(default_factory=list)
    # When it was looked for both; 0 where more was left, and None where it was not.
    looked_at: int | None = None


class ReceiptWorker:
    """Applies callbacks until stopped; tests drive it a step at a time."""

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
        # When parked receipts and overdue parts were last looked for; 0 if more of them were left.
        self._looked_at = 0
        # Whether anything is left that becomes due without being written again.
        self._waits = False
        self._rounds = Rounds("receipts", hint=store.hints.inbox_event)

    async def run(self) -> None:
        """Apply until `stop` is called; no trouble of a round ends it."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        try:
            moved = await self.step()
        except SendrailError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug here must not end the server
            _log.error("receipts_broke_postponed", reason=reason_of(error))
            await asyncio.sleep(STORAGE_RETRY_SECONDS)
            return 0.0
        if moved:
            return 0.0
        # What only time or a connector decides is not announced by anything that is written.
        return _LOOK_SECONDS if self._waits else self._store.hints.look_seconds

    def stop(self) -> None:
        """End after the round under way; what is left waits in the inbox."""
        self._rounds.stop()

    async def step(self) -> int:
        """Do one round; return how many callbacks and parked receipts it dealt with."""
        moved, unread = 0, frozenset[ConnectorId]()
        self._waits = False
        while True:
            done = await self._one_round(unread)
            moved += done.callbacks
            if not done.unread:
                return moved
            # What waits for a connector must not be all that is looked at.
            unread |= done.unread
            self._waits = True

    async def _one_round(self, unread: frozenset[ConnectorId]) -> RoundCounts:
        taken = _Round()
        try:
            applied = await self._store.write(lambda tx: self._apply(tx, taken, unread))
        except Exception as error:
            if is_passing(error):
                raise
            _log.warning("receipts_divided", reason=reason_of(error), count=len(taken.callbacks))
            return await self._divided(taken, unread)
        if taken.looked_at is not None:
            self._looked_at = taken.looked_at
        for each in applied:
            self._count(each)
        return _sum(applied)

    def _apply(self, tx: Tx, taken: _Round, unread: frozenset[ConnectorId]) -> list[RoundCounts]:
        now, policies = self._now(), self._policies
        callbacks = tx.inbox.take(self._store.portion(_CALLBACKS_MAX), _BYTES_MAX, unread)
        taken.callbacks = [callback.id for callback in callbacks]
        fresh = RoundCounts()
        if callbacks:
            fresh = apply(tx, callbacks, self._parse, self._ids, policies, now)
            if 0 <= now - self._looked_at < _AGAIN_MS:
                return [fresh, RoundCounts(), RoundCounts()]
        else:
            self._waits = self._waits or bool(tx.replies.overdue_parts(_EVER, 1))
        parked_max, parts_max = self._store.portion(_PARKED_MAX), self._store.portion(_PARTS_MAX)
        parked = self._apply_parked(tx, taken, parked_max)
        overdue = self._apply_overdue(tx, taken, parts_max)
        is_all = len(taken.parked) < parked_max and len(taken.overdue) < parts_max
        taken.looked_at = now if is_all else 0
        return [fresh, parked, overdue]

    def _apply_parked(self, tx: Tx, taken: _Round, limit: int = _PARKED_MAX) -> RoundCounts:
        taken.parked = tx.inbox.parked(self._now() - _PARKED_WITHIN_MS, limit)
        return apply_parked(tx, taken.parked, self._policies.troubles)

    def _apply_overdue(self, tx: Tx, taken: _Round, limit: int = _PARTS_MAX) -> RoundCounts:
        now, policy = self._now(), self._policies.replies
        taken.overdue = tx.replies.overdue_parts(now - policy.parts_within_ms, limit)
        return apply_overdue(tx, taken.overdue, policy, now)

    # What fails

    async def _divided(self, taken: _Round, unread: frozenset[ConnectorId]) -> RoundCounts:
        """Do a round again that has failed, a half at a time or one by one."""
        done = RoundCounts(unread=set(unread))
        await self._in_halves(taken.callbacks, done)
        done.unread -= unread
        for _ in range(_PARKED_MAX):
            if not await self._next_parked():
                break
        for _ in range(_PARTS_MAX):
            if not await self._next_overdue():
                break
        return done

    async def _in_halves(self, ids: Sequence[int], done: RoundCounts) -> None:
        if not ids:
            return
        try:
            applied = await self._store.write(
                lambda tx: apply(
                    tx, tx.inbox.again(ids), self._parse, self._ids, self._policies, self._now()
                )
            )
        except Exception as error:
            if is_passing(error):
                raise
            if len(ids) == 1:
                done.callbacks += await self._give_up(ids[0], error)
                return
            middle = len(ids) // 2
            await self._in_halves(ids[:middle], done)
            await self._in_halves(ids[middle:], done)
        else:
            self._count(applied)
            done.callbacks += applied.callbacks
            done.unread |= applied.unread

    async def _give_up(self, callback_id: int, error: Exception) -> bool:
        """Refuse the one callback that cannot be applied; should even that fail, pass it over."""

        def work(tx: Tx) -> RoundCounts:
            applied = RoundCounts()
            for callback in tx.inbox.again([callback_id]):
                said = read(callback, self._parse)
                is_text = any(isinstance(each, Reply) for each in said.callbacks)
                about = CallbackSubject.REPLY if is_text else CallbackSubject.RECEIPT
                refusal = refusal_of(callback, _why(error), about)
                refuse(tx, refusal, self._now(), applied)
            tx.inbox.remove([callback_id])
            return applied

        try:
            self._count(await self._store.write(work))
        except Exception as trouble:
            if is_passing(trouble):
                raise
            _log.error("callback_stuck", callback_id=callback_id, reason=reason_of(trouble))
            return False
        return True

    async def _next_parked(self) -> bool:
        """Apply the oldest parked receipt whose message is known; return whether there was one."""
        taken = _Round()
        try:
            applied = await self._store.write(lambda tx: self._apply_parked(tx, taken, 1))
        except Exception as error:
            if is_passing(error) or not taken.parked:
                raise
            [parked] = taken.parked
            raw = kept.pack(receipt_of(parked))
            refusal = Refusal(
                parked.connector_id, parked.received_at, raw, _why(error), CallbackSubject.RECEIPT
            )
            self._count(await self._store.write(lambda tx: self._unpark(tx, parked, refusal)))
        else:
            self._count(applied)
        return bool(taken.parked)

    def _unpark(self, tx: Tx, parked: ParkedReceipt, refusal: Refusal) -> RoundCounts:
        applied = RoundCounts()
        tx.inbox.unpark([parked.id])
        refuse(tx, refusal, self._now(), applied)
        return applied

    async def _next_overdue(self) -> bool:
        """Take the oldest text whose parts are overdue; return whether there was one."""
        taken = _Round()
        try:
            applied = await self._store.write(lambda tx: self._apply_overdue(tx, taken, 1))
        except Exception as error:
            if is_passing(error) or not taken.overdue:
                raise
            [key], why = taken.overdue, _why(error)
            self._count(await self._store.write(lambda tx: self._forget_parts(tx, key, why)))
        else:
            self._count(applied)
        return bool(taken.overdue)

    def _forget_parts(self, tx: Tx, key: PartsKey, why: str) -> RoundCounts:
        applied, now = RoundCounts(), self._now()
        for text in take_as_it_is(tx, key):
            refuse(
                tx,
                Refusal(key.connector_id, now, kept.pack(text), why, CallbackSubject.REPLY),
                now,
                applied,
            )
        return applied

    def _count(self, applied: RoundCounts) -> None:
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
        for refusal, connector, kind in applied.refused:
            self._metrics.callbacks_refused.labels(kind).inc()
            # A lost receipt leaves one message without its end; anything else may be a lost STOP.
            say = _log.warning if refusal.about is CallbackSubject.RECEIPT else _log.error
            say(
                "callback_refused",
                connector=connector,
                kind=kind,
                reason=refusal.reason,
                about=refusal.about,
                bytes=len(refusal.raw),
            )
        if applied.replies:
            self._store.hints.answers_wait()


def _why(error: Exception) -> str:
    if isinstance(error, Unstorable):
        return "the database refuses a value in it"
    return f"it could not be applied: {reason_of(error)}"


def _sum(rounds: Sequence[RoundCounts]) -> RoundCounts:
    fresh, parked, _ = rounds
    return RoundCounts(callbacks=fresh.callbacks + sum(parked.fates.values()), unread=fresh.unread)
