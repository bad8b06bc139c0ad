"""Messages that may themselves be why a connector was said to be unavailable, or was throttled.

A carrier's answer that concerns the connector, such as HTTP 403, may be about one text that a
firewall before it dislikes; a full queue may be that of one handset. Tried first again and again,
such a message would stop all others.
"""

import math
from collections import OrderedDict
from typing import Final, NamedTuple

from sendrail.domain.breaker import BreakerState
from sendrail.domain.delivery import Claim, Failed, Outcome, Unavailable
from sendrail.domain.ids import MessageNumber

_KEPT_MAX: Final = 1_000
# Of those that wait apart none may be forgotten, or it would never be stale. What has not been
# throttled for ten minutes waits no more.
_THROTTLED_MAX: Final = 10_000
_FORGOTTEN_SECONDS: Final = 600.0
# The next one that tries the connector does so once it has rested, and it must not be this one.
_BEHIND_MS: Final = 500
# From ten seconds, in which a pace recovers from one throttle, to a minute.
_APART_MS: Final = 10_000
_APART_MS_MAX: Final = 60_000
# Two full queues may be recipients' own, and another one after each twenty messages that were
# taken. More of them are the connector's.
_TAKEN_PER_FULL: Final = 20
_FULL_MAX: Final = 2 * _TAKEN_PER_FULL
# No carrier's rate is so low that a message is too many after so long without any.
_QUIET_SECONDS: Final = 1.0


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


class _Throttled(NamedTuple):
    """Since when a message was due at first, how often it waited alone, and its last throttle."""

    due_at: int
    waits: int
    at: float


class ThrottledMessages:
    """The messages of one connector that were throttled, the last ten thousand of them.

    Times with a fraction are seconds of a monotonic clock, the others milliseconds since 1970.
    """

    __slots__ = ("_full", "_known", "_left_alone_at", "_left_at", "taken_at")

    def __init__(self) -> None:
        self._known: OrderedDict[MessageNumber, _Throttled] = OrderedDict()
        self._left_at = self._left_alone_at = -math.inf
        # When the carrier took a message last.
        self.taken_at = -math.inf
        # How many messages have to be taken until no recipient's full queue counts any more.
        self._full = 0

    def left(self, now: float, count: int) -> None:
        """Record that messages leave together."""
        if count == 1 and now - self._left_at >= _QUIET_SECONDS:
            self._left_alone_at = now
        self._left_at = now

    def taken(self, now: float) -> None:
        """Record that the carrier took a message."""
        self.taken_at = now
        if self._full:
            self._full -= 1

    def is_own(self, number: MessageNumber, left_at: float, *, may_be_own: bool) -> bool:
        """Return whether a throttle is for this message only, and not for the connector's pace.

        It was throttled before; and now again, though it left alone after a second of quiet. Or the
        carrier's answer may be about a recipient alone, and few are answered so; or this one was
        before, and others have been taken since.
        """
        known = self._known.get(number)
        if may_be_own:
            if known is not None and known.waits and self.taken_at > known.at:
                return True
            has_place = known is not None or self._has_room(left_at)
            if has_place and self._full + _TAKEN_PER_FULL <= _FULL_MAX:
                self._full += _TAKEN_PER_FULL
                return True
        return known is not None and left_at == self._left_alone_at

    def put_back(
        self, claim: Claim, at: float, now: int, *, is_own: bool, rest_ms: int, stale_after_ms: int
    ) -> int:
        """Return since when a throttled message is due; `at` and `now` are the same moment.

        The first time it keeps its place, unless the throttle is its own. Throttled again, it lets
        others try the connector first, once that has rested `rest_ms`; and where that is its own,
        or the carrier has taken others in between, it waits longer each time. One that has waited
        too long gets its first place again, so that it is dropped as stale.
        """
        before = self._known.pop(claim.number, None)
        if before is None and not self._has_room(at):
            return claim.due_at
        first, waits = (claim.due_at, 0) if before is None else (before.due_at, before.waits)
        goes_apart = is_own or (before is not None and self.taken_at > before.at)
        self._known[claim.number] = _Throttled(first, waits + goes_apart, at)
        if len(self._known) > _THROTTLED_MAX:
            self._known.popitem(last=False)
        if (before is None and not is_own) or now - first > stale_after_ms:
            return first
        apart_ms = min(_APART_MS_MAX, _APART_MS * 2 ** min(waits, 10)) if goes_apart else 0
        return max(claim.due_at, now + max(apart_ms, rest_ms + _BEHIND_MS))

    def _has_room(self, at: float) -> bool:
        if len(self._known) < _THROTTLED_MAX:
            return True
        oldest = next(iter(self._known.values()))
        return at - oldest.at > _FORGOTTEN_SECONDS
