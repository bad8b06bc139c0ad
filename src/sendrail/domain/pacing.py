"""Pace: how fast messages may leave, as arithmetic on a state and the time.

Two rules hold together. Messages are spaced evenly, one each `1 / rate` (the virtual scheduling
form of the generic cell rate algorithm, ITU-T I.371), with a small tolerance for late ticks. And no
sliding second holds more messages than the rate, even after a stall: there is no catch-up credit.
"""

import math
from typing import Final

# A tick may be this late and still catch up; the capacity lost in a longer stall is not recovered.
_TOLERANCE_SECONDS: Final = 0.25


class Pace:
    """The pace of one list or connector; `per_second` may be changed at any time.

    Times are seconds of a monotonic clock. Nothing leaves before `rests_until`: a process that
    takes a list over does not know what its former owner sent in the second before.
    """

    __slots__ = ("_due", "_recent", "_recent_count", "per_second")

    def __init__(self, per_second: float, rests_until: float = 0.0) -> None:
        self.per_second = per_second
        self._due = rests_until
        # A list, not a deque: an empty deque takes ten times the memory, and there are thousands of
        # paces.
        self._recent: list[tuple[float, int]] = []
        self._recent_count = 0

    def room(self, now: float) -> int:
        """Return how many messages may leave at this moment."""
        self._forget(now)
        due = max(self._due, now - _TOLERANCE_SECONDS)
        if due > now:
            return 0
        spaced = int((now - due) * self.per_second) + 1
        return max(0, min(spaced, self._second_max() - self._recent_count))

    def admits(self, now: float, taken: int, units: int) -> bool:
        """Return whether `units` may leave in one piece, after `taken` others at this moment.

        A message of more units than the rate leaves alone, after a second in which nothing left;
        the next units wait until its own have been paced.
        """
        if taken >= self.room(now):
            return False
        fits = self._recent_count + taken + units <= self._second_max()
        return fits or not (self._recent or taken)

    def take(self, now: float, count: int) -> None:
        """Record that `count` messages leave at this moment."""
        if count == 0:
            return
        self._due = max(self._due, now - _TOLERANCE_SECONDS) + count / self.per_second
        self._recent.append((now, count))
        self._recent_count += count

    def ready_at(self, now: float, units: int = 1) -> float:
        """Return the earliest time at which `units` may leave in one piece."""
        self._forget(now)
        ready, over = max(self._due, now), self._recent_count + units - self._second_max()
        for left_at, count in self._recent:
            if over <= 0:
                break
            ready, over = max(ready, left_at + 1.0), over - count
        return ready

    def left_in_second(self, now: float) -> int:
        """Return how many messages have left in the second before this moment."""
        self._forget(now)
        return self._recent_count

    def rest(self, until: float) -> None:
        """Let nothing leave before that time, and nothing be made up for afterwards."""
        self._due = max(self._due, until)

    def is_rested(self, now: float) -> bool:
        """Return whether the state equals a fresh one, so that it can be discarded."""
        self._forget(now)
        return not self._recent and self._due <= now

    def _second_max(self) -> int:
        return math.ceil(self.per_second)

    def _forget(self, now: float) -> None:
        recent = self._recent
        while recent and recent[0][0] <= now - 1.0:
            self._recent_count -= recent.pop(0)[1]
