"""How much of a run may be planned now: what its lists send within a minute, and no more."""

from collections.abc import Iterable, Sequence
from typing import Final

from sendrail.domain.delivery import LOOK_AHEAD_MAX
from sendrail.domain.sender import SendingList
from sendrail.storage.interface import Tx

# No page is planned for less of a list's room than this part of it.
_ROOM_PARTS: Final = 4
# To count what waits takes as long as to plan some hundred contacts, so a count serves the pages
# that follow at once. What others add meanwhile is at most what they plan within this time.
_COUNT_SECONDS: Final = 0.5


class ListRooms:
    """The room of lists, known from their last count and from what was planned since."""

    def __init__(self) -> None:
        # What is free, and when that was counted.
        self._free: dict[int, tuple[int, float]] = {}

    def room(self, tx: Tx, senders: Iterable[SendingList], limit: int, at: float) -> int:
        """Return how many messages of a page all lists have room for; 0 where it is not worth it.

        `at` is the time of a clock in seconds, by which counts are renewed.
        """
        room = limit
        for sender in senders:
            most = min(sender.rate, LOOK_AHEAD_MAX)
            worth = min(most, limit)
            free, counted_at = self._free.get(sender.id, (0, at))
            if at - counted_at >= _COUNT_SECONDS or free < worth:
                free = most - tx.queue.count(sender.lane, sender.id, most)
                self._free[sender.id] = (free, at)
            if free * _ROOM_PARTS < worth:
                return 0
            room = min(room, free)
        return room

    def plan(self, list_ids: Sequence[int], messages: int) -> None:
        """Note that a page of messages was planned for some lists, each of which may have all."""
        for list_id in list_ids:
            if list_id in self._free:
                free, counted_at = self._free[list_id]
                self._free[list_id] = (free - messages, counted_at)
