"""What one transaction judges: a group of submissions, from their facts to their results."""

from collections.abc import Iterable, Sequence

from sendrail.intake.acceptor import Acceptor, Ticket
from sendrail.intake.facts import Callers, line_up, read_facts
from sendrail.intake.idempotency import keep_answer, replay
from sendrail.intake.judge import Judge, rejections
from sendrail.intake.links import SharedUrl
from sendrail.intake.scheduled import put_off
from sendrail.intake.submission import Submission
from sendrail.intake.verdicts import SubmissionResult, Verdict
from sendrail.storage.interface import Tx


class Group:
    """Submissions that are judged together, and what follows for our memory afterwards."""

    __slots__ = (
        "destinations",
        "has_scheduled",
        "queued",
        "refusals",
        "since",
        "submissions",
        "ticket",
        "tries",
        "used_keys",
    )

    def __init__(self, submissions: Iterable[Submission] = (), tries: int = 0) -> None:
        self.submissions = list(submissions)
        # How often they were tried before, where that is counted group by group.
        self.tries = tries
        # When the first of them came.
        self.since = 0
        # The codes of the orders that were refused.
        self.refusals: list[str] = []
        # The acceptor's, until it is undone.
        self.ticket: Ticket | None = None
        # Lane and id of each list that may have new messages.
        self.queued: set[tuple[int, int]] = set()
        # The destinations of links that were read or made.
        self.destinations: dict[SharedUrl, str] = {}
        # Whether some of the messages may wait for a time of their own.
        self.has_scheduled = False
        # The digests of the API keys that were valid.
        self.used_keys: list[bytes] = []

    def judge(self, tx: Tx, acceptor: Acceptor, judge: Judge, now: int) -> list[SubmissionResult]:
        """Judge and queue all orders; return a result for each submission, in order.

        `now` is a time in milliseconds. After an error, also a later one, `undo` is called.
        """
        submissions = self.submissions
        line, by_sender, verdicts, faults = line_up(submissions)
        callers = read_facts(tx, submissions, by_sender, now)
        self.used_keys = [who for who in callers if isinstance(who, bytes)]
        results: list[SubmissionResult] = [*verdicts]
        keyed, answered = self._answer_unjudged(tx, callers, verdicts, results)
        self.refusals += [code for at, code in faults if at not in answered]
        if answered:
            unjudged = {id(verdicts[at]) for at in answered}
            line = [each for each in line if id(each[0]) not in unjudged]
        bound = judge.links.bind(tx, line, self.refusals, self.destinations, now)
        if bound:
            judge.look_for_words(by_sender)
            # Only a line that was bound anew can have them.
            later = [] if bound is line else [each for each in bound if each[3].send_at]
            if later:
                # What is queued and what is taken out again must be durable together.
                tx.begin()
            self.ticket = acceptor.accept(tx, bound, judge, now)
            if later:
                put_off(tx, later, now)
                self.has_scheduled = True
            if self.ticket.accepted:
                senders = [each.sender for each in by_sender.values()]
                self.queued = {(sender.lane, sender.id) for sender in senders if sender}
        for at in keyed:
            if at not in answered:
                submission = submissions[at]
                keep_answer(tx, submission, callers[submission.caller], verdicts[at], now)
        return results

    def undo(self) -> None:
        """Forget what a transaction that failed has changed in memory."""
        self.destinations.clear()
        ticket, self.ticket = self.ticket, None
        if ticket is not None:
            ticket.undo()

    def _answer_unjudged(
        self,
        tx: Tx,
        callers: Callers,
        verdicts: Sequence[list[Verdict]],
        results: list[SubmissionResult],
    ) -> tuple[list[int], set[int]]:
        """Put the results that need no judging in their places.

        Return the positions of the submissions under an idempotency key, and of those answered.
        """
        submissions = self.submissions
        away = rejections({each.caller for each in submissions}, callers)
        if away:
            for at, each in enumerate(submissions):
                results[at] = away.get(each.caller, results[at])
        keyed = [
            at
            for at, each in enumerate(submissions)
            if each.idempotency is not None and results[at] is verdicts[at]
        ]
        if not away and not keyed:
            return keyed, set()
        if keyed:
            tx.begin()
            replay(tx, submissions, keyed, callers, results)
        return keyed, {at for at, result in enumerate(results) if result is not verdicts[at]}
