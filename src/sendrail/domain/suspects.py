"""Messages that may themselves be why a connector was said to be unavailable.

A carrier's answer that concerns the connector, such as HTTP 403, may be about one text that a
firewall before it dislikes. Tried first again and again, such a message would stop all others.
"""

from collections import OrderedDict
from typing import Final

from sendrail.domain.breaker import BreakerState
from sendrail.domain.delivery import Claim, Failed, Outcome, Unavailable
from sendrail.domain.ids import MessageNumber

_KEPT_MAX: Final = 1_000
# The next one that tries the connector does so once it has rested, and it must not be this one.
_BEHIND_MS: Final = 500


class SuspectMessages:
    """The messages of one connector at which its breaker opened, the last thousand of them."""

    __slots__ = ("_due_at",)

    def __init__(self) -> None:
        # Since when each was due before the breaker opened at it for the first time.
        self._due_at: OrderedDict[MessageNumber, int] = OrderedDict()

    def judge(self, number: MessageNumber, outcome: Outcome, state: BreakerState) -> Outcome:
        """Return an answer as what it is, given the state of the breaker before it.

        The connector is not unavailable where it has taken others since it refused this message,
        and refuses it again: then it has failed, and costs an attempt of its own.
        """
        if not isinstance(outcome, Unavailable) or number not in self._due_at:
            return outcome
        return Failed(outcome.detail) if state is BreakerState.CLOSED else outcome

    def opened_by(self, claim: Claim, now: int, rest_ms: int, stale_after_ms: int) -> int:
        """Record at which message the breaker opened; return since when it is due, in ms.

        It goes behind those that wait now, so that another one tries the connector. Where it was
        tried first all the same, it stays behind until another one was. One that has waited too
        long gets its first place again, so that it is dropped as stale when the others are.
        """
        was_tried = claim.number in self._due_at
        first = self._due_at.setdefault(claim.number, claim.due_at)
        self._due_at.move_to_end(claim.number)
        if len(self._due_at) > _KEPT_MAX:
            self._due_at.popitem(last=False)
        if now - first > stale_after_ms:
            return first
        return max(claim.due_at, now + rest_ms + _BEHIND_MS if was_tried else now)
