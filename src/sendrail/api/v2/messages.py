"""Look messages up: one by its id, or a page of them with filters."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from sendrail.api.v2.words import DETAILS, PUBLIC, STATUSES
from sendrail.domain import phone
from sendrail.domain.erasure import REDACTED
from sendrail.domain.errors import InvalidInput
from sendrail.domain.message import Status
from sendrail.sending.lookup import FoundMessage, FoundPage
from sendrail.storage.rows import MessageFilter

T = TypeVar("T")

PER_PAGE: Final = 50
PER_PAGE_MAX: Final = 100
# Further pages would read and throw away everything before them.
PAGE_MAX: Final = 10_000
_DIGITS_MAX: Final = len(str(PAGE_MAX))


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
    created_at: str
    sent_at: str | None
    ended_at: str | None


class Pagination(msgspec.Struct):
    """Where a page stands."""

    page: int
    per_page: int
    total: int
    total_pages: int
    total_is_exact: bool


class MessageList(msgspec.Struct):
    """A page of messages, newest first."""

    messages: list[Message]
    pagination: Pagination


def message_of(found: FoundMessage) -> Message:
    """Return the public form of a message."""
    stored = found.stored
    return Message(
        message_id=found.id,
        to=phone.show(stored.recipient) if stored.recipient != REDACTED else None,
        list_number=phone.show(stored.list_number),
        body=found.body,
        status=PUBLIC[stored.status],
        status_detail=DETAILS.get(stored.status, stored.detail),
        encoding=stored.encoding,
        segments=stored.segments,
        attempts=stored.attempt,
        provider=stored.carrier,
        provider_message_id=stored.carrier_ref,
        metadata=msgspec.Raw((stored.metadata or "null").encode()),
        created_at=_time(stored.created_at),
        sent_at=None if stored.sent_at is None else _time(stored.sent_at),
        ended_at=None if stored.ended_at is None else _time(stored.ended_at),
    )


def page_of(found: FoundPage) -> MessageList:
    """Return the public form of a page."""
    return MessageList(
        [message_of(message) for message in found.messages],
        Pagination(
            found.page,
            found.per_page,
            found.total,
            -(-found.total // found.per_page),
            found.total_is_exact,
        ),
    )


def read_page(query: Mapping[str, str]) -> tuple[int, int]:
    """Return page and page size of a query. Raises `InvalidInput` that names the parameter."""
    return (
        _number(query, "page", 1, PAGE_MAX),
        _number(query, "per_page", PER_PAGE, PER_PAGE_MAX),
    )


def read_filter(query: Mapping[str, str]) -> MessageFilter:
    """Return the filters of a query. Raises `InvalidInput` that names the parameter."""
    return MessageFilter(
        status=_given(query, "status", _statuses),
        recipient=_given(query, "to", _phone),
        list_number=_given(query, "list_number", _phone),
        created_from=_given(query, "created_after", _instant),
        created_before=_given(query, "created_before", _instant),
    )


def _given(query: Mapping[str, str], name: str, read: Callable[[str], T | None]) -> T | None:
    text = query.get(name)
    if text is None:
        return None
    value = read(text)
    if value is None:
        raise InvalidInput(_HELP[name], code="invalid_parameter", param=name)
    return value


_HELP: Final = {
    "status": f"`status` is one of {', '.join(STATUSES)}",
    "to": "`to` is an E.164 phone number; write its + as %2B",
    "list_number": "`list_number` is an E.164 phone number; write its + as %2B",
    "created_after": "`created_after` is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
    "created_before": "`created_before` is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
}


def _statuses(text: str) -> list[Status] | None:
    return STATUSES.get(text)


def _phone(text: str) -> phone.PhoneNumber | None:
    # A plus sign in a query means a space; whoever forgot to encode it is understood.
    return phone.parse("+" + text[1:] if text.startswith(" ") else text)


def _instant(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        return int(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def _number(query: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    # Only ASCII digits: int() would also take spaces, signs and other scripts' digits.
    plain = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    value = int(text) if plain else 0
    if not 1 <= value <= highest:
        raise InvalidInput(
            f"`{name}` is a whole number from 1 to {highest:,}",
            code="invalid_parameter",
            param=name,
        )
    return value


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
