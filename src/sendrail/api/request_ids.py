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
_LOW: Final = tuple(f"{bits:02x}" for bits in range(256))


class _Source:
    """Makes UUIDs of version 7 (RFC 9562, 5.7): milliseconds, a counter, bits of this process."""

    def __init__(self) -> None:
        self._milliseconds = 0
        self._rounds = 0
        self._begin = ""
        self._end = f"-{int.from_bytes(os.urandom(6), 'big'):012x}"
        self._orders = count(int.from_bytes(os.urandom(2), "big"))

    def make(self) -> str:
        milliseconds = time.time_ns() // 1_000_000
        order = next(self._orders)
        if milliseconds != self._milliseconds or order >> 14 != self._rounds:
            self._begin_anew(milliseconds, order >> 14)
        return f"{self._begin}{_HIGH[order >> 8 & 63]}{_LOW[order & 255]}{self._end}"

    def _begin_anew(self, milliseconds: int, rounds: int) -> None:
        """Write once what many requests of one moment share."""
        self._milliseconds, self._rounds = milliseconds, rounds
        self._begin = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{rounds & 0xFFF:03x}-"


new_request_id: Final = _Source().make
