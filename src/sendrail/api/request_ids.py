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


class _Source:
    """Makes UUIDs of version 7 (RFC 9562, 5.7): milliseconds, a counter, bits of this process."""

    def __init__(self) -> None:
        self._milliseconds = 0
        self._begin = ""
        self._end = f"-{int.from_bytes(os.urandom(6), 'big'):012x}"
        self._orders = count(int.from_bytes(os.urandom(2), "big"))

    def make(self) -> str:
        milliseconds = time.time_ns() // 1_000_000
        if milliseconds != self._milliseconds:
            # The part that many requests of one moment share is written once.
            self._milliseconds = milliseconds
            self._begin = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7"
        order = next(self._orders)
        # 26 bits of the counter, around the two bits that say which variant of UUID this is.
        low = 0x8000 | order & 0x3FFF
        return f"{self._begin}{order >> 14 & 0xFFF:03x}-{low:04x}{self._end}"


new_request_id: Final = _Source().make
