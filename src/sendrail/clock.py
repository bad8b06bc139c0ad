"""The time, read in one place so that tests and simulations can set it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

_JUMP_MS: Final = 1_000
# A machine that slept has slept through its leases as well, and only some clocks count that.
_running_seconds: Final = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class Clock(Protocol):
    """Two times: one for people and rows, one for pacing."""

    def now(self) -> int:
        """Return milliseconds since the epoch, UTC; never less than the last time."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever run forwards, from an unknown start."""
        ...

    def follow(self, earliest: int, latest: int) -> None:
        """Learn that the time lies between these two, by the clock of a database we share."""
        ...


class SystemClock:
    """The machine's clocks; the one for people and rows may be another, in nanoseconds."""

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._wall_ns = wall_ns
        self._last = 0
        self._ahead = 0

    def now(self) -> int:
        """Return the wall clock's milliseconds; set back, it stands still until caught up."""
        self._last = max(self._last, self._wall())
        return self._last

    def monotonic(self) -> float:
        return _running_seconds()

    def follow(self, earliest: int, latest: int) -> None:
        """Move the clock between the two: back by a little it stands still, by much it jumps.

        A slow answer leaves a wide interval, which must not undo what a quick one has shown.
        """
        wall = self._wall()
        self._ahead += min(max(wall, earliest), latest) - wall
        if self._last > self._wall() + _JUMP_MS:
            self._last = self._wall()

    def _wall(self) -> int:
        return self._wall_ns() // 1_000_000 + self._ahead
