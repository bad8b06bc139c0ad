"""The one way in: orders are judged, made messages and queued, many in one transaction.

The API, the command line, campaigns and journeys all come through here and pass the same gate.
What is offered during one turn of the event loop is judged together, over facts read in one query
a table, and answered once it is on disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from sendrail.domain.content import contains_any
from sendrail.domain.errors import (
    Forbidden,
    InvalidInput,
    Overloaded,
    SendrailError,
    StorageFull,
    Unauthorized,
)
from sendrail.domain.gate import Facts, judge
from sendrail.domain.ids import AccountId, MessageIds, MessageNumber
from sendrail.domain.order import Fault, Order, Refusal
from sendrail.domain.sender import SendingList
from sendrail.sending.duplicates import DuplicateWindow, fingerprint
from sendrail.sending.verdicts import (
    SUSPENDED,
    Accepted,
    Refused,
    Replay,
    Told,
    Verdict,
    refused,
)
from sendrail.storage.interface import Store, Tx
from sendrail.storage.rows import Caller, KeptAnswer, KnownContact, MessageRow
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# Past this a bigger transaction brings no more throughput, only more wait.
_GROUP_ORDERS_MAX: Final = 512
# Message numbers reserved at a time by whoever accepts one message after another.
_BLOCK: Final = 1024

# Looked up once: on Python 3.11 each look-up on an enumeration costs as much as a query.
_FULL: Final = Refusal.QUEUE_FULL.value
_NOBODY: Final = KnownContact()
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


class _Standing:
    """One caller at one list: what all their orders of a group share, read once."""

    __slots__ = ("caller", "has_words", "known", "recipients", "sender", "usual")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.sender: SendingList | None = None
        self.recipients: list[int] = []
        self.known: dict[int, KnownContact] = {}
        # Whether there are words that no text may contain.
        self.has_words = False
        # The gate's word, by skip flags, on an order of which nothing in particular is known.
        self.usual: dict[int, Refusal | None] = {}


class _Group:
    """What one transaction judges, and all that a failed one takes back."""

    __slots__ = ("queued", "refusals", "remembered", "rows", "since", "submissions")

    def __init__(self) -> None:
        # When its first submission came.
        self.since = 0
        self.submissions: list[Submission] = []
        self.rows: list[MessageRow] = []
        self.queued: set[tuple[int, int]] = set()
        self.refusals: list[str] = []
        self.remembered: list[tuple[int, int]] = []


Callers = Mapping[bytes | int, Caller]
Standings = Mapping[tuple[bytes | int, int], _Standing]
# An order in line: where its verdict goes, what is shared with its like, and the order itself.
InLine = tuple[list[Verdict], int, _Standing, Order]


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
        self._since = 0
        self._group = _Group()
        # The first number not yet in the window; None until the window is filled from the rows.
        self._next: int | None = None
        # The last number of our block, if we have one, and where both stood before the
        # transaction under way.
        self._until: int | None = None
        self._before: tuple[int | None, int | None] = (None, None)
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
            self._turn_away([submission], self.closed)
            return
        if len(self._waiting) >= self._waiting_max:
            self._turn_away(
                [submission], Overloaded("Too many requests wait for the disk. Try again shortly.")
            )
            return
        self._waiting.append(submission)
        if not self._scheduled:
            self._scheduled = True
            self._since = self._now()
            self._store.submit(self._work, self._committed)

    def fill_window(self, tx: Tx) -> None:
        """Read the messages of the duplicate window; at start, so that no request waits for it."""
        self._window.open(self._now())
        self._remember_rows(tx, tx.sole.first_since(self._now() - self._window.length_ms))

    # One transaction

    def _work(self, tx: Tx) -> list[Told]:
        group = self._group = _Group()
        # What is left for the next group may have come later: it is not told to be faster.
        group.since = self._since
        self._before = (self._next, self._until)
        orders = 0
        while self._waiting and orders < _GROUP_ORDERS_MAX:
            submission = self._waiting.popleft()
            orders += len(submission.orders)
            group.submissions.append(submission)
        if self._waiting:
            self._store.submit(self._work, self._committed)
        else:
            self._scheduled = False
        return self._judge_group(tx, group, self._now())

    def _committed(self, tolds: list[Told] | None, error: Exception | None) -> None:
        group, self._group = self._group, _Group()
        submissions = group.submissions
        if error is not None:
            if submissions:
                self._take_back(group)
            else:
                # The transaction could not even begin, and `_work` never ran.
                submissions, self._scheduled = list(self._waiting), False
                self._waiting.clear()
            self._turn_away(submissions, _explained(error))
            return
        self._store.hints.queue_has(group.queued)
        self._metrics.accepted.inc(len(group.rows))
        self._metrics.accept_seconds.observe((self._now() - group.since) / 1000)
        for code in group.refusals:
            self._metrics.refused.labels(code).inc()
        assert tolds is not None, "a transaction that did not fail has a result"
        for submission, told in zip(submissions, tolds, strict=True):
            submission.told(told)

    def _turn_away(self, submissions: Collection[Submission], error: SendrailError) -> None:
        orders = sum(len(submission.orders) for submission in submissions)
        self._metrics.refused.labels(error.code).inc(orders)
        for submission in submissions:
            submission.told(error)

    def _take_back(self, group: _Group) -> None:
        for key, earlier in reversed(group.remembered):
            self._window.take_back(key, earlier)
        # The numbers given out are free again.
        self._next, self._until = self._before

    def _judge_group(self, tx: Tx, group: _Group, now: int) -> list[Told]:
        asking = {submission.caller for submission in group.submissions}
        callers = _read_callers(tx, asking)
        away = {who: _turned_away(callers.get(who)) for who in asking}
        tolds: list[Told | None] = [away[each.caller] for each in group.submissions]
        promises = [
            at
            for at, each in enumerate(group.submissions)
            if each.idempotency is not None and tolds[at] is None
        ]
        if promises:
            self._replay(tx, group.submissions, promises, callers, tolds)
        line, standings = _line_up(group, callers, tolds)
        if line:
            _read_facts(tx, standings, now)
            for standing in standings.values():
                standing.has_words = bool(self._blocked_words or standing.caller.blocked_words)
            self._judge_line(tx, line, group, now)
            if group.rows:
                senders = [each.sender for each in standings.values()]
                group.queued = {(sender.lane, sender.id) for sender in senders if sender}
        for at in promises:
            if isinstance(told := tolds[at], list):
                submission = group.submissions[at]
                self._keep(tx, submission, callers[submission.caller], told, now)
        return [told for told in tolds if told is not None]

    def _judge_line(self, tx: Tx, line: Sequence[InLine], group: _Group, now: int) -> None:
        """Say of each order what it came to, and insert what has become a message."""
        swap, remember, keep = self._window.swap, group.remembered.append, group.rows.append
        first = self._reserve(tx, len(line), now)
        names = self._ids.show_run(first, len(line))
        for number, name, (told, at, standing, order) in zip(
            range(first, first + len(line)), names, line, strict=True
        ):
            recipient, _, body, skips, metadata, encoding, segments = order
            sender = standing.sender
            key = earlier = 0
            if sender is not None:
                key = fingerprint(sender.id, recipient, body)
                earlier = swap(key, number, now)
                remember((key, earlier))
            if earlier or recipient in standing.known or skips not in standing.usual:
                refusal = self._judge(standing, order, earlier)
            else:
                # To the gate, orders of which nothing in particular is known are all alike.
                refusal = standing.usual[skips]
            if refusal is not None or sender is None:
                told[at] = self._refuse(refusal, earlier, group, key)
                continue
            told[at] = Accepted(name)
            keep(
                (
                    number, sender.lane, sender.account_id, sender.id, recipient, now,
                    skips, segments, encoding, body,
                    None if metadata is None else metadata.decode(),
                )
            )  # fmt: skip
        tx.messages.insert(group.rows)

    def _judge(self, standing: _Standing, order: Order, earlier: int) -> Refusal | None:
        """Return the gate's word on one order; `earlier` is the number of the same message."""
        recipient, caller = order.recipient, standing.caller
        contact = standing.known.get(recipient, _NOBODY)
        facts = Facts(
            standing.sender,
            caller.active,
            standing.has_words and self._has_blocked_words(order.body, caller),
            contact.unsubscribed,
            contact.blocked,
            earlier != 0,
            contact.enrolled,
        )
        refusal = judge(facts, order.skips)
        if refusal is None and caller.account_id in self.full_accounts:
            refusal = Refusal.QUEUE_FULL
        if not earlier and not standing.has_words and recipient not in standing.known:
            standing.usual[order.skips] = refusal
        return refusal

    def _has_blocked_words(self, body: str, caller: Caller) -> bool:
        return contains_any(body, self._blocked_words) or contains_any(body, caller.blocked_words)

    def _refuse(self, refusal: Refusal | None, earlier: int, group: _Group, key: int) -> Refused:
        assert refusal is not None, "no order passes the gate without a list"
        group.refusals.append(refusal)
        if key:
            group.remembered.pop()
            self._window.take_back(key, earlier)
        if refusal is Refusal.DUPLICATE_MESSAGE:
            return refused(refusal, f"The first message is {self._ids.show(earlier)}")
        return refused(refusal)

    def _reserve(self, tx: Tx, wanted: int, now: int) -> MessageNumber:
        """Take numbers, and learn of messages that another process accepted meanwhile.

        Numbers are reserved in blocks, so that most groups need not write the counter. Whatever
        of a block is left is given up as soon as anybody else has reserved: numbers grow with
        time, whoever gives them out.
        """
        self._window.open(now)
        if self._next is None:
            self._remember_rows(tx, tx.sole.first_since(now - self._window.length_ms))
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._until is None or tx.sole.reserved() != self._until:
            self._remember_rows(tx, self._next)
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._next + wanted - 1 > self._until:
            first, self._until = self._reserve_anew(tx, max(wanted, _BLOCK))
        else:
            first = MessageNumber(self._next)
        self._next = first + wanted
        return first

    def _reserve_anew(self, tx: Tx, count: int) -> tuple[MessageNumber, int]:
        first = tx.sole.reserve(count)
        return first, first + count - 1

    def _remember_rows(self, tx: Tx, first: int) -> None:
        self._next = first
        if self._window.length_ms:
            for number, created_at, list_id, recipient, body in tx.sole.recent(first):
                self._window.swap(fingerprint(list_id, recipient, body), number, created_at)
                self._next = number + 1

    # Idempotency

    def _replay(
        self,
        tx: Tx,
        submissions: Sequence[Submission],
        promises: Sequence[int],
        callers: Callers,
        tolds: list[Told | None],
    ) -> None:
        """Answer what was answered before; a second of the same key in one group comes later."""
        asked: dict[tuple[int, str], int] = {}
        for at in promises:
            submission = submissions[at]
            assert submission.idempotency is not None, "only those with a key are looked at"
            account_id: int = callers[submission.caller].account_id
            pair = (account_id, submission.idempotency.key)
            if pair in asked:
                tolds[at] = Overloaded(
                    "A request with this idempotency key is still running. Try again shortly.",
                    code="idempotency_in_progress",
                )
            else:
                asked[pair] = at
        for pair, kept in tx.gate.kept_answers(asked).items():
            promise = submissions[asked[pair]].idempotency
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
        tx.gate.keep_answer(caller.account_id, promise.key, kept, now)


