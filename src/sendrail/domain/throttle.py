"""A connector that its carrier throttles: pause, slow down, and feel for the carrier's limit."""

from typing import Final, NamedTuple

from sendrail.domain.pacing import Pace

_PAUSE_MIN: Final = 1.0
_PAUSE_MAX: Final = 60.0
_FLOOR_PER_SECOND: Final = 0.1
# After a throttle a connector stays so far below the pace that was too fast, and one throttle slows
# it to no less than a part of what it was: a lone message that was throttled says little.
_BACK_OFF: Final = 0.8
_SLOWDOWN_MAX: Final = 0.15
# Near the limit it goes up by a part of the limit each second, so it is throttled about three times
# a minute; where the limit is certainly another one by now, by half of the pace.
_PROBE: Final = 0.01
_PASSED: Final = 1.1
_RAMP: Final = 1.5


class FoundPace(NamedTuple):
    """The pace of a connector that its carrier has throttled, in the unit of its contract.

    `limit` is what the carrier takes at most, as the last throttle has shown it; None where the
    carrier has taken nothing at all since it throttles.
    """

    per_second: float
    limit: float | None


class ConnectorPace:
    """The pace of one connector, by the carrier's contract and its throttling.

    `mps` is the contract in messages, or in segments, per second. Times are seconds of a monotonic
    clock. Nothing is submitted before `rests_until` (see `Pace`).
    """

    __slots__ = ("_full", "_limit", "_pace", "_pause", "_ramped_at", "_resumes_at")

    def __init__(self, mps: float, rests_until: float = 0.0) -> None:
        self._full = mps
        self._pace = Pace(mps, rests_until)
        # What the carrier takes a second at most, as far as its throttles have shown it.
        self._limit = mps
        self._pause = _PAUSE_MIN
        self._resumes_at = 0.0
        self._ramped_at = 0.0

    @property
    def per_second(self) -> float:
        """The pace in force, in messages per second."""
        return self._pace.per_second

    def found(self, now: float) -> FoundPace | None:
        """Return the pace that throttles have left, None at the full one."""
        if now >= self._resumes_at:
            self._ramp(now)
        if self._pace.per_second >= self._full:
            return None
        limit = self._limit if self._limit < self._full else None
        return FoundPace(self._pace.per_second, limit)

    def room(self, now: float) -> int:
        """Return how many messages may be submitted at this moment."""
        if now < self._resumes_at:
            return 0
        if self._pace.per_second < self._full:
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

    def throttled(self, now: float, retry_after: float, left_at: float, taken_at: float) -> None:
        """Slow down: the carrier asked for it, for at least `retry_after` seconds.

        The throttled message left at `left_at`; the carrier took the last one before at `taken_at`.
        """
        if left_at < self._resumes_at:
            # It left before the last throttle was known: both are one lesson, but for the time.
            if retry_after > _PAUSE_MIN:
                self._rest(max(self._resumes_at, now + min(_PAUSE_MAX, retry_after)))
            return
        pace = self._pace.per_second
        least = pace * _SLOWDOWN_MAX
        if taken_at >= self._resumes_at:
            self._limit = max(least, min(pace, max(1, self._pace.left_in_second(now))))
            self._pause = _PAUSE_MIN
            pace = self._limit * _BACK_OFF
        else:
            # Nothing at all is taken: that does not show the limit.
            pace = least
        self._pace.per_second = max(min(_FLOOR_PER_SECOND, self._full), pace)
        self._rest(now + min(_PAUSE_MAX, max(self._pause, retry_after)))
        self._pause = min(_PAUSE_MAX, self._pause * 2)

    def _rest(self, until: float) -> None:
        self._resumes_at = self._ramped_at = until
        self._pace.rest(until)

    def _ramp(self, now: float) -> None:
        """Speed up for each second that has passed since the pause."""
        pace = self._pace.per_second
        below = self._limit * _BACK_OFF
        while pace < self._full and self._ramped_at + 1.0 <= now:
            self._ramped_at += 1.0
            if pace < below:
                pace = min(below, pace * _RAMP)
            elif pace < self._limit * _PASSED:
                pace += self._limit * _PROBE
            else:
                pace *= _RAMP
        if pace >= self._full:
            pace = self._limit = self._full
            self._pause = _PAUSE_MIN
        self._pace.per_second = pace
