"""How long a list takes for what a run has for it: by its rate, within the hours that are open.

It is a forecast to the quarter of an hour. What else the list sends meanwhile is not known before.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sendrail.domain.quiet_hours import NOW, OpenTimes

_MINUTE_MS: Final = 60_000
# Hours open and close at a quarter of an hour of nearly every clock.
_STEP_MS: Final = 15 * _MINUTE_MS


class MessageBatch(NamedTuple):
    """Messages of a list that may leave alike: from an instant until before another, while open."""

    messages: int
    due_at: int
    ends_at: int
    open_times: OpenTimes = OpenTimes()


class SendingTime(NamedTuple):
    """When the last message leaves, None where none does, and how many are left at the end."""

    finishes_at: int | None = None
    unsent: int = 0


def sending_time(
    batches: Sequence[MessageBatch], rate: float, *, holds: bool = True
) -> SendingTime:
    """Return how long batches of one list take at so many messages a minute, the earliest first.

    Unless it `holds`, what is in quiet hours when its turn comes is not waited for.
    """
    forecast = _Forecast(batches, rate, holds=holds)
    while forecast.step():
        pass
    return SendingTime(forecast.finishes_at, round(forecast.unsent))


class _Forecast:
    """What has left by an instant, and what is still to leave."""

    def __init__(self, batches: Sequence[MessageBatch], rate: float, *, holds: bool) -> None:
        self._left = [
            (each, float(each.messages))
            for each in sorted(batches, key=lambda each: each.due_at)
            if each.messages
        ]
        self._rate = rate / _MINUTE_MS
        self._holds = holds
        self._now = min((each.due_at for each, _ in self._left), default=0)
        self.finishes_at: int | None = None
        self.unsent = 0.0

    def step(self) -> bool:
        """Go on by a quarter of an hour, or to when something opens; return False at the end."""
        ready, later, begins = self._sorted_out()
        if not ready and not later:
            return False
        if ready:
            end = min([self._now - self._now % _STEP_MS + _STEP_MS, *begins])
            end = min([end, *(each.ends_at for each, _ in ready)])
            self._left = sorted([*self._sent(ready, end), *later], key=lambda one: one[0].due_at)
            self._now = end
        else:
            self._left, self._now = later, min(begins)
        return True

    def _sorted_out(
        self,
    ) -> tuple[list[tuple[MessageBatch, float]], list[tuple[MessageBatch, float]], list[int]]:
        """Return what may leave now, what may later, and when; what never may is left unsent."""
        ready, later, begins = [], [], []
        for each, count in self._left:
            due_at = max(self._now, each.due_at)
            opening = each.open_times.opening(due_at)
            at = due_at if opening == NOW else opening
            if at >= each.ends_at or (opening != NOW and not self._holds):
                self.unsent += count
            elif at <= self._now:
                ready.append((each, count))
            else:
                later.append((each, count))
                begins.append(at)
        return ready, later, begins

    def _sent(
        self, ready: Sequence[tuple[MessageBatch, float]], end: int
    ) -> list[tuple[MessageBatch, float]]:
        """Return what is left of these at an instant until which as many leave as the rate lets."""
        room = self._rate * (end - self._now)
        left = []
        for each, count in ready:
            leaving = min(count, room)
            room -= leaving
            if leaving:
                self.finishes_at = end - int(room / self._rate)
            if leaving < count:
                left.append((each, count - leaving))
        return left
