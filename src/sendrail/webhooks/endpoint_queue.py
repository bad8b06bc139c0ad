"""One endpoint's events in this process, and how many of them it may take up."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sendrail.domain.ids import EventId, Lane, lane_of
from sendrail.domain.webhook import Endpoint, EndpointState, OutboxEvent
from sendrail.webhooks.retry import Breaker

# What a queue takes up at once: enough to share a transaction, little to hold.
QUEUE_MAX: Final = 64


class DueEvent(NamedTuple):
    """An event to be posted, and the id by which its receiver knows it."""

    event: OutboxEvent
    name: str


@dataclass(slots=True)
class EndpointQueue:
    """One endpoint's events in this process.

    `held` are those that are taken up and not settled yet. `failing_since` and `state` are what
    the answers say; they are written when the answers are settled.
    """

    endpoint: Endpoint
    failing_since: int | None
    stored_failing_since: int | None
    state: EndpointState = EndpointState.ACTIVE
    breaker: Breaker = field(default_factory=Breaker)
    # What has failed before, and what has never been tried.
    again: deque[DueEvent] = field(default_factory=deque)
    waiting: deque[DueEvent] = field(default_factory=deque)
    held: set[EventId] = field(default_factory=set)
    in_flight: int = 0
    # Whether there may be more that was never tried, and more that was: the last look found many.
    has_more: tuple[bool, bool] = (False, False)

    @property
    def lane(self) -> Lane:
        """The lane by which processes share endpoints out."""
        return lane_of(self.endpoint.id)

    def let_go(self) -> None:
        """Hold only what is under way."""
        self.held -= {due.event.id for due in (*self.again, *self.waiting)}
        self.again.clear()
        self.waiting.clear()

    def take_up(self, events: Iterable[DueEvent]) -> None:
        """Hold events until they are settled."""
        waiting, again = len(self.waiting), len(self.again)
        for due in events:
            (self.again if due.event.retries else self.waiting).append(due)
            self.held.add(due.event.id)
        many = QUEUE_MAX // 2
        self.has_more = (len(self.waiting) - waiting >= many, len(self.again) - again >= many)

    def may_take_more(self, now: float) -> bool:
        """Return whether there is room, and probably something for it."""
        limit, again = self.rooms(now)
        return bool((self.has_more[0] and limit) or (self.has_more[1] and again))

    def opens_at(self) -> float:
        """Return when something that is held may be posted: what is under way says so itself."""
        if self.in_flight:
            return math.inf
        held = ((self.again, True), (self.waiting, False))
        opens = (self.breaker.opens_at(is_again=is_again) for events, is_again in held if events)
        return min(opens, default=math.inf)

    def rooms(self, now: float) -> tuple[int, int]:
        """Return how many may be taken up that were never tried, and how many others."""
        # What waits for a first attempt and what waits for another take no place from each other,
        # and an answer that is not written yet takes none: its event is only not to be read again.
        free = QUEUE_MAX - self.in_flight
        limit = 0 if self.breaker.rests(now) else free - len(self.waiting)
        again = 0 if self.breaker.is_patient(now) else free - len(self.again)
        # In halves, so that a steady stream shares its transactions.
        limit, again = (room if room >= QUEUE_MAX // 2 else 0 for room in (limit, again))
        return limit, again
