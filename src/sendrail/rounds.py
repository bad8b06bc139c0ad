"""The loop of a worker: a round, then a rest until there is a hint or a while has passed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from sendrail.domain.errors import SendrailError

_log = structlog.get_logger()

STORAGE_RETRY_SECONDS: Final = 0.5


async def hinted(hint: asyncio.Event, at_most_seconds: float) -> bool:
    """Wait for a hint, for a while at most; return whether it came."""
    try:
        async with asyncio.timeout(at_most_seconds):
            await hint.wait()
    except TimeoutError:
        return False
    return True


class Rounds:
    """Does rounds until stopped or cancelled; one that the storage refuses is done again later.

    `name` is the work's in the log. `hint` is set when there is new work.
    """

    def __init__(
        self,
        name: str,
        *,
        hint: asyncio.Event | None = None,
        retry_seconds: float = STORAGE_RETRY_SECONDS,
    ) -> None:
        self._name = name
        self._hint = hint or asyncio.Event()
        self._retry_seconds = retry_seconds
        self.stopping = False

    async def run(self, do_round: Callable[[], Awaitable[float]]) -> None:
        """Call `do_round` again and again; it returns how many seconds to wait for a hint."""
        while not self.stopping:
            self._hint.clear()
            try:
                seconds = await do_round()
            except SendrailError as error:
                _log.warning(f"{self._name}_postponed", reason=error.code)
                # Hints are ignored: a round for each would keep a storage in trouble busy.
                await asyncio.sleep(self._retry_seconds)
                continue
            if seconds > 0:
                await hinted(self._hint, seconds)

    def stop(self) -> None:
        """End after the round under way."""
        self.stopping = True
        self._hint.set()
