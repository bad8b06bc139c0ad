"""A connector that its carrier throttles: pause, halve the pace, and ramp up again slowly."""

from typing import Final

from sendrail.domain.pacing import Pace

_PAUSE_MIN: Final = 1.0
_PAUSE_MAX: Final = 60.0
_FLOOR_PER_SECOND: Final = 1.0
# Regain a tenth of the full pace with each second that passes without a throttle.
_RAMP: Final = 0.1


class ConnectorPace:
    """The pace of one connector, by the carrier's contract and its throttling.

    `mps` is the contract in messages, or in segments, per second. Times are seconds of a monotonic
    clock. Nothing is submitted before `rests_until` (see `Pace`).
    """

    __slots__ = ("_full", "_pace", "_pause", "_ramped_at", "_resumes_at")

    def __init__(self, mps: float, rests_until: float = 0.0) -> None:
        self._full = mps
        self._pace = Pace(mps, rests_until)
        self._pause = _PAUSE_MIN
        self._resumes_at = 0.0
        self._ramped_at = 0.0

    @property
    def per_second(self) -> float:
        """The pace in force, in messages per second."""
        return self._pace.per_second

    def room(self, now: float) -> int:
        """Return how many messages may be submitted at this moment."""
        if now < self._resumes_at:
            return 0
        self._ramp(now)
        return self._pace.room(now)

    def admits(self, now: float, taken: int, units: int) -> bool:
        """Return whether `units` may follow `taken` at this moment, in one piece (see `Pace`)."""
        return now >= self._resumes_at and self._pace.admits(now, taken, units)

    def take(self, now: float, count: int) -> None:
        """Record that `count` messages are submitted at this moment."""
        self._pace.take(now, count)

    def ready_at(self, now: float, units: int = 1) -> float:
        """Return the earliest time at which `units` may be submitted in one piece."""
        return max(self._resumes_at, self._pace.ready_at(now, units))

    def throttled(self, now: float, retry_after: float) -> None:
        """Slow down: the carrier asked for it, for at least `retry_after` seconds."""
        if now < self._resumes_at:
            # The other messages of the same window; several throttles in a pause count once.
            return
        self._pace.per_second = max(_FLOOR_PER_SECOND, self._pace.per_second / 2)
        self._resumes_at = now + min(_PAUSE_MAX, max(self._pause, retry_after))
        self._pause = min(_PAUSE_MAX, self._pause * 2)
        self._ramped_at = self._resumes_at

    def _ramp(self, now: float) -> None:
        if self._pace.per_second >= self._full:
            self._pause = _PAUSE_MIN
            return
        seconds = now - self._ramped_at
        if seconds >= 1.0:
            self._pace.per_second = min(
                self._full, self._pace.per_second + self._full * _RAMP * seconds
            )
            self._ramped_at = now
