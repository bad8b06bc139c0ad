"""The duplicate window: which messages were accepted lately, in little memory.

A table in the database would halve the accept rate, and a dictionary takes over a hundred bytes a
message. So the window is a hash table of 64-bit fingerprints in two flat arrays. It is split into
shards that grow one at a time, so that growing never halts the loop for long. A generation lasts
one window; look-ups see this one and the last, and the age of an entry follows from its number.

Pages of campaigns come in the order of their recipients and look for no duplicates. They are kept
as they come, in half the memory and a tenth of the time, and searched for what callers send.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from itertools import compress
from typing import Final, TypeAlias

from sendrail.storage.pipeline.messages import MessageRow

# Two different messages share a fingerprint with a chance of 2**-64 a pair: for a full million in
# the window, one false duplicate in 10**13 messages.
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_SHARDS: Final = 256
_SHARD_BITS: Final = 8
_FIRST_SLOTS: Final = 64
# Of a text in a page: the recipient and the list are kept whole.
_TEXT_MASK: Final = 0xFFFFFFFF


def fingerprint(list_id: int, recipient: int, text: Hashable) -> int:
    """Return 64 bits that stand for one message text to one recipient from one list.

    `text` is what tells a text from others; what is the same object in many of them is hashed once.
    Good for this process only: Python keys its string hash anew at each start, so no caller can
    prepare texts that collide.
    """
    return hash((list_id, recipient, text)) & _MASK or 1


class _Shard:
    """An open-addressing hash table from fingerprint to message number."""

    __slots__ = ("count", "keys", "mask", "numbers")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.count = 0
        self.mask = _FIRST_SLOTS - 1
        self.keys = array("Q", bytes(8 * _FIRST_SLOTS))
        self.numbers = array("Q", bytes(8 * _FIRST_SLOTS))

    def find(self, key: int) -> int:
        """Return the number kept for the key, or 0."""
        keys, mask = self.keys, self.mask
        slot = (key >> _SHARD_BITS) & mask
        while held := keys[slot]:
            if held == key:
                return self.numbers[slot]
            slot = (slot + 1) & mask
        return 0

    def swap(self, key: int, number: int) -> int:
        """Keep a number for the key; return the one that was kept before, or 0."""
        keys, mask = self.keys, self.mask
        slot = (key >> _SHARD_BITS) & mask
        while held := keys[slot]:
            if held == key:
                before = self.numbers[slot]
                self.numbers[slot] = number
                return before
            slot = (slot + 1) & mask
        keys[slot] = key
        self.numbers[slot] = number
        self.count += 1
        # Two thirds full is where probing starts to walk.
        if self.count * 3 > mask * 2:
            self._grow()
        return 0

    def _grow(self) -> None:
        """Move into tables of twice the size; no two keys are alike, so each takes a free slot."""
        old = zip(self.keys, self.numbers, strict=True)
        slots = (self.mask + 1) * 2
        mask = self.mask = slots - 1
        keys = self.keys = array("Q", bytes(8 * slots))
        numbers = self.numbers = array("Q", bytes(8 * slots))
        for key, number in old:
            if key:
                slot = (key >> _SHARD_BITS) & mask
                while keys[slot]:
                    slot = (slot + 1) & mask
                keys[slot] = key
                numbers[slot] = number


class _Pages:
    """Messages from one list to ascending recipients, each with its text's hash and its number."""

    __slots__ = ("_first", "_numbers", "recipients", "texts")

    def __init__(self) -> None:
        self.recipients = array("q")
        self.texts = array("I")
        # Numbers count from the first one.
        self._first = 0
        self._numbers = array("I")

    def add(self, rows: Sequence[MessageRow], texts: Sequence[int]) -> None:
        if not self.recipients:
            self._first = rows[0][0]
        first = self._first
        self.recipients.extend(array("q", [row[4] for row in rows]))
        self.texts.extend(array("I", [text & _TEXT_MASK for text in texts]))
        self._numbers.extend(array("I", [row[0] - first for row in rows]))

    def cut(self, length: int) -> None:
        """Forget all but so many."""
        del self.recipients[length:], self.texts[length:], self._numbers[length:]

    def find(self, recipient: int, text: int) -> int:
        """Return the number of the message with this text to a recipient, or 0."""
        at = bisect_left(self.recipients, recipient)
        if at == len(self.recipients) or self.recipients[at] != recipient:
            return 0
        return self._first + self._numbers[at] if self.texts[at] == text else 0


# What a page was added to, and how much was there before.
PageMark: TypeAlias = tuple[_Pages, int]


