"""Identifiers: typed row ids, the lane of a list, and the public ids of messages and contacts.

A message's public id is its number under a keyed permutation of 0 ... 62**8 - 1, written in base
62. It needs no column and no index, cannot collide, and reveals neither volume nor order without
the key. It is not a secret: access to a message needs the API key.
"""

import hashlib
import re
import string
from array import array
from collections.abc import Sequence
from typing import Final, NewType, cast

from sendrail.domain.aes import BlockCipher
from sendrail.domain.digits import read_digits

AccountId = NewType("AccountId", int)
KeyId = NewType("KeyId", int)
ListId = NewType("ListId", int)
ConnectorId = NewType("ConnectorId", int)
JourneyId = NewType("JourneyId", int)
EndpointId = NewType("EndpointId", int)
EventId = NewType("EventId", int)
OfferId = NewType("OfferId", int)
CreativeId = NewType("CreativeId", int)
DomainId = NewType("DomainId", int)
AudienceId = NewType("AudienceId", int)
ScheduleId = NewType("ScheduleId", int)
RunId = NewType("RunId", int)
ConversionId = NewType("ConversionId", int)
OriginId = NewType("OriginId", int)
MessageNumber = NewType("MessageNumber", int)
MessageId = NewType("MessageId", str)
Lane = NewType("Lane", int)

LANES: Final = 4096
MESSAGE_ID_LENGTH: Final = 8
# The largest number of a row that every database has.
ROW_ID_MAX: Final = 2**63 - 1
CONTACT_KEY_BYTES: Final = 32
_CONTACT_ID_BYTES: Final = 12
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{24}").fullmatch

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_HALF: Final = 62**4
_PAIR: Final = 62**2
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}
# A balanced Feistel network over a strong round function is a pseudorandom permutation from four
# rounds on (Luby and Rackoff, 1988).
_ROUNDS: Final = 4
# How many ids are made ahead: enough to spread the fixed cost, few enough to be quick.
_RUN: Final = 512


def is_object_id(text: str) -> bool:
    """Return whether a text has the form of an object's public id: 24 hexadecimal digits."""
    return _OBJECT_ID(text) is not None


def is_row_id(number: int) -> bool:
    """Return whether a row can have this number: no statement takes one beyond."""
    return 0 < number <= ROW_ID_MAX


def read_row_id(text: str) -> int | None:
    """Return the number of a row that a text names, None where it can name none."""
    return read_digits(text, ROW_ID_MAX)


def lane_of(list_id: int) -> Lane:
    """Return the lane of a sending list: it never changes, and lanes are spread evenly.

    The multiplier is the 64-bit golden ratio of Fibonacci hashing (Knuth, TAOCP 3, 6.4); the top
    bits of the product are its well-mixed ones.
    """
    return Lane((list_id * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 52)


def lane_in(row_id: int) -> int:
    """Return the lane in the id of a message, event or callback.

    Valid only where several processes assign ids; elsewhere the result has no meaning.
    """
    return row_id % LANES


class ContactIds:
    """The public ids of contacts, subscriptions and revenue: keyed digests of their numbers.

    Like a message's id they need no column and reveal neither volume nor order. With twelve bytes,
    a billion ids have a collision in one of a hundred billion installations.
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == CONTACT_KEY_BYTES, "the contact key has the wrong size"
        self._key = key

    def contact(self, account_id: AccountId, recipient: int) -> str:
        """Return the id of an account's contact."""
        return self._digest(b"contact", account_id, recipient)

    def list_contact(self, list_id: ListId, recipient: int) -> str:
        """Return the id of a subscription to a list."""
        return self._digest(b"list contact", list_id, recipient)

    def revenue(self, conversion_id: ConversionId) -> str:
        """Return the id of a conversion."""
        return self._digest(b"revenue", 0, conversion_id)

    def _digest(self, kind: bytes, owner: int, recipient: int) -> str:
        return hashlib.blake2b(
            b"%d %d" % (owner, recipient),
            key=self._key,
            person=kind,
            digest_size=_CONTACT_ID_BYTES,
        ).hexdigest()


class MessageIds:
    """The permutation between message numbers and public ids under one 16-byte key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = BlockCipher(key)  # the round function of the Feistel network
        self._run_first = 0
        self._run: list[MessageId] = []

    def show(self, number: int) -> MessageId:
        """Return the public id of one message number."""
        return self.show_many((number,))[0]

    def show_many(self, numbers: Sequence[int]) -> list[MessageId]:
        """Return the public ids of many numbers, much faster than one by one."""
        left = [number // _HALF for number in numbers]
        right = [number % _HALF for number in numbers]
        for step in range(_ROUNDS):
            mixed = self._round(step, right)
            left, right = right, [(a + b) % _HALF for a, b in zip(left, mixed, strict=True)]
        pairs, pair = _PAIRS, _PAIR
        shown = [
            f"{pairs[a // pair]}{pairs[a % pair]}{pairs[b // pair]}{pairs[b % pair]}"
            for a, b in zip(left, right, strict=True)
        ]
        return cast("list[MessageId]", shown)

    def show_run(self, first: int, count: int) -> list[MessageId]:
        """Return the ids of consecutive numbers, made ahead in blocks: numbers come in order."""
        begin = first - self._run_first
        if begin < 0 or begin + count > len(self._run):
            self._run_first, begin = first, 0
            self._run = self.show_many(range(first, first + max(count, _RUN)))
        return self._run[begin : begin + count]

    def read(self, text: str) -> MessageNumber | None:
        """Return the number behind a public id, or None when it cannot be one."""
        if len(text) != MESSAGE_ID_LENGTH:
            return None
        try:
            values = [_VALUES[text[at : at + 2]] for at in range(0, MESSAGE_ID_LENGTH, 2)]
        except KeyError:
            return None
        left, right = values[0] * _PAIR + values[1], values[2] * _PAIR + values[3]
        for step in reversed(range(_ROUNDS)):
            left, right = (right - self._round(step, [left])[0]) % _HALF, left
        return MessageNumber(left * _HALF + right)

    def _round(self, step: int, halves: list[int]) -> "array[int]":
        """Return AES(step, half) as 64-bit numbers, one for each half."""
        blocks = array("Q", [0]) * (2 * len(halves))
        blocks[0::2] = array("Q", halves)
        blocks[1::2] = array("Q", [step]) * len(halves)
        return array("Q", self._cipher.encipher(blocks.tobytes()))[0::2]
