"""Numbers of people whose data was deleted: known again when they come, told by nothing kept."""

import hashlib
from typing import Final

from sendrail.domain import phone

# Stands where a number was: no E.164 number begins with a 0.
REDACTED: Final = 0

_DIGEST_BYTES: Final = 8


def shown(number: int) -> str | None:
    """Return a number in E.164 form; None where that person's data was deleted."""
    return None if number == REDACTED else phone.show(number)


class Pseudonyms:
    """Turns a number into a digest that only this installation's key can make.

    Ten digits are soon tried out, so that a plain hash would hide nothing. Without the key, which
    lies outside the database, a digest tells nobody the number; with it, a number that comes again
    is known. Whoever opens a store without the key can look at it, and must not send from it.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._keyed = key and hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    def of(self, number: int) -> int:
        """Return the digest of a number, as an integer that fits a row."""
        assert self._keyed, "who erases, or asks who was erased, has the key"
        hashing = self._keyed.copy()
        hashing.update(b"%d" % number)
        return int.from_bytes(hashing.digest(), "big", signed=True)
