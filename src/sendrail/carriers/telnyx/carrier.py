"""Telnyx: one POST per message, status and incoming texts as signed webhooks in JSON.

https://developers.telnyx.com/api-reference/messages/send-a-message
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, post_json, read_json
from sendrail.carriers.sdk import CallbackRequest, LinkContext, Secret, read_settings
from sendrail.carriers.telnyx.codes import CODES
from sendrail.carriers.telnyx.signature import is_signed, read_key
from sendrail.domain import phone
from sendrail.domain.delivery import Outbound, Outcome, Submitted
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, Receipt, Reply

# What each status of a message settles; those that are not here settle nothing. One of them,
# `delivery_unconfirmed`, is Telnyx's last word and yet says nothing.
STATUS_OF: Final = {
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "delivery_failed": Status.UNDELIVERED,
    "expired": Status.UNDELIVERED,
    "sending_failed": Status.FAILED,
}
# The texts Telnyx answers by itself unless its messaging profile says otherwise, in any case.
# https://developers.telnyx.com/docs/messaging/messages/advanced-opt-in-out
KEYWORDS: Final = frozenset(
    {
        *("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"),
        *("START", "UNSTOP"),
    }
)

# 32 bytes in base64.
_PublicKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{43}=\Z")]


class TelnyxSettings(HttpSettings, frozen=True, kw_only=True):
    """What a Telnyx link is told."""

    api_key: Secret
    public_key: _PublicKey
    public_key_secondary: _PublicKey | None = None
    messaging_profile_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F-]{36}\Z")] | None = None
    answers_keywords: bool = True
    base_url: BaseUrl = "https://api.telnyx.com"


class _Message(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


class _Created(msgspec.Struct):
    data: _Message


class _Error(msgspec.Struct):
    # The schema says text; some services of theirs say a number.
    code: str | int


class _Refused(msgspec.Struct):
    errors: list[_Error]


class _Event(msgspec.Struct):
    event_type: str
    payload: msgspec.Raw


class _Webhook(msgspec.Struct):
    data: _Event


class _Party(msgspec.Struct):
    phone_number: str = ""
    status: str = ""


class _Outbound(_Message):
    to: Annotated[list[_Party], msgspec.Meta(min_length=1)]
    errors: list[_Error] | None = None
    webhook_url: str | None = None


class _Inbound(msgspec.Struct):
    from_: _Party = msgspec.field(name="from")
    to: Annotated[list[_Party], msgspec.Meta(min_length=1)]
    id: str | None = None
    text: str | None = None
    autoresponse_type: str | None = None


class TelnyxCarrier(HttpCarrier):
    """A link to one Telnyx account."""

    Settings = TelnyxSettings
    vendor = "Telnyx"

    def __init__(self, settings: Mapping[str, Any], context: LinkContext) -> None:
        chosen = read_settings("telnyx", settings, TelnyxSettings)
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": f"Bearer {chosen.api_key}"}
        keys = (chosen.public_key, chosen.public_key_secondary)
        self._keys = [read_key(key) for key in keys if key is not None]

    def compose(self, messages: Sequence[Outbound]) -> Request:
        """Return the POST that creates one message."""
        [message] = messages
        fields = {
            "from": phone.show(message.sender),
            "to": phone.show(message.recipient),
            "text": message.body,
            "type": "SMS",
        }
        if self._chosen.messaging_profile_id is not None:
            fields["messaging_profile_id"] = self._chosen.messaging_profile_id
        if self.context.callback_url is not None:
            fields["webhook_url"] = callbacks.about(self.context.callback_url, message.message_id)
        return post_json(f"{self._chosen.base_url}/v2/messages", fields, self._headers)

    def read_answer(self, messages: Sequence[Outbound], answer: Answer) -> Outcome:
        """Return what Telnyx made of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).data.id)
        return CODES.outcome(answer, _code(read_json(answer.body, _Refused).errors))

    def probe(self) -> Request:
        """Return a request for the account's balance."""
        url = f"{self._chosen.base_url}/v2/balance"
        return Request(method="GET", url=url, headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Tell whether the callback is signed, of late, with one of the link's keys."""
        return is_signed(request, self._keys, self.context.clock.now())

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Turn an event about a message into a receipt, an incoming text into a reply."""
        event = callbacks.unpack(raw).json(_Webhook).data
        if event.event_type in {"message.sent", "message.finalized"}:
            return [_receipt(read_json(bytes(event.payload), _Outbound))]
        if event.event_type == "message.received":
            reply = self._reply(read_json(bytes(event.payload), _Inbound))
            return [] if reply is None else [reply]
        return []

    def _reply(self, told: _Inbound) -> Reply | None:
        # Of a message to a group, the first is the number of ours.
        sender, list_number = (
            phone.parse(party.phone_number) for party in (told.from_, told.to[0])
        )
        if sender is None or list_number is None:
            # From or to a short code.
            return None
        body = told.text or ""
        by_default = self._chosen.answers_keywords and body.strip().upper() in KEYWORDS
        return Reply(
            sender=sender,
            list_number=list_number,
            body=body,
            # A profile may have keywords of its own: then Telnyx says that it answered.
            answered=by_default or bool(told.autoresponse_type),
            carrier_ref=told.id,
        )


def _code(errors: Sequence[_Error] | None) -> str | None:
    return str(errors[0].code) if errors else None


def _receipt(told: _Outbound) -> Receipt:
    word, code = told.to[0].status, _code(told.errors)
    status = STATUS_OF.get(word)
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = Detail.DELIVERED
    elif word == "expired" and code is None:
        detail = Detail.EXPIRED
    elif status is not None:
        detail, trouble = CODES.explain(code)
    return Receipt(
        carrier_ref=told.id,
        status=status,
        detail=detail,
        message_id=_message_id(told.webhook_url),
        trouble=trouble,
    )


def _message_id(webhook_url: str | None) -> MessageId | None:
    """Return our own id out of the URL that the body repeats: that of the request is not signed."""
    try:
        query = urlsplit(webhook_url or "").query
    except ValueError:
        return None
    return callbacks.Stored(content_type="", query=query, body=b"").message_id
