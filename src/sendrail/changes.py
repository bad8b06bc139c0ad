"""A watch for changes: what was written, here or by another process, the workers learn by hints.

On a database of one process alone. Where several share one, each learns it by its heartbeat.
"""

import asyncio
from typing import Final

from sendrail.storage.interface import Store

_LOOK_SECONDS: Final = 0.5


class ChangeFollower:
    """Looks twice a second whether anything was written, until cancelled.

    That costs next to nothing, unlike a look of every worker for itself: so they rest until there
    may be something for them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Look again and again."""
        hints = self._store.hints
        hints.is_watched = True
        try:
            while True:
                self.look()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            hints.is_watched = False

    def look(self) -> None:
        """Look once; give hints where anything was written since the last time."""
        is_elsewhere = self._store.changed_elsewhere()
        if self._store.changed_here() or is_elsewhere:
            self._store.hints.changed(elsewhere=is_elsewhere)
