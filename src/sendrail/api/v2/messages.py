"""Look messages up: one by its id, or a page of them with filters."""

from collections.abc import Mapping
from typing import Final

import msgspec

from sendrail.api.v2.queries import (
    SENDER_HELP,
    Pagination,
    given,
    instant,
    list_in,
    pagination,
    phone_in,
)
from sendrail.api.v2.words import DETAILS, PUBLIC, STATUSES
from sendrail.domain.erasure import shown
from sendrail.domain.times import shown as shown_time
from sendrail.sending.lookup import FoundMessage, FoundPage
from sendrail.storage.rows import MessageFilter


class Message(msgspec.Struct):
    """A message as look-up shows it."""

    message_id: str
    to: str | None
    list_number: str
    body: str
    status: str
    status_detail: str | None
    encoding: str
    segments: int
    attempts: int
    provider: str | None
    provider_message_id: str | None
    metadata: msgspec.Raw
    automatic: bool
    created_at: str
    sent_at: str | None
    ended_at: str | None


class MessageList(msgspec.Struct):
    """A page of messages, newest first."""

    messages: list[Message]
    pagination: Pagination


def message_of(found: FoundMessage) -> Message:
    """Return the public form of a message."""
    stored = found.stored
    return Message(
        message_id=found.id,
        to=shown(stored.recipient),
        list_number=stored.list_number,
        body=found.body,
        status=PUBLIC[stored.status],
        status_detail=DETAILS.get(stored.status, stored.detail),
        encoding=stored.encoding,
        segments=stored.segments,
        attempts=stored.attempt,
        provider=stored.carrier,
        provider_message_id=stored.carrier_ref,
        metadata=msgspec.Raw((stored.metadata or "null").encode()),
        automatic=stored.automatic,
        created_at=shown_time(stored.created_at),
        sent_at=None if stored.sent_at is None else shown_time(stored.sent_at),
        ended_at=None if stored.ended_at is None else shown_time(stored.ended_at),
    )


def page_of(found: FoundPage) -> MessageList:
    """Return the public form of a page."""
    return MessageList(
        [message_of(message) for message in found.messages],
        pagination(found.page, found.per_page, found.total, is_exact=found.total_is_exact),
    )


def read_filter(query: Mapping[str, str]) -> MessageFilter:
    """Return the filters of a query. Raises `InvalidInput` that names the parameter."""
    return MessageFilter(
        status=given(query, "status", STATUSES.get, _HELP),
        recipient=given(query, "to", phone_in, _HELP),
        list_number=given(query, "list_number", list_in, _HELP),
        created_from=given(query, "created_after", instant, _HELP),
        created_before=given(query, "created_before", instant, _HELP),
    )


_HELP: Final = {
    "status": f"`status` is one of {', '.join(STATUSES)}",
    "to": "`to` is an E.164 phone number; write its + as %2B",
    "list_number": SENDER_HELP,
    "created_after": "`created_after` is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
    "created_before": "`created_before` is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
}
