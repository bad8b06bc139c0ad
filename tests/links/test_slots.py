"""The slots of messages' links, in both directions, as the ids in texts are made from them."""

import pytest

from sendrail.domain.short_ids import FIRST_STANDALONE, SLOTS
from sendrail.links.slots import ArithmeticSlots, LinkPlace


def test_by_arithmetic_a_message_has_four_slots_in_a_row():
    slots = ArithmeticSlots()
    assert slots.first_slots(None, [0, 1, 5_000]) == [0, 4, 20_000]
    assert slots.messages(None, [0, 3, 4, 20_002]) == [
        LinkPlace(0, 0, 0),
        LinkPlace(0, 3, 0),
        LinkPlace(1, 0, 0),
        LinkPlace(5_000, 2, 0),
    ]


@pytest.mark.parametrize("slot", [FIRST_STANDALONE, SLOTS - 1])
def test_the_slot_of_a_standalone_link_has_no_message(slot):
    assert ArithmeticSlots().messages(None, [slot]) == [None]
