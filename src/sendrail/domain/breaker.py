"""The circuit breaker of a connector (Nygard, "Release It!", chapter 5).

Closed, it counts consecutive troubles. Open, nothing is submitted until a given time. Then it is
half open: one message tries the connector, and its answer closes the breaker or opens it again.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.delivery import Outcome, Unavailable, Uncertain

# A single lost answer may have any cause; this many in a row are the connector's.
_TROUBLES_MAX: Final = 5
_REST_MIN: Final = 1.0
_REST_MAX: Final = 60.0


class BreakerState(StrEnum):
    """The state of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An outcome that counts against the connector, not against its message.

    `rest` is the pause that the connector asks for, in seconds; None when it does not say.
    """

    detail: str
    rest: float | None


def trouble_of(outcome: Outcome) -> Trouble | None:
    """Return the trouble in an outcome; None where it does not count against the connector."""
    match outcome:
        case Unavailable(detail, retry_after_ms):
            return Trouble(detail, retry_after_ms / 1000)
        case Uncertain(detail):
            return Trouble(detail, None)
        case _:
            return None


class SubmitTime(NamedTuple):
    """When messages left: the breaker's era, and the time in seconds."""

    era: int
    at: float


class Breaker:
    """The state of one connector's breaker. Times are seconds of a monotonic clock.

    The caller passes an answer together with the time at which its message left. Answers to
    messages that left before the breaker opened do not count. Nor does a lost answer, if the
    carrier has answered any message since that one left: a few lost answers among many are the
    messages' own.

    Where the first message that tried the connector after a stop was taken, the stop was perhaps
    about one message. Then the next stop is as short as possible, whatever the carrier asks for,
    until a message tries the connector; if that one is refused, it rests as long as asked.
    """

    __slots__ = (
        "_answered_at",
        "_is_brief",
        "_is_confirmed",
        "_rest",
        "_retry_at",
        "_troubles",
        "detail",
        "era",
        "state",
    )

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self.detail = ""
        self.era = 0
        self._answered_at = -math.inf
        # Whether the next stop is to be short, and whether a try after this one was refused.
        self._is_brief = False
        self._is_confirmed = False
        self._troubles = 0
        self._rest = _REST_MIN
        self._retry_at = 0.0

    @property
    def retry_at(self) -> float | None:
        """When the connector may be tried again; None unless the breaker is open."""
        return self._retry_at if self.state is BreakerState.OPEN else None

    def room(self, now: float) -> int | None:
        """Return how many messages may be submitted; None where the breaker sets no bound."""
        if self.state is BreakerState.CLOSED:
            return None
        return int(self.state is BreakerState.OPEN and now >= self._retry_at)

    def take(self, now: float) -> SubmitTime:
        """Record that messages are submitted; return the time to pass to `answered`.

        Messages claimed just before the breaker opened still leave; they are no probes.
        """
        if self.state is BreakerState.OPEN and now >= self._retry_at:
            self.state = BreakerState.HALF_OPEN
        return SubmitTime(self.era, now)

    def answered(self, now: float, departed: SubmitTime, trouble: Trouble | None) -> bool:
        """Record an answer to a message sent at `departed`; return whether the state changed."""
        if departed.era != self.era:
            return False
        if trouble is None:
            self._answered_at = now
            return self._recover()
        if trouble.rest is None and self._answered_at > departed.at:
            return False
        self._troubles += 1
        half_open = self.state is BreakerState.HALF_OPEN
        if trouble.rest is None and not half_open and self._troubles < _TROUBLES_MAX:
            return False
        self._open(now, trouble)
        return True

    def _recover(self) -> bool:
        self._troubles = 0
        self._rest = _REST_MIN
        if self.state is BreakerState.CLOSED:
            return False
        self._is_brief = not self._is_confirmed
        self.state, self.detail = BreakerState.CLOSED, ""
        return True

    def _open(self, now: float, trouble: Trouble) -> None:
        self._is_confirmed = self.state is BreakerState.HALF_OPEN
        rest = self._rest if trouble.rest is None else trouble.rest
        if self._is_brief and not self._is_confirmed:
            rest = _REST_MIN
        self._retry_at = now + min(_REST_MAX, max(_REST_MIN, rest))
        self._rest = min(_REST_MAX, self._rest * 2)
        self.state, self.detail = BreakerState.OPEN, trouble.detail
        self.era += 1
