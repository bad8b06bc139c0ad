"""Ranges of slots: where a lane's messages have their links, for every process the same."""

import pytest
from stores import NOW, SHARED, House

from sendrail.domain.ids import LANES
from sendrail.domain.short_ids import SlotRange

LANE = 7


@pytest.fixture(params=SHARED)
def house(request):
    house = House(SHARED[request.param](None))
    yield house
    house.close()


def numbers(*ns, lane=LANE):
    return [n * LANES + lane for n in ns]


def ranges():
    """Two ranges of one lane with a gap between them, and one of another."""
    return [
        SlotRange(1_000, *numbers(10), messages=100, per_message=4, made_at=NOW),
        SlotRange(5_000, *numbers(200), messages=3, per_message=1, made_at=NOW + 1),
        SlotRange(3_000, *numbers(10, lane=LANE + 1), messages=50, per_message=2, made_at=NOW),
    ]


@pytest.fixture
def added(house):
    house.write(lambda tx: tx.link_ranges.add(ranges()))
    return ranges()


def test_no_part_is_given_twice(house):
    first = house.write(lambda tx: [tx.link_ranges.next_part() for _ in range(3)])
    other = house.open()
    assert first == [0, 1, 2]
    assert house.write(lambda tx: tx.link_ranges.next_part(), other) == 3


def test_a_part_that_was_taken_in_vain_is_gone(house):
    def fail(tx):
        tx.link_ranges.next_part()
        raise LookupError

    with pytest.raises(LookupError):
        house.write(fail)
    assert house.write(lambda tx: tx.link_ranges.next_part()) == 1


def test_a_range_is_found_by_its_slots(house, added):
    slots = [999, 1_000, 1_399, 1_400, 3_099, 4_999, 5_002, 5_003]
    found = house.read(lambda tx: tx.link_ranges.by_slot(slots))
    first, second, other = added
    assert found == {1_000: first, 1_399: first, 3_099: other, 5_002: second}
    assert house.read(lambda tx: tx.link_ranges.by_slot([])) == {}


def test_a_range_is_found_by_its_messages(house, added):
    wanted = [*numbers(9, 10, 109, 110, 202, 203), *numbers(10, 59, 60, lane=LANE + 1)]
    found = house.read(lambda tx: tx.link_ranges.by_number(wanted))
    first, second, other = added
    assert found == dict(zip(numbers(10, 109, 202), [first, first, second], strict=True)) | dict(
        zip(numbers(10, 59, lane=LANE + 1), [other, other], strict=True)
    )
    assert house.read(lambda tx: tx.link_ranges.by_number([])) == {}
