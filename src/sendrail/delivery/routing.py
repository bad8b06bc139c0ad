"""Which carrier connector a list's messages go by, and how much that connector can take right now.

A list goes by its first connector; by its second one while the first takes nothing at all: it
is paused, not open here, or its breaker is open. A connector that is merely slow or full is waited
for.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sendrail.carriers.sdk import Carrier, ReadsMetadata
from sendrail.delivery.ahead import AnswerTime, ClaimsAhead
from sendrail.delivery.reserved_slices import ReservedSlices
from sendrail.domain.breaker import Breaker, BreakerState, SubmitTime, trouble_of
from sendrail.domain.delivery import Outcome, Submitted
from sendrail.domain.ids import ConnectorId
from sendrail.domain.sender import Connector, SendingList
from sendrail.domain.suspects import SuspectMessages, ThrottledMessages
from sendrail.domain.throttle import ConnectorPace, FoundPace

# A connector without a contract may be throttled all the same, from this many windows a second.
_WINDOWS_PER_SECOND: Final = 100.0
_TRY_AGAIN_SECONDS: Final = 0.1
_UNBOUNDED: Final = 1 << 30


@dataclass(slots=True)
class PlannedSubmits:
    """What one round has planned for a connector so far."""

    messages: int = 0
    segments: int = 0


class Route:
    """One connector: carrier, window, pace, breaker, and what waits for it."""

    def __init__(
        self,
        connector: Connector,
        carrier: Carrier,
        rests_until: float = 0.0,
        reserved: ReservedSlices | None = None,
    ) -> None:
        self.connector = connector
        self.carrier = carrier
        self.reads_metadata = isinstance(carrier, ReadsMetadata) and carrier.reads_metadata
        # Where the connector's contract is shared with other processes.
        self.reserved = reserved
        self.in_flight = 0
        self.ahead = ClaimsAhead()
        self.answer_time = AnswerTime()
        self.paused = False
        self.breaker = Breaker()
        self.suspects = SuspectMessages()
        self.throttles = ThrottledMessages()
        self._reserved_until = 0.0
        # While the breaker is open: when one of the waiting lists is to try the connector.
        self.try_at = 0.0
        # Lane by list, in the order of their coming.
        self.parked: dict[int, int] = {}
        # Without a stated contract the window alone bounds a connector, until it throttles us; with
        # one, what a former owner sent in its last second counts.
        self._pace = (
            ConnectorPace(connector.window * _WINDOWS_PER_SECOND)
            if connector.mps is None
            else ConnectorPace(connector.mps, rests_until)
        )
        self._segments = (
            None
            if connector.segments_per_second is None
            else ConnectorPace(connector.segments_per_second, rests_until)
        )

    def room(self, now: float) -> int:
        """Return how many messages may be claimed at this moment, to leave now or very soon."""
        room = self.local_room(now)
        if room > 0 and self.reserved is not None:
            room = min(room, self.reserved.room(now))
        return room

    def local_room(self, now: float) -> int:
        """Return how many messages may be claimed as far as this process alone decides."""
        if now < self._reserved_until:
            return 0
        room = min(self.claim_room(), self._pace.room(now) - len(self.ahead), self._trusted(now))
        if self._segments is not None:
            room = min(room, self._segments.room(now) - self.ahead.segments)
        return room

    def claim_room(self) -> int:
        """Return how many messages may be claimed for the window and for the answers to come."""
        room = self.window_room() - len(self.ahead)
        # A slice of a shared contract must be used in time, so nothing waits that has one.
        if self.reserved is None and self.breaker.state is BreakerState.CLOSED:
            room += self.answer_time.places_soon(self.connector.window)
        # When answers take longer than before, more may wait than is claimed ahead by now.
        return max(0, room)

    def window_room(self) -> int:
        """Return how many more messages may be under way at once."""
        return self.connector.window - self.in_flight

    def takes_nothing(self, now: float, planned: int = 0) -> bool:
        """Return whether the connector is closed to every list, given what a round has planned."""
        room = self.breaker.room(now)
        return self.paused or (room is not None and room <= planned)

    def waits_for_news(self, now: float) -> bool:
        """Return whether only an answer, an operator's command or a slice can make room again."""
        if self.claim_room() <= 0 or self.takes_nothing(now):
            return True
        if self.reserved is None:
            # What is claimed ahead has the pace's room, which only time gives to others.
            return len(self.ahead) > 0
        self.reserved.request()
        return True

    def wakeable(self, now: float) -> int:
        """Return for how many lists that wait there may be something to do."""
        if self.reserved is not None and self.reserved.is_used_up(now):
            if self.parked:
                self.reserved.request()
            return 0
        return min(self.claim_room(), self._trusted(now))

    def keeps_ahead(self, now: float) -> bool:
        """Return whether the claims ahead may still leave: nothing has slowed the connector."""
        return (
            not self.paused
            and self.breaker.state is BreakerState.CLOSED
            and self._pace.room(now) >= len(self.ahead)
        )

    def wakeable_later(self) -> int:
        """Return for how many lists a slice that is coming may have something."""
        return self.reserved.coming() if self.reserved is not None else 0

    def is_tried(self) -> bool:
        """Return whether lists wait for the time at which an open breaker may be tried."""
        return bool(self.parked) and not self.paused and self.breaker.retry_at is not None

    def admits(self, now: float, planned: int, segments: int) -> bool:
        """Return whether a message of so many segments may follow what is planned in segments."""
        if self.reserved is not None and not self.reserved.fits(now, planned, segments):
            self.reserved.request(segments)
            return False
        if self._segments is None:
            return True
        return self._segments.admits(now, planned + self.ahead.segments, segments)

    def reserve(self, now: float, segments: int) -> None:
        """Keep all others back until a long message has room, or short ones would starve it."""
        if self.reserved is not None:
            # The next slice has room for it.
            return
        self._reserved_until = self.ready_at(now, segments)

    def ready_at(self, now: float, segments: int = 1) -> float:
        """Return when the pace leaves room again for a message of so many segments."""
        ready = max(self._pace.ready_at(now), self._reserved_until)
        if self._segments is None:
            return ready
        return max(ready, self._segments.ready_at(now, segments))

    def take(self, now: float, count: int, segments: int = 0) -> SubmitTime:
        """Record that messages are handed over; return the time to pass to `answered`."""
        self.in_flight += count
        self.throttles.left(now, count)
        self._pace.take(now, count)
        if self._segments is not None:
            self._segments.take(now, segments)
        return self.breaker.take(now)

    def answered(self, now: float, departed: SubmitTime, outcome: Outcome) -> bool:
        """Record that one message was answered; return whether the breaker has changed."""
        self.in_flight -= 1
        trouble = trouble_of(outcome)
        if type(outcome) is Submitted:
            self.throttles.taken(now)
        if trouble is None:
            self.answer_time.note(now - departed.at)
        return self.breaker.answered(now, departed, trouble)

    def throttled(self, now: float, retry_after: float, left_at: float) -> None:
        """Slow this connector down, by a message that left then; the others do not notice."""
        taken_at = self.throttles.taken_at
        self._pace.throttled(now, retry_after, left_at, taken_at)
        if self._segments is not None:
            self._segments.throttled(now, retry_after, left_at, taken_at)

    def found_pace(self, now: float) -> FoundPace | None:
        """Return the messages per second that throttles have left, None at the full pace."""
        return self._pace.found(now)

    def _trusted(self, now: float) -> int:
        if self.paused:
            return 0
        room = self.breaker.room(now)
        return _UNBOUNDED if room is None else room


