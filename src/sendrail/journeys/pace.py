"""How much of a list's rate its journeys take: whom a minute has no room for gets a later one.

A million contacts may be due at nine. Without a place each of them would be looked at every minute,
or all would be queued at once, and half of them would be too old when their turn comes.
"""

from collections.abc import Callable
from typing import Final

import structlog

from sendrail.domain.sender import SendingList

_log = structlog.get_logger()

_MINUTE_MS: Final = 60_000
# What waits longer than thirty minutes is too old to be sent: a third of that is room enough.
QUEUE_MINUTES_MAX: Final = 10
_LOOK_MS: Final = 10_000
# Those who are held come back each minute: a list that was not looked at for longer has none.
_HELD_MS: Final = 2 * _MINUTE_MS
# An enrolment lasts thirty days at most.
_MINUTES_MAX: Final = 30 * 24 * 60


class JourneyPace:
    """Places in the minutes of lists, in memory: a restart forgets them, and doubles one minute."""

    def __init__(self) -> None:
        # By list and minute, how many places are taken.
        self._taken: dict[int, dict[int, int]] = {}
        # By list, whether its queue was too long, and when that was looked at.
        self._looks: dict[int, tuple[bool, int]] = {}

    def place(self, sender: SendingList, now: int) -> int:
        """Take a place for one message; return when it may be sent, which is now or later.

        Who comes back at that time has the place already.
        """
        this_minute = now // _MINUTE_MS
        taken = self._taken.setdefault(sender.id, {})
        for minute in [each for each in taken if each < this_minute]:
            del taken[minute]
        # All minutes before the last one that has places are full, or were.
        minute = max(max(taken, default=this_minute), this_minute)
        if taken.get(this_minute, 0) < sender.rate:
            minute = this_minute
        elif taken.get(minute, 0) >= sender.rate:
            minute += 1
        if minute - this_minute > _MINUTES_MAX:
            return now
        taken[minute] = taken.get(minute, 0) + 1
        return max(now, minute * _MINUTE_MS)

    def is_full(self, sender: SendingList, now: int, waiting: Callable[[int], int]) -> bool:
        """Return whether a list has more in its queue than it sends in some minutes.

        `waiting` counts what is there, up to a number; it is asked every ten seconds at most.
        """
        was_full, looked_at = self._looks.get(sender.id, (False, -_LOOK_MS))
        if 0 <= now - looked_at < _LOOK_MS:
            return was_full
        most = sender.rate * QUEUE_MINUTES_MAX
        full = waiting(most + 1) > most
        if full is not was_full:
            event = "journeys_held_by_queue" if full else "journeys_go_on"
            _log.warning(event, list_id=sender.id, minutes=QUEUE_MINUTES_MAX)
        self._looks[sender.id] = (full, now)
        return full

    def held(self, now: int) -> int:
        """Return how many lists get nothing from journeys, because their queue is too long."""
        return sum(
            was_full and 0 <= now - looked_at < _HELD_MS
            for was_full, looked_at in self._looks.values()
        )

    def later(self, sender: SendingList, now: int) -> int:
        """Take a place for one message after this minute; return when it may be sent."""
        this_minute = now // _MINUTE_MS
        taken = self._taken.setdefault(sender.id, {})
        minute = max(max(taken, default=0), this_minute + 1)
        if taken.get(minute, 0) >= sender.rate:
            minute += 1
        taken[minute] = taken.get(minute, 0) + 1
        return minute * _MINUTE_MS
