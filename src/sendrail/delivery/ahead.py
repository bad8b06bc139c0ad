"""Claims made ahead of need: they wait in memory for the next places in a connector's window.

Their intent is durable, so the message that follows an answer leaves at once and not with the next
round. How many there may be is measured in time, by how soon their turn comes.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from sendrail.domain.delivery import RANKS, Claim

# From one round to the next that fills up again: a rest, the hearing of hints, and a commit.
_AHEAD_SECONDS: Final = 0.025
# What has waited so long was checked too long ago: an opt-out may have come since.
_WAIT_MAX_SECONDS: Final = 1
# How much the newest answer counts in the mean.
_NEWEST: Final = 1 / 8


class AnswerTime:
    """How long a connector takes for an answer at present, in seconds."""

    __slots__ = ("_mean",)

    def __init__(self) -> None:
        self._mean: float | None = None

    def note(self, seconds: float) -> None:
        """Record the time that one answer took."""
        mean = self._mean
        self._mean = seconds if mean is None else mean + (seconds - mean) * _NEWEST

    def forget(self) -> None:
        """Know nothing until the next answer: the connector has stopped answering."""
        self._mean = None

    def places_soon(self, window: int) -> int:
        """Return how many places in a full window become free before the next round fills it.

        By Little's law a window of messages is answered in each answer's time.
        """
        if self._mean is None or self._mean > _WAIT_MAX_SECONDS:
            return 0
        return math.ceil(window * _AHEAD_SECONDS / max(self._mean, _AHEAD_SECONDS))


class ClaimsAhead:
    """One connector's claims that wait for a place in its window, in the order of their leaving."""

    __slots__ = ("_by_rank", "segments")

    def __init__(self) -> None:
        # They pass each other by their rank, as they do in the queue.
        self._by_rank = tuple[deque[Claim], ...](deque() for _ in RANKS)
        self.segments = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_rank))

    def add(self, claims: Sequence[Claim]) -> None:
        """Let claims wait."""
        for claim in claims:
            self._by_rank[claim.rank].append(claim)
            self.segments += claim.outbound.segments

    def take(self, count: int) -> list[Claim]:
        """Return the first of the claims; they wait no more."""
        taken: list[Claim] = []
        for waiting in self._by_rank:
            while waiting and len(taken) < count:
                taken.append(waiting.popleft())
        self.segments -= sum(claim.outbound.segments for claim in taken)
        return taken

    def lanes(self) -> set[int]:
        """Return the lanes of the claims."""
        return {claim.lane for each in self._by_rank for claim in each}

    def waits_too_long(self, wall: int) -> bool:
        """Return whether a claim has waited so long that its checks must be repeated.

        `wall` is the time in milliseconds.
        """
        latest = wall - _WAIT_MAX_SECONDS * 1_000
        return any(each[0].claimed_at <= latest for each in self._by_rank if each)
