"""What this process may hand over by a connector: the reserved slices of its contract."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Final

from sendrail.domain.sender import Connector
from sendrail.domain.slices import USABLE_SECONDS, Charge, charge, usual_units
from sendrail.storage.pipeline.leases import PaceSlot

_NO_LIMIT: Final = 1 << 30
_FREE: Final = Charge()


@dataclass(slots=True)
class _Slice:
    start: float
    end: float
    messages: int
    segments: int


class ReservedSlices:
    """Reserved slices of one connector, used up message by message. Times are monotonic seconds."""

    def __init__(self, connector: Connector, request: Callable[[], None]) -> None:
        self._mps = connector.mps
        self._segments_per_second = connector.segments_per_second
        self._request = request
        self._is_wished = False
        # How many segments the next slice must have room for.
        self._needed = 1
        self._slices: list[_Slice] = []

    def room(self, now: float) -> int:
        """Return how many messages may leave at this moment; where none may, request a slice."""
        if room := sum(each.messages for each in self._usable(now)):
            return room
        self.request()
        return 0

    def is_used_up(self, now: float) -> bool:
        """Return whether nothing may leave at this moment."""
        return not any(each.messages for each in self._usable(now))

    def fits(self, now: float, planned: int, segments: int) -> bool:
        """Return whether a message of so many segments may follow what is planned in segments."""
        return planned + segments <= sum(each.segments for each in self._usable(now))

    def request(self, segments: int = 1) -> None:
        """Have the next slice reserved, with room for a message of so many segments."""
        self._needed = max(self._needed, segments)
        if not self._is_wished:
            self._is_wished = True
            self._request()

    def take(self, now: float, sizes: Iterable[int]) -> int:
        """Use slices for messages of so many segments each; return how many have one.

        What follows a message that must wait does not overtake it.
        """
        return sum(1 for _ in takewhile(partial(self._take_one, now), sizes))

    def _take_one(self, now: float, segments: int) -> bool:
        for each in self._usable(now):
            if each.messages and each.segments >= segments:
                each.messages -= 1
                each.segments -= segments
                return True
        return False

    def coming(self) -> int:
        """Return how many messages may leave by the slices there are."""
        return sum(each.messages for each in self._slices)

    # Reserving

    def is_wanted(self, now: float, waiting: Collection[object]) -> bool:
        """Return whether a slice should be reserved."""
        if not (self._is_wished or waiting):
            return False
        return not any(
            now < each.end and each.messages and each.segments >= self._needed
            for each in self._slices
        )

    def units(self) -> tuple[int, int]:
        """Return how many messages and segments the next slice is to have."""
        self._is_wished = False
        needed, self._needed = self._needed, 1
        segments = messages = _NO_LIMIT
        if self._segments_per_second is not None:
            segments = max(needed, usual_units(self._segments_per_second))
        if self._mps is not None:
            messages = usual_units(self._mps)
        return min(messages, segments), segments

    def charges(self, messages: int, segments: int) -> tuple[Charge, Charge]:
        """Return what such a slice costs of the connector's time."""
        return (
            _FREE if self._mps is None else charge(self._mps, messages),
            _FREE
            if self._segments_per_second is None
            else charge(self._segments_per_second, segments),
        )

    def grant(
        self, slot: PaceSlot, messages: int, segments: int, asked: float, answered: float
    ) -> float:
        """Add a slice that was reserved; return when it begins."""
        ahead = (slot.start_us - slot.now_us) / 1e6
        start, end = answered + ahead, asked + ahead + USABLE_SECONDS
        if start < end:
            self._slices.append(_Slice(start, end, messages, segments))
        return start

    def _usable(self, now: float) -> list[_Slice]:
        while self._slices and self._slices[0].end <= now:
            self._slices.pop(0)
        return [each for each in self._slices if each.start <= now < each.end]
