"""How much of a list's rate its journeys take: whom a minute has no room for gets a later one.

A million contacts may be due at nine. Without a place each of them would be looked at every minute,
or all would be queued at once, and half of them would be too old when their turn comes.
"""

from typing import Final

from sendrail.domain.sender import SendingList

_MINUTE_MS: Final = 60_000
# An enrolment lasts thirty days at most.
_MINUTES_MAX: Final = 30 * 24 * 60


class JourneyPace:
    """Places in the minutes of lists, in memory: a restart forgets them, and doubles one minute."""

    def __init__(self) -> None:
        # By list and minute, how many places are taken.
        self._taken: dict[int, dict[int, int]] = {}

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
