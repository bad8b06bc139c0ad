"""Lists that wait for a connector, and what wakes them: an answer, a slice, the operator."""

from itertools import islice

from sendrail.clock import Clock
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.routing import Route, Routes
from sendrail.domain.ids import ConnectorId
from sendrail.storage.interface import Hints


class ParkedLists:
    """Gives lists their turn when the connector that they wait for can take something."""

    def __init__(self, routes: Routes, pacer: Pacer, hints: Hints, clock: Clock) -> None:
        self._routes = routes
        self._pacer = pacer
        self._hints = hints
        self._clock = clock

    def wake(self, route: Route, count: int, at: float) -> None:
        """Give the turn at a time to so many of the lists that wait for a connector."""
        for list_id in list(islice(route.parked, count)):
            self._pacer.wake(route.parked.pop(list_id), list_id, at)
            self._hints.queued_event.set()

    def wake_tried(self, now: float) -> None:
        """Wake one list for each connector that is to be tried again."""
        for route in self._routes.to_try(now):
            self.wake(route, 1, now)

    def wake_all(self, connector_id: ConnectorId) -> None:
        """Wake every list that waits for a connector."""
        now, parked = self._clock.monotonic(), self._routes.parked(connector_id)
        while parked:
            list_id, lane = parked.popitem()
            self._pacer.wake(lane, list_id, now)
        self._hints.queued_event.set()
