"""Request ids: the caller's own where it is sane, else a new one that sorts by time."""

import os
import re
import time
from itertools import count
from typing import Final

LENGTH_MAX: Final = 64
_SANE: Final = re.compile(rb"[A-Za-z0-9_-]{1,%d}" % LENGTH_MAX).fullmatch


def request_id(given: bytes | None) -> str:
    """Return the id to answer with, given the `X-Request-Id` header if there is one."""
    if given is not None and _SANE(given):
        return given.decode("ascii")
    return new_request_id()


# The 16 bits after the third dash: two that say which variant of UUID this is, 14 of the counter.
_HIGH: Final = tuple(f"{0x80 | bits:02x}" for bits in range(64))
_MILLISECOND: Final = 1_000_000


class _Source:
    """Makes UUIDs of version 7 (RFC 9562, 5.7): milliseconds, a counter, bits of this process."""

    def __init__(self) -> None:
        # Until when the beginning is good, in nanoseconds.
        self._until = 0
        self._rounds = 0
        self._begin = ""
        node = f"{int.from_bytes(os.urandom(6), 'big'):012x}"
        self._ends = tuple(f"{bits:02x}-{node}" for bits in range(256))
        self._orders = count(int.from_bytes(os.urandom(2), "big"))

    def make(self) -> str:
        now = time.time_ns()
        order = next(self._orders)
        if now >= self._until or order >> 14 != self._rounds:
            self._begin_anew(now // _MILLISECOND, order >> 14)
        return f"{self._begin}{_HIGH[order >> 8 & 63]}{self._ends[order & 255]}"

    def _begin_anew(self, milliseconds: int, rounds: int) -> None:
        """Write once what many requests of one moment share."""
        self._until, self._rounds = (milliseconds + 1) * _MILLISECOND, rounds
        self._begin = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{rounds & 0xFFF:03x}-"


new_request_id: Final = _Source().make
