"""The tokens of the filter page: what its form shows, so that a POST alone confirms nothing.

A token is a keyed digest of the link's slot and the hour. Nothing is stored, and none is good for
another link, or for longer than two hours.
"""

import hashlib
import hmac
from typing import Final

from sendrail.domain.short_ids import Slot

_HOUR_MS: Final = 3_600_000
# 96 bits: no client guesses one while it is good.
_DIGEST_BYTES: Final = 12


class PageTokens:
    """Makes and checks tokens under one key of 16 to 64 bytes."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    def make(self, slot: Slot, at: int) -> str:
        """Return the token of a link's page that is made at a time, in milliseconds."""
        return self._of_hour(slot, at // _HOUR_MS)

    def is_valid(self, slot: Slot, token: str, at: int) -> bool:
        """Return whether a link's token was made in this hour or the one before.

        The comparison takes the same time whatever is shown. A visitor whose token is too old is
        shown the page again.
        """
        shown, hour, found = token.encode("utf-8", "surrogatepass"), at // _HOUR_MS, False
        for each in (hour, hour - 1):
            found |= hmac.compare_digest(shown, self._of_hour(slot, each).encode())
        return found

    def _of_hour(self, slot: Slot, hour: int) -> str:
        digest = self._keyed.copy()
        digest.update(slot.to_bytes(8, "big") + hour.to_bytes(8, "big"))
        return digest.hexdigest()
