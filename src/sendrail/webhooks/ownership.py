"""Whose endpoints are whose, where several processes tell customers."""

from typing import Final, Protocol

from sendrail.clock import Clock
from sendrail.domain.ids import LANES, EndpointId, lane_of
from sendrail.spans import Share

SPANS: Final = 16
_SPAN_LANES: Final = LANES // SPANS


class Owning(Protocol):
    """The endpoints that this process tells."""

    def owns(self, endpoint_id: EndpointId) -> bool: ...
    def begin(self, endpoint_id: EndpointId) -> None:
        """Note a POST under way."""
        ...

    def end(self, endpoint_id: EndpointId) -> None:
        """Note that its outcome is kept."""
        ...


class OwningAll:
    """One process tells them all."""

    def owns(self, endpoint_id: EndpointId) -> bool:  # noqa: ARG002 - all are ours
        """See `Owning`."""
        return True

    def begin(self, endpoint_id: EndpointId) -> None:
        """See `Owning`; nobody asks."""

    def end(self, endpoint_id: EndpointId) -> None:
        """See `Owning`; nobody asks."""


class OwningSome:
    """The endpoints of the spans that are ours for a time.

    A POST that outlives its lease is at worst made twice, with the same id, as after a crash.
    """

    def __init__(self, share: Share, clock: Clock) -> None:
        self._share = share
        self._clock = clock

    def owns(self, endpoint_id: EndpointId) -> bool:
        """See `Owning`."""
        return self._share.owns(_span(endpoint_id), self._clock.monotonic())

    def begin(self, endpoint_id: EndpointId) -> None:
        """See `Owning`."""
        self._share.begin([_span(endpoint_id)])

    def end(self, endpoint_id: EndpointId) -> None:
        """See `Owning`."""
        self._share.end([_span(endpoint_id)])


def _span(endpoint_id: EndpointId) -> int:
    return lane_of(endpoint_id) // _SPAN_LANES
