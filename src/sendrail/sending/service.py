"""The one way in: orders are judged, made messages and queued, many in one transaction.

The API, the command line, campaigns and journeys all come through here and pass the same gate.
What is offered during one turn of the event loop is judged together, over facts read in one query
a table, and answered once it is on disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from sendrail.domain.content import contains_any
from sendrail.domain.delivery import rank_of
from sendrail.domain.errors import (
    Forbidden,
    InvalidInput,
    Overloaded,
    SendrailError,
    StorageFull,
    Unauthorized,
)
from sendrail.domain.gate import Facts, judge
from sendrail.domain.ids import AccountId, MessageId, MessageIds, MessageNumber
from sendrail.domain.message import Skip, Status
from sendrail.domain.order import Fault, Order, Refusal
from sendrail.sending.duplicates import DuplicateWindow, fingerprint
from sendrail.storage.interface import Store, Tx
from sendrail.storage.rows import Caller, KeptAnswer, MessageRow, PlaceRow
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# Past this a bigger transaction brings no more throughput, only more wait.
_GROUP_ORDERS_MAX: Final = 512

# Members looked up once: on Python 3.11 each look-up on an enumeration costs as much as a query.
_SKIP_CONTACT: Final = Skip.CONTACT_VALIDATION.value
_SKIP_JOURNEY: Final = Skip.JOURNEY.value
_QUEUED: Final = Status.QUEUED.value
_FULL: Final = Refusal.QUEUE_FULL.value

SUSPENDED: Final = "Account is suspended"
_REFUSAL_TEXTS: Final = {
    Refusal.LIST_NOT_FOUND: "List not found",
    Refusal.LIST_INACTIVE: "The list is not active",
    Refusal.ACCOUNT_SUSPENDED: SUSPENDED,
    Refusal.WEBHOOK_NOT_CONFIGURED: "The list's own carrier is not verified yet",
    Refusal.BLOCKED_CONTENT: "The text contains a blocked word",
    Refusal.CONTACT_UNSUBSCRIBED: "The recipient has unsubscribed from this list",
    Refusal.CONTACT_BLOCKED: "The recipient is on the account's block list",
    Refusal.DUPLICATE_MESSAGE: "The same message was sent to this recipient a moment ago",
    Refusal.JOURNEY_CONFLICT: "The recipient is in an active journey on this list",
    Refusal.QUEUE_FULL: "Too many messages of the account are waiting",
}


class Accepted(NamedTuple):
    """The order is a message now, and on disk."""

    message_id: MessageId


class Refused(NamedTuple):
    """The order is no message, and why; `detail` says more where there is more to say."""

    code: str
    text: str
    param: str | None = None
    detail: str | None = None


Verdict = Accepted | Refused
Shaped = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's promise that requests with this key are one and the same."""

    key: str
    route: str
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer kept from the first request with the same idempotency key."""

    status: int
    answer: bytes


Told = Sequence[Verdict] | Replay | SendrailError


class Submission:
    """What came through a door at one time: one caller, one or many orders.

    `caller` is the digest of an API key, or an account that the door knows already. A fault among
    the orders is kept in its place: only who may ask is told what was wrong.
    """

    __slots__ = ("caller", "idempotency", "orders")

    def __init__(
        self,
        caller: bytes | AccountId,
        orders: Sequence[Order | Fault],
        idempotency: Idempotency | None = None,
    ) -> None:
        self.caller = caller
        self.orders = orders
        self.idempotency = idempotency

    def told(self, told: Told) -> None:
        """Answer the caller; called once, when what is told is durable."""
        raise NotImplementedError

    def shape(self, verdicts: Sequence[Verdict]) -> Shaped:
        """Return the door's answer, to be stored with the messages it speaks of."""
        raise NotImplementedError


class _Awaited(Submission):
    """A submission of somebody who waits in a task."""

    __slots__ = ("future",)

    def __init__(self, account_id: AccountId, orders: Sequence[Order | Fault]) -> None:
        super().__init__(account_id, orders)
        self.future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

    def told(self, told: Told) -> None:
        if not self.future.done():
            self.future.set_result(told)


