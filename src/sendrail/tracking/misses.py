"""The limit of misses: who follows many links that do not exist is guessing.

Counted in memory alone, for each IPv4 address and each IPv6 /64: a phone's network gives one of
those to each subscriber, while a wider one has thousands behind it.
"""

from collections.abc import Callable
from math import ceil
from typing import Final

from sendrail.domain.networks import unmapped
from sendrail.links.networks import pack_address
from sendrail.tracking.visitors import is_own

MISSES_MAX: Final = 60
WINDOW_SECONDS: Final = 600.0
# Some 2 MB at most; with more, those whose time began first are forgotten.
NETWORKS_MAX: Final = 10_000
_IPV6_KEPT: Final = 8


class Misses:
    """Counts misses by network; a network's time begins with its first one."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take a clock of seconds that only runs forwards."""
        self._monotonic = monotonic
        # Count and end by network, in the order of their ends.
        self._counts: dict[bytes, tuple[int, float]] = {}

    @property
    def size(self) -> int:
        """Return how many networks are counted."""
        return len(self._counts)

    def seconds_left(self, address: str) -> int:
        """Return for how many seconds an address is not looked at, 0 where it is."""
        if not self._counts:
            return 0
        key = _key_of(address)
        count, end = self._counts.get(key, (0, 0.0)) if key is not None else (0, 0.0)
        if count < MISSES_MAX:
            return 0
        return max(0, ceil(end - self._monotonic()))

    def add(self, address: str) -> None:
        """Count a request for a link that does not exist."""
        key = _key_of(address)
        if key is None:
            return
        now = self._monotonic()
        self._forget(now)
        count, end = self._counts.get(key, (0, now + WINDOW_SECONDS))
        # Its place stays: a new one is last, with the latest end.
        self._counts[key] = count + 1, end
        if len(self._counts) > NETWORKS_MAX:
            del self._counts[next(iter(self._counts))]

    def _forget(self, now: float) -> None:
        while self._counts:
            first = next(iter(self._counts))
            if self._counts[first][1] > now:
                return
            del self._counts[first]


def _key_of(address: str) -> bytes | None:
    """Return what an address is counted by; None for one that may be a proxy's."""
    packed = pack_address(address)
    if packed is None or is_own(packed):
        return None
    return unmapped(packed)[:_IPV6_KEPT]
