"""Ranges of slots as processes reserve and read them, over ranges that all of them share."""

import random
from itertools import pairwise

import pytest

from sendrail.domain.ids import LANES
from sendrail.domain.short_ids import FIRST_STANDALONE, SLOTS
from sendrail.links.ranges import PART, LinkedRun, RangeSlots
from sendrail.links.slots import LinkPlace

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
LANE = 7


class SharedRanges:
    """The ranges of one database, which counts how often it is asked."""

    def __init__(self):
        self.rows = []
        self.parts = 0
        self.asked = 0
        # The transaction is what has them.
        self.link_ranges = self

    def next_part(self):
        self.parts += 1
        return self.parts - 1

    def add(self, ranges):
        self.rows += ranges

    def by_slot(self, slots):
        self.asked += 1
        return {slot: each for slot in slots for each in self.rows if each.has_slot(slot)}

    def by_number(self, numbers):
        self.asked += 1
        return {number: each for number in numbers for each in self.rows if each.has_number(number)}


@pytest.fixture
def tx():
    return SharedRanges()


def number(n, lane=LANE):
    return n * LANES + lane


def run(first, last, links=1, end=1_024, lane=LANE):
    return LinkedRun(number(first, lane), number(last, lane), links, number(end, lane))


def reserve(tx, process, *runs, now=NOW):
    """Reserve as an acceptor does whose transaction becomes durable."""
    ranges = process.reserve(tx, runs, now)
    tx.add(ranges)
    process.learn(ranges)
    return ranges


def test_the_first_message_with_a_link_reserves_for_the_rest_of_its_block(tx):
    process = RangeSlots()
    [first] = reserve(tx, process, run(10, 10))
    assert (first.first_number, first.messages, first.per_message) == (number(10), 1_014, 4)
    assert reserve(tx, process, run(11, 12, links=4), run(1_023, 1_023)) == []
    assert process.first_slots(tx, [number(10), number(12)]) == [0, 8]


def test_a_large_group_takes_exactly_what_it_needs(tx):
    process = RangeSlots()
    [own] = reserve(tx, process, run(0, 999, links=1))
    assert (own.messages, own.per_message) == (1_000, 1)
    # What is left of the block has a range of its own, once it needs one.
    [rest] = reserve(tx, process, run(1_000, 1_000))
    assert (rest.first_slot, rest.messages, rest.per_message) == (1_000, 24, 4)
    slots = process.first_slots(tx, [number(n) for n in (0, 999, 1_000, 1_001)])
    assert slots == [0, 999, 1_000, 1_004]


def test_each_lane_has_its_own(tx):
    process = RangeSlots()
    ranges = reserve(tx, process, run(0, 0), run(0, 0, lane=LANE + 1))
    assert [each.first_number for each in ranges] == [number(0), number(0, LANE + 1)]


def test_ids_of_one_process_are_read_by_another_and_no_slot_is_given_twice(tx):
    dice = random.Random(5)
    processes = [RangeSlots(), RangeSlots()]
    made = {}
    for block in range(200):
        process, lane = dice.choice(processes), dice.choice((1, 2, 4_095))
        links, count = dice.randint(1, 4), dice.choice((1, 20, 600))
        first, end = block * 1_024, (block + 1) * 1_024
        group = run(first, first + count - 1, links, end, lane)
        reserve(tx, process, group)
        later = run(first + count, first + count, 4, end, lane)
        reserve(tx, process, later)
        numbers = range(group.first, group.last + 1, LANES)
        for each, slot in zip(numbers, process.first_slots(tx, numbers), strict=True):
            made |= {slot + position: (each, position) for position in range(links)}
        [slot] = process.first_slots(tx, [later.first])
        made |= {slot + position: (later.first, position) for position in range(4)}
    taken = sorted(
        (each.first_slot, each.first_slot + each.messages * each.per_message) for each in tx.rows
    )
    assert all(end <= begin for (_, end), (begin, _) in pairwise(taken))
    slots = dice.sample(list(made), 2_000)
    found = RangeSlots().messages(tx, slots)
    assert [each[:2] for each in found] == [made[slot] for slot in slots]
    firsts = {number: slot for slot, (number, position) in made.items() if not position}
    assert RangeSlots().first_slots(tx, list(firsts)) == list(firsts.values())


def test_what_was_read_once_is_not_asked_for_again(tx):
    reserve(tx, RangeSlots(), run(0, 999))
    process = RangeSlots()
    for _ in range(2):
        assert process.first_slots(tx, [number(0), number(500)]) == [0, 500]
        assert process.messages(tx, [0, 999])[1][:2] == (number(999), 0)
        assert tx.asked == 1


def test_a_message_is_at_most_an_hour_older_than_its_range_says(tx):
    # A clock may be set back.
    reserve(tx, RangeSlots(), run(0, 0))
    [found] = RangeSlots().messages(tx, [0])
    assert found == LinkPlace(number(0), 0, NOW - HOUR_MS)


@pytest.mark.parametrize("slot", [5_000, FIRST_STANDALONE, SLOTS - 1])
def test_a_slot_of_no_range_has_no_message(tx, slot):
    process = RangeSlots()
    reserve(tx, process, run(0, 999))
    assert process.messages(tx, [slot, 1])[0] is None
    # Those of standalone links are not even looked for.
    assert tx.asked == (1 if slot == 5_000 else 0)


def test_what_failed_is_reserved_anew(tx):
    process = RangeSlots()
    [lost] = process.reserve(tx, [run(0, 0)], NOW)
    tx.rows.clear()
    [again] = reserve(tx, process, run(1, 1))
    assert again.first_number == number(1)
    assert again.first_slot >= lost.first_slot + lost.messages * lost.per_message


def test_a_process_takes_a_part_of_the_slots_at_a_time(tx):
    process = RangeSlots()
    for block in range(16):
        reserve(tx, process, run(block * 1_024, block * 1_024, end=(block + 1) * 1_024))
    assert tx.parts == 1
    [beyond] = reserve(tx, process, run(20_000, 20_000, end=21_024))
    assert (tx.parts, beyond.first_slot) == (2, PART)
    # A group larger than a part has several ranges.
    ranges = reserve(tx, process, run(30_000, 70_000, links=4, end=70_001))
    assert sum(each.messages for each in ranges) == 40_001
    assert all(each.messages * 4 <= PART for each in ranges)


def test_memory_is_bounded_and_the_older_half_goes(tx):
    process = RangeSlots(kept=8)
    blocks = [run(n * 1_024, n * 1_024, end=(n + 1) * 1_024) for n in range(9)]
    for each in blocks:
        reserve(tx, process, each)
    assert tx.asked == 0
    newest = [each.first for each in blocks[-4:]]
    process.first_slots(tx, newest)
    assert tx.asked == 0
    oldest = blocks[0].first
    assert process.first_slots(tx, [oldest]) == [0]
    assert tx.asked == 1


def test_where_the_slots_end_nothing_is_given_out(tx):
    tx.parts = FIRST_STANDALONE // PART
    with pytest.raises(AssertionError, match="outgrown"):
        reserve(tx, RangeSlots(), run(0, 0))
