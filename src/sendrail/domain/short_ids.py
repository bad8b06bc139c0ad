"""The ids of short links: the slot of a link under a keyed permutation, in seven letters.

A slot is a message's number and the position of the link in its text, so a short link needs no row
and no index: the id leads to the message by arithmetic. Numbers with lanes in them are too far
apart for that; there, ranges of slots belong to runs of numbers. Slots in the top sixteenth of the
space belong to standalone links. An id reveals neither volume nor order without the key. It is no
secret: seven letters can be guessed at the rate at which links are live.
"""

import string
from array import array
from collections.abc import Iterable, Sequence
from itertools import repeat
from math import isqrt
from typing import Final, NamedTuple, NewType, cast

from sendrail.domain.aes import BlockCipher
from sendrail.domain.ids import LANES, MessageNumber

Slot = NewType("Slot", int)
ShortId = NewType("ShortId", str)

SHORT_LETTERS: Final = 7
# With three letters more that must fit the seven, a guess hits a hundred thousand times less often.
LONG_LETTERS: Final = 10
LINKS_MAX: Final = 4

# No vowels, so that hardly any id spells a word, and no `l`: with I and O, being vowels, all that
# look like 0 and 1 are gone as well.
ALPHABET: Final = "".join(
    letter
    for letter in string.digits + string.ascii_uppercase + string.ascii_lowercase
    if letter not in "AEIOUaeioul"
)
_BASE: Final = len(ALPHABET)
SLOTS: Final = _BASE**SHORT_LETTERS
FIRST_STANDALONE: Final = SLOTS - SLOTS // 16

# The space is no square: the halves make the next greater one, and a value beyond the space is
# permuted again until it is inside (cycle walking; Black and Rogaway, 2002). One in a million is.
_HALF: Final = isqrt(SLOTS - 1) + 1
# NIST's FF3-1 has eight rounds (SP 800-38G): over halves of twenty bits the attacks on four come
# within reach of an owner of a million links.
_ROUNDS: Final = 8
# The step of the block that the further letters come from; no round has it.
_CHECK_STEP: Final = 0xFF

_PAIR: Final = _BASE**2
_TRIPLE: Final = _BASE**3
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
_PAIR_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}


def message_slot(number: int, position: int) -> Slot:
    """Return the slot of a message's link; positions count from 0."""
    assert 0 <= position < LINKS_MAX, "a message has four links at most"
    slot = number * LINKS_MAX + position
    assert slot < FIRST_STANDALONE, "the numbers of messages have outgrown the short ids"
    return Slot(slot)


def message_of(slot: Slot) -> tuple[MessageNumber, int] | None:
    """Return the number and position behind a slot, or None for a standalone link's."""
    if slot >= FIRST_STANDALONE:
        return None
    number, position = divmod(slot, LINKS_MAX)
    return MessageNumber(number), position


