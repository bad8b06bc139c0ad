"""Customers' webhooks: events, endpoints, and the results of attempts.

An event is posted at least once to each endpoint of the account that asks for it. Its id and its
body are the same in every attempt, so that a receiver can recognize a repetition.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, EndpointId, EventId, ListId


class Event(StrEnum):
    """The events reported to customers, by the public API's names.

    `AUTOMATIC` is not an event: an endpoint with it also gets the deliveries of automatic replies.
    """

    DELIVERY = "delivery"
    UNSUBSCRIBE = "unsubscribe"
    REPLY = "reply"
    SENT = "sent"
    CLICK = "click"
    CONVERSION = "conversion"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_SKIPPED = "campaign.skipped"
    JOURNEY_ENTERED = "journey.entered"
    JOURNEY_ENDED = "journey.ended"
    CAMPAIGN_COMPLETED = "campaign.completed"
    CAMPAIGN_STOPPED = "campaign.stopped"
    AUTOMATIC = "automatic"


# The events of an endpoint that does not choose any. What comes with every message beside its
# delivery, from links, of campaigns or of journeys, an endpoint asks for.
USUAL: Final = frozenset({Event.DELIVERY, Event.UNSUBSCRIBE, Event.REPLY})


class EndpointState(StrEnum):
    """The state of an endpoint.

    Events of a paused endpoint are kept for it; a gone one has answered 410 and gets no more.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"


# The test event, sent on request to try an endpoint.
TEST: Final = "test"
# What a step of a journey posts, to the endpoint that it names.
JOURNEY_STEP: Final = "journey.step"
# The outcomes of an attempt.
ACKNOWLEDGED: Final = "acknowledged"
NOT_ACKNOWLEDGED: Final = "failed"
# The URL of endpoints of `sendrail listen`, which polls its events itself.
LISTENER_URL: Final = "listen:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL to which an account's events are posted, and its state.

    `list_id` restricts it to one list. The secrets are sealed; until `old_secret_until` the old one
    signs as well. `failing_since` is the first failure after the last success.
    """

    id: EndpointId
    account_id: AccountId
    name: str
    url: str
    events: frozenset[Event]
    list_id: ListId | None
    state: EndpointState
    secret: bytes
    old_secret: bytes | None
    old_secret_until: int | None
    failing_since: int | None
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEvent:
    """An event for one endpoint.

    `ref` is a message's number, also for a click on it, or the id of a reply or of a conversion; of
    what is written with its body it is a digest.
    `body` is None until the event is claimed for the first time. `retries` counts the attempts
    since it last became due anew, `attempts` all of them. At `due_at` the next attempt is due; None
    where none is.
    """

    id: EventId
    endpoint_id: EndpointId
    kind: str
    ref: int
    at: int
    attempts: int
    retries: int
    body: bytes | None
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The endpoint answered with a 2xx."""

    status: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotAcknowledged:
    """The endpoint did not answer with a 2xx: another attempt may succeed.

    `status` is None where no answer arrived; `retry_after_ms` is the wait that the endpoint asks
    for.
    """

    detail: str
    status: int | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointGone:
    """The endpoint wants no more events (410)."""

    detail: str = ""


Answer = Acknowledged | NotAcknowledged | EndpointGone


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """One POST and its result; `status` is None where no answer arrived."""

    event_id: EventId
    endpoint_id: EndpointId
    attempt: int
    started_at: int
    ended_at: int
    outcome: str
    status: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """An event about a message at one endpoint, and one of its attempts; None before the first.

    `at` is when it happened, `due_at` when the next attempt is due: None where none follows.
    """

    kind: str
    endpoint: str
    at: int
    due_at: int | None
    attempt: WebhookAttempt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettlement:
    """What follows an attempt: when to try again, or never.

    `body` is the body that was sent. `due_at` is None where no further attempt follows.
    """

    event_id: EventId
    attempts: int
    retries: int
    due_at: int | None
    attempt: WebhookAttempt
