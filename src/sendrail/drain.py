"""The time a stop may take: one deadline for all that must end in it, and a hard end behind it.

What is accepted is durable, so ending by force loses nothing that a crash would not lose either:
an operator or supervisor who waits for a stop should not wait for one part that hangs.
"""

import asyncio
import os
import threading
import time
from collections.abc import Collection
from typing import Any, Final

import structlog

_log = structlog.get_logger()

# After the wait for answers comes what is ours to do: settle, unbind, close the store. With the
# default of `drain_seconds` everything ends within the 30 s that supervisors grant by default.
CLOSING_SECONDS: Final = 4.0


class Drain:
    """One stop of one process; it begins once, at the first request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun_at: float | None = None
        self._overdue: threading.Timer | None = None

    def begin(self) -> None:
        """Let the time run."""
        if self._begun_at is None:
            self._begun_at = time.monotonic()

    def has_begun(self) -> bool:
        """Return whether the process is to stop."""
        return self._begun_at is not None

    def end_by_force(self) -> None:
        """End the process when the stop is not over in time; call it once, after `begin`."""
        timer = threading.Timer(self.left() + CLOSING_SECONDS, _end_by_force)
        timer.daemon = True
        timer.start()
        self._overdue = timer

    def over(self) -> None:
        """Note that everything has ended."""
        if self._overdue is not None:
            self._overdue.cancel()

    def left(self) -> float:
        """Return the seconds that answers may still be waited for; all of them before `begin`."""
        if self._begun_at is None:
            return self._seconds
        return max(0.0, self._begun_at + self._seconds - time.monotonic())


async def wait_at_most(seconds: float, tasks: Collection["asyncio.Future[Any]"]) -> bool:
    """Wait for tasks and cancel what has not ended by then; return whether all had.

    Unlike `asyncio.timeout` it does not wait for what is cancelled, which may take its time.
    """
    if not tasks:
        return True
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    return not late


def _end_by_force() -> None:
    _log.error("stop_overdue", then="ended by force")
    os._exit(1)
