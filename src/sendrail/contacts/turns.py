"""Long reads of an account take turns, so that those of one account never take all readers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from sendrail.domain.errors import Overloaded
from sendrail.domain.ids import AccountId

WAITING_MAX: Final = 8


@dataclass(slots=True)
class _Turn:
    """The reads of one account: the one that runs, and those that wait, all in `waiting`."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class AccountTurns:
    """One turn at a time for each account."""

    def __init__(self) -> None:
        self._turns: dict[AccountId, _Turn] = {}

    @asynccontextmanager
    async def of(self, account_id: AccountId) -> AsyncIterator[None]:
        """Wait for an account's turn. Raises `Overloaded` where too many wait already."""
        turn = self._turns.setdefault(account_id, _Turn())
        if turn.waiting > WAITING_MAX:
            raise Overloaded("Other counts of yours are in progress. Try again when one is done.")
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._turns.pop(account_id, None)
