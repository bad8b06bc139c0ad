"""Messages for later: when they may leave, how they wait, and how one is called back."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from sendrail.domain.delivery import rank_of
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.message import FINAL, DropReason, Status
from sendrail.domain.order import Fault
from sendrail.domain.times import DAY_MS
from sendrail.intake.facts import InLine
from sendrail.intake.orders import Limits
from sendrail.intake.verdicts import Accepted
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import QueuePlace
from sendrail.storage.pipeline.scheduled import ScheduledMessage
from sendrail.storage.pipeline.stored_messages import StoredMessage

# How late a time may be for clocks to differ: it is taken for now.
LATE_MS_MAX: Final = 60_000
_AT_ONCE: Final = 500
# So often a message that is to be cancelled may have moved in the queue since it was found there.
_PLACES_MAX: Final = 3
# However far the next one is: another process may have scheduled a nearer one unnoticed.
_LOOK_SECONDS: Final = 1.0

TIME_PASSED: Final = Fault("invalid_send_at", "send_at has passed already", "send_at")
TOO_MANY: Final = Fault(
    "too_many_scheduled",
    "Too many messages of the account are waiting for their send_at",
    "send_at",
)


class SendTimes:
    """Reads the times of one group's orders; what an account has is counted once."""

    def __init__(self, tx: Tx, limits: Limits, now: int) -> None:
        self._tx = tx
        self._limits = limits
        self._now = now
        self._counts: dict[AccountId, int] = {}

    def read(self, account_id: AccountId, send_at: int) -> int | Fault:
        """Return when an order is to leave, 0 for at once, or why it cannot wait for that."""
        if send_at <= self._now:
            return 0 if send_at > self._now - LATE_MS_MAX else TIME_PASSED
        if send_at > self._now + self._limits.send_at_ms_max:
            days = self._limits.send_at_ms_max // DAY_MS
            return Fault("invalid_send_at", f"send_at can be at most {days} days ahead", "send_at")
        if account_id not in self._counts:
            self._counts[account_id] = self._tx.scheduled.count(account_id)
        if self._counts[account_id] >= self._limits.scheduled_max:
            return TOO_MANY
        self._counts[account_id] += 1
        return send_at


def put_off(tx: Tx, line: Sequence[InLine], now: int) -> None:
    """Take what was queued just now and is to leave later out of the queue again."""
    later = []
    for verdicts, at, facts, order in line:
        verdict, sender = verdicts[at], facts.sender
        if sender is not None and isinstance(verdict, Accepted):
            rank = rank_of(order.skips)
            later.append(
                ScheduledMessage(
                    sender.lane, verdict.number, order.send_at, sender.account_id, sender.id, rank
                )
            )
    if later:
        tx.scheduled.put_off(later, now)


class ScheduledWorker:
    """Queues messages whose time has come, again and again until cancelled.

    Of several processes only the owner does so; two that do for a moment queue nothing twice.
    """

    def __init__(self, store: Store, now: Callable[[], int], ownership: Ownership) -> None:
        self._store = store
        self._now = now
        self._ownership = ownership
        self._rounds = Rounds("scheduled", hint=store.hints.scheduled_event)

    async def run(self) -> None:
        """Queue what is due, and rest until the next one is."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        look = max(_LOOK_SECONDS, self._store.hints.look_seconds)
        if not self._ownership.owns():
            return _LOOK_SECONDS
        next_at = await self._store.read(lambda tx: tx.scheduled.next_at(), begun=False)
        if next_at is None:
            return look
        seconds = (next_at - self._now()) / 1000
        if seconds > 0:
            return min(seconds, look)
        await self.step()
        return 0.0

    async def step(self) -> int:
        """Queue once what is due; return how many messages were queued."""
        queued = await self._store.write(
            lambda tx: tx.scheduled.queue_due(self._now(), self._store.portion(_AT_ONCE))
        )
        self._store.hints.queue_has(set(queued))
        return len(queued)


class CancelService:
    """Calls messages back that have not left."""

    def __init__(self, store: Store, ids: MessageIds, now: Callable[[], int]) -> None:
        self._store = store
        self._ids = ids
        self._now = now

    async def cancel(self, account_id: AccountId, message_id: str) -> None:
        """End a message that waits for its time, or for its turn in the queue.

        Raises `NotFound` where the account has no such message, and `Conflict` where it has left,
        may have left, or is about to.
        """
        number = self._ids.read(message_id)

        def find(tx: Tx) -> tuple[StoredMessage, QueuePlace | None]:
            found = None if number is None else tx.lookup.find(account_id, number)
            if found is None:
                raise NotFound("Message not found")
            return found, _place_in_queue(tx, found)

        for _ in range(_PLACES_MAX):
            # Beside the one writer: what is due behind the message is looked through.
            found, place = await self._store.read(find)
            if await self._store.write(partial(self._cancel, account_id, found, place)):
                return
            if found.status is not Status.QUEUED:
                break
        raise Conflict(why_not_cancelled(found.status, found.detail), code="not_scheduled")

    def _cancel(
        self, account_id: AccountId, found: StoredMessage, place: QueuePlace | None, tx: Tx
    ) -> bool:
        """End a message where it waits; return False where it waits no more, or elsewhere."""
        now = self._now()
        if tx.scheduled.cancel(account_id, found.list_id, found.number, now):
            return True
        if place is None or tx.queue.load([place])[place.number].resent:
            # Tried again after an attempt of unknown outcome, it may have left before.
            return False
        return tx.queue.cancel(place, now)


def _place_in_queue(tx: Tx, found: StoredMessage) -> QueuePlace | None:
    if found.status is not Status.QUEUED or found.send_at is not None:
        return None
    return tx.scheduled.place_in_queue(found.list_id, found.created_at, found.number)


def why_not_cancelled(status: Status, detail: str | None) -> str:
    """Return why a message of a status and its detail cannot be called back."""
    if detail == DropReason.CANCELLED:
        return "The message is cancelled already."
    if status is Status.QUEUED:
        return "An attempt to send the message had no answer: it may have left, and is tried again."
    if status is Status.SENDING:
        return "The message is being handed to a carrier now."
    if status in FINAL:
        return f"The message has ended as {status}."
    return "The message has left."
