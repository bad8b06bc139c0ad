"""Look messages up: one by its id, or a page of them with filters."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import structs

from sendrail.api.v2.field_types import (
    Always,
    Count,
    Phone,
    Positive,
    PublicId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.operation import DELETING, FINDING, READING, in_path, page_parameters, query
from sendrail.api.v2.queries import (
    SENDER_HELP,
    IsExact,
    given,
    list_in,
    pagination,
    phone_in,
    read_page,
)
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.api.v2.statuses import DETAILS, PUBLIC, STATUSES
from sendrail.app import Runtime
from sendrail.domain.erasure import shown
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageIds
from sendrail.domain.message import Status
from sendrail.domain.origin import OriginKind
from sendrail.domain.text import Encoding
from sendrail.domain.times import read_instant
from sendrail.domain.times import shown as shown_time
from sendrail.intake.lookup import FoundMessage
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace
from sendrail.storage.tracking.message_clicks import ClickTally

_MADE_AT: Final = re.compile("[0-9a-f]{1,15}").fullmatch
_HELP: Final = {
    "cursor": "cursor is the next_cursor of an earlier answer",
    "status": f"status is one of {', '.join(STATUSES)}",
    "to": "to is an E.164 phone number; write its + as %2B",
    "list_number": SENDER_HELP,
    "created_after": "created_after is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
    "created_before": "created_before is an ISO 8601 time, such as 2026-01-31T08:00:00Z",
}


class MessageLink(msgspec.Struct):
    """A short link in a message."""

    short_url: Annotated[str | None, about("Null where the list has no tracking domain any more.")]
    destination_url: Annotated[str, about("Where it leads, with macros unfilled.")]
    offer_id: Annotated[str | None, about("The offer that it leads to.")]


class Clicks(msgspec.Struct):
    """What is counted of the clicks on a message, some three seconds after each."""

    total: Annotated[Count, about("All requests for its links; some are neither of the two.")]
    human: Annotated[Count, about("Those of people, repeated ones included.")]
    bot: Annotated[Count, about("Those of machines: bots, previewers and prefetching browsers.")]
    first_clicked_at: Annotated[Time | None, about("When a person clicked first.")]


class MessageOrigin(msgspec.Struct):
    """What has sent a message for its account."""

    kind: Annotated[str, one_of(OriginKind)]
    id: Annotated[Positive, about("The run of a campaign, or the journey.")]
    version: Annotated[Count, about("That of the run's content, or of the journey.")]
    part: Annotated[str, about("The variant of the run, or the step of the journey.")]


class Message(msgspec.Struct):
    """A message as look-up shows it."""

    message_id: PublicId
    to: Annotated[Phone | None, about("Null once that person's data was deleted.")]
    list_number: Sender
    body: Annotated[str, about("As sent; `{{messageId}}` is filled in once the message has left.")]
    status: Annotated[str, one_of(STATUSES)]
    status_detail: Annotated[
        str | None, about("Why, or what exactly: one word, the same for all carriers.")
    ]
    provider_detail: Annotated[
        str | None, about("The carrier's own code or sentence beside that word.")
    ]
    encoding: Annotated[str, one_of(Encoding)]
    segments: Positive
    attempts: Count
    provider: Annotated[
        str | None, about("The kind of carrier it went to; null while it has not left.")
    ]
    connector: Annotated[str | None, about("The name of the connection to that carrier.")]
    provider_message_id: str | None
    metadata: Annotated[msgspec.Raw, schema(type=["object", "null"])]
    automatic: bool
    links: Annotated[list[MessageLink], about("The short links in the text, in their order.")]
    clicks: Annotated[Clicks | None, about("Null where the message has no short links.")]
    created_at: Time
    send_at: Annotated[Time | None, about("When it is to leave, while it waits for that.")]
    waits_until: Annotated[
        Time | None,
        about("When its recipient's quiet hours end, while it waits for that."),
    ]
    sent_at: Time | None
    ended_at: Time | None
    origin: Annotated[
        MessageOrigin | None, about("Null where the account has sent the message itself.")
    ]


class MessageCancelled(msgspec.Struct):
    """The answer to a message that was called back."""

    success: Always
    cancelled: Always


class MessagePagination(msgspec.Struct):
    """Where a page of messages stands; what comes by a cursor is not counted."""

    page: Positive | None
    per_page: Positive
    total: Count | None
    total_pages: Count | None
    total_is_exact: IsExact | None
    next_cursor: Annotated[
        str | None, about("What `cursor` is to be for the messages after these; null at the end.")
    ]


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
        status_detail=DETAILS.get(stored.status, found.detail),
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
        links=[
            MessageLink(each.short_url, each.destination_url, each.offer) for each in found.links
        ],
        clicks=_clicks(found.clicks) if found.links else None,
        created_at=shown_time(stored.created_at),
        send_at=None if stored.send_at is None else shown_time(stored.send_at),
        waits_until=None if found.waits_until is None else shown_time(found.waits_until),
        sent_at=None if stored.sent_at is None else shown_time(stored.sent_at),
        ended_at=None if stored.ended_at is None else shown_time(stored.ended_at),
        origin=None if stored.origin is None else MessageOrigin(*stored.origin),
    )


def _clicks(tally: ClickTally) -> Clicks:
    first = tally.first_clicked_at
    return Clicks(
        total=tally.clicks,
        human=tally.human_clicks,
        bot=tally.machine_clicks,
        first_clicked_at=None if first is None else shown_time(first),
    )


async def page(runtime: Runtime, request: ApiRequest) -> MessageList:
    """List messages: a page, or what comes after a cursor."""
    service, ids, query = runtime.messages, runtime.intake.ids, request.query
    at, per_page = read_page(query)
    about = _read_filter(query)
    if "cursor" not in query:
        found = await service.page(request.account, about, at, per_page)
        counted = pagination(at, per_page, found.total, is_exact=found.total_is_exact)
        place = MessagePagination(
            **structs.asdict(counted), next_cursor=_cursor(ids, found.next_place)
        )
        return MessageList([message_of(each) for each in found.messages], place)
    if "page" in query:
        raise InvalidInput(
            "Give page or cursor, not both", code="invalid_parameter", param="cursor"
        )
    than = given(query, "cursor", partial(_place, ids), _HELP)
    assert than is not None, "a cursor that cannot be read has been refused"
    stretch = await service.older(request.account, about, than, per_page)
    place = MessagePagination(
        page=None,
        per_page=per_page,
        total=None,
        total_pages=None,
        total_is_exact=None,
        next_cursor=_cursor(ids, stretch.next_place),
    )
    return MessageList([message_of(each) for each in stretch.messages], place)


async def show(runtime: Runtime, request: ApiRequest) -> Message:
    """Look a message up by its id."""
    return message_of(await runtime.messages.find(request.account, request.path["message_id"]))


async def cancel(runtime: Runtime, request: ApiRequest) -> MessageCancelled:
    """Call a message back that has not left."""
    await runtime.cancelling.cancel(request.account, request.path["message_id"])
    return MessageCancelled(success=True, cancelled=True)


_ID: Final = (in_path("message_id", PublicId, "The id that the sending call answered."),)

ENDPOINTS: Final = (
    Endpoint(
        "GET /messages",
        page,
        id="listMessages",
        summary="List messages",
        description=(
            "Returns messages page by page, newest first. `next_cursor` of an answer is the "
            "`cursor` of the next one: that way there is no last page, and none is counted."
        ),
        answer=MessageList,
        codes=READING,
        parameters=(
            *page_parameters(),
            query(
                "cursor",
                str,
                "Go on where the answer with this `next_cursor` ended; in place of `page`.",
            ),
            query(
                "status",
                Annotated[str, schema(type="string", enum=list(STATUSES))],
                "Only of this status.",
            ),
            query("to", Phone, "Only to this recipient; write its + as %2B."),
            query("list_number", Sender, "Only from this list; write its + as %2B."),
            query("created_after", Time, "Only accepted at this time or later."),
            query("created_before", Time, "Only accepted before this time."),
        ),
    ),
    Endpoint(
        "GET /messages/{message_id}",
        show,
        id="getMessage",
        summary="Look up a message",
        description="Returns one message; another account's looks like no message.",
        answer=Message,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "DELETE /messages/{message_id}",
        cancel,
        id="cancelMessage",
        summary="Cancel a message",
        description=(
            "Calls a message back that has not left: it waits for its `send_at`, for the end of "
            "quiet hours, or for its turn. It ends as `dropped`, with the detail `cancelled`."
        ),
        answer=MessageCancelled,
        codes=(*DELETING, "not_scheduled"),
        parameters=_ID,
    ),
)


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
        created_from=given(query, "created_after", read_instant, _HELP),
        created_before=given(query, "created_before", read_instant, _HELP),
    )
