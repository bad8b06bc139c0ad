"""The one way in: orders are judged, made messages and queued, many in one transaction.

The API, the command line, campaigns and journeys all come through here and pass the same gate.
What is offered during one turn of the event loop is judged together, over facts read in one query
a table, and answered once it is on disk.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from sendrail.domain.content import contains_any
from sendrail.domain.errors import (
    Contended,
    Forbidden,
    InvalidInput,
    Overloaded,
    SendrailError,
    StorageFull,
    Unauthorized,
)
from sendrail.domain.gate import Facts, judge
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.order import Fault, Order, Refusal
from sendrail.domain.sender import SendingList
from sendrail.intake.verdicts import (
    SUSPENDED,
    Refused,
    Replay,
    SubmissionResult,
    Verdict,
    refused,
)
from sendrail.storage.interface import Store, Tx
from sendrail.storage.rows import Asked, Caller, KeptAnswer, KnownContact, MessageRow
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# Past this a bigger transaction brings no more throughput, only more wait.
_GROUP_ORDERS_MAX: Final = 512
# With fewer, what a group costs by itself is most of what it costs.
_WORTH_SHARING: Final = 32
# More tries than two transactions can be in each other's way by chance.
_CONTENDED_MAX: Final = 5

# Looked up once: on Python 3.11 each look-up on an enumeration costs as much as a query.
_FULL: Final = Refusal.QUEUE_FULL.value
_NOBODY: Final = KnownContact()
_STRANGER: Final = Caller(AccountId(0), active=False, blocked_words="")
# Which list those ask for whose orders name none.
_NO_LIST: Final = 0
# Stands in an answer until the order's verdict does.
_UNDECIDED: Final[Verdict] = Refused("undecided", "Not judged yet")

Shaped = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's promise that requests with this key are one and the same."""

    key: str
    route: str
    body_digest: bytes


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

    def resolve(self, result: SubmissionResult) -> None:
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
        self.future: asyncio.Future[SubmissionResult] = asyncio.get_running_loop().create_future()

    def resolve(self, result: SubmissionResult) -> None:
        if not self.future.done():
            self.future.set_result(result)


class SenderFacts:
    """One caller at one list: what all their orders of a group share, read once."""

    __slots__ = ("caller", "has_words", "known", "recipients", "sender", "usual")

    def __init__(self) -> None:
        self.caller = _STRANGER
        self.sender: SendingList | None = None
        self.recipients: list[int] = []
        self.known: dict[int, KnownContact] = {}
        # Whether there are words that no text may contain.
        self.has_words = False
        # The gate's word, by skip flags, on an order of which nothing in particular is known.
        self.usual: dict[int, Refusal | None] = {}


class Group:
    """What one transaction judges, and what follows for our memory when it is over."""

    __slots__ = ("blocks", "queued", "refusals", "remembered", "rows", "since", "submissions")

    def __init__(self) -> None:
        # When its first submission came.
        self.since = 0
        self.submissions: list[Submission] = []
        self.rows: list[MessageRow] = []
        self.queued: set[tuple[int, int]] = set()
        self.refusals: list[str] = []
        self.remembered: list[tuple[int, int]] = []
        # What is left of the blocks of numbers that were reserved for it: lane, next, end.
        self.blocks: list[tuple[int, int, int]] = []


Callers = Mapping[bytes | int, Caller]
FactsBySender = Mapping[tuple[bytes | int, int], SenderFacts]
# An order in line: where its verdict goes, what is shared with its like, and the order itself.
InLine = tuple[list[Verdict], int, SenderFacts, Order]


