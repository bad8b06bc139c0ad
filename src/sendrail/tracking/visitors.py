"""What is kept of who followed a link: a network, a digest that is good for a day, and an agent.

An address is never kept whole unless the operator wants it. The digest tells that two requests of
one day came from one address; its key changes at midnight, UTC, so that it says nothing about
another day without the master key.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

from sendrail.domain.click_classes import AGENT_BYTES_MAX, NetworkKind
from sendrail.domain.networks import Networks, unmapped
from sendrail.domain.times import DAY_MS
from sendrail.links.networks import NetworkKinds, pack_address
from sendrail.storage.interface import Tx

_DIGEST_BYTES: Final = 8
_DAY_KEY_BYTES: Final = 16
_IPV4_BYTES: Final = 4
# What is kept of a truncated address: /24 and /48, as bytes.
_IPV4_KEPT: Final = 3
_IPV6_KEPT: Final = 6
# Some 3 MB at most. A campaign's recipients have some thousand.
_AGENTS_KEPT: Final = 4_096
# Behind such an address may stand a proxy that names none of its visitors: it is no one visitor.
_OWN: Final = Networks(
    (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "::1", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


class AddressScope(StrEnum):
    """How much of visitors' addresses is kept."""

    TRUNCATED = "truncated"
    NONE = "none"
    WHOLE = "whole"


class Visitor(NamedTuple):
    """What a visitor's address says, and what is kept of it.

    `network` has 3 or 4 bytes of an IPv4 address, 6 or 16 of an IPv6 address. There is no `digest`
    of an address that may be a proxy's.
    """

    kind: NetworkKind
    network: bytes | None
    digest: bytes | None


_UNKNOWN: Final = Visitor(NetworkKind.ORDINARY, None, None)


class Visitors:
    """Describes the addresses of requests."""

    def __init__(
        self, key: bytes, kinds: NetworkKinds, scope: AddressScope = AddressScope.TRUNCATED
    ) -> None:
        """Take the 16-byte key that the days' keys come from."""
        self._key = key
        self._kinds = kinds
        self._scope = scope
        self._day = -1
        self._keyed = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    def describe(self, address: str, at: int) -> Visitor:
        """Return what there is to say of an address; nothing of one that cannot be parsed.

        `at` is the time of the request, in milliseconds.
        """
        packed = pack_address(address)
        if packed is None:
            return _UNKNOWN
        packed = unmapped(packed)
        digest = None if is_own(packed) else self._digest(packed, at // DAY_MS)
        return Visitor(self._kinds.of_packed(packed), self._kept(packed), digest)

    def _kept(self, packed: bytes) -> bytes | None:
        if self._scope is AddressScope.TRUNCATED:
            return packed[: _IPV4_KEPT if len(packed) == _IPV4_BYTES else _IPV6_KEPT]
        return packed if self._scope is AddressScope.WHOLE else None

    def _digest(self, packed: bytes, day: int) -> bytes:
        if day != self._day:
            key = hashlib.blake2b(
                day.to_bytes(8, "big"), key=self._key, digest_size=_DAY_KEY_BYTES
            ).digest()
            self._day, self._keyed = day, hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)
        digest = self._keyed.copy()
        digest.update(packed)
        return digest.digest()


def is_own(packed: bytes) -> bool:
    """Return whether an address, of 4 or 16 bytes, is none of the public network."""
    return _OWN.contain(packed)


def shown_network(network: bytes) -> str:
    """Return a network as it is kept, in the usual notation: `192.0.2.0/24`, or an address."""
    full = _IPV4_BYTES if len(network) <= _IPV4_BYTES else 16
    address = ip_address(network.ljust(full, b"\0"))
    return str(address) if len(network) == full else f"{address}/{8 * len(network)}"


def cut_agent(agent: bytes) -> bytes:
    """Return as much of an agent as is looked at and kept."""
    return agent[:AGENT_BYTES_MAX]


class AgentIds:
    """The ids of agents that were met today, in memory; the others come from the storage.

    What a transaction has found is remembered once it is durable: until then an agent's row may
    vanish again.
    """

    def __init__(self) -> None:
        self._day = -1
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def find(self, tx: Tx, agents: Collection[bytes], at: int) -> dict[bytes, int]:
        """Return the ids of agents, each cut, at a time in milliseconds."""
        day = at // DAY_MS
        known = self._known if day == self._day else {}
        found = {agent: known[agent] for agent in agents if agent in known}
        unknown = set(agents) - found.keys()
        return found | tx.agents.ids(unknown, day) if unknown else found

    def remember(self, found: Mapping[bytes, int], at: int) -> None:
        """Keep what a transaction has found, now that it is durable."""
        day = at // DAY_MS
        if day != self._day:
            # Each is seen in its row again: the removal of unused ones goes by that.
            self._day = day
            self._known.clear()
        for agent, agent_id in found.items():
            self._known[agent] = agent_id
            self._known.move_to_end(agent)
        while len(self._known) > _AGENTS_KEPT:
            self._known.popitem(last=False)
