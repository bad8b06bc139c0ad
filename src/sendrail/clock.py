"""The time, asked for in one place so that tests and simulations can own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: one for people and rows, one for pacing."""

    def now(self) -> int:
        """Return milliseconds since the epoch, UTC; never less than the last time."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever run forwards, from an unknown start."""
        ...


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """See `Clock`; a wall clock set back stands still until it has caught up."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()
