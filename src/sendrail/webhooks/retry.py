"""When to try again: the public schedule for one event, and a breaker for a whole endpoint.

Pure arithmetic on times it is given. The schedule spares an event that failed; the breaker spares
the worker's time while an endpoint is down, and leaves the attempts of the events behind it.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from sendrail.domain.webhook import (
    ACKNOWLEDGED,
    NOT_ACKNOWLEDGED,
    Acknowledged,
    Answer,
    EndpointGone,
    EventSettlement,
    NotAcknowledged,
    OutboxEvent,
    WebhookAttempt,
)

_MINUTE_MS: Final = 60_000
# The public API's: five retries, after 1 min, 5 min, 15 min, 1 h and 2 h.
RETRIES_MS: Final = tuple(minutes * _MINUTE_MS for minutes in (1, 5, 15, 60, 120))
# Events that failed together must not come back together.
_JITTER: Final = 0.1
# An endpoint may ask for a pause, but not for ever.
RETRY_AFTER_MAX_MS: Final = 24 * 60 * _MINUTE_MS

# So many failures in a row are no accident of one event. What was under way together counts once.
_FAILURES_MAX: Final = 5
_PROBE_FIRST_SECONDS: Final = 5.0
_PROBE_MAX_SECONDS: Final = 60.0


def settle(
    event: OutboxEvent, answer: Answer, *, started_at: int, now: int, chance: float
) -> EventSettlement:
    """Decide what follows an attempt; `chance` is a random number in [0, 1) for the jitter."""
    attempt = event.attempts + 1
    retries, due_at = event.retries, None
    match answer:
        case Acknowledged() | EndpointGone():
            pass
        case NotAcknowledged():
            retries, due_at = _retry(event.retries, answer, now, chance)
        case _:
            assert_never(answer)
    return EventSettlement(
        event_id=event.id,
        attempts=attempt,
        retries=retries,
        due_at=due_at,
        attempt=WebhookAttempt(
            event_id=event.id,
            endpoint_id=event.endpoint_id,
            attempt=attempt,
            started_at=started_at,
            ended_at=now,
            outcome=ACKNOWLEDGED if isinstance(answer, Acknowledged) else NOT_ACKNOWLEDGED,
            status=410 if isinstance(answer, EndpointGone) else answer.status,
            detail=answer.detail,
        ),
    )


def _retry(
    retries: int, answer: NotAcknowledged, now: int, chance: float
) -> tuple[int, int | None]:
    if retries >= len(RETRIES_MS):
        return retries, None
    wait = RETRIES_MS[retries] * (1 + _JITTER * chance)
    if answer.retry_after_ms is not None:
        wait = max(wait, min(answer.retry_after_ms, RETRY_AFTER_MAX_MS))
    return retries + 1, now + int(wait)


@dataclass(slots=True)
class Breaker:
    """Whether to post to an endpoint; times are seconds of a monotonic clock.

    It holds back the events that have not been tried. A retry keeps the time it was given, and
    shows as well as any other whether the endpoint is back; only while the endpoint itself asks
    for a pause, until `patient_until`, nothing is posted to it.
    """

    failures: int = 0
    rests_until: float = 0.0
    patient_until: float = 0.0
    failed_at: float = -1.0

    def succeeded(self) -> None:
        self.failures, self.rests_until, self.patient_until = 0, 0.0, 0.0

    def failed(
        self, now: float, retry_after_ms: int | None, *, started: float | None = None
    ) -> bool:
        """Record a failure; return whether it says anything new.

        One that `started` before the last one was known says nothing that is not known already.
        """
        is_news = started is None or started >= self.failed_at
        if is_news:
            self.failures += 1
            self.failed_at = now
            if self.is_open:
                doublings = min(self.failures - _FAILURES_MAX, 10)
                wait = min(_PROBE_FIRST_SECONDS * 2**doublings, _PROBE_MAX_SECONDS)
                self.rests_until = max(self.rests_until, now + wait)
        if retry_after_ms is not None:
            patience = min(retry_after_ms, RETRY_AFTER_MAX_MS) / 1000
            self.patient_until = max(self.patient_until, now + patience)
        return is_news

    @property
    def is_open(self) -> bool:
        return self.failures >= _FAILURES_MAX

    def is_patient(self, now: float) -> bool:
        """Return whether nothing at all is posted to the endpoint now."""
        return now < self.patient_until

    def rests(self, now: float) -> bool:
        """Return whether no event is tried for the first time now."""
        return now < self.opens_at(is_again=False)

    def opens_at(self, *, is_again: bool) -> float:
        """Return from when an event may be posted, one that failed before or another."""
        return self.patient_until if is_again else max(self.rests_until, self.patient_until)

    def room(self, now: float, in_flight: int, most: int) -> int:
        """Return how many may be tried for the first time: after a failure, one at a time."""
        return 0 if self.rests(now) else max(0, (1 if self.failures else most) - in_flight)

    def room_again(self, now: float, in_flight: int, most: int) -> int:
        """Return how many that have failed before may be posted now."""
        return 0 if self.is_patient(now) else max(0, most - in_flight)
