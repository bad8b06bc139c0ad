"""A watch for changes: what was written, here or by another process, the workers learn by hints.

A wall clock that was set forward, or that went on while the machine slept, counts as a change: what
workers rest for is due sooner than they reckon.

On a database of one process alone. Where several share one, each learns it by its heartbeat.
"""

import asyncio
from typing import Final

from sendrail.clock import Clock
from sendrail.rounds import until_next
from sendrail.storage.interface import Store

_LOOK_SECONDS: Final = 0.5
# Clocks that are only being adjusted differ by less between two looks.
_STEP_SECONDS: Final = 0.25


class ChangeFollower:
    """Looks twice a second whether anything was written, until cancelled.

    That costs next to nothing, unlike a look of every worker for itself: so they rest until there
    may be something for them.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._ahead = self._wall_ahead()

    async def run(self) -> None:
        """Look again and again."""
        hints = self._store.hints
        hints.is_watched = True
        try:
            while True:
                self.look()
                await asyncio.sleep(until_next(_LOOK_SECONDS))
        finally:
            hints.is_watched = False

    def look(self) -> None:
        """Look once; give hints where anything was written since the last time."""
        is_elsewhere = self._store.changed_elsewhere() | self._has_clock_jumped()
        if self._store.changed_here() or is_elsewhere:
            self._store.hints.changed(elsewhere=is_elsewhere)

    def _has_clock_jumped(self) -> bool:
        before, self._ahead = self._ahead, self._wall_ahead()
        return self._ahead - before > _STEP_SECONDS

    def _wall_ahead(self) -> float:
        return self._clock.now() / 1000 - self._clock.monotonic()
