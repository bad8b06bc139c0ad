"""What was sent to each contact, counted beside the traffic.

The follower is a second or so behind. Where messages come faster than it counts, it rests
longer, falls behind, and catches up when it is quiet again: accepting and delivering come first.
"""

import asyncio
import time
from typing import Final

from sendrail.ownership import Ownership
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store

_LOOK_SECONDS: Final = 1.0
# A few milliseconds of the one writer at a time.
_AT_ONCE: Final = 500
# How many times as long as it worked it rests: while it keeps up, and while it cannot.
_REST: Final = 4
_REST_BEHIND: Final = 49


class ActivityFollower:
    """Counts what was accepted since it last looked, again and again until cancelled.

    Of several processes only the owner counts; two that do so for a moment count nothing twice.
    """

    def __init__(self, store: Store, ownership: Ownership) -> None:
        self._store = store
        self._ownership = ownership
        hint = store.hints.activity_event
        self._rounds = Rounds("activity", hint=hint, retry_seconds=_LOOK_SECONDS)
        self._behind = 0

    async def run(self) -> None:
        """Count what there is, and rest in between."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        began = time.perf_counter()
        rest = await self.step() if self._ownership.owns() else 0
        if not rest:
            return max(_LOOK_SECONDS, self._store.hints.look_seconds)
        # Whatever is written meanwhile: this rest is for others.
        await asyncio.sleep(rest * (time.perf_counter() - began))
        return 0.0

    async def step(self) -> int:
        """Count once; return how many times as long to rest, 0 where no more is waiting."""
        before, self._behind = (
            self._behind,
            await self._store.read(lambda tx: tx.activity.behind(), begun=False),
        )
        if not self._behind:
            return 0
        counted = await self._store.write(lambda tx: tx.activity.count(_AT_ONCE))
        if counted < _AT_ONCE:
            return 0
        return _REST_BEHIND if self._behind > before else _REST
