"""Tries to sign in that failed, in memory: who fails often waits, by address and by network.

Each process counts its own. A user who fails waits only for itself: a stranger can slow the sign-in
of an address whose owner it names, by minutes, and never ends a session that is there.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Final

from sendrail.domain.errors import Overloaded, StorageUnavailable
from sendrail.domain.user import EMAIL_LENGTH_MAX

# Failures that cost no wait; each one more doubles it, from a minute to a quarter of an hour.
FREE_TRIES: Final = 5
# One network may have many people behind it.
NETWORK_FREE_TRIES: Final = 20
_FIRST_WAIT: Final = 60.0
_WAIT_MAX: Final = 900.0
# The failures of a client that has not tried for so long are forgotten.
_FORGET_AFTER: Final = 3_600.0
_KEPT_MAX: Final = 10_000
# RFC 4291, 2.5.1: a host chooses the other 64 bits, and may have a new address for each try.
_IPV6_HOST_BITS: Final = 64


def user_key(email: str) -> str:
    """Return the key of the user that an address names, whatever was typed in its place.

    What is longer than any address is cut off, so that a key costs little memory.
    """
    return f"user {email.strip().lower()[:EMAIL_LENGTH_MAX]}"


def network_key(address: str) -> str:
    """Return the key of the network of a client: an IPv4 address, or the /64 of an IPv6 address.

    What is no address is a network of its own.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"from {address}"
    if not isinstance(parsed, IPv6Address):
        return f"from {parsed}"
    if parsed.ipv4_mapped is not None:
        return f"from {parsed.ipv4_mapped}"
    return f"from {IPv6Address(int(parsed) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS)}/64"


class SignInTries:
    """Counts failures under keys; times are seconds of a monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        # How many there were, when the last was, and until when the next one waits.
        self._kept: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    @contextmanager
    def counted(self, user: str, *networks: str) -> Iterator[None]:
        """Compare a password within: the try counts as failed beforehand, so many are not free.

        Raises `Overloaded` where one of the keys must wait. Then nothing is counted, and neither
        where that or `StorageUnavailable` is raised within: no password was compared.
        """
        self._expect_patience(user, *networks)
        try:
            yield
        except (Overloaded, StorageUnavailable):
            for each in (user, *networks):
                self.take_back(each)
            raise

    def _expect_patience(self, user: str, *networks: str) -> None:
        if (wait := self.wait(user, *networks)) > 0:
            raise Overloaded(
                f"Too many tries failed. Try again in {math.ceil(wait)} s.", code="too_many_tries"
            )
        self.note(user)
        for each in networks:
            self.note(each, NETWORK_FREE_TRIES)

    def wait(self, *keys: str) -> float:
        """Return for how many seconds none of these may try again; 0 for at once."""
        now = self._now()
        return max((self._of(key, now)[2] - now for key in keys), default=0.0)

    def left(self, key: str, free: int = FREE_TRIES) -> int:
        """Return how many failures more cost no wait."""
        return max(0, free - self._of(key, self._now())[0])

    def note(self, key: str, free: int = FREE_TRIES) -> None:
        """Count a failure."""
        now = self._now()
        count = self._of(key, now)[0] + 1
        wait = 0.0 if count < free else min(_WAIT_MAX, _FIRST_WAIT * 2 ** min(count - free, 10))
        self._kept[key] = (count, now, now + wait)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)

    def take_back(self, key: str) -> None:
        """Let a try that was counted beforehand not count: it did not fail."""
        count, last, _ = self._kept.get(key, (0, 0.0, 0.0))
        if count:
            self._kept[key] = (count - 1, last, last)

    def forget(self, key: str) -> None:
        """Begin anew for a user who has signed in."""
        self._kept.pop(key, None)

    def _of(self, key: str, now: float) -> tuple[int, float, float]:
        count, last, until = self._kept.get(key, (0, now, now))
        return (0, now, now) if now - last > _FORGET_AFTER else (count, last, max(until, now))
