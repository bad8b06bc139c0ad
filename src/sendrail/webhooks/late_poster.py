"""The poster of an installation, loaded with its HTTP client when the first event is posted.

The client takes longer to load than everything else of this room, and many installations have no
webhooks at all.
"""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from sendrail.domain.webhook import Answer
from sendrail.webhooks.guard import Rules

if TYPE_CHECKING:
    from sendrail.webhooks.poster import Poster


class EventPoster(Protocol):
    """What posts an event."""

    async def post(self, url: str, body: bytes, signature: Mapping[str, str], now: int) -> Answer:
        """Post a signed body to a URL; whatever goes wrong is an answer, too."""
        ...


class LatePoster:
    """Posts events; one for a process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._poster: Poster | None = None

    async def post(self, url: str, body: bytes, signature: Mapping[str, str], now: int) -> Answer:
        """Post a signed body to a URL; whatever goes wrong is an answer, too."""
        if self._poster is None:
            # In a thread: whatever else the process does goes on meanwhile.
            module = await asyncio.to_thread(import_module, "sendrail.webhooks.poster")
            # Another event may have been quicker.
            self._poster = self._poster or module.Poster(self._rules)
        return await self._poster.post(url, body, signature, now)

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._poster is not None:
            await self._poster.aclose()
