"""What an event looks like to a customer: the public API's shapes, and its words for a status.

Statuses in events and in the life of a message are two vocabularies; the one table between them
stands here. A body is made once, when its event is taken up, and is then kept as it is.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sendrail.domain import money, phone
from sendrail.domain.consent import Keyword
from sendrail.domain.erasure import shown
from sendrail.domain.ids import MessageId, MessageIds
from sendrail.domain.message import UNKNOWN_OUTCOME, DropReason, Skip, Status
from sendrail.domain.times import shown_finely
from sendrail.domain.webhook import JOURNEY_STEP, TEST, Event, OutboxEvent
from sendrail.storage.pipeline.outbox import (
    ClickedLink,
    EndedMessage,
    ReportedConversion,
    SentMessage,
    TakenReply,
)

# What never left is `rejected`, too: the detail says that it was we who refused it. A message that
# is under way is no event, so that `pending` does not occur.
WORDS: Final[dict[Status, str]] = {
    Status.DELIVERED: "delivered",
    Status.UNDELIVERED: "undeliverable",
    Status.FAILED: "rejected",
    Status.DROPPED: "rejected",
    Status.ORPHANED: "rejected",
}
# Its time ran out: waiting in the queue, or waiting for a word from the carrier.
EXPIRED: Final = "expired"
_EXPIRED_DETAILS: Final = frozenset({DropReason.STALE.value, UNKNOWN_OUTCOME})
# Carriers that have a word for it begin with it, as `EXPIRED_EXPIRED` does.
_EXPIRED_BEGIN: Final = "EXPIRED"

_KINDS: Final = frozenset({*Event, TEST, JOURNEY_STEP})
_PREFIX: Final = "evt"
_encode: Final = msgspec.json.Encoder().encode


def event_name(ids: MessageIds, kind: str, ref: int) -> str:
    """Return the id a customer sees: the same for every attempt, endpoint and replay."""
    return f"{_PREFIX}_{kind}_{ids.show(ref)}"


def event_names(ids: MessageIds, events: Sequence[OutboxEvent]) -> list[str]:
    """Return the ids of many events, much faster than one by one."""
    refs = ids.show_many([event.ref for event in events])
    return [f"{_PREFIX}_{event.kind}_{ref}" for event, ref in zip(events, refs, strict=True)]


def read_event_name(ids: MessageIds, name: str) -> tuple[str, int] | None:
    """Return the kind and the reference behind an event's id, or None when it is none."""
    prefix, _, rest = name.partition("_")
    kind, _, ref = rest.partition("_")
    number = ids.read(ref)
    return (kind, number) if prefix == _PREFIX and kind in _KINDS and number is not None else None


def delivery(message_id: MessageId, message: EndedMessage) -> bytes:
    """Return what is posted of a message that has come to rest, by the id its caller was given."""
    status = Status(message.status)
    mark = {"automatic": True} if message.skips & Skip.AUTOMATIC else {}
    return _encode(
        {
            "event": Event.DELIVERY,
            "message_id": message_id,
            "to": shown(message.recipient),
            "list_number": phone.show(message.list_number),
            "status": _word(status, message.detail),
            "status_detail": message.detail or status.value,
            "provider_detail": message.provider_detail,
            "provider": message.provider,
            "connector": message.connector,
            "timestamp": shown_finely(message.ended_at),
            **mark,
        }
    )


def sent(message_id: MessageId, message: SentMessage) -> bytes:
    """Return what is posted of a message that a carrier has accepted."""
    return _encode(
        {
            "event": Event.SENT,
            "message_id": message_id,
            "to": shown(message.recipient),
            "list_number": phone.show(message.list_number),
            "segments": message.segments,
            "provider": message.provider,
            "connector": message.connector,
            "timestamp": shown_finely(message.sent_at),
        }
    )


def click(message_id: MessageId, clicked: ClickedLink, url: str | None) -> bytes:
    """Return what is posted of a person's first click on a message; links count from 1."""
    return _encode(
        {
            "event": Event.CLICK,
            "message_id": message_id,
            "to": shown(clicked.recipient),
            "list_number": phone.show(clicked.list_number),
            "link": clicked.position + 1,
            "destination_url": url,
            "offer_id": clicked.offer,
            "timestamp": shown_finely(clicked.at),
        }
    )


def unsubscribe(reply: TakenReply) -> bytes:
    """Return what is posted of an opt-out: the word that came, and the rule by which it is one."""
    return _encode(
        {
            "event": Event.UNSUBSCRIBE,
            "phone_number": shown(reply.sender),
            "list_number": phone.show(reply.list_number),
            "keyword": reply.word or Keyword.STOP.upper(),
            "rule": reply.rule,
            "timestamp": shown_finely(reply.received_at),
        }
    )


def reply(taken: TakenReply) -> bytes:
    """Return what is posted of a reply that is no opt-out; `keyword` is null for plain text."""
    return _encode(
        {
            "event": Event.REPLY,
            "phone_number": shown(taken.sender),
            "list_number": phone.show(taken.list_number),
            "body": taken.body,
            "keyword": taken.keyword.upper() if taken.keyword else None,
            "timestamp": shown_finely(taken.received_at),
        }
    )


def conversion(ids: MessageIds, reported: ReportedConversion) -> bytes:
    """Return what is posted of a conversion; `revenue` is negative where it takes one back."""
    return _encode(
        {
            "event": Event.CONVERSION,
            "conversion_type": reported.event,
            "message_id": None if reported.number is None else ids.show(reported.number),
            "list_number": reported.list_number,
            "offer_id": reported.offer,
            "external_id": reported.external_id,
            "revenue": money.shown(reported.amount),
            "currency": reported.currency,
            "attributed": bool(reported.attributed),
            "timestamp": shown_finely(reported.at),
        }
    )


def sample(now: int) -> bytes:
    """Return the event that tries an endpoint: a delivery of no message to no recipient."""
    value: dict[str, Any] = {
        "event": Event.DELIVERY,
        "test": True,
        "message_id": "00000000",
        "to": "+15550100000",
        "list_number": "+15550001000",
        "status": "delivered",
        "status_detail": "delivered",
        "provider_detail": None,
        "provider": "simulator",
        "connector": "sandbox",
        "timestamp": shown_finely(now),
    }
    return _encode(value)


def _word(status: Status, detail: str | None) -> str:
    ran_out = detail is not None and (
        detail in _EXPIRED_DETAILS or detail.upper().startswith(_EXPIRED_BEGIN)
    )
    return EXPIRED if ran_out and status is not Status.DELIVERED else WORDS[status]
