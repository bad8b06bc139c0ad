"""The address that a request came from, also where a proxy of the operator's passed it on.

Any client can write `X-Forwarded-For`: only what trusted proxies have added to it counts. So it is
read from its end, and the first address that is no trusted proxy's is the visitor's.
"""

import re
from functools import lru_cache
from typing import Final

from sendrail.domain.errors import SetupError
from sendrail.domain.networks import Networks, lines_of
from sendrail.links.networks import pack_address

# Some proxies add the port: `192.0.2.1:5060`, `[2001:db8::1]:5060`.
_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+").fullmatch
# A visitor can write as much as a head may be long.
_LENGTH_MAX: Final = 1_024
_KEPT: Final = 1_024


class PeerAddresses:
    """Tells the visitors' addresses from those of trusted proxies."""

    def __init__(self, trusted: str) -> None:
        """Trust networks, as text by commas. Raise `SetupError` where a text is no network."""
        try:
            self._trusted = Networks(lines_of(trusted))
        except ValueError as error:
            raise SetupError(
                f"The setting trusted_proxies has a text that is no network: {error}"
            ) from None
        # The peers are few: a proxy, or the visitors themselves.
        self._is_trusted = lru_cache(maxsize=_KEPT)(self._look)

    def visitor(self, peer: str, forwarded: bytes | None) -> str:
        """Return the address of who sent a request: the peer's, unless that is a trusted proxy.

        `forwarded` are the values of all `X-Forwarded-For` headers in their order, by commas.
        """
        if forwarded is None or not self._is_trusted(peer):
            return peer
        for text in reversed(forwarded[-_LENGTH_MAX:].decode("latin-1").split(",")):
            address = _without_port(text.strip())
            packed = pack_address(address)
            if packed is None:
                # What stands before it was written by who knows whom.
                break
            peer = address
            if not self._trusted.contain(packed):
                break
        return peer

    def _look(self, peer: str) -> bool:
        packed = pack_address(peer)
        return packed is not None and self._trusted.contain(packed)


def _without_port(text: str) -> str:
    found = _WITH_PORT(text)
    return text if found is None else found[1] or found[2]
