"""Vonage's Messages API: one POST per message in JSON, and an error is one of HTTP's.

https://developer.vonage.com/en/api/messages
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, field

from sendrail.carriers.http.codes import Codes
from sendrail.carriers.http.exchange import Answer
from sendrail.carriers.reading import read_json
from sendrail.domain import phone
from sendrail.domain.delivery import Outbound, Outcome, Submitted
from sendrail.domain.message import Status
from sendrail.domain.text import Encoding

# What each status of a webhook settles.
STATUS_OF: Final[dict[str, Status | None]] = {
    "submitted": None,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undeliverable": Status.UNDELIVERED,
    "rejected": Status.FAILED,
}


class _Taken(msgspec.Struct):
    message_uuid: Annotated[str, Meta(min_length=1)]


class Problem(msgspec.Struct):
    """An error; its type is the address of its description, such as `...#1120`."""

    type: str = ""

    @property
    def code(self) -> str | None:
        """Return Vonage's code of the error."""
        return self.type.rpartition("#")[2] or None


class Webhook(msgspec.Struct):
    """A webhook: the status of a message, or an incoming text."""

    message_uuid: Annotated[str, Meta(min_length=1)]
    status: str | None = None
    error: Problem | None = None
    client_ref: str | None = None
    channel: str | None = None
    sender: str | None = field(default=None, name="from")
    to: str | None = None
    text: str | None = None


def compose(
    message: Outbound, callback_url: str | None, validity_seconds: int | None
) -> dict[str, Any]:
    """Return what the API is told of one message."""
    told: dict[str, Any] = {
        "channel": "sms",
        "message_type": "text",
        "from": phone.bare(message.sender),
        "to": str(message.recipient),
        "text": message.body,
        "client_ref": message.message_id,
        "sms": {"encoding_type": "unicode" if message.encoding is Encoding.UCS2 else "text"},
    }
    if callback_url is not None:
        told["webhook_url"] = callback_url
    if validity_seconds is not None:
        told["ttl"] = validity_seconds
    return told


def read_answer(codes: Codes, answer: Answer) -> Outcome:
    """Return what the API made of one message."""
    if answer.is_success:
        return Submitted(read_json(answer.body, _Taken).message_uuid)
    return codes.outcome(answer, read_json(answer.body, Problem).code)
