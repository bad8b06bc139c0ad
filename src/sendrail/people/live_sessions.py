"""Sessions of tabs that ask again every few seconds: looked up together, once a moment.

What such a tab is answered follows a change of its session, its user or their role within two
seconds; every other request looks its session up itself.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")
FindAll = Callable[[Collection[bytes]], Awaitable[Mapping[bytes, T]]]

KEPT_SECONDS: Final = 2.0
# Longer than the longest time between two questions of one tab.
_FORGET_AFTER: Final = 60.0
_SESSIONS_MAX: Final = 1_000


@dataclass(slots=True)
class _Known(Generic[T]):
    found: T
    until: float
    asked_at: float


class LiveSessions(Generic[T]):
    """Keeps what was found for digests of tokens; times are seconds of a monotonic clock."""

    def __init__(self, find_all: FindAll[T], monotonic: Callable[[], float]) -> None:
        self._find_all = find_all
        self._now = monotonic
        self._known: OrderedDict[bytes, _Known[T]] = OrderedDict()
        self._looking: asyncio.Future[None] | None = None

    async def find(self, digest: bytes) -> T | None:
        """Return what is found for a digest, None where there is nothing."""
        now = self._now()
        known = self._known.get(digest)
        if known is None:
            return await self._find_new(digest)
        known.asked_at = now
        self._known.move_to_end(digest)
        if now >= known.until:
            if self._looking is None:
                self._looking = asyncio.ensure_future(self._look(self._known))
                self._looking.add_done_callback(self._looked)
            # One who goes away must not take the answer from the others.
            await asyncio.shield(self._looking)
            known = self._known.get(digest)
        return None if known is None else known.found

    def forget(self) -> None:
        """Look up everything anew; call it after a change of any session."""
        # What is being looked up now goes into the old one.
        self._known = OrderedDict()
        self._looking = None

    async def _find_new(self, digest: bytes) -> T | None:
        known = self._known
        found = (await self._find_all([digest])).get(digest)
        if found is not None:
            # What is not found is not kept: any client can ask for that.
            now = self._now()
            known[digest] = _Known(found, now + KEPT_SECONDS, now)
            if len(known) > _SESSIONS_MAX:
                known.popitem(last=False)
        return found

    async def _look(self, known: OrderedDict[bytes, _Known[T]]) -> None:
        """Look up all that were asked for lately, and forget the others."""
        now = self._now()
        for digest in [each for each, kept in known.items() if now - kept.asked_at > _FORGET_AFTER]:
            del known[digest]
        asked = list(known)
        found = await self._find_all(asked)
        until = self._now() + KEPT_SECONDS
        for digest in asked:
            kept = known.get(digest)
            if digest not in found:
                known.pop(digest, None)
            elif kept is not None:
                kept.found, kept.until = found[digest], until

    def _looked(self, looking: "asyncio.Future[None]") -> None:
        if self._looking is looking:
            self._looking = None
