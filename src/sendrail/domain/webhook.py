"""The customer's webhooks: what happened, whom to tell, and what came of telling.

An event is told to each endpoint of the account that wants it, at least once. Its id and its body
stay the same through every attempt, so that a receiver can tell a repetition from news.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, EndpointId, EventId, ListId


class Event(StrEnum):
    """What a customer is told; the words are the public API's.

    `AUTOMATIC` is no event of its own: it asks for the deliveries of what lists answer to keywords.
    """

    DELIVERY = "delivery"
    UNSUBSCRIBE = "unsubscribe"
    REPLY = "reply"
    AUTOMATIC = "automatic"


# What an endpoint gets that asks for nothing in particular: what the customer has a part in.
USUAL: Final = frozenset(Event) - {Event.AUTOMATIC}


class EndpointState(StrEnum):
    """Whether an endpoint is told anything.

    Events of a paused endpoint are kept for it; a gone one has answered 410 and gets none.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"


# The one event that is about nothing: made by hand, to try an endpoint.
TEST: Final = "test"
# The outcomes of an attempt.
TOLD: Final = "told"
NOT_TOLD: Final = "failed"
# Where `sendrail listen` is told, which takes its events itself.
LISTENER_URL: Final = "listen:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an account wants to be told, and how that goes.

    `list_id` narrows it to one list. The secrets are sealed; the old one is signed with as well
    until `old_secret_until`. `failing_since` is the first failure after the last success.
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

    `ref` is what it is about: a message's number or a reply's id. `body` is None until the event
    is taken up for the first time. `retries` counts the attempts since it became due anew,
    `attempts` all of them.
    """

    id: EventId
    endpoint_id: EndpointId
    kind: str
    ref: int
    at: int
    attempts: int
    retries: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The endpoint has it."""

    status: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotAcknowledged:
    """No 2xx came: another attempt may do better.

    `status` is None where there was no answer at all; `retry_after_ms` is what the endpoint asked
    for.
    """

    detail: str
    status: int | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointGone:
    """The endpoint wants nothing any more (410)."""

    detail: str = ""


Answer = Acknowledged | NotAcknowledged | EndpointGone


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """One POST and what came of it; `status` is None where no answer came."""

    event_id: EventId
    endpoint_id: EndpointId
    attempt: int
    started_at: int
    ended_at: int
    outcome: str
    status: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettlement:
    """What follows an attempt: when to try again, or never.

    `body` is what was sent. `due_at` is None where the event has come to rest.
    """

    event_id: EventId
    attempts: int
    retries: int
    due_at: int | None
    attempt: WebhookAttempt