class _Batch:
    """Messages in the making: what one transaction will insert."""

    __slots__ = ("now", "number", "numbers", "places", "rows")

    def __init__(self, first: int, now: int) -> None:
        self.number = first
        self.now = now
        self.numbers: list[int] = []
        self.rows: list[MessageRow] = []
        self.places: list[PlaceRow] = []


class Sending:
    """Judges and queues; every front door holds the same one."""

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        window: DuplicateWindow,
        blocked_words: str,
        waiting_max: int,
    ) -> None:
        self._store = store
        self._ids = ids
        self._metrics = metrics
        self._now = now
        self._window = window
        self._blocked_words = blocked_words
        self._waiting_max = waiting_max
        self._waiting: deque[Submission] = deque()
        self._scheduled = False
        self._group: list[Submission] = []
        self._remembered: list[tuple[int, int]] = []
        self._queued: set[tuple[int, int]] = set()
        # The first number not yet in the window; None until the window is filled from the rows.
        self._next: int | None = None
        self._first: int | None = None
        # Set by the caretaker: a reason to take no message from anybody, or from some accounts.
        self.closed: StorageFull | None = None
        self.full_accounts: frozenset[int] = frozenset()

    async def accept(
        self, account_id: AccountId, orders: Sequence[Order | Fault]
    ) -> Sequence[Verdict]:
        """Judge and queue orders of a known account; return a verdict for each, in order.

        Raises `Forbidden` when the account is suspended, `StorageUnavailable` when nothing could
        be stored, `Overloaded` when too much waits already.
        """
        submission = _Awaited(account_id, orders)
        self.offer(submission)
        told = await submission.future
        if isinstance(told, SendrailError):
            raise told
        assert not isinstance(told, Replay), "no idempotency key was given"
        return told

    def offer(self, submission: Submission) -> None:
        """Take a submission; it is told once, when what it is told is durable."""
        if self.closed is not None:
            submission.told(self.closed)
            return
        if len(self._waiting) >= self._waiting_max:
            submission.told(Overloaded("Too many requests wait for the disk. Try again shortly."))
            return
        self._waiting.append(submission)
        if not self._scheduled:
            self._scheduled = True
            self._store.submit(self._work, self._committed)

    def fill_window(self, tx: Tx) -> None:
        """Read the messages of the duplicate window; at start, so that no request waits for it."""
        self._window.open(self._now())
        self._remember_rows(tx, tx.messages.first_since(self._now() - self._window.length_ms))

    # One transaction

    def _work(self, tx: Tx) -> list[Told]:
        self._group, self._remembered, self._queued = [], [], set()
        self._first = self._next
        orders = 0
        while self._waiting and orders < _GROUP_ORDERS_MAX:
            submission = self._waiting.popleft()
            orders += len(submission.orders)
            self._group.append(submission)
        if self._waiting:
            self._store.submit(self._work, self._committed)
        else:
            self._scheduled = False
        return self._judge_group(tx, self._group, self._now())

    def _committed(self, tolds: list[Told] | None, error: Exception | None) -> None:
        group, self._group = self._group, []
        if error is not None:
            if group:
                self._take_back()
            else:
                # The transaction could not even begin, and `_work` never ran.
                group, self._scheduled = list(self._waiting), False
                self._waiting.clear()
            tolds = [_explained(error)] * len(group)
        else:
            self._store.hints.queue_has(self._queued)
        assert tolds is not None, "a transaction that did not fail has a result"
        self._count(tolds)
        for submission, told in zip(group, tolds, strict=True):
            submission.told(told)

    def _take_back(self) -> None:
        for key, earlier in reversed(self._remembered):
            self._window.take_back(key, earlier)
        # The numbers given out are free again.
        self._next = self._first

    def _judge_group(self, tx: Tx, group: Sequence[Submission], now: int) -> list[Told]:
        callers = self._callers(tx, group)
        tolds: list[Told | None] = [_turned_away(caller) for caller in callers]
        self._replay(tx, group, callers, tolds)
        asking = [
            (submission, caller)
            for submission, caller, told in zip(group, callers, tolds, strict=True)
            if told is None and caller is not None
        ]
        verdicts = iter(self._judge_orders(tx, asking, now))
        return [
            told if told is not None else self._keep(tx, submission, caller, next(verdicts), now)
            for submission, caller, told in zip(group, callers, tolds, strict=True)
        ]

    def _callers(self, tx: Tx, group: Sequence[Submission]) -> list[Caller | None]:
        asked = {submission.caller for submission in group}
        by_key = tx.gate.callers({caller for caller in asked if isinstance(caller, bytes)})
        by_account = tx.gate.accounts({caller for caller in asked if isinstance(caller, int)})
        return [
            by_key.get(submission.caller)
            if isinstance(submission.caller, bytes)
            else by_account.get(submission.caller)
            for submission in group
        ]

    def _judge_orders(
        self, tx: Tx, asking: Sequence[tuple[Submission, Caller]], now: int
    ) -> list[list[Verdict]]:
        orders = [
            (caller, order)
            for submission, caller in asking
            for order in submission.orders
            if isinstance(order, Order)
        ]
        refusals: list[Refused | None] = []
        accepted: Iterator[MessageId] = iter(())
        if orders:
            facts = self._read_facts(tx, orders, now)
            batch = _Batch(self._reserve(tx, len(orders), now), now)
            refusals = [
                self._judge(caller, order, fact, batch)
                for (caller, order), fact in zip(orders, facts, strict=True)
            ]
            tx.messages.insert(batch.rows, batch.places)
            accepted = iter(self._ids.show_many(batch.numbers))
        verdicts = iter(
            [Accepted(next(accepted)) if refusal is None else refusal for refusal in refusals]
        )
        return [
            [
                next(verdicts)
                if isinstance(order, Order)
                else Refused(order.code, order.text, order.param)
                for order in submission.orders
            ]
            for submission, _ in asking
        ]

    def _read_facts(self, tx: Tx, orders: Sequence[tuple[Caller, Order]], now: int) -> list[Facts]:
        """Read what the gate asks about, one query a table, and put it together by order."""
        gate = tx.gate
        lists = gate.lists({(caller.account_id, order.list_number) for caller, order in orders})
        senders = [lists.get((caller.account_id, order.list_number)) for caller, order in orders]
        subscriptions, blocks, journeys = [], [], []
        for (caller, order), sender in zip(orders, senders, strict=True):
            if sender is None:
                continue
            if not order.skips & _SKIP_CONTACT:
                subscriptions.append((sender.id, order.recipient))
                blocks.append((caller.account_id, order.recipient))
            if not order.skips & _SKIP_JOURNEY:
                journeys.append((sender.id, order.recipient))
        unsubscribed = gate.unsubscribed(subscriptions)
        blocked = gate.blocked(blocks)
        enrolled = gate.enrolled(journeys, now)
        return [
            Facts(
                sender,
                caller.active,
                self._is_blocked(order.body, caller),
                # Nearly always nobody is found, and an empty set need not be asked.
                bool(unsubscribed and sender and (sender.id, order.recipient) in unsubscribed),
                bool(blocked and (caller.account_id, order.recipient) in blocked),
                False,
                bool(enrolled and sender and (sender.id, order.recipient) in enrolled),
            )
            for (caller, order), sender in zip(orders, senders, strict=True)
        ]

    def _is_blocked(self, body: str, caller: Caller) -> bool:
        if not self._blocked_words and not caller.blocked_words:
            return False
        return contains_any(body, self._blocked_words) or contains_any(body, caller.blocked_words)

    def _judge(self, caller: Caller, order: Order, facts: Facts, batch: _Batch) -> Refused | None:
        """Put an order into the batch, or return why not."""
        sender = facts.sending_list
        number, now = batch.number, batch.now
        batch.number += 1
        key = earlier = 0
        if sender is not None:
            key = fingerprint(sender.id, order.recipient, order.body)
            earlier = self._window.find(key, now)
            facts.same_message_recently = earlier != 0
        refusal = judge(facts, order.skips)
        if refusal is None and caller.account_id in self.full_accounts:
            refusal = Refusal.QUEUE_FULL
        if refusal is not None:
            detail = None
            if refusal is Refusal.DUPLICATE_MESSAGE:
                detail = f"The first message is {self._ids.show(earlier)}"
            return Refused(refusal, _REFUSAL_TEXTS[refusal], None, detail)
        assert sender is not None, "no order passes the gate without a list"
        self._window.add(key, number, now)
        self._remembered.append((key, earlier))
        metadata = None if order.metadata is None else order.metadata.decode()
        batch.numbers.append(number)
        batch.rows.append(
            (
                number, sender.lane, sender.account_id, sender.id, order.recipient, now, _QUEUED,
                order.skips, order.segments, order.encoding, order.body, metadata,
            )
        )  # fmt: skip
        batch.places.append((sender.lane, sender.id, rank_of(order.skips), now, number))
        self._queued.add((sender.lane, sender.id))
        return None

    def _reserve(self, tx: Tx, wanted: int, now: int) -> MessageNumber:
        """Take numbers, and learn of messages that another process accepted meanwhile."""
        first = tx.messages.reserve(wanted)
        self._window.open(now)
        if self._next is None:
            self._remember_rows(tx, tx.messages.first_since(now - self._window.length_ms))
        elif self._next < first:
            self._remember_rows(tx, self._next)
        self._first, self._next = first, first + wanted
        return first

    def _remember_rows(self, tx: Tx, first: int) -> None:
        self._next = first
        if self._window.length_ms:
            for number, created_at, list_id, recipient, body in tx.messages.recent(first):
                self._window.add(fingerprint(list_id, recipient, body), number, created_at)
                self._next = number + 1

    # Idempotency

    def _replay(
        self,
        tx: Tx,
        group: Sequence[Submission],
        callers: Sequence[Caller | None],
        tolds: list[Told | None],
    ) -> None:
        """Answer what was answered before; a second of the same key in one group comes later."""
        asked: dict[tuple[int, str], int] = {}
        for at, (submission, caller) in enumerate(zip(group, callers, strict=True)):
            if submission.idempotency is None or caller is None or tolds[at] is not None:
                continue
            pair: tuple[int, str] = (caller.account_id, submission.idempotency.key)
            if pair in asked:
                tolds[at] = Overloaded(
                    "A request with this idempotency key is still running. Try again shortly.",
                    code="idempotency_in_progress",
                )
            else:
                asked[pair] = at
        if not asked:
            return
        for pair, kept in tx.gate.kept_answers(asked).items():
            promise = group[asked[pair]].idempotency
            assert promise is not None, "only submissions with a key were asked about"
            same = (kept.route, kept.body_digest) == (promise.route, promise.body_digest)
            tolds[asked[pair]] = (
                Replay(kept.status, kept.answer)
                if same
                else InvalidInput(
                    "The idempotency key was used before with another request.",
                    code="idempotency_key_reused",
                )
            )

    def _keep(
        self,
        tx: Tx,
        submission: Submission,
        caller: Caller | None,
        verdicts: Sequence[Verdict],
        now: int,
    ) -> Sequence[Verdict]:
        promise = submission.idempotency
        if promise is None or caller is None:
            return verdicts
        if all(isinstance(each, Refused) and each.code == _FULL for each in verdicts):
            # It asks for patience: whoever comes back with the same key must be judged anew.
            return verdicts
        kept = KeptAnswer(promise.route, promise.body_digest, *submission.shape(verdicts))
        tx.gate.keep_answer(caller.account_id, promise.key, kept, now)
        return verdicts

    def _count(self, tolds: Sequence[Told]) -> None:
        accepted = 0
        for told in tolds:
            if isinstance(told, (Replay, SendrailError)):
                continue
            for verdict in told:
                if isinstance(verdict, Accepted):
                    accepted += 1
                else:
                    self._metrics.refused.labels(verdict.code).inc()
        self._metrics.accepted.inc(accepted)


def _explained(error: Exception) -> Told:
    if isinstance(error, SendrailError):
        return error
    _log.error("acceptance_broke", exc_info=error)
    return SendrailError("Something broke here; nothing was stored.", code="internal_error")


def _turned_away(caller: Caller | None) -> SendrailError | None:
    if caller is None:
        return Unauthorized("Invalid API key")
    return None if caller.active else Forbidden(SUSPENDED)