class SlotRange(NamedTuple):
    """Slots of messages whose numbers are `LANES` apart, `per_message` for each, in their order.

    The messages were created at `made_at` or later, in milliseconds.
    """

    first_slot: int
    first_number: int
    messages: int
    per_message: int
    made_at: int

    def has_number(self, number: int) -> bool:
        """Return whether a number belongs to it."""
        place, lane = divmod(number - self.first_number, LANES)
        return not lane and 0 <= place < self.messages

    def has_slot(self, slot: int) -> bool:
        """Return whether a slot belongs to it."""
        return 0 <= slot - self.first_slot < self.messages * self.per_message

    def slot_of(self, number: int) -> Slot:
        """Return the slot of the first link of one of its messages."""
        return Slot(self.first_slot + (number - self.first_number) // LANES * self.per_message)

    def message_of(self, slot: int) -> tuple[MessageNumber, int]:
        """Return the number and position behind one of its slots."""
        place, position = divmod(slot - self.first_slot, self.per_message)
        return MessageNumber(self.first_number + place * LANES), position


def standalone_slot(link: int) -> Slot:
    """Return the slot of a standalone link by its number, which counts from 0."""
    assert 0 <= link < SLOTS - FIRST_STANDALONE, "there are more standalone links than short ids"
    return Slot(FIRST_STANDALONE + link)


def standalone_of(slot: Slot) -> int | None:
    """Return the number of a standalone link, or None for the slot of a message's link."""
    return slot - FIRST_STANDALONE if slot >= FIRST_STANDALONE else None


class ShortIds:
    """The permutation between slots and short ids under one 16-byte key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = BlockCipher(key)  # the round function of the Feistel network

    def show(self, slot: int, letters: int = SHORT_LETTERS) -> ShortId:
        """Return the short id of one slot, of seven or ten letters."""
        value = self._permute(slot)
        while value >= SLOTS:
            value = self._permute(value)
        text = _text_of(value)
        return ShortId(text if letters == SHORT_LETTERS else text + self._check(slot))

    def show_many(self, slots: Sequence[int], letters: int = SHORT_LETTERS) -> list[ShortId]:
        """Return the short ids of many slots, several times faster than one by one."""
        left = [slot // _HALF for slot in slots]
        right = [slot % _HALF for slot in slots]
        for step in range(_ROUNDS):
            mixed = self._round(step, right)
            left, right = right, [(a + b) % _HALF for a, b in zip(left, mixed, strict=True)]
        values = [a * _HALF + b for a, b in zip(left, right, strict=True)]
        if values and max(values) >= SLOTS:
            return [self.show(slot, letters) for slot in slots]
        shown = list(map(_text_of, values))
        if letters != SHORT_LETTERS:
            shown = [text + self._check(slot) for text, slot in zip(shown, slots, strict=True)]
        return cast("list[ShortId]", shown)

    def read(self, text: str, letters: int = SHORT_LETTERS) -> Slot | None:
        """Return the slot behind a short id, or None when it cannot be one."""
        value = _value_of(text, letters)
        if value is None:
            return None
        slot = self._invert(value)
        while slot >= SLOTS:
            slot = self._invert(slot)
        return self._checked(slot, text, letters)

    def read_many(self, texts: Sequence[str], letters: int = SHORT_LETTERS) -> list[Slot | None]:
        """Return the slots behind many short ids, None for each that cannot be one."""
        values = [_value_of(text, letters) for text in texts]
        known = [value for value in values if value is not None]
        left = [value // _HALF for value in known]
        right = [value % _HALF for value in known]
        for step in reversed(range(_ROUNDS)):
            mixed = self._round(step, left)
            left, right = [(b - a) % _HALF for a, b in zip(mixed, right, strict=True)], left
        slots = [a * _HALF + b for a, b in zip(left, right, strict=True)]
        if slots and max(slots) >= SLOTS:
            return [self.read(text, letters) for text in texts]
        found = iter(slots)
        return [
            None if value is None else self._checked(next(found), text, letters)
            for value, text in zip(values, texts, strict=True)
        ]

    def _permute(self, value: int) -> int:
        left, right = divmod(value, _HALF)
        for step in range(_ROUNDS):
            left, right = right, (left + self._block(step, right)) % _HALF
        return left * _HALF + right

    def _invert(self, value: int) -> int:
        left, right = divmod(value, _HALF)
        for step in reversed(range(_ROUNDS)):
            left, right = (right - self._block(step, left)) % _HALF, left
        return left * _HALF + right

    def _block(self, step: int, value: int) -> int:
        """Return AES(step, value) as a 64-bit number."""
        return int.from_bytes(
            self._cipher.encipher((step << 64 | value).to_bytes(16, "little"))[:8], "little"
        )

    def _round(self, step: int, halves: Sequence[int]) -> Iterable[int]:
        """Return AES(step, half) as 64-bit numbers, one for each half."""
        blocks = array("Q", repeat(step, 2 * len(halves)))
        blocks[0::2] = array("Q", halves)
        return array("Q", self._cipher.encipher(blocks.tobytes()))[0::2]

    def _check(self, slot: int) -> str:
        """Return the three letters that make a short id a long one."""
        value = self._block(_CHECK_STEP, slot) % _TRIPLE
        return _PAIRS[value // _BASE] + ALPHABET[value % _BASE]

    def _checked(self, slot: int, text: str, letters: int) -> Slot | None:
        if letters != SHORT_LETTERS and text[SHORT_LETTERS:] != self._check(slot):
            return None
        return Slot(slot)


def _text_of(value: int) -> str:
    pairs = _PAIRS
    value, last = divmod(value, _BASE)
    value, low = divmod(value, _PAIR)
    return f"{pairs[value // _PAIR]}{pairs[value % _PAIR]}{pairs[low]}{ALPHABET[last]}"


def _value_of(text: str, letters: int) -> int | None:
    if len(text) != letters:
        return None
    try:
        high, middle, low = (_PAIR_VALUES[text[at : at + 2]] for at in (0, 2, 4))
        return ((high * _PAIR + middle) * _PAIR + low) * _BASE + _VALUES[text[6]]
    except KeyError:
        return None
