"""Look messages up: one by its id, or a page of them with filters."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from sendrail.api.v2.queries import (
    SENDER_HELP,
    given,
    instant,
    list_in,
    pagination,
    phone_in,
    read_page,
)
from sendrail.api.v2.statuses import DETAILS, PUBLIC, STATUSES
from sendrail.domain.erasure import shown
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import MESSAGE_ID_LENGTH, AccountId, MessageIds
from sendrail.domain.message import Status
from sendrail.domain.times import shown as shown_time
from sendrail.intake.lookup import FoundMessage, MessageService
from sendrail.storage.rows import MessageFilter, MessagePlace


class Message(msgspec.Struct):
    """A message as look-up shows it."""

    message_id: str
    to: str | None
    list_number: str
    body: str
    status: str
    status_detail: str | None
    provider_detail: str | None
    encoding: str
    segments: int
    attempts: int
    provider: str | None
    connector: str | None
    provider_message_id: str | None
    metadata: msgspec.Raw
    automatic: bool
    created_at: str
    sent_at: str | None
    ended_at: str | None


class MessagePagination(msgspec.Struct):
    """Where a page of messages stands; what comes by a cursor is not counted."""

    page: int | None
    per_page: int
    total: int | None
    total_pages: int | None
    total_is_exact: bool | None
    next_cursor: str | None


class MessageList(msgspec.Struct):
    """A page of messages, newest first."""

    messages: list[Message]
    pagination: MessagePagination


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
        # Of an attempt under way nothing is known yet.
        provider_detail=None if stored.status is Status.SENDING else stored.provider_detail,
        provider=stored.provider,
        connector=stored.connector,
        provider_message_id=stored.carrier_ref,
        metadata=msgspec.Raw((stored.metadata or "null").encode()),
        automatic=stored.automatic,
        created_at=shown_time(stored.created_at),
        sent_at=None if stored.sent_at is None else shown_time(stored.sent_at),
        ended_at=None if stored.ended_at is None else shown_time(stored.ended_at),
    )


async def list_messages(
    service: MessageService, ids: MessageIds, account: AccountId, query: Mapping[str, str]
) -> MessageList:
    """Return the messages that a query asks for: a page, or what comes after a cursor."""
    page, per_page = read_page(query)
    about = _read_filter(query)
    if "cursor" not in query:
        found = await service.page(account, about, page, per_page)
        counted = pagination(page, per_page, found.total, is_exact=found.total_is_exact)
        at = MessagePagination(
            page=counted.page,
            per_page=per_page,
            total=counted.total,
            total_pages=counted.total_pages,
            total_is_exact=counted.total_is_exact,
            next_cursor=_cursor(ids, found.next_place),
        )
        return MessageList([message_of(each) for each in found.messages], at)
    if "page" in query:
        raise InvalidInput(
            "Give page or cursor, not both", code="invalid_parameter", param="cursor"
        )
    than = given(query, "cursor", partial(_place, ids), _HELP)
    assert than is not None, "a cursor that cannot be read has been refused"
    stretch = await service.older(account, about, than, per_page)
    at = MessagePagination(
        page=None,
        per_page=per_page,
        total=None,
        total_pages=None,
        total_is_exact=None,
        next_cursor=_cursor(ids, stretch.next_place),
    )
    return MessageList([message_of(each) for each in stretch.messages], at)


def _cursor(ids: MessageIds, place: MessagePlace | None) -> str | None:
    """Return what names a place to callers: the id of its message, and when it was made."""
    return None if place is None else f"{ids.show(place.number)}{place.created_at:x}"


def _place(ids: MessageIds, cursor: str) -> MessagePlace | None:
    number = ids.read(cursor[:MESSAGE_ID_LENGTH])
    made = _MADE_AT(cursor[MESSAGE_ID_LENGTH:])
    return None if number is None or made is None else MessagePlace(int(made[0], 16), number)


def _read_filter(query: Mapping[str, str]) -> MessageFilter:
    """Return the filters of a query. Raises `InvalidInput` that names the parameter."""
    return MessageFilter(
        status=given(query, "status", STATUSES.get, _HELP),
        recipient=given(query, "to", phone_in, _HELP),
        list_number=given(query, "list_number", list_in, _HELP),
        created_from=given(query, "created_after", instant, _HELP),
        created_before=given(query, "created_before", instant, _HELP),
    )


_MADE_AT: Final = re.compile("[0-9a-f]{1,15}").fullmatch
_HELP: Final = {
    "cursor": "cursor is the next_cursor of an earlier answer",
    "status": f"status is one of {', '.join(STATUSES)}",
    "to": "to is an E.164 phone number; write its + as %2B",
    "list_number": SENDER_HELP,
    "created_after": "created_after is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
    "created_before": "created_before is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
}
