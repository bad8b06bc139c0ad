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


# The counter's 14 bits stand behind two that say which variant of UUID this is.
_COUNTER_BITS: Final = 14
_VARIANT: Final = 0x8000
_MILLISECOND: Final = 1_000_000


class _Source:
    """Makes UUIDs of version 7 (RFC 9562, 5.7): milliseconds, a counter, bits of this process.

    They share all but the counter's last byte for as long as that and the millisecond last.
    """

    def __init__(self) -> None:
        # Until when the beginning is good, in nanoseconds.
        self._until = 0
        self._begin = ""
        node = f"{int.from_bytes(os.urandom(6), 'big'):012x}"
        self._ends = tuple(f"{low:02x}-{node}" for low in range(256))
        self._left = iter(self._ends)
        self._runs = count(int.from_bytes(os.urandom(2), "big"))

    def make(self) -> str:
        end = next(self._left, None)
        if end is None or time.time_ns() >= self._until:
            return self._begin_anew()
        return self._begin + end

    def _begin_anew(self) -> str:
        """Return the first id of a new run of the counter's last byte."""
        milliseconds = time.time_ns() // _MILLISECOND
        counter = next(self._runs) << 8
        rounds = counter >> _COUNTER_BITS & 0xFFF
        high = (_VARIANT | counter & (1 << _COUNTER_BITS) - 1) >> 8
        self._until = (milliseconds + 1) * _MILLISECOND
        self._begin = (
            f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{rounds:03x}-{high:02x}"
        )
        self._left = iter(self._ends)
        return self._begin + next(self._left)


new_request_id: Final = _Source().make
