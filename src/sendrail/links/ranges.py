"""Slots by ranges, where many processes give numbers out: their lanes are part of the numbers.

A range gives some messages of a lane, one after the other, their slots. It is reserved with the
first message that has a link, for the rest of a block of numbers; a large group of messages gets
one of exactly its own size. Ranges are never changed, so a process keeps those it has met.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sendrail.domain.ids import LANES
from sendrail.domain.short_ids import (
    FIRST_STANDALONE,
    LINKS_MAX,
    Slot,
    SlotRange,
)
from sendrail.links.slots import LinkPlace
from sendrail.storage.interface import Tx

# Slots that a process takes at a time, and loses at its end: there are thirteen million parts.
PART: Final = 65_536
# From here on a group of messages has a range of its own, without slots to spare. The rest of a
# block is at most four of these.
_OWN_RANGE: Final = 256
_RANGE_MAX: Final = PART // LINKS_MAX
# Ranges that a process keeps in memory: those of some sixty million messages.
RANGES_KEPT: Final = 65_536
# Clocks are set back at times, by less than that; and who asks only wants to know the week.
_SLACK_MS: Final = 3_600_000


class LinkedRun(NamedTuple):
    """Messages of a lane that are accepted together: numbers `LANES` apart, from first to last.

    The first and the last have links, and none has more than `links`. After `last`, the numbers
    before `block_end` belong to the same process.
    """

    first: int
    last: int
    links: int
    block_end: int


class RangeSlots:
    """Slots by the ranges of one database."""

    def __init__(self, *, kept: int = RANGES_KEPT) -> None:
        """Keep so many ranges in memory."""
        self._known = _KnownRanges(kept)
        # What is left of our part of the slots: the next, and the end.
        self._next, self._end = 0, 0

    def first_slots(self, tx: Tx, numbers: Sequence[int]) -> list[Slot]:
        known = [self._known.of_number(number) for number in numbers]
        unknown = [n for n, each in zip(numbers, known, strict=True) if each is None]
        found = tx.link_ranges.by_number(unknown) if unknown else {}
        self.learn(found.values())
        # A message with links was stored together with its range.
        return [
            (each or found[number]).slot_of(number)
            for number, each in zip(numbers, known, strict=True)
        ]

    def messages(self, tx: Tx, slots: Sequence[Slot]) -> list[LinkPlace | None]:
        known = [self._known.of_slot(slot) for slot in slots]
        unknown = [
            slot
            for slot, each in zip(slots, known, strict=True)
            if each is None and slot < FIRST_STANDALONE
        ]
        found = tx.link_ranges.by_slot(unknown) if unknown else {}
        self.learn(found.values())
        return [
            _place(each or found.get(slot), slot) for slot, each in zip(slots, known, strict=True)
        ]

    def reserve(self, tx: Tx, runs: Iterable[LinkedRun], now: int) -> list[SlotRange]:
        """Return ranges for messages that have none yet.

        They are stored together with these, and learned once they are durable.
        """
        ranges: list[SlotRange] = []
        for run in runs:
            known = self._known.of_number(run.first)
            if known is None or not known.has_number(run.last):
                ranges += self._ranges_of(tx, run, now)
        return ranges

    def learn(self, ranges: Iterable[SlotRange]) -> None:
        """Keep ranges that are durable."""
        self._known.add(ranges)

    def _ranges_of(self, tx: Tx, run: LinkedRun, now: int) -> list[SlotRange]:
        count, links = (run.last - run.first) // LANES + 1, run.links
        if count < _OWN_RANGE:
            # Whatever comes later in this block has its place, too.
            count, links = (run.block_end - run.first) // LANES, LINKS_MAX
        return [
            SlotRange(
                self._take(tx, size * links),
                run.first + at * LANES,
                size,
                links,
                now - _SLACK_MS,
            )
            for at in range(0, count, _RANGE_MAX)
            for size in [min(count - at, _RANGE_MAX)]
        ]

    def _take(self, tx: Tx, count: int) -> Slot:
        """Take slots that follow each other; what was left of a part that is too small is lost."""
        if self._next + count > self._end:
            first = tx.link_ranges.next_part() * PART
            assert first + PART <= FIRST_STANDALONE, "the links have outgrown the short ids"
            # Only now: another transaction may have taken a part while we waited.
            self._next, self._end = first, first + PART
        taken = self._next
        self._next += count
        return Slot(taken)


def _place(known: SlotRange | None, slot: Slot) -> LinkPlace | None:
    if known is None:
        return None
    number, position = known.message_of(slot)
    return LinkPlace(number, position, known.made_at)


class _KnownRanges:
    """Ranges in memory, found from either side; the older half goes when there are too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        # By their first slot, and by their first number, each with its keys beside it.
        self._by_slot: list[SlotRange] = []
        self._slots: list[int] = []
        self._by_number: dict[int, list[SlotRange]] = {}
        # Messages come in runs: nearly always the next one lies where the last one did.
        self._last: SlotRange | None = None

    def of_slot(self, slot: Slot) -> SlotRange | None:
        at = bisect_right(self._slots, slot) - 1
        if at < 0:
            return None
        found = self._by_slot[at]
        return found if found.has_slot(slot) else None

    def of_number(self, number: int) -> SlotRange | None:
        last = self._last
        if last is not None and last.has_number(number):
            return last
        of_lane = self._by_number.get(number % LANES)
        if not of_lane:
            return None
        at = bisect_right(of_lane, number, key=_first_number) - 1
        if at < 0 or not of_lane[at].has_number(number):
            return None
        self._last = of_lane[at]
        return self._last

    def add(self, ranges: Iterable[SlotRange]) -> None:
        for each in ranges:
            at = bisect_right(self._slots, each.first_slot)
            if at and self._slots[at - 1] == each.first_slot:
                continue
            if len(self._slots) >= self._most:
                self._forget_older()
                at = bisect_right(self._slots, each.first_slot)
            self._slots.insert(at, each.first_slot)
            self._by_slot.insert(at, each)
            of_lane = self._by_number.setdefault(each.first_number % LANES, [])
            insort(of_lane, each, key=_first_number)

    def _forget_older(self) -> None:
        kept = self._by_slot[len(self._by_slot) // 2 + 1 :]
        self._by_slot, self._slots = [], []
        self._by_number, self._last = {}, None
        self.add(kept)


def _first_number(known: SlotRange) -> int:
    return known.first_number