def _read_callers(tx: Tx, asked: Collection[bytes | int]) -> Callers:
    keys = {caller for caller in asked if isinstance(caller, bytes)}
    accounts = {caller for caller in asked if isinstance(caller, int)}
    callers: dict[bytes | int, Caller] = {}
    callers.update(tx.gate.callers(keys).items())
    callers.update(tx.gate.accounts(accounts).items())
    return callers


def _line_up(
    group: _Group, callers: Callers, tolds: list[Told | None]
) -> tuple[list[InLine], Standings]:
    """Put the orders in one line; what is none already is told so."""
    line: list[InLine] = []
    standings: dict[tuple[bytes | int, int], _Standing] = {}
    for which, submission in enumerate(group.submissions):
        if tolds[which] is not None:
            continue
        who = submission.caller
        told = tolds[which] = [_UNDECIDED] * len(submission.orders)
        for at, order in enumerate(submission.orders):
            if isinstance(order, Fault):
                group.refusals.append(order.code)
                told[at] = Refused(order.code, order.text, order.param)
                continue
            place = (who, order.list_number)
            standing = standings.get(place)
            if standing is None:
                standing = standings[place] = _Standing(callers[who])
            standing.recipients.append(order.recipient)
            line.append((told, at, standing, order))
    return line, standings


def _read_facts(tx: Tx, standings: Standings, now: int) -> None:
    """Read what the gate asks about, one query a table and list."""
    gate = tx.gate
    pairs = {(standing.caller.account_id, number) for (_, number), standing in standings.items()}
    lists = gate.lists(pairs)
    for (_, number), standing in standings.items():
        account_id, recipients = standing.caller.account_id, standing.recipients
        sender = standing.sender = lists.get((account_id, number))
        if sender is not None:
            standing.known = gate.known_contacts(account_id, sender.id, recipients, now)


def _explained(error: Exception) -> SendrailError:
    if isinstance(error, SendrailError):
        return error
    _log.error("acceptance_broke", exc_info=error)
    return SendrailError("Something broke here; nothing was stored.", code="internal_error")


def _turned_away(caller: Caller | None) -> SendrailError | None:
    if caller is None:
        return Unauthorized("Invalid API key")
    return None if caller.active else Forbidden(SUSPENDED)
