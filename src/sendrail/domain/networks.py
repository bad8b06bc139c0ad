"""Sets of IP networks that are asked for every click, so as sorted numbers and not as objects."""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

_IPV4_BYTES: Final = 4
_IPV6_BYTES: Final = 16
# ::ffff:0:0/96, an IPv4 address on an IPv6 socket (RFC 4291, 2.5.5.2).
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Networks:
    """A set of IPv4 and IPv6 networks, fixed once made."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, networks: Iterable[str]) -> None:
        """Hold networks such as `192.0.2.0/24`, or single addresses.

        Raise ValueError for a text that is neither, naming it.
        """
        parsed = [ip_network(text) for text in networks]
        self._ipv4 = _bounds(each for each in parsed if isinstance(each, IPv4Network))
        self._ipv6 = _bounds(each for each in parsed if isinstance(each, IPv6Network))

    def contain(self, address: bytes) -> bool:
        """Return whether an address, as its 4 or 16 bytes, is in one of the networks."""
        address = unmapped(address)
        bounds = self._ipv4 if len(address) == _IPV4_BYTES else self._ipv6
        # Between a first and the next end lies what is inside: an odd place.
        return bisect_right(bounds, int.from_bytes(address, "big")) % 2 == 1

    def contain_all(self, prefix: bytes) -> bool | None:
        """Return whether all addresses that begin so are in a network; None where only some are.

        A prefix of up to 4 bytes is one of IPv4.
        """
        size = _IPV4_BYTES if len(prefix) <= _IPV4_BYTES else _IPV6_BYTES
        bounds = self._ipv4 if size == _IPV4_BYTES else self._ipv6
        first, last = (
            bisect_right(bounds, int.from_bytes(prefix.ljust(size, end), "big"))
            for end in (b"\x00", b"\xff")
        )
        return first % 2 == 1 if first == last else None


def unmapped(address: bytes) -> bytes:
    """Return the IPv4 address that an IPv6 socket shows as an own one, or any other as it is."""
    return address.removeprefix(_MAPPED)


def lines_of(text: str) -> list[str]:
    """Return the networks in a list: one a line, or by commas, with comments behind `#`."""
    rows = (line.partition("#")[0] for line in text.splitlines())
    return [each.strip() for row in rows for each in row.split(",") if each.strip()]


def _bounds(networks: Iterable[IPv4Network | IPv6Network]) -> list[int]:
    """Return first address and end of each network, in order; those that touch are one."""
    bounds: list[int] = []
    for first, end in sorted((int(each[0]), int(each[-1]) + 1) for each in networks):
        if bounds and first <= bounds[-1]:
            bounds[-1] = max(bounds[-1], end)
        else:
            bounds += first, end
    return bounds
