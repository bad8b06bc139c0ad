"""Ports for servers that come back where they were, and for addresses where nothing answers.

A port that the kernel chose is free again as soon as it is closed, and the kernel may choose it
for a server of another test at once.
"""

import random
import socket
from contextlib import suppress
from pathlib import Path

_FIRST = 20_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Where no file tells: the first of those that are given to who asks for any (RFC 6335).
_GIVEN_FROM = 49_152
# Tests that run at once may have the same seed.
_chance = random.SystemRandom()


def own_port():
    """Return a port below those that the kernel chooses from; nothing listens on it."""
    given_from = int(_RANGE.read_text("ascii").split()[0]) if _RANGE.exists() else _GIVEN_FROM
    while True:
        port = _chance.randrange(_FIRST, given_from)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
