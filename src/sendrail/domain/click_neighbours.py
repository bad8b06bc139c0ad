"""What the clicks around a click say of it: machines follow all links at once, or many messages'.

The clicks of the last minute are held in memory, as far as they have been seen. To see one again
changes nothing.
"""

from collections import defaultdict, deque
from typing import Final

from sendrail.domain.click_classes import ClickClass, ClickReason, ClickVerdict

# No person follows all links of a message so quickly.
ALL_LINKS_MS: Final = 2_000
# How long one address may take to follow the links of too many messages.
BURST_MS: Final = 60_000
# A click waits for the neighbours that say what it is.
WAIT_MS: Final = 3_000
# Some tens of megabytes at the most, whatever comes.
_CLICKS_MAX: Final = 100_000

_LIKE_A_PERSON: Final = frozenset({ClickClass.HUMAN, ClickClass.UNKNOWN})
_ALL_LINKS: Final = ClickVerdict(ClickClass.UNKNOWN, ClickReason.ALL_LINKS)
_BURST: Final = ClickVerdict(ClickClass.UNKNOWN, ClickReason.BURST)


class ClickNeighbours:
    """The latest clicks, by their messages and by the addresses they came from."""

    def __init__(self, burst_messages_max: int) -> None:
        """Take how many messages one address may follow in a minute; 0 is any number."""
        self._burst_messages_max = burst_messages_max
        self._order: deque[tuple[int, int, bytes | None]] = deque()
        # By message, when each of its links was followed.
        self._places: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
        # By address, when each message was last followed; the latest stands last.
        self._messages: defaultdict[bytes, dict[int, int]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._order)

    def see(  # noqa: PLR0917 - a click's parts
        self,
        number: int,
        position: int,
        at: int,
        click_class: ClickClass,
        reason: ClickReason,
        digest: bytes | None,
    ) -> None:
        """Take a click on a message into account.

        What says of itself that it is a machine, or was confirmed by a person, is no sign that all
        links were followed; an address counts for whatever came from it.
        """
        if click_class in _LIKE_A_PERSON and reason is not ClickReason.CONFIRMED:
            self._places[number].add((at, position))
        if digest is not None:
            of_address = self._messages[digest]
            of_address[number] = max(at, of_address.pop(number, at))
        self._order.append((at, number, digest))
        while len(self._order) > _CLICKS_MAX:
            self._forget_oldest()

    def forget_before(self, at: int) -> None:
        """Forget clicks that no later one has as a neighbour."""
        while self._order and self._order[0][0] < at:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        at, number, digest = self._order.popleft()
        if places := self._places.get(number):
            places -= {each for each in places if each[0] <= at}
        if not places:
            self._places.pop(number, None)
        if digest is None or (of_address := self._messages.get(digest)) is None:
            return
        if of_address.get(number, at) <= at:
            of_address.pop(number, None)
        if not of_address:
            del self._messages[digest]

    def judge(
        self, number: int, links: int, at: int, verdict: ClickVerdict, digest: bytes | None
    ) -> ClickVerdict:
        """Return the class of a click on a message of so many links, its neighbours being seen."""
        if verdict.click_class is not ClickClass.HUMAN or verdict.reason is ClickReason.CONFIRMED:
            return verdict
        if links > 1 and self._are_all_followed(number, links, at):
            return _ALL_LINKS
        return _BURST if digest is not None and self._is_burst(digest, at) else verdict

    def _are_all_followed(self, number: int, links: int, at: int) -> bool:
        """Return whether some two seconds around a time have a click on each link."""
        near = sorted(
            place for place in self._places.get(number, ()) if abs(place[0] - at) <= ALL_LINKS_MS
        )
        return any(
            len({position for later, position in near if 0 <= later - first <= ALL_LINKS_MS})
            >= links
            for first, _ in near
            if first <= at
        )

    def _is_burst(self, digest: bytes, at: int) -> bool:
        if not self._burst_messages_max:
            return False
        count = 0
        for latest in reversed(self._messages.get(digest, {}).values()):
            if latest < at - BURST_MS:
                break
            count += latest <= at + BURST_MS
            if count > self._burst_messages_max:
                return True
        return False
