"""Which carrier link a list's messages go by, and how much that link can take right now."""

from collections.abc import Iterable

from sendrail.carriers.sdk import Carrier
from sendrail.domain.ids import LinkId
from sendrail.domain.sender import Link
from sendrail.domain.throttle import LinkPace


class Route:
    """One link: its carrier, its window, its pace, and the lists that wait for it."""

    def __init__(self, link: Link, carrier: Carrier, rests_until: float = 0.0) -> None:
        self.link = link
        self.carrier = carrier
        self.in_flight = 0
        # List by lane, in the order of their coming.
        self.parked: dict[int, int] = {}
        # Without a stated contract the window alone bounds a link, until it throttles us; with one,
        # what a former owner sent in its last second counts.
        self._pace = (
            LinkPace(float(link.window * 100))
            if link.mps is None
            else LinkPace(link.mps, rests_until)
        )

    def room(self, now: float) -> int:
        """Return how many messages may be handed over at this moment."""
        return min(self.window_room(), self._pace.room(now))

    def window_room(self) -> int:
        """Return how many more messages may be under way at once."""
        return self.link.window - self.in_flight

    def is_full(self) -> bool:
        """Tell whether only an answer can make room again."""
        return self.window_room() <= 0

    def ready_at(self, now: float) -> float:
        """Return when the pace leaves room again."""
        return self._pace.ready_at(now)

    def take(self, now: float, count: int) -> None:
        """Record that messages are handed over."""
        self.in_flight += count
        self._pace.take(now, count)

    def answered(self) -> None:
        """Record that one message was answered."""
        self.in_flight -= 1

    def throttled(self, now: float, retry_after: float) -> None:
        """Slow this link down; the others do not notice."""
        self._pace.throttled(now, retry_after)

    def unavailable(self, now: float, retry_after: float) -> None:
        """Hand nothing over for a while: the carrier is away, whoever asks."""
        self._pace.pause(now + retry_after)


class Routes:
    """The open links by id."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = {route.link.id: route for route in routes}

    def of(self, link_id: LinkId) -> Route | None:
        """Return the link with this id, or None when it is not open here."""
        return self._routes.get(link_id)

    def all(self) -> list[Route]:
        """Return all open links."""
        return list(self._routes.values())
