"""Distributes the parts of messages over the binds, and reports the outcome of each message.

A part waits in the queue of one bind, which the recipient's number selects, so that the messages to
one handset stay in order. If the bind goes down before a part has left, the part moves to another
bind, or its message is reported as unavailable: only what has left can be uncertain.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sendrail.carriers.sdk import Report
from sendrail.carriers.smpp.bind import Bind
from sendrail.carriers.smpp.parts import (
    Fate,
    PartAccepted,
    PartsToResubmit,
    PartUnanswered,
    PartUnsent,
    Refused,
    conclude,
)
from sendrail.carriers.smpp.session import SubmitAnswered
from sendrail.carriers.smpp.status import ESME_ROK, StatusAction
from sendrail.clock import Clock
from sendrail.domain.delivery import OutboundMessage, Outcome, Rejected, Submitted, Unavailable

# Used where no bind knows when it will try again.
_RETRY_MS: Final = 1_000


class _Batch:
    """One call of `submit`: its `report`, and how many messages are not reported yet."""

    __slots__ = ("done", "report", "unreported")

    def __init__(self, report: Report, unreported: int) -> None:
        self.report = report
        self.unreported = unreported
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Submission:
    """One message under way."""

    __slots__ = ("batch", "bodies", "fates", "has_left", "message", "open", "outcome", "tries")

    def __init__(self, message: OutboundMessage, bodies: Sequence[bytes], batch: _Batch) -> None:
        self.message = message
        self.bodies = bodies
        self.batch = batch
        self.fates: list[Fate | None] = [None] * len(bodies)
        self.open = len(bodies)
        self.has_left = False
        self.tries = 1
        self.outcome: Outcome | None = None


class _Part(NamedTuple):
    submission: _Submission
    at: int


class Dispatcher:
    """The messages of one connector, from `submit` to their outcome; listens to its binds."""

    def __init__(
        self,
        exceptions: Mapping[int, StatusAction],
        name_for_unnamed: Callable[[], str],
        same_form: Callable[[str], str],
        clock: Clock,
        *,
        one_receipt: bool = False,
    ) -> None:
        """Start without binds.

        `name_for_unnamed` makes a reference for a message that the SMSC accepted without an id,
        `same_form` converts an id to the form that receipts have. With `one_receipt` the SMSC
        sends one receipt for all parts of a message.
        """
        self.senders: list[Bind] = []
        self._conclude_parts = partial(conclude, exceptions=exceptions, one_receipt=one_receipt)
        self._name_for_unnamed = name_for_unnamed
        self._same_form = same_form
        self._clock = clock
        self._up: list[Bind] = []
        self._lines: dict[Bind, deque[_Part]] = {}
        # Parts that were submitted while the first bind was connecting.
        self._holding: deque[_Part] = deque()
        self._resting: dict[_Submission, asyncio.TimerHandle] = {}
        self._why_down = "not connected yet"
        self._closed = False
        self._under_way = 0
        self._all_reported = asyncio.Event()
        self._all_reported.set()

    async def submit(
        self,
        messages: Sequence[OutboundMessage],
        bodies: Callable[[OutboundMessage], Sequence[bytes]],
        report: Report,
    ) -> None:
        """Submit messages as the windows allow; return when every one is reported."""
        if not messages:
            return
        batch = _Batch(report, len(messages))
        self._under_way += len(messages)
        self._all_reported.clear()
        for message in messages:
            try:
                submission = _Submission(message, bodies(message), batch)
            except ValueError as error:
                self._report(_Submission(message, (), batch), Rejected(str(error)))
                continue
            for at in range(submission.open):
                self._place(_Part(submission, at))
        for bind in self._up:
            self.room(bind)
        try:
            await batch.done
        except asyncio.CancelledError:
            # These parts were never sent, and the caller that cancels must get this as the outcome.
            self._withdraw(
                "given up before it was sent", lambda submission: submission.batch is batch
            )
            raise

    async def close(self, within_seconds: float) -> None:
        """Report what has not left as unavailable, and wait for the answers to what has."""
        self._closed = True
        self._withdraw("the connector is being stopped", lambda _: True)
        try:
            async with asyncio.timeout(within_seconds):
                await self._all_reported.wait()
        except TimeoutError:
            pass

    def end(self) -> None:
        """Conclude the messages that wait between two tries; no bind is up any more."""
        for submission, timer in list(self._resting.items()):
            timer.cancel()
            self._again(submission)

    # Events of binds

    def bound(self, bind: Bind) -> None:
        if not bind.role.submits:
            return
        # All waiting parts are distributed anew, so that no message overtakes another to the same
        # handset.
        waiting = [part for line in (*self._lines.values(), self._holding) for part in line]
        self._up.append(bind)
        self._lines = {each: deque() for each in self._up}
        self._holding.clear()
        self._place_all(waiting)

    def answered(self, answer: SubmitAnswered) -> None:
        part: _Part = answer.token
        fate: Fate
        if answer.status == ESME_ROK:
            name = self._same_form(answer.message_id) if answer.message_id else ""
            fate = PartAccepted(name or self._name_for_unnamed())
        else:
            fate = Refused(answer.status)
        if answer.late:
            self._correct(part, fate)
        else:
            self._settle(part, fate)

    def unanswered(self, token: Any, detail: str) -> None:
        self._settle(token, PartUnanswered(detail))

    def room(self, bind: Bind) -> None:
        """Submit the parts in this bind's queue, as far as its window allows."""
        line = self._lines.get(bind)
        if not line:
            return
        count = min(bind.room, len(line))
        if count <= 0:
            return
        now = self._clock.monotonic()
        for _ in range(count):
            part = line.popleft()
            submission = part.submission
            submission.has_left = True
            bind.submit(submission.bodies[part.at], part, now)
        bind.flush()

    def away(self, bind: Bind, detail: str) -> None:
        if not bind.role.submits:
            return
        self._why_down = detail
        left: Iterable[_Part] = ()
        if bind in self._lines:
            self._up.remove(bind)
            left = self._lines.pop(bind)
        if not self._up and not self._is_coming:
            left = [*self._holding, *left]
            self._holding.clear()
        self._place_all(left)

    # Inside

    @property
    def _is_coming(self) -> bool:
        return any(bind.connecting for bind in self.senders)

    def _place_all(self, parts: Iterable[_Part]) -> None:
        for part in parts:
            self._place(part)
        for bind in self._up:
            self.room(bind)

    def _place(self, part: _Part) -> None:
        """Add a part to the queue of its bind, or settle it as unsent where no bind is up."""
        if self._up and (not self._closed or part.submission.has_left):
            bind = self._up[part.submission.message.recipient % len(self._up)]
            self._lines[bind].append(part)
        elif self._is_coming and not self._closed:
            self._holding.append(part)
        else:
            self._settle(part, PartUnsent(self._why_down, self._retry_after_ms()))

    def _retry_after_ms(self) -> int:
        return min((bind.retry_after_ms for bind in self.senders), default=_RETRY_MS) or _RETRY_MS

    def _settle(self, part: _Part, fate: Fate) -> None:
        submission = part.submission
        submission.fates[part.at] = fate
        submission.open -= 1
        if submission.open == 0:
            self._conclude(submission)

    def _conclude(self, submission: _Submission) -> None:
        fates = submission.fates
        if len(fates) == 1 and isinstance(fates[0], PartAccepted):
            self._report(submission, Submitted(fates[0].ref))
            return
        said = self._conclude_parts(_all(fates), submission.tries)
        if not isinstance(said, PartsToResubmit):
            self._report(submission, said)
            return
        submission.tries += 1
        submission.open = len(said.indexes)
        for index in said.indexes:
            fates[index] = None
        loop = asyncio.get_running_loop()
        self._resting[submission] = loop.call_later(said.after, self._again, submission)

    def _again(self, submission: _Submission) -> None:
        del self._resting[submission]
        self._place_all(
            [_Part(submission, at) for at, fate in enumerate(submission.fates) if fate is None]
        )

    def _report(self, submission: _Submission, outcome: Outcome) -> None:
        submission.outcome = outcome
        batch = submission.batch
        batch.report(submission.message, outcome)
        batch.unreported -= 1
        if not batch.unreported and not batch.done.done():
            batch.done.set_result(None)
        self._under_way -= 1
        if not self._under_way:
            self._all_reported.set()

    def _correct(self, part: _Part, fate: Fate) -> None:
        """Report a late answer to an uncertain message, once every part has an answer."""
        submission = part.submission
        submission.fates[part.at] = fate
        fates = submission.fates
        if submission.outcome is None or any(isinstance(each, PartUnanswered) for each in fates):
            return
        said = self._conclude_parts(_all(fates), submission.tries)
        if isinstance(said, Submitted) or len(fates) == 1:
            assert not isinstance(said, PartsToResubmit), (
                "a single part is never submitted again here"
            )
            submission.batch.report(submission.message, said)

    def _withdraw(self, detail: str, whose: Callable[[_Submission], bool]) -> None:
        """Report the messages of which no part has left as unavailable."""
        fate = PartUnsent(detail, _RETRY_MS)
        withdrawn: list[_Part] = []
        for line in (self._holding, *self._lines.values()):
            parts = list(line)
            line.clear()
            for part in parts:
                goes = not part.submission.has_left and whose(part.submission)
                (withdrawn if goes else line).append(part)
        for part in withdrawn:
            self._settle(part, fate)


def _all(fates: Sequence[Fate | None]) -> list[Fate]:
    return [fate for fate in fates if fate is not None]


def unavailable(messages: Sequence[OutboundMessage], report: Report, detail: str) -> None:
    """Report all messages as unavailable."""
    for message in messages:
        report(message, Unavailable(detail, _RETRY_MS))