class DuplicateWindow:
    """Fingerprints of the messages accepted within the last `length_ms`."""

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self._young = [_Shard() for _ in range(_SHARDS)]
        self._old = [_Shard() for _ in range(_SHARDS)]
        # By their list.
        self._young_pages: dict[int, list[_Pages]] = {}
        self._old_pages: dict[int, list[_Pages]] = {}
        self._turned_at = 0
        # When which numbers began, in steps of a ten-thousandth of the window.
        self._step = max(1, length_ms // 10_000)
        self._marks_from = 0
        self._times = array("q")
        self._firsts = array("q")

    def open(self, now: int) -> None:
        """Make ready for look-ups at this time; times never run backwards."""
        if now - self._turned_at >= self.length_ms:
            self._young, self._old = self._old, self._young
            self._young_pages, self._old_pages = {}, self._young_pages
            for shard in self._young:
                if shard.count:
                    shard.clear()
            if now - self._turned_at >= 2 * self.length_ms:
                self._old_pages = {}
                for shard in self._old:
                    shard.clear()
            self._turned_at = now
        expired = bisect_left(self._times, now - self.length_ms + 1)
        # Moving the lists' tails is only worth its cost now and then.
        if expired > 1 and expired * 2 > len(self._times):
            del self._times[: expired - 1], self._firsts[: expired - 1]

    def swap(self, key: int, number: int, now: int) -> int:
        """Remember a message, whose number is greater than any before.

        Return the number of the same message within the window, or 0. Look-up and note are one
        step because a probe of the table is what both cost; whether it stays is decided afterwards.
        """
        if now >= self._marks_from and not self._mark(number, now):
            return 0
        which = key & (_SHARDS - 1)
        earlier = self._young[which].swap(key, number)
        if earlier:
            return earlier if earlier >= self._oldest(now) else 0
        old = self._old[which]
        if old.count and (earlier := old.find(key)) and earlier >= self._oldest(now):
            return earlier
        return 0

    def take_back(self, key: int, earlier: int) -> None:
        """Forget a message that came to nothing; `earlier` is what `swap` returned for it."""
        if self.length_ms:
            self._young[key & (_SHARDS - 1)].swap(key, earlier)

    def note_page(
        self, rows: Sequence[MessageRow], texts: Sequence[int], now: int
    ) -> list[PageMark]:
        """Remember messages whose numbers and recipients ascend, with the hashes of their texts.

        No recipient is there twice. Returns what `undo` needs.
        """
        if not rows or (now >= self._marks_from and not self._mark(rows[0][0], now)):
            return []
        marks = []
        lists = {row[3] for row in rows}
        for list_id in lists:
            some, hashes = rows, texts
            if len(lists) > 1:
                is_of_list = [row[3] == list_id for row in rows]
                some, hashes = list(compress(rows, is_of_list)), list(compress(texts, is_of_list))
            pages = self._pages_before(list_id, some[0][4])
            marks.append((pages, len(pages.recipients)))
            pages.add(some, hashes)
        return marks

    @property
    def has_pages(self) -> bool:
        """Whether there is anything for `in_pages` to find."""
        return bool(self._young_pages or self._old_pages)

    def in_pages(self, list_id: int, recipient: int, text: Hashable, now: int) -> int:
        """Return the number of the same message within the window among pages, or 0."""
        hashed = hash(text) & _TEXT_MASK
        earlier = max(
            (
                pages.find(recipient, hashed)
                for generation in (self._young_pages, self._old_pages)
                for pages in generation.get(list_id, ())
            ),
            default=0,
        )
        return earlier if earlier >= self._oldest(now) else 0

    def undo(
        self, swapped: Sequence[tuple[int, int]], first: int, pages: Sequence[PageMark] = ()
    ) -> None:
        """Forget the messages of a transaction that failed, so that their numbers serve again.

        `swapped` has each key with what `swap` returned for it, in that order; `first` is the first
        of their numbers, and `pages` is what `note_page` returned.
        """
        for each, length in pages:
            each.cut(length)
        for key, earlier in reversed(swapped):
            self.take_back(key, earlier)
        # Else a smaller number that is given out next would lie before a time that is past.
        while self._firsts and self._firsts[-1] >= first:
            self._firsts.pop()
            self._times.pop()
            self._marks_from = 0

    def _pages_before(self, list_id: int, first: int) -> _Pages:
        """Return pages of a list that a recipient may follow, those that end next before it.

        There are about as many as runs that send to the list at once.
        """
        of_list = self._young_pages.setdefault(list_id, [])
        ends = [
            (each.recipients[-1] if each.recipients else 0, at) for at, each in enumerate(of_list)
        ]
        before = max((each for each in ends if each[0] < first), default=None)
        if before is not None:
            return of_list[before[1]]
        of_list.append(_Pages())
        return of_list[-1]

    def _mark(self, number: int, now: int) -> bool:
        """Note when a number was given out; return whether the window has any length."""
        if not self.length_ms:
            return False
        self._times.append(now)
        self._firsts.append(number)
        self._marks_from = now + self._step
        return True

    def _oldest(self, now: int) -> int:
        """Return the first number that is young enough at this time."""
        at = bisect_left(self._times, now - self.length_ms + 1)
        return self._firsts[at] if at < len(self._firsts) else 1 << 63
