"""The one way in: orders are judged, made messages and queued, many in one transaction.

The API, the command line, campaigns and journeys all come through here and pass the same gate.
What is offered during one turn of the event loop is judged together, over facts read in one query
a table, and answered once it is on disk.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import structlog

from sendrail.domain.errors import Contended, Overloaded, SendrailError, StorageFull
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.order import Fault, Order
from sendrail.intake.acceptor import Acceptor
from sendrail.intake.group import Group
from sendrail.intake.judge import Judge
from sendrail.intake.links import LinkBinder
from sendrail.intake.submission import AwaitedSubmission, LoneSubmission, Submission
from sendrail.intake.verdicts import Replay, SubmissionResult, Verdict
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

# Past this a bigger transaction brings no more throughput, only more wait.
_GROUP_ORDERS_MAX: Final = 512
# With fewer, what a group costs by itself is most of what it costs.
_WORTH_SHARING: Final = 32
# More tries than two transactions can be in each other's way by chance.
_CONTENDED_MAX: Final = 5
_LATELY_MS: Final = 1_000
# What a request may have to wait for, beside its own commit. A database elsewhere works beside the
# event loop, and each transaction takes some round trips to it.
_BESIDE_CALLERS: Final = 25
_BESIDE_CALLERS_ELSEWHERE: Final = 100


class Intake:
    """Judges and queues; every front door holds the same one."""

    def __init__(
        self,
        store: Store,
        acceptor: Acceptor,
        ids: MessageIds,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        blocked_words: str,
        waiting_max: int,
        links: LinkBinder,
        groups: int = 1,
    ) -> None:
        """Accept through a store that has so many `groups` under way at once."""
        self._store = store
        self._acceptor = acceptor
        self.ids = ids
        self._metrics = metrics
        self._now = now
        self._blocked_words = blocked_words
        self._waiting_max = waiting_max
        self._links = links
        self._waiting: deque[Submission] = deque()
        self._scheduled = False
        self._groups = groups
        # How many submissions are in groups under way.
        self._under_way = 0
        # When the first of those that wait came.
        self._since = 0
        # How often in a row our transaction was in another's way.
        self._contended = 0
        # Set by the maintenance: a reason to take no message at all, or none from some accounts.
        self.closed: StorageFull | None = None
        self.full_accounts: frozenset[int] = frozenset()

    async def accept(
        self, account_id: AccountId, orders: Sequence[Order | Fault]
    ) -> Sequence[Verdict]:
        """Judge and queue orders of a known account; return a verdict for each, in order.

        Raises `Forbidden` when the account is suspended, `StorageUnavailable` when nothing could
        be stored, `Overloaded` when too much waits already.
        """
        submission = AwaitedSubmission(account_id, orders)
        self.offer(submission)
        return _verdicts(await submission.future)

    def offer(self, submission: Submission) -> None:
        """Take a submission; it is resolved once, when what its result says is durable."""
        if self.closed is not None:
            self._turn_away([submission], self.closed)
        elif submission.is_alone:
            assert isinstance(submission, LoneSubmission), "its class says that it is alone"
            self._submit_alone(submission)
        elif len(self._waiting) >= self._waiting_max:
            full = Overloaded("Too many requests wait for the disk. Try again shortly.")
            self._turn_away([submission], full)
        else:
            if not self._waiting:
                self._since = self._now()
            self._waiting.append(submission)
            if not self._scheduled:
                self._schedule_when_due()

    @property
    def serves_callers(self) -> bool:
        """Whether a source other than its own pages has offered orders within a second."""
        return self._now() - self._since < _LATELY_MS

    def portion(self, most: int) -> int:
        """Return how many orders of `most` a source of its own offers at once.

        Few while callers want the event loop; to be asked for each submission.
        """
        if not self.serves_callers:
            return most
        beside = _BESIDE_CALLERS if self._groups == 1 else _BESIDE_CALLERS_ELSEWHERE
        return min(most, beside)

    def fill_window(self, tx: Tx) -> None:
        """Learn of the messages of the duplicate window, so that no request waits for it."""
        self._acceptor.fill_window(tx, self._now())

    # A group of all that waits

    def _schedule_when_due(self) -> None:
        """Begin a group once its share waits: a small one would cost as much as a big one."""
        waiting = len(self._waiting)
        if self._scheduled or not waiting or waiting * (self._groups - 1) < self._under_way:
            return
        self._scheduled = True
        group = Group()
        self._store.submit(partial(self._work, group), partial(self._committed, group), begun=False)

    def _work(self, group: Group, tx: Tx) -> list[SubmissionResult]:
        # What is left for the next group may have come later: its wait is never understated.
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
        try:
            return self._judge(group, tx, self._now())
        except BaseException:
            # At once, and not when the commit is over: another group of the same commit may follow.
            group.undo()
            raise

    def _committed(
        self, group: Group, results: list[SubmissionResult] | None, error: Exception | None
    ) -> None:
        submissions = group.submissions
        self._under_way -= len(submissions)
        self._schedule_when_due()
        if error is not None:
            group.undo()
            if not submissions:
                # The transaction could not even begin, and `_work` never ran.
                submissions, self._scheduled = list(self._waiting), False
                self._waiting.clear()
            elif isinstance(error, Contended) and self._try_again(group):
                return
            self._turn_away(submissions, _as_error(error))
            return
        self._contended = 0
        if submissions:
            self._metrics.accept_seconds.observe((self._now() - group.since) / 1000)
        self._resolve(group, results)

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

    # A group of one that asks for it

    def _submit_alone(self, submission: LoneSubmission, tries: int = 0) -> None:
        assert submission.idempotency is None, "a hook would run though the answer is known"
        group = Group([submission], tries)
        self._store.submit(
            partial(self._work_alone, group, submission),
            partial(self._committed_alone, group, submission),
            synced=submission.is_synced,
        )

    def _work_alone(
        self, group: Group, submission: LoneSubmission, tx: Tx
    ) -> list[SubmissionResult]:
        now = self._now()
        try:
            submission.prepare(tx, now)
            results = self._judge(group, tx, now)
            # What was prepared must not stand when the caller is turned away.
            submission.settle(tx, _verdicts(results[0]), now)
        except BaseException:
            group.undo()
            raise
        return results

    def _committed_alone(
        self,
        group: Group,
        submission: LoneSubmission,
        results: list[SubmissionResult] | None,
        error: Exception | None,
    ) -> None:
        if error is None:
            self._resolve(group, results)
            return
        group.undo()
        if isinstance(error, Contended) and group.tries < _CONTENDED_MAX:
            self._submit_alone(submission, group.tries + 1)
        else:
            self._turn_away([submission], _as_error(error))

    # Any group

    def _judge(self, group: Group, tx: Tx, now: int) -> list[SubmissionResult]:
        judge = Judge(
            self.ids, self._blocked_words, self.full_accounts, group.refusals, self._links,
            shows_ids=any(each.shows_ids for each in group.submissions),
        )  # fmt: skip
        results = group.judge(tx, self._acceptor, judge, now)
        self._store.hints.used_keys.update(group.used_keys)
        return results

    def _resolve(self, group: Group, results: list[SubmissionResult] | None) -> None:
        """Resolve the submissions of a group that is durable now."""
        if group.ticket is not None:
            group.ticket.keep()
            self._metrics.accepted.inc(group.ticket.accepted)
        if group.destinations:
            self._links.learn(group.destinations)
        self._store.hints.queue_has(group.queued)
        if group.has_scheduled:
            self._store.hints.scheduled_has()
        for code in group.refusals:
            self._metrics.refused.labels(code).inc()
        assert results is not None, "a transaction that did not fail has a result"
        _tell(zip(group.submissions, results, strict=True))

    def _turn_away(self, submissions: Sequence[Submission], error: SendrailError) -> None:
        orders = sum(len(submission.orders) for submission in submissions)
        self._metrics.refused.labels(error.code).inc(orders)
        _tell((submission, error) for submission in submissions)


def _tell(results: Iterable[tuple[Submission, SubmissionResult]]) -> None:
    """Resolve submissions; whatever comes of one, the others are resolved."""
    for submission, result in results:
        try:
            submission.resolve(result)
        except Exception:  # noqa: BLE001 - reported, and of one request alone
            _log.exception("submission_not_resolved")


def _verdicts(result: SubmissionResult) -> Sequence[Verdict]:
    """Return the verdicts on a submission without an idempotency key, or raise its error."""
    if isinstance(result, SendrailError):
        raise result
    assert not isinstance(result, Replay), "no idempotency key was given"
    return result


def _as_error(error: Exception) -> SendrailError:
    if isinstance(error, SendrailError):
        return error
    _log.error("acceptance_broke", exc_info=error)
    return SendrailError("An internal error; nothing was stored.", code="internal_error")
