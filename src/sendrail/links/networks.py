"""What an address says of a visitor: the shipped networks of previewers, and the operator's own."""

import socket
from functools import lru_cache
from importlib.resources import files
from typing import Final

from sendrail.domain.click_classes import NetworkKind
from sendrail.domain.errors import SetupError
from sendrail.domain.networks import Networks, lines_of

_SHIPPED: Final = "previewers.txt"


class NetworkKinds:
    """Looks up the kind of a visitor's address."""

    def __init__(self, machines: str = "", people: str = "") -> None:
        """Add the operator's networks of machines and of people, as text by commas or lines.

        People win. Raise `SetupError` where a text is no network.
        """
        self._previewers = _previewers()
        self._machines = _read("click_machine_networks", machines)
        self._people = _read("click_people_networks", people)

    def of(self, address: str) -> NetworkKind:
        """Return the kind of an address; one that cannot be parsed is an ordinary one."""
        packed = pack_address(address)
        return NetworkKind.ORDINARY if packed is None else self.of_packed(packed)

    def of_packed(self, packed: bytes) -> NetworkKind:
        """Return the kind of an address of 4 or 16 bytes."""
        if self._people.contain(packed):
            return NetworkKind.ORDINARY
        if self._previewers.contain(packed):
            return NetworkKind.PREVIEWER
        return NetworkKind.MACHINE if self._machines.contain(packed) else NetworkKind.ORDINARY

    def of_prefix(self, prefix: bytes) -> NetworkKind | None:
        """Return the kind of all addresses that begin with these bytes, None where they differ.

        A prefix of up to 4 bytes is one of IPv4; an address of 4 or 16 bytes is one as well.
        """
        for networks, kind in (
            (self._people, NetworkKind.ORDINARY),
            (self._previewers, NetworkKind.PREVIEWER),
            (self._machines, NetworkKind.MACHINE),
        ):
            contained = networks.contain_all(prefix)
            if contained is None:
                return None
            if contained:
                return kind
        return NetworkKind.ORDINARY


def pack_address(address: str) -> bytes | None:
    """Return an address as its 4 or 16 bytes, or None where it is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.inet_pton(family, address)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1)
def _previewers() -> Networks:
    return Networks(lines_of(files(__package__).joinpath(_SHIPPED).read_text("ascii")))


def _read(setting: str, text: str) -> Networks:
    try:
        return Networks(lines_of(text))
    except ValueError as error:
        raise SetupError(f"The setting {setting} has a text that is no network: {error}") from None
