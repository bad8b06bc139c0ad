"""Who owns the lanes: a lease with an epoch that only grows.

The embedded process owns all lanes at once. It holds the data folder's lock, so that no former
owner can still be alive when it takes the lease, and the lease needs no end and no renewal. Where
several processes share a database, each owns spans of lanes for a time, and an epoch belongs to a
span. The epoch fences: whatever a former owner left open is recognised by its older one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sendrail.delivery.pacer import Turn
from sendrail.domain.delivery import Claim
from sendrail.domain.errors import SetupError
from sendrail.domain.ids import LANES
from sendrail.spans import Share
from sendrail.storage.interface import Tx
from sendrail.storage.rows import EVERY_LANE, LaneRanges

_ALL_LANES: Final = "lanes"
SPANS: Final = 64
_SPAN_LANES: Final = LANES // SPANS


class Lanes(Protocol):
    """The lanes from which this process may deliver."""

    @property
    def ranges(self) -> LaneRanges: ...
    def has(self, lane: int) -> bool:
        """Tell whether a lane is ours, if perhaps not at this moment."""
        ...

    def strangers(self, turns: Sequence[Turn], now: float) -> Collection[Turn]:
        """Return those of the turns that may not be taken at this moment."""
        ...

    def hold(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """Return those of the lanes that are ours until the transaction ends, with our epochs."""
        ...

    def late(self, claims: Sequence[Claim], now: float) -> Collection[Claim]:
        """Return those of the claims, committed by now, that may not leave any more."""
        ...

    def epoch_of(self, lane: int) -> int: ...
    def begin(self, lanes: Iterable[int]) -> None:
        """Note that something is under way in each of these lanes."""
        ...

    def end(self, lanes: Iterable[int]) -> None:
        """Note that it has come to an end."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver from all lanes; `epoch` is 1 for the first owner ever."""

    epoch: int

    @property
    def is_first(self) -> bool:
        """Tell whether nobody has delivered before."""
        return self.epoch == 1

    @property
    def ranges(self) -> LaneRanges:
        """See `Lanes`."""
        return EVERY_LANE

    def has(self, lane: int) -> bool:  # noqa: ARG002 - all are
        """See `Lanes`."""
        return True

    def strangers(
        self,
        turns: Sequence[Turn],  # noqa: ARG002 - there are none
        now: float,  # noqa: ARG002 - at no time
    ) -> Collection[Turn]:
        """See `Lanes`."""
        return ()

    def hold(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """See `Lanes`. Raises `SetupError` when somebody else has taken the lanes over."""
        if tx.leases.epoch(_ALL_LANES) != self.epoch:
            raise SetupError("Another process has taken over the delivery of this data folder.")
        return dict.fromkeys(lanes, self.epoch)

    def late(
        self,
        claims: Sequence[Claim],  # noqa: ARG002 - none is
        now: float,  # noqa: ARG002 - at no time
    ) -> Collection[Claim]:
        """See `Lanes`."""
        return ()

    def epoch_of(self, lane: int) -> int:  # noqa: ARG002 - one for all
        """See `Lanes`."""
        return self.epoch

    def begin(self, lanes: Iterable[int]) -> None:
        """See `Lanes`; nobody asks."""

    def end(self, lanes: Iterable[int]) -> None:
        """See `Lanes`; nobody asks."""


class SharedLanes:
    """The lanes of the spans that are ours for a time."""

    def __init__(self, share: Share) -> None:
        self._share = share

    @property
    def ranges(self) -> LaneRanges:
        """See `Lanes`."""
        return ranges_of(self._share.ready())

    def has(self, lane: int) -> bool:
        """See `Lanes`."""
        return self._share.has(lane // _SPAN_LANES)

    def strangers(self, turns: Sequence[Turn], now: float) -> Collection[Turn]:
        """See `Lanes`."""
        owns = self._share.owns
        return {turn for turn in turns if not owns(turn.lane // _SPAN_LANES, now)}

    def hold(self, tx: Tx, lanes: Iterable[int]) -> Mapping[int, int]:
        """See `Lanes`."""
        span_of = {lane: lane // _SPAN_LANES for lane in lanes}
        held = self._share.hold(tx, set(span_of.values()))
        return {lane: held[span] for lane, span in span_of.items() if span in held}

    def late(self, claims: Sequence[Claim], now: float) -> Collection[Claim]:
        """See `Lanes`."""
        may_finish = self._share.may_finish
        return [
            claim for claim in claims if not may_finish(claim.lane // _SPAN_LANES, claim.epoch, now)
        ]

    def epoch_of(self, lane: int) -> int:
        """See `Lanes`."""
        return self._share.epoch_of(lane // _SPAN_LANES)

    def begin(self, lanes: Iterable[int]) -> None:
        """See `Lanes`."""
        self._share.begin(lane // _SPAN_LANES for lane in lanes)

    def end(self, lanes: Iterable[int]) -> None:
        """See `Lanes`."""
        self._share.end(lane // _SPAN_LANES for lane in lanes)


def take_all(tx: Tx, owner: str, now: int) -> Lease:
    """Take all lanes, from whoever had them."""
    return Lease(tx.leases.take(_ALL_LANES, owner, now))


def ranges_of(spans: Iterable[int]) -> LaneRanges:
    """Return the lanes of spans, neighbours joined."""
    ranges: list[tuple[int, int]] = []
    for span in sorted(spans):
        first, end = span * _SPAN_LANES, (span + 1) * _SPAN_LANES
        if ranges and ranges[-1][1] == first:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((first, end))
    return ranges
