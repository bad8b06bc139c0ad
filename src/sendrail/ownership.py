"""What a process may work on: everything, or a share of what several processes divide.

Work is addressed by lanes, and an owner's epoch, which only grows, fences it: what a former owner
left open is recognised by its older epoch.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sendrail.clock import Clock
from sendrail.domain.errors import SetupError
from sendrail.domain.ids import LANES
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.leases import ProcessState
from sendrail.storage.pipeline.queue import EVERY_LANE, LaneRanges

_ALL_LANES: Final = "lanes"

# What must be done with spans that have just become ours, before anything is begun in them.
OnGained = Callable[[Mapping[int, int]], Awaitable[None]]


class Ownership(Protocol):
    """The lanes of one kind of work that are ours; work that is not divided is all in lane 0."""

    @property
    def ranges(self) -> LaneRanges:
        """The lanes that are ours and ready, neighbours joined."""
        ...

    def owns(self, lane: int = 0) -> bool:
        """Return whether new work may be begun in a lane at this moment."""
        ...

    def epoch_of(self, lane: int) -> int:
        """Return the epoch under which a lane is ours, if perhaps not at this moment; else 0."""
        ...

    def lock(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """Return those of the lanes that are ours until the transaction ends, with our epochs.

        Raises `SetupError` when another process has taken everything over.
        """
        ...

    def may_finish(self, lane: int, epoch: int) -> bool:
        """Return whether what was begun under an epoch, and is committed, may still leave."""
        ...

    def begin(self, lanes: Iterable[int]) -> None:
        """Note a piece of work under way in each of these lanes: they stay ours until its end."""
        ...

    def end(self, lanes: Iterable[int]) -> None:
        """Note that a piece of work in each of these lanes is finished."""
        ...


@dataclass(frozen=True, slots=True)
class WholeOwnership:
    """Everything, owned by the one process of an installation; the first ever has epoch 1.

    That process holds the data folder's lock, so no former owner can be alive when it takes the
    whole: the lease needs no end and no renewal, and only the epoch is compared.
    """

    epoch: int = 1

    @property
    def is_first(self) -> bool:
        """Return whether there was no owner before."""
        return self.epoch == 1

    @property
    def ranges(self) -> LaneRanges:
        """Every lane."""
        return EVERY_LANE

    def owns(self, lane: int = 0) -> bool:  # noqa: ARG002 - every lane is ours
        """Return True."""
        return True

    def epoch_of(self, lane: int) -> int:  # noqa: ARG002 - one for all lanes
        """Return the epoch of the whole."""
        return self.epoch

    def lock(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """Return all of the lanes. Raises `SetupError` when another process has taken over."""
        if tx.leases.epoch(_ALL_LANES) != self.epoch:
            raise SetupError("Another process has taken over the delivery of this data folder.")
        return dict.fromkeys(lanes, self.epoch)

    def may_finish(self, lane: int, epoch: int) -> bool:  # noqa: ARG002 - `lock` has compared it
        """Return True."""
        return True

    def begin(self, lanes: Iterable[int]) -> None:
        """Do nothing: the whole is never given back."""

    def end(self, lanes: Iterable[int]) -> None:
        """Do nothing: the whole is never given back."""


def take_whole(tx: Tx, owner: str, now: int) -> WholeOwnership:
    """Take everything, whichever process had it."""
    return WholeOwnership(tx.leases.take(_ALL_LANES, owner, now))


class SharedOwnership:
    """The spans of one kind of work that this process owns for a time, among other processes.

    A span is a run of lanes: all lanes are divided into `count` spans of equal size.
    """

    def __init__(
        self,
        kind: str,
        count: int,
        *,
        role: str,
        owner: str,
        life_ms: int,
        takes: bool,
        clock: Clock,
    ) -> None:
        assert LANES % count == 0, "spans are of equal size"
        self.kind = kind
        self.count = count
        self.role = role
        self.takes = takes
        self._owner = owner
        self._life_ms = life_ms
        self._clock = clock
        self._size = LANES // count
        # Without `on_gained`, spans that become ours are ready at once.
        self.on_gained: OnGained | None = None
        self.on_lost: Callable[[Collection[int]], None] = _ignore
        self._epochs: dict[int, int] = {}
        self._ready: set[int] = set()
        self._leaving: set[int] = set()
        self._busy: Counter[int] = Counter()
        self._until = 0.0

    # For the workers

    @property
    def ranges(self) -> LaneRanges:
        """The lanes of the spans that are ours and ready, neighbours joined."""
        return self.ranges_of(self._ready)

    def ranges_of(self, spans: Iterable[int]) -> LaneRanges:
        """Return the lanes of spans, neighbours joined."""
        ranges: list[tuple[int, int]] = []
        for span in sorted(spans):
            first, end = span * self._size, (span + 1) * self._size
            if ranges and ranges[-1][1] == first:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((first, end))
        return ranges

    def owns(self, lane: int = 0) -> bool:
        """Return whether to begin work in a lane; a span to be given back gets no new work."""
        span = lane // self._size
        return span in self._ready and span not in self._leaving and self._is_in_time()

    def epoch_of(self, lane: int) -> int:
        return self._epochs.get(lane // self._size, 0)

    def lock(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """Lock the spans of these lanes: no process takes them before the transaction ends."""
        span_of = {lane: lane // self._size for lane in lanes}
        asked = {span: self._epochs[span] for span in span_of.values() if span in self._ready}
        held = tx.spans.lock(self.kind, self._owner, asked, self._life_ms)
        return {lane: asked[span] for lane, span in span_of.items() if span in held}

    def may_finish(self, lane: int, epoch: int) -> bool:
        return self._epochs.get(lane // self._size) == epoch and self._is_in_time()

    def begin(self, lanes: Iterable[int]) -> None:
        self._busy.update(lane // self._size for lane in lanes)

    def end(self, lanes: Iterable[int]) -> None:
        for lane in lanes:
            span = lane // self._size
            self._busy[span] -= 1
            if not self._busy[span]:
                del self._busy[span]

    def _is_in_time(self) -> bool:
        return self._clock.monotonic() < self._until

    # For the member of the cluster

    def ready(self) -> list[int]:
        """Return the spans in which we work, in order."""
        return sorted(self._ready)

    def to_give_back(self) -> list[int]:
        """Return the spans that we have too many, and in which nothing is under way."""
        return [span for span in sorted(self._leaving) if not self._busy[span]]

    def goal(self, present: Sequence[ProcessState], *, leaving: bool) -> int:
        """Return how many spans should be ours, given which other processes are there."""
        if leaving:
            return 0
        others = sum(
            self.role in each.roles.split(",")
            for each in present
            if each.name != self._owner and each.unseen_ms < self._life_ms
        )
        return math.ceil(self.count / (others + 1))

    def update(self, owned: Mapping[int, int], goal: int, until: float) -> dict[int, int]:
        """Keep what is ours and until when, by our own clock; return what has become ours."""
        before, self._epochs, self._until = self._epochs, dict(owned), until
        lost = {span for span, epoch in before.items() if owned.get(span) != epoch}
        gained = {span: epoch for span, epoch in owned.items() if before.get(span) != epoch}
        self._ready -= lost
        self._leaving -= lost
        if lost:
            self.on_lost(lost)
        surplus = len(owned) - goal
        for span in sorted(owned.keys() - self._leaving, reverse=True):
            if len(self._leaving) >= surplus:
                break
            self._leaving.add(span)
        while self._leaving and len(self._leaving) > surplus:
            self._leaving.remove(min(self._leaving))
        if self.on_gained is None:
            self._ready |= gained.keys()
        return gained

    def has_any(self, gained: Mapping[int, int]) -> bool:
        """Return whether any of these spans is still ours under its epoch."""
        return any(self._epochs.get(span) == epoch for span, epoch in gained.items())

    def make_ready(self, gained: Mapping[int, int]) -> None:
        """Begin to work in those of the gained spans that are still ours."""
        self._ready |= {span for span, epoch in gained.items() if self._epochs.get(span) == epoch}

    def stop(self) -> None:
        """Begin nothing more; what is finished is given back with the next heartbeat."""
        self._leaving |= self._epochs.keys()


def _ignore(_: Collection[int]) -> None:
    pass
