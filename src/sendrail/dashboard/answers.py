"""Answers that many tabs share: each is made once for all of them, and kept for a moment.

What took long to make is kept for longer, so that no number of tabs takes more of the process than
a two-hundredth for one answer. The least time is just below that after which a tab asks again.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, NamedTuple

_KEPT_SECONDS: Final = 4.0
_TIMES_ITS_COST: Final = 200
_KEPT_SECONDS_MAX: Final = 60.0
_ANSWERS_MAX: Final = 500


class LivePart(NamedTuple):
    """A part of a page as many tabs get it: its bytes, and the mark (`ETag`) of its content."""

    body: bytes
    mark: str

    @classmethod
    def of(cls, text: str) -> "LivePart":
        body = text.encode()
        return cls(body, mark_of(body))


def mark_of(body: bytes) -> str:
    """Return the mark (`ETag`) of a content."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


class _Kept(NamedTuple):
    answer: Any
    until: float


class AnswerCache:
    """Keeps answers by their keys; times are seconds of a monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, asyncio.Future[Any]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer of a key: the one that is kept, or that is being made, or a new one.

        An error while it is made is the error of all who wait for it, and is not kept.
        """
        found = self._kept.get(key)
        if found is not None and self._now() < found.until:
            return found.answer
        if (making := self._making.get(key)) is None:
            making = asyncio.ensure_future(self._make(key, make))
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key, None))
        # One who goes away must not take the answer from the others.
        return await asyncio.shield(making)

    def left(self, key: Hashable) -> float:
        """Return for how many seconds the answer of a key is still kept; 0 where none is."""
        found = self._kept.get(key)
        return 0.0 if found is None else max(0.0, found.until - self._now())

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Any]]) -> Any:
        begun = self._now()
        answer = await make()
        now = self._now()
        seconds = min(_KEPT_SECONDS_MAX, max(_KEPT_SECONDS, _TIMES_ITS_COST * (now - begun)))
        self._kept[key] = _Kept(answer, now + seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > _ANSWERS_MAX:
            self._kept.popitem(last=False)
        return answer
