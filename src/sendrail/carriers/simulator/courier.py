"""Passes callbacks to `deliver` when they are due, in order, and again when they were not stored.

A carrier whose callback gets no 2xx keeps it and sends it again; so does this one, a second later,
and like a carrier it keeps a bounded number.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, islice
from typing import Final

import structlog

from sendrail.carriers.sdk import Deliver
from sendrail.domain.errors import StorageUnavailable

# At most this many callbacks (of up to a hundred results) wait; about 100 MB at the very worst.
WAITING_MAX: Final = 10_000
_TOGETHER_MAX: Final = 100

_log = structlog.get_logger(__name__)


class CallbackScheduler:
    """Callbacks due for `deliver`; lives from one start of the carrier to its stop."""

    def __init__(self, deliver: Deliver, *, again_after: float) -> None:
        self._deliver = deliver
        self._again_after = again_after
        self._waiting: deque[bytes] = deque()
        self._forgotten = 0
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._keys = count()
        self._task = asyncio.create_task(self._run())

    def bring(self, callbacks: Sequence[bytes], *, after: float) -> None:
        """Deliver these callbacks together, after a delay in seconds."""
        key = next(self._keys)
        self._timers[key] = asyncio.get_running_loop().call_later(after, self._due, key, callbacks)

    async def bring_now(self, callbacks: Sequence[bytes]) -> None:
        """Deliver these at once; return when they are stored, or queued to be delivered again."""
        if not await self._offer(callbacks):
            self.bring(callbacks, after=self._again_after)

    async def close(self) -> None:
        """Finish the delivery under way and drop the callbacks still due."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._closing.set()
        self._arrived.set()
        await self._task

    def _due(self, key: int, callbacks: Sequence[bytes]) -> None:
        del self._timers[key]
        room = WAITING_MAX - len(self._waiting)
        self._forgotten += max(0, len(callbacks) - room)
        self._waiting.extend(callbacks[:room])
        self._arrived.set()

    async def _run(self) -> None:
        while not self._closing.is_set():
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            callbacks = list(islice(self._waiting, _TOGETHER_MAX))
            if not await self._offer(callbacks):
                await self._pause()
                continue
            for _ in callbacks:
                self._waiting.popleft()
            if self._forgotten:
                # Logged once when storing works again, not for each callback.
                _log.warning("callbacks_forgotten", count=self._forgotten)
                self._forgotten = 0

    async def _offer(self, callbacks: Sequence[bytes]) -> bool:
        """Deliver the callbacks; return whether they need no further try."""
        try:
            await self._deliver(callbacks)
        except StorageUnavailable:
            return False
        except Exception:  # noqa: BLE001 - a bug there must not block all later callbacks
            _log.exception("callbacks_lost", count=len(callbacks))
        return True

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), self._again_after)
