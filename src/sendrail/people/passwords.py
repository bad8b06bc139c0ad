"""Passwords, hashed by argon2id beside the event loop.

The parameters are argon2-cffi's own, the second recommendation of RFC 9106 (section 4): 64 MiB and
three passes. Two are hashed at once, so that strangers who try passwords take no more than that.
"""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from sendrail.domain.errors import Overloaded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

_AT_ONCE: Final = 2
_WAITING_MAX: Final = 32


class PasswordService:
    """Makes and checks hashes; a hash holds its own parameters and its salt."""

    def __init__(self, hasher: "PasswordHasher | None" = None) -> None:
        self._given = hasher
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._unknown: str | None = None

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        # Loaded where it is used: no start needs it.
        from argon2 import PasswordHasher

        return self._given or PasswordHasher()

    async def make(self, password: str) -> str:
        """Return the hash of a password."""
        return await self._beside(lambda: self._hasher.hash(password))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Return whether a password is the one of a hash.

        Without a hash the answer is False and takes as long, so that it says nothing of who exists.
        """
        if not kept:
            if self._unknown is None:
                self._unknown = await self.make("")
            await self._beside(lambda: self._is(password, self._unknown or ""))
            return False
        return await self._beside(lambda: self._is(password, kept))

    def is_old(self, kept: str) -> bool:
        """Return whether a hash was made with weaker parameters than ours now."""
        return self._hasher.check_needs_rehash(kept)

    def _is(self, password: str, kept: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise Overloaded("Too many people sign in at once. Try again shortly.")
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
