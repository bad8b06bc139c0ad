"""Which slots the links of messages have, and which messages stand behind slots.

Where one process gives the numbers out, a slot follows from the number by arithmetic. Where many
do, numbers have their lane in them and grow too large for that.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sendrail.domain.ids import MessageNumber
from sendrail.domain.short_ids import Slot, message_of, message_slot
from sendrail.storage.interface import Tx


class LinkPlace(NamedTuple):
    """A link of a message: its number, and the link's position, from 0.

    The message was created at `made_at` or later, in milliseconds; 0 where that is not known.
    """

    number: MessageNumber
    position: int
    made_at: int


class LinkSlots(Protocol):
    """The two directions between messages and the slots of their links."""

    def first_slots(self, tx: Tx, numbers: Sequence[int]) -> Sequence[Slot]:
        """Return the slot of position 0 for each of these messages, all of which have links.

        The slots of a message's further positions follow one by one.
        """
        ...

    def messages(self, tx: Tx, slots: Sequence[Slot]) -> Sequence[LinkPlace | None]:
        """Return the message behind each slot; None where there is none, as for standalone links.

        That a slot belongs to a message does not say that this has a link there, or exists.
        """
        ...


class ArithmeticSlots:
    """Slots by arithmetic, for numbers that one process gives out one by one."""

    def first_slots(self, _: Tx, numbers: Sequence[int]) -> list[Slot]:
        return [message_slot(number, 0) for number in numbers]

    def messages(self, _: Tx, slots: Sequence[Slot]) -> list[LinkPlace | None]:
        found = map(message_of, slots)
        return [None if each is None else LinkPlace(*each, made_at=0) for each in found]
