"""The time, asked for in one place so that tests and simulations can own it."""

import time
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

    def follow(self, now: int) -> None:
        """Take this for the time, as whoever shares a database with us does."""
        ...


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._last = 0
        self._ahead = 0

    def now(self) -> int:
        """See `Clock`; a wall clock set back stands still until it has caught up."""
        self._last = max(self._last, time.time_ns() // 1_000_000 + self._ahead)
        return self._last

    def monotonic(self) -> float:
        """See `Clock`."""
        return _running_seconds()

    def follow(self, now: int) -> None:
        """See `Clock`; by a little we stand still, by much we jump."""
        self._ahead = now - time.time_ns() // 1_000_000
        if self._last > now + _JUMP_MS:
            self._last = now
