"""The memory of the engine: when the next turn in each lane is, as far as it knows."""

from collections.abc import Iterable, Mapping

_NEVER = 1 << 62


class Agenda:
    """Lanes by their next turn. Those that are due go round, so that none waits for another.

    It is rebuilt by looks, brought up to date by rounds, and by hints of what has come earlier; all
    it says may be out of date without harm, for a look comes some seconds after any change.
    """

    def __init__(self) -> None:
        # In the order of their turn: a lane that had one goes to the end.
        self._due: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    def look(self, due: Mapping[int, int]) -> None:
        """Take over what a look over the lanes has found; lanes without a turn are forgotten."""
        known = self._due
        self._due = {lane: due[lane] for lane in known if lane in due}
        self._due |= {lane: at for lane, at in due.items() if lane not in known}

    def hint(self, lanes: Iterable[int], now: int) -> None:
        """Note that these lanes may have a turn now."""
        for lane in lanes:
            self._due[lane] = min(now, self._due.get(lane, now))

    def done(self, lane: int, next_at: int | None) -> None:
        """Note when the next turn of a lane is after a round, None where there is none."""
        self._due.pop(lane, None)
        if next_at is not None:
            self._due[lane] = next_at

    def next_lane(self, now: int) -> int | None:
        """Return the lane whose turn it is, None where none is due."""
        return next((lane for lane, at in self._due.items() if at <= now), None)

    def next_at(self) -> int | None:
        """Return when the next turn of all is."""
        at = min(self._due.values(), default=_NEVER)
        return None if at >= _NEVER else at
