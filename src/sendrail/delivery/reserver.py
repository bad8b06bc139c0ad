"""A connector's contract where several processes hand over by it: each uses what it has reserved.

The database gives the slices of a connector's time out (see `domain/slices.py`), by its own clock.
A slice becomes an interval of our clock that surely lies within it: it begins no earlier than the
answer can mean, and ends no later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.clock import Clock
from sendrail.delivery.routing import Route, Routes
from sendrail.rounds import Rounds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.leases import PaceSlot

_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Asked:
    route: Route
    messages: int
    segments: int


class SliceReserver:
    """Reserves slices for the connectors that want one, until cancelled."""

    def __init__(
        self, store: Store, routes: Routes, clock: Clock, granted: Callable[[Route, float], None]
    ) -> None:
        # Groups of its own: a reservation is short, and a slice does not wait.
        self._store = store.beside()
        self._routes = routes
        self._clock = clock
        # Called with the connector that may be used, and from when on.
        self._granted = granted
        self._rounds = Rounds("reservations", hint=routes.wished)

    async def run(self) -> None:
        """Reserve what is requested."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        await self.step()
        is_shared = any(route.reserved is not None for route in self._routes.all())
        return _LOOK_SECONDS if is_shared else self._store.hints.look_seconds

    async def step(self) -> int:
        """Reserve a slice for each connector that wants one; return for how many."""
        now = self._clock.monotonic()
        # In one order in every process: two never wait for each other in a circle.
        routes = sorted(self._routes.all(), key=lambda route: route.connector.id)
        asked = [
            _Asked(route, *route.reserved.units())
            for route in routes
            if route.reserved is not None
            and route.reserved.is_wanted(now, route.parked)
            and route.local_room(now) > 0
        ]
        if not asked:
            return 0
        slots = await self._store.write(lambda tx: _reserve(tx, asked))
        answered = self._clock.monotonic()
        for each, slot in zip(asked, slots, strict=True):
            reserved = each.route.reserved
            assert reserved is not None, "only a connector with reserved slices was asked for"
            start = reserved.grant(slot, each.messages, each.segments, now, answered)
            self._granted(each.route, start)
        return len(asked)


def _reserve(tx: Tx, asked: Sequence[_Asked]) -> list[PaceSlot]:
    slots = []
    for each in asked:
        connector, reserved = each.route.connector, each.route.reserved
        assert reserved is not None, "only a connector with reserved slices was asked for"
        charges = reserved.charges(each.messages, each.segments)
        slot = tx.connector_paces.reserve(connector.id, *charges)
        if slot is None:
            tx.connector_paces.make(connector.id)
            slot = tx.connector_paces.reserve(connector.id, *charges)
        assert slot is not None, "the connector's row has just been made"
        slots.append(slot)
    return slots
