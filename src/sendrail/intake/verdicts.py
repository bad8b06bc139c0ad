"""Verdicts on orders, and the result that their caller gets."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import MessageId, MessageNumber
from sendrail.domain.order import Refusal

SUSPENDED: Final = "Account is suspended"
_TEXTS: Final = {
    Refusal.LIST_NOT_FOUND: "List not found",
    Refusal.LIST_INACTIVE: "The list is not active",
    Refusal.ACCOUNT_SUSPENDED: SUSPENDED,
    Refusal.WEBHOOK_NOT_CONFIGURED: "The list's own carrier is not verified yet",
    Refusal.BLOCKED_CONTENT: "The text contains a blocked word",
    Refusal.CONTACT_UNSUBSCRIBED: "The recipient has unsubscribed from this list",
    Refusal.CONTACT_BLOCKED: "The recipient is on the account's block list",
    Refusal.DUPLICATE_MESSAGE: "The same message was sent to this recipient a moment ago",
    Refusal.JOURNEY_CONFLICT: "The recipient is in an active journey on this list",
    Refusal.QUEUE_FULL: "Too many messages of the account are waiting",
}

# The fields of an order that refusals are about; the others are about no single one.
_PARAMS: Final = {
    Refusal.LIST_NOT_FOUND: "list_number",
    Refusal.LIST_INACTIVE: "list_number",
    Refusal.WEBHOOK_NOT_CONFIGURED: "list_number",
    Refusal.BLOCKED_CONTENT: "body",
    Refusal.CONTACT_UNSUBSCRIBED: "to",
    Refusal.CONTACT_BLOCKED: "to",
    Refusal.JOURNEY_CONFLICT: "to",
}


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The order is a message now, and on disk: its public id, and its number.

    The id is empty where its submission shows none.

    A struct, because one is built for every message and a named tuple takes five times as long.
    """

    message_id: MessageId
    number: MessageNumber


class Refused(NamedTuple):
    """The order is refused, and why; `detail` says more where there is more to say."""

    code: str
    text: str
    param: str | None = None
    detail: str | None = None


Verdict = Accepted | Refused

# In place of an id that is not shown.
NO_ID: Final = MessageId("")


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer kept from the first request with the same idempotency key."""

    status: int
    answer: bytes


# The verdicts come as a list, one for each order.
SubmissionResult = list[Verdict] | Replay | SendrailError


def refused(refusal: Refusal, detail: str | None = None) -> Refused:
    """Return a refusal of the gate with its sentence."""
    return Refused(refusal, _TEXTS[refusal], _PARAMS.get(refusal), detail)
