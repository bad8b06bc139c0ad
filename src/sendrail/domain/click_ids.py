"""The id of a click, for partners that report conversions: one cipher block in 22 letters.

Which link was clicked, when and by what kind of visitor stand in the id itself. So it needs no row
and no index, and a conversion is attributed even when the click's row is gone. No other party can
make one: a block whose unused bits are zero after deciphering is found once in 2**41 tries.
"""

import string
from typing import Final, NamedTuple, NewType

from sendrail.domain.aes import BlockCipher
from sendrail.domain.short_ids import Slot

ClickId = NewType("ClickId", str)

# 62**22 is the first power above 2**128. TUNE's transaction ids have 30 characters, Everflow's 32.
CLICK_ID_LENGTH: Final = 22

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_BASE: Final = len(_ALPHABET)
_BLOCK_BYTES: Final = 16
_SLOT_BITS: Final = 42
_TIME_BITS: Final = 42
_CLASS_BITS: Final = 3
_PROOF_BITS: Final = 41


class ClickIdParts(NamedTuple):
    """What a click id says: `after_ms` are milliseconds since its message was created."""

    slot: Slot
    after_ms: int
    click_class: int


class ClickIds:
    """Makes and reads click ids under one 16-byte key."""

    def __init__(self, key: bytes) -> None:
        # Two clicks of the same millisecond have the same id.
        self._cipher = BlockCipher(key)

    def show(self, slot: int, after_ms: int, click_class: int) -> ClickId:
        """Return the id of a click; a time before the message's, by another clock, counts as 0."""
        assert 0 <= slot < 1 << _SLOT_BITS, "a slot is below 51**7"
        assert 0 <= click_class < 1 << _CLASS_BITS, "there are eight classes at most"
        after_ms = min(max(after_ms, 0), (1 << _TIME_BITS) - 1)
        packed = (slot << _TIME_BITS | after_ms) << _CLASS_BITS | click_class
        block = (packed << _PROOF_BITS).to_bytes(_BLOCK_BYTES, "big")
        value = int.from_bytes(self._cipher.encipher(block), "big")
        letters = [""] * CLICK_ID_LENGTH
        for at in reversed(range(CLICK_ID_LENGTH)):
            value, digit = divmod(value, _BASE)
            letters[at] = _ALPHABET[digit]
        return ClickId("".join(letters))

    def read(self, text: str) -> ClickIdParts | None:
        """Return what a click id says, or None where we did not make it."""
        if len(text) != CLICK_ID_LENGTH:
            return None
        value = 0
        for letter in text:
            digit = _VALUES.get(letter)
            if digit is None:
                return None
            value = value * _BASE + digit
        if value >> 8 * _BLOCK_BYTES:
            return None
        packed = int.from_bytes(self._cipher.decipher(value.to_bytes(_BLOCK_BYTES, "big")), "big")
        packed, proof = packed >> _PROOF_BITS, packed & (1 << _PROOF_BITS) - 1
        if proof:
            return None
        packed, click_class = packed >> _CLASS_BITS, packed & (1 << _CLASS_BITS) - 1
        slot, after_ms = packed >> _TIME_BITS, packed & (1 << _TIME_BITS) - 1
        return ClickIdParts(Slot(slot), after_ms, click_class)
