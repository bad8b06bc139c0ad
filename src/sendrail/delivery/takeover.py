"""Lanes that change hands: what comes before the first delivery, and after the last."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from sendrail.clock import Clock
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.rescuer import Rescuer
from sendrail.ownership import SharedOwnership

# A list's former owner may have sent a whole second's worth just now.
_REST_SECONDS: Final = 1.0


class Takeover:
    """Sees to spans of lanes that have become ours, and to those that are so no more."""

    def __init__(
        self,
        share: SharedOwnership,
        rescuer: Rescuer,
        pacer: Pacer,
        look_soon: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._share = share
        self._rescuer = rescuer
        self._pacer = pacer
        self._look_soon = look_soon
        self._clock = clock

    async def on_gained(self, gained: Mapping[int, int]) -> None:
        """Settle what their former owners left open, and let their lists rest for a second."""
        former = self._share.ranges_of(span for span, epoch in gained.items() if epoch > 1)
        self._pacer.rest_lanes(former, self._clock.monotonic() + _REST_SECONDS)
        if former:
            await self._rescuer.rescue(self._clock.now(), former)
        self._look_soon()

    def on_lost(self, spans: Collection[int]) -> None:
        """Forget the lists of lanes that are another's now."""
        self._pacer.forget_lanes(self._share.ranges_of(spans))
