"""An order: a caller's request to send one message, before the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sendrail.domain.phone import PhoneNumber

MESSAGE_ID_PLACEHOLDER = "{{messageId}}"


class Order(NamedTuple):
    """A request for one message, its fields already validated.

    `skips` is a set of `Skip` bits, `metadata` the caller's JSON object, byte for byte; `segments`
    counts the text with the message id filled in. `links` are the destinations of the links that
    have marks in the text; with them, it is counted once the list is known, and taken for one of
    GSM-7 until then. `takes_frame` is set where the text gets its list's frame, if the list frames
    what the API sends. `send_at` is when the message is to leave, in milliseconds; 0 is at once.
    `origin_id` says what it comes from, and is 0 where an account sends it itself. A tuple, because
    one is built for every request and a frozen dataclass takes three times as long.
    """

    recipient: PhoneNumber
    list_number: PhoneNumber
    body: str
    skips: int = 0
    metadata: bytes | None = None
    encoding: str = "gsm7"
    segments: int = 1
    links: tuple[str, ...] = ()
    takes_frame: bool = False
    send_at: int = 0
    origin_id: int = 0


def coming_from(order: Order, origin_id: int) -> Order:
    """Return an order with its origin; by hand, as it runs for each contact of a campaign."""
    return Order._make((*order[:-1], origin_id))


def distinct_text(body: str, links: Sequence[str]) -> str:
    """Return what tells a message's text from others: the text itself, and where it leads."""
    return "\0".join((body, *links)) if links else body


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a caller's input is no valid order: a code, a sentence and the field at fault."""

    code: str
    text: str
    param: str | None = None


class Refusal(StrEnum):
    """The gate's refusals; the values are the public error codes."""

    LIST_NOT_FOUND = "list_not_found"
    LIST_INACTIVE = "list_inactive"
    ACCOUNT_SUSPENDED = "account_suspended"
    WEBHOOK_NOT_CONFIGURED = "webhook_not_configured"
    BLOCKED_CONTENT = "blocked_content"
    CONTACT_UNSUBSCRIBED = "contact_unsubscribed"
    CONTACT_BLOCKED = "contact_blocked"
    DUPLICATE_MESSAGE = "duplicate_message"
    JOURNEY_CONFLICT = "journey_conflict"
    QUEUE_FULL = "queue_full"