class Intake(ABC):
    """Judges and queues; every front door holds the same one.

    How messages are numbered, and what was accepted lately, depends on how many processes accept:
    see `local.py` and `cluster.py`.
    """

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        blocked_words: str,
        waiting_max: int,
        groups: int = 1,
    ) -> None:
        """Accept through a store that has so many `groups` under way at once."""
        self._store = store
        self.ids = ids
        self._metrics = metrics
        self._now = now
        self._blocked_words = blocked_words
        self._waiting_max = waiting_max
        self._waiting: deque[Submission] = deque()
        self._scheduled = False
        self._groups = groups
        # How many submissions are in groups under way.
        self._under_way = 0
        # When the first of those that wait came.
        self._since = 0
        # How often in a row our transaction was in another's way.
        self._contended = 0
        # Set by the maintenance: a reason to take no message from anybody, or from some accounts.
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
            self._turn_away([submission], self.closed)
            return
        if len(self._waiting) >= self._waiting_max:
            full = Overloaded("Too many requests wait for the disk. Try again shortly.")
            self._turn_away([submission], full)
            return
        if not self._waiting:
            self._since = self._now()
        self._waiting.append(submission)
        if not self._scheduled:
            self._schedule_when_due()

    @abstractmethod
    def fill_window(self, tx: Tx) -> None:
        """Learn of the messages of the duplicate window, so that no request waits for it."""

    @abstractmethod
    def judge_line(self, tx: Tx, line: Sequence[InLine], group: Group, now: int) -> None:
        """Say of each order what it came to, and insert what has become a message."""

    @abstractmethod
    def take_back(self, group: Group) -> None:
        """Forget what a transaction that failed has changed in memory."""

    @abstractmethod
    def keep(self, group: Group) -> None:
        """Keep what a transaction that is durable now has changed in memory."""

    # One transaction

    def _schedule_when_due(self) -> None:
        """Begin a group once its share waits: a small one would cost as much as a big one."""
        waiting = len(self._waiting)
        if self._scheduled or not waiting or waiting * (self._groups - 1) < self._under_way:
            return
        self._scheduled = True
        group = Group()
        self._store.submit(partial(self._work, group), partial(self._committed, group), begun=False)

    def _work(self, group: Group, tx: Tx) -> list[SubmissionResult]:
        # What is left for the next group may have come later: it is not told to be faster.
        group.since = self._since
        share = -(-(len(self._waiting) + self._under_way) // self._groups)
        most, orders = max(share, _WORTH_SHARING), 0
        for _ in range(min(most, len(self._waiting))):
            submission = self._waiting.popleft()
            orders += len(submission.orders)
            group.submissions.append(submission)
            if orders >= _GROUP_ORDERS_MAX:
                break
        self._under_way += len(group.submissions)
        self._scheduled = False
        self._schedule_when_due()
        return self._judge_group(tx, group, self._now())

    def _committed(
        self, group: Group, results: list[SubmissionResult] | None, error: Exception | None
    ) -> None:
        submissions = group.submissions
        self._under_way -= len(submissions)
        self._schedule_when_due()
        if error is not None:
            if submissions:
                self.take_back(group)
                if isinstance(error, Contended) and self._try_again(group):
                    return
            else:
                # The transaction could not even begin, and `_work` never ran.
                submissions, self._scheduled = list(self._waiting), False
                self._waiting.clear()
            self._turn_away(submissions, _as_error(error))
            return
        self._contended = 0
        self.keep(group)
        self._store.hints.queue_has(group.queued)
        self._metrics.accepted.inc(len(group.rows))
        if submissions:
            self._metrics.accept_seconds.observe((self._now() - group.since) / 1000)
        for code in group.refusals:
            self._metrics.refused.labels(code).inc()
        assert results is not None, "a transaction that did not fail has a result"
        for submission, told in zip(submissions, results, strict=True):
            submission.resolve(told)

    def _turn_away(self, submissions: Sequence[Submission], error: SendrailError) -> None:
        orders = sum(len(submission.orders) for submission in submissions)
        self._metrics.refused.labels(error.code).inc(orders)
        for submission in submissions:
            submission.resolve(error)

    def _try_again(self, group: Group) -> bool:
        """Put a group first in line again, unless that has been tried too often."""
        self._contended += 1
        if self._contended > _CONTENDED_MAX:
            self._contended = 0
            return False
        self._waiting.extendleft(reversed(group.submissions))
        self._since = group.since
        self._schedule_when_due()
        return True

    def _judge_group(self, tx: Tx, group: Group, now: int) -> list[SubmissionResult]:
        line, by_sender, verdicts, faults = _line_up(group)
        callers = _read_facts(tx, group, by_sender, now)
        self._store.hints.used_keys.update(who for who in callers if isinstance(who, bytes))
        away = _rejections(group, callers)
        results: list[SubmissionResult] = [*verdicts]
        if away:
            results = [
                away.get(each.caller, told)
                for each, told in zip(group.submissions, verdicts, strict=True)
            ]
        promises = [
            at
            for at, each in enumerate(group.submissions)
            if each.idempotency is not None and results[at] is verdicts[at]
        ]
        if promises:
            tx.begin()
            self._replay(tx, group.submissions, promises, callers, results)
        answered: set[int] = set()
        if away or promises:
            answered = {at for at, told in enumerate(results) if told is not verdicts[at]}
        group.refusals += [code for at, code in faults if at not in answered]
        if answered:
            kept_already = {id(verdicts[at]) for at in answered}
            line = [each for each in line if id(each[0]) not in kept_already]
        if line:
            for facts in by_sender.values():
                facts.has_words = bool(self._blocked_words or facts.caller.blocked_words)
            self.judge_line(tx, line, group, now)
            if group.rows:
                senders = [each.sender for each in by_sender.values()]
                group.queued = {(sender.lane, sender.id) for sender in senders if sender}
        for at in promises:
            if at not in answered:
                submission = group.submissions[at]
                self._keep(tx, submission, callers[submission.caller], verdicts[at], now)
        return results

    def judge(self, facts: SenderFacts, order: Order, earlier: int) -> Refusal | None:
        """Return the gate's word on one order; `earlier` is the number of the same message."""
        recipient, caller = order.recipient, facts.caller
        contact = facts.known.get(recipient, _NOBODY)
        asked = Facts(
            facts.sender,
            caller.active,
            facts.has_words and self._has_blocked_words(order.body, caller),
            contact.unsubscribed,
            contact.blocked,
            earlier != 0,
            contact.enrolled,
        )
        refusal = judge(asked, order.skips)
        if refusal is None and caller.account_id in self.full_accounts:
            refusal = Refusal.QUEUE_FULL
        if not earlier and not facts.has_words and recipient not in facts.known:
            facts.usual[order.skips] = refusal
        return refusal

    def refuse(self, refusal: Refusal | None, earlier: int, group: Group) -> Refused:
        """Return the word on an order that is refused.

        `earlier` is the same message's number, or 0 where that is not known.
        """
        assert refusal is not None, "no order passes the gate without a list"
        group.refusals.append(refusal)
        if refusal is Refusal.DUPLICATE_MESSAGE and earlier:
            return refused(refusal, f"The first message is {self.ids.show(earlier)}")
        return refused(refusal)

    def _has_blocked_words(self, body: str, caller: Caller) -> bool:
        return contains_any(body, self._blocked_words) or contains_any(body, caller.blocked_words)

    # Idempotency

    def _replay(
        self,
        tx: Tx,
        submissions: Sequence[Submission],
        promises: Sequence[int],
        callers: Callers,
        results: list[SubmissionResult],
    ) -> None:
        """Answer what was answered before; a second of the same key in one group comes later."""
        asked: dict[tuple[int, str], int] = {}
        for at in promises:
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
            promise = submissions[asked[pair]].idempotency
            assert promise is not None, "only submissions with a key were asked about"
            same = (kept.route, kept.body_digest) == (promise.route, promise.body_digest)
            results[asked[pair]] = (
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
        caller: Caller,
        verdicts: Sequence[Verdict],
        now: int,
    ) -> None:
        promise = submission.idempotency
        assert promise is not None, "there is a key to keep the answer under"
        if all(isinstance(each, Refused) and each.code == _FULL for each in verdicts):
            # It asks for patience: whoever comes back with the same key must be judged anew.
            return
        kept = KeptAnswer(promise.route, promise.body_digest, *submission.shape(verdicts))
        tx.idempotency.answer(caller.account_id, promise.key, kept, now)


def _line_up(
    group: Group,
) -> tuple[list[InLine], FactsBySender, list[list[Verdict]], list[tuple[int, str]]]:
    """Put the orders in one line, with room for their verdicts.

    What is no order has its verdict already; its code comes with the submission it belongs to.
    """
    line: list[InLine] = []
    by_sender: dict[tuple[bytes | int, int], SenderFacts] = {}
    verdicts: list[list[Verdict]] = []
    faults: list[tuple[int, str]] = []
    for which, submission in enumerate(group.submissions):
        who = submission.caller
        told = [_UNDECIDED] * len(submission.orders)
        verdicts.append(told)
        for at, order in enumerate(submission.orders):
            if isinstance(order, Fault):
                faults.append((which, order.code))
                told[at] = Refused(order.code, order.text, order.param)
                continue
            place = (who, order.list_number)
            facts = by_sender.get(place)
            if facts is None:
                facts = by_sender[place] = SenderFacts()
            facts.recipients.append(order.recipient)
            line.append((told, at, facts, order))
    return line, by_sender, verdicts, faults


def _read_facts(tx: Tx, group: Group, by_sender: FactsBySender, now: int) -> Callers:
    """Read what the gate asks about; return who of those that ask is known."""
    placeless = {each.caller for each in group.submissions} - {who for who, _ in by_sender}
    asked = [Asked(*place, facts.recipients) for place, facts in by_sender.items()]
    asked += [Asked(who, _NO_LIST, ()) for who in placeless]
    callers: dict[bytes | int, Caller] = {}
    for (who, list_number, _), (caller, sender, known) in zip(
        asked, tx.gate.find(asked, now), strict=True
    ):
        if caller is not None:
            callers[who] = caller
            if facts := by_sender.get((who, list_number)):
                facts.caller, facts.sender, facts.known = caller, sender, known
    return callers


def _as_error(error: Exception) -> SendrailError:
    if isinstance(error, SendrailError):
        return error
    _log.error("acceptance_broke", exc_info=error)
    return SendrailError("Something broke here; nothing was stored.", code="internal_error")


def _rejections(group: Group, callers: Callers) -> dict[bytes | int, SendrailError]:
    """Return what those are told who may not ask."""
    told = {who: _rejection_of(callers.get(who)) for who in {x.caller for x in group.submissions}}
    return {who: error for who, error in told.items() if error is not None}


def _rejection_of(caller: Caller | None) -> SendrailError | None:
    if caller is None:
        return Unauthorized("Invalid API key")
    return None if caller.active else Forbidden(SUSPENDED)