class Routes:
    """The open connectors by id, and the lists that wait for one that is not open here."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes = {route.connector.id: route for route in routes}
        self._absent: dict[ConnectorId, dict[int, int]] = {}
        self._resting: set[Route] = set()
        # Set when a connector wants a slice of a contract that it shares.
        self.wished = asyncio.Event()
        # Called with a connector's id when its lists may have something to do again.
        self.news: Callable[[ConnectorId], None] = _ignored

    def of(self, connector_id: ConnectorId) -> Route | None:
        """Return the connector with this id, or None when it is not open here."""
        return self._routes.get(connector_id)

    def all(self) -> list[Route]:
        """Return all open connectors."""
        return list(self._routes.values())

    def choose(
        self, sender: SendingList, now: float, planned: Mapping[ConnectorId, PlannedSubmits]
    ) -> Route | None:
        """Return the connector that a list goes by now, None when it is not open here."""
        first = self._routes.get(sender.connector_id)
        if sender.second_connector_id is None or _takes(first, now, planned):
            return first
        second = self._routes.get(sender.second_connector_id)
        return second if _takes(second, now, planned) else first

    # Coming and going

    def put(self, route: Route) -> None:
        """Open a connector to the lists."""
        route.parked.update(self._absent.pop(route.connector.id, {}))
        self._routes[route.connector.id] = route
        if route.reserved is not None:
            # What reserves slices rests for long while no connector has any.
            self.wished.set()
        self.news(route.connector.id)

    def remove(self, connector_id: ConnectorId) -> None:
        """Hand nothing over by a connector from now on."""
        if (route := self._routes.pop(connector_id, None)) is None:
            return
        self._resting.discard(route)
        self._absent.setdefault(connector_id, {}).update(route.parked)
        route.parked.clear()
        self.news(connector_id)

    def pause(self, connector_id: ConnectorId, paused: bool) -> None:
        """Let an open connector rest, or work again."""
        if (route := self._routes.get(connector_id)) is not None and route.paused != paused:
            route.paused = paused
            self.news(connector_id)

    # Waiting

    def park(self, connector_id: ConnectorId, list_id: int, lane: int) -> bool:
        """Let a list wait for a connector; return whether it is the first to miss it here."""
        if (route := self._routes.get(connector_id)) is not None:
            route.parked[list_id] = lane
            return False
        waiting = self._absent.setdefault(connector_id, {})
        waiting[list_id] = lane
        return len(waiting) == 1

    def parked(self, connector_id: ConnectorId) -> dict[int, int]:
        """Return the lists that wait for a connector, lane by list; the caller may take them."""
        route = self._routes.get(connector_id)
        return self._absent.get(connector_id, {}) if route is None else route.parked

    def breaker_changed(self, route: Route) -> None:
        """Remember a connector that rests, so that it is tried when its time comes."""
        if (retry_at := route.breaker.retry_at) is None:
            self._resting.discard(route)
        else:
            route.try_at = retry_at
            self._resting.add(route)

    def to_try(self, now: float) -> list[Route]:
        """Return the connectors to be tried now by one of the lists that wait for them."""
        due = [route for route in self._resting if route.is_tried() and route.try_at <= now]
        for route in due:
            # Should that list have nothing to send after all, another one is asked soon.
            route.try_at = now + _TRY_AGAIN_SECONDS
        return due

    def next_try_at(self) -> float | None:
        """Return when the next connector that lists wait for is to be tried."""
        return min((route.try_at for route in self._resting if route.is_tried()), default=None)


def _takes(route: Route | None, now: float, planned: Mapping[ConnectorId, PlannedSubmits]) -> bool:
    return route is not None and not route.takes_nothing(
        now, planned.get(route.connector.id, PlannedSubmits()).messages
    )


def _ignored(_: ConnectorId) -> None:
    pass
