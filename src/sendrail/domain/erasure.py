"""Pseudonyms for the numbers of people whose data was deleted: recognizable, not readable."""

import hashlib
from typing import Final

from sendrail.domain import phone

# Marks a pseudonym in place of a number: no E.164 number begins with a 0.
REDACTED: Final = 0

_DIGEST_BYTES: Final = 8


def shown(number: int) -> str | None:
    """Return a number in E.164 form; None where that person's data was deleted."""
    return None if number == REDACTED else phone.show(number)


class Pseudonyms:
    """Turns a number into a digest that only this installation's key can make.

    A plain hash hides nothing, because all numbers of ten digits can be tried. Without the key,
    which is kept outside the database, a digest does not reveal the number; with it, the number is
    recognized when it comes again. A process that opens a store without the key may read it, but
    must not send.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._keyed = key and hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    def of(self, number: int) -> int:
        """Return the digest of a number, as an integer that fits a row."""
        assert self._keyed, "erasing, or looking up erased numbers, needs the key"
        hashing = self._keyed.copy()
        hashing.update(b"%d" % number)
        return int.from_bytes(hashing.digest(), "big", signed=True)
