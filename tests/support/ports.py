"""Ports for servers that come back where they were, and for addresses where nothing answers.

A port that the kernel chose is free again as soon as it is closed, and the kernel may choose it
for a server of another test at once.
"""

import random
import socket
from contextlib import suppress
from pathlib import Path

# Below it stand the servers that a machine has of its own.
_FIRST = 10_000
_END = 65_536
# So many at least, or tests that run at once would often choose the same.
_ROOM = 4_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Where no file tells: those that are given to who asks for any (RFC 6335).
_GIVEN = (49_152, 65_535)
# Tests that run at once may have the same seed.
_chance = random.SystemRandom()


def ports_beside(first, last):
    """Return the ports to choose from where the kernel gives those from `first` to `last`.

    They are below its own, else above. Where there is room for neither, as `1024 65535` leaves
    none, there is only 0: a port of the kernel's choice, which another test may get later.
    """
    for ports in range(_FIRST, first), range(last + 1, _END):
        if len(ports) >= _ROOM:
            return ports
    return range(1)


def own_port():
    """Return a port on which nothing listens; none that the kernel chooses, if there is one."""
    given = map(int, _RANGE.read_text("ascii").split()) if _RANGE.exists() else _GIVEN
    ports = ports_beside(*given)
    while True:
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", _chance.choice(ports)))
            return tried.getsockname()[1]
