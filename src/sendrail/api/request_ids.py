"""Request ids: the caller's own where it is sane, else a new one that sorts by time."""

import os
import re
import time
from itertools import count
from typing import Final

_SANE: Final = re.compile(rb"[A-Za-z0-9_-]{1,64}").fullmatch
_PROCESS: Final = int.from_bytes(os.urandom(6), "big")
_next: Final = count(int.from_bytes(os.urandom(2), "big"))


def request_id(given: bytes | None) -> str:
    """Return the id to answer with, given the `X-Request-Id` header if there is one."""
    if given is not None and _SANE(given):
        return given.decode("ascii")
    return new_request_id()


def new_request_id() -> str:
    """Return a UUIDv7 (RFC 9562, 5.7): milliseconds, a counter, and bits of this process."""
    milliseconds = time.time_ns() // 1_000_000
    order = next(_next)
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{order & 0xFFF:03x}-"
        f"{0x8000 | order >> 12 & 0x3FFF:04x}-{_PROCESS:012x}"
    )
