"""Whose turn it is: the lists with traffic, each at its own pace, in the order of their times.

Only a list that has something waiting costs memory: an entry of a few hundred bytes while it is
active, forgotten once its queue is empty and its pace has come to rest. An idle list costs a row.
"""

import heapq
from itertools import count
from typing import Final, NamedTuple

from sendrail.domain.pacing import Pace
from sendrail.storage.pipeline.queue import LaneRanges

# A list whose pace allows hundreds a second is served in small groups this far apart: a commit for
# each single message would cost more than all the rest.
_TICK_SECONDS: Final = 0.05


class ListTurn(NamedTuple):
    """A list whose time has come."""

    lane: int
    list_id: int


class _Active:
    __slots__ = ("held", "lane", "later_at", "pace", "rests_until", "turn_at")

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.pace: Pace | None = None
        self.turn_at: float | None = None
        # A turn that an earlier one displaced: its entry is still there, so it need not be made
        # again. Without this every hint would leave an entry behind.
        self.later_at: float | None = None
        self.rests_until = 0.0
        # Paced messages that are claimed and wait: they have their room already.
        self.held = 0


class Pacer:
    """The active lists and when each is next looked at. Times are monotonic seconds.

    A lane may go to another owner at any time, also while a claim on it commits: its lists are
    forgotten then, and what is said of them afterwards changes nothing.
    """

    def __init__(self, rests_until: float = 0.0) -> None:
        """Start; no list's pace has room before `rests_until` (see `Pace`)."""
        self._rests_until = rests_until
        # Lanes that were taken over lately, and until when their lists rest.
        self._rests: list[tuple[int, int, float]] = []
        self._active: dict[int, _Active] = {}
        self._turns: list[tuple[float, int, int]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._active)

    def rest_lanes(self, lanes: LaneRanges, until: float) -> None:
        """Let no list of these lanes pace anything out before a time: they were taken over."""
        self._rests = [(*each, until) for each in lanes] + self._rests

    def forget_lanes(self, lanes: LaneRanges) -> None:
        """Forget the lists of lanes that have gone to another owner."""
        for list_id, active in list(self._active.items()):
            if any(first <= active.lane < end for first, end in lanes):
                del self._active[list_id]

    def forget(self, list_id: int) -> None:
        """Forget a list whose lane is another owner's."""
        self._active.pop(list_id, None)

    def wake(self, lane: int, list_id: int, at: float) -> None:
        """Look at this list at the given time, or earlier if that is planned already.

        A list that has just been served is left alone for a moment: under load there is a hint for
        it with every commit.
        """
        active = self._active.get(list_id)
        if active is None:
            active = self._active[list_id] = _Active(lane)
        at = max(at, active.rests_until)
        if active.turn_at is not None and active.turn_at <= at:
            return
        active.turn_at, active.later_at = at, active.turn_at
        heapq.heappush(self._turns, (at, next(self._order), list_id))

    def turns(self, now: float, limit: int) -> list[ListTurn]:
        """Take the lists whose time has come, the longest due first."""
        taken: list[ListTurn] = []
        while self._turns and self._turns[0][0] <= now and len(taken) < limit:
            at, _, list_id = heapq.heappop(self._turns)
            active = self._active.get(list_id)
            # An entry that was displaced twice means nothing any more.
            if active is not None and active.turn_at == at:
                later, active.later_at = active.later_at, None
                # A later turn whose time has come as well is this very one.
                active.turn_at = later if later is not None and later > now else None
                active.rests_until = now + _TICK_SECONDS
                taken.append(ListTurn(active.lane, list_id))
        return taken

    def hasten(self, list_id: int, until: float) -> None:
        """Let a list that has just been served be left alone no longer than until a time."""
        if (active := self._active.get(list_id)) is not None:
            active.rests_until = min(active.rests_until, until)

    def room(self, list_id: int, per_minute: int, now: float) -> int:
        """Return how many paced messages of the list may be claimed, at the rate it has now."""
        active = self._active.get(list_id)
        if active is None:
            return 0
        if active.pace is None:
            active.pace = Pace(per_minute / 60, self._rest_of(active.lane, now))
        else:
            active.pace.per_second = per_minute / 60
        return max(0, active.pace.room(now) - active.held)

    def took(self, list_id: int, now: float, paced: int) -> None:
        """Record that paced messages of the list leave."""
        active = self._active.get(list_id)
        # A list that was forgotten and woken again meanwhile rests, and has no pace yet.
        if active is not None and active.pace is not None:
            active.pace.take(now, paced)

    def hold(self, list_id: int, paced: int) -> None:
        """Keep room for paced messages of the list that leave later."""
        if (active := self._active.get(list_id)) is not None:
            active.held += paced

    def release(self, list_id: int, paced: int) -> None:
        """Keep no more room for paced messages of the list, which leave now or never."""
        if (active := self._active.get(list_id)) is not None:
            active.held = max(0, active.held - paced)

    def again(self, list_id: int, now: float) -> None:
        """Look at the list again as soon as its pace allows: it has more that is due."""
        if (active := self._active.get(list_id)) is not None:
            ready = active.pace.ready_at(now) if active.pace is not None else now
            self.wake(active.lane, list_id, ready)

    def rest(self, list_id: int, now: float) -> None:
        """Forget the list, which has nothing waiting, as soon as its pace has come to rest."""
        active = self._active.get(list_id)
        if active is None:
            return
        if active.held == 0 and (active.pace is None or active.pace.is_rested(now)):
            # A hint may have come in the meantime, and its turn is still ahead.
            if active.turn_at is None:
                del self._active[list_id]
        else:
            ready = active.pace.ready_at(now) if active.pace is not None else now
            self.wake(active.lane, list_id, max(ready, now + 1.0))

    def _rest_of(self, lane: int, now: float) -> float:
        if not self._rests:
            return self._rests_until
        self._rests = [rest for rest in self._rests if rest[2] > now]
        ends = [until for first, end, until in self._rests if first <= lane < end]
        return max(ends, default=self._rests_until)

    def next_at(self) -> float | None:
        """Return when the next list is to be looked at."""
        return self._turns[0][0] if self._turns else None
