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
from sendrail.carriers.http.exchange import Answer, Request, post_json
from sendrail.carriers.http.proofs import given
from sendrail.carriers.reading import (
    is_word,
    known,
    read_json,
    read_one,
    read_text,
    shown,
)
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about, read_settings
from sendrail.carriers.telnyx.codes import CODES
from sendrail.carriers.telnyx.signature import is_signed, read_key
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import (
    Callback,
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Reply,
)

# Our status for each status of a message.
STATUS_OF: Final[dict[str, Status | None]] = {
    "queued": None,
    "sending": None,
    "sent": None,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "delivery_failed": Status.UNDELIVERED,
    "expired": Status.UNDELIVERED,
    "sending_failed": Status.FAILED,
}
# Final at Telnyx, but with an unknown result.
_UNCONFIRMED: Final = "delivery_unconfirmed"
_RECEIPTS: Final = frozenset({"message.sent", "message.finalized"})
_TEXT: Final = "message.received"
# The texts that Telnyx answers by itself unless its messaging profile disables it, in any case.
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
    """The settings of a Telnyx connector."""

    api_key: Annotated[Secret, about("Authenticates our requests.")]
    public_key: Annotated[
        _PublicKey, about("Verifies webhooks: 32 bytes in base64, as the portal shows them.")
    ]
    public_key_secondary: Annotated[
        _PublicKey | None, about("A second key that verifies webhooks, used while you rotate.")
    ] = None
    messaging_profile_id: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F-]{36}\Z")] | None,
        about("The profile to send by; without it, the one the list's number is assigned to."),
    ] = None
    answers_keywords: Annotated[
        bool,
        about(
            "Telnyx answers STOP, START and similar words itself; set this to false if "
            "that is switched off in your profile."
        ),
    ] = True
    base_url: Annotated[BaseUrl, about("Where the API is, without `/v2`.")] = (
        "https://api.telnyx.com"
    )


class _Message(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


class _Created(msgspec.Struct):
    data: _Message


class _Error(msgspec.Struct):
    # Text by the schema, but some of Telnyx's services send a number.
    code: str | int


class _Refused(msgspec.Struct):
    errors: list[_Error]


class _Event(msgspec.Struct):
    event_type: str
    payload: msgspec.Raw


class _Webhook(msgspec.Struct):
    data: _Event


class _Party(msgspec.Struct):
    phone_number: str | None = None
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
    """A connector to one Telnyx account."""

    Settings = TelnyxSettings
    vendor = "Telnyx"
    vendor_domain = "telnyx.com"

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("telnyx", settings, TelnyxSettings)
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": f"Bearer {chosen.api_key}"}
        keys = given(chosen.public_key, chosen.public_key_secondary)
        self._keys = [read_key(key) for key in keys]

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
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

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).data.id)
        return CODES.outcome(answer, _code(read_json(answer.body, _Refused).errors))

    def probe(self) -> Request:
        """Return a request for the account's balance."""
        url = f"{self._chosen.base_url}/v2/balance"
        return Request(method="GET", url=url, headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback has a recent signature by one of the connector's keys."""
        return is_signed(request, self._keys, self.context.clock.now())

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse an event about a message into a receipt, or an incoming text into a reply."""
        event = callbacks.unpack(raw).json(_Webhook).data
        kind, payload = event.event_type, bytes(event.payload)
        if kind in _RECEIPTS:
            return read_one(
                raw, lambda: _receipt(read_json(payload, _Outbound)), CallbackSubject.RECEIPT
            )
        if kind == _TEXT:
            return read_one(
                raw, lambda: self._reply(read_json(payload, _Inbound)), CallbackSubject.REPLY
            )
        if is_word(kind) and "." in kind and not kind.startswith("message."):
            # An event about something else in the account, such as `number_order.complete`.
            return [IgnoredPart(IgnoredReason.EVENT)]
        raise CarrierTrouble(f"Telnyx's event is of a type that is not known: {shown(kind)}.")

    def _reply(self, inbound: _Inbound) -> Reply | IgnoredPart:
        body = inbound.text or ""
        by_default = self._chosen.answers_keywords and body.strip().upper() in KEYWORDS
        return read_text(
            sender=inbound.from_.phone_number,
            # In a group message, the first recipient is our number.
            to=inbound.to[0].phone_number,
            text=body,
            country=self.country,
            ref=inbound.id,
            # A profile may have its own keywords: then Telnyx reports that it answered.
            answered=by_default or bool(inbound.autoresponse_type),
        )


def _code(errors: Sequence[_Error] | None) -> str | None:
    return str(errors[0].code) if errors else None


def _receipt(outbound: _Outbound) -> Receipt | IgnoredPart:
    word, code = outbound.to[0].status.strip().lower(), _code(outbound.errors)
    if word == _UNCONFIRMED:
        return IgnoredPart(IgnoredReason.UNCONFIRMED)
    status = known(STATUS_OF, word)
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = Detail.DELIVERED
    elif word == "expired" and code is None:
        detail = Detail.EXPIRED
    elif status is not None:
        detail, trouble = CODES.explain(code)
    return Receipt(
        carrier_ref=outbound.id,
        status=status,
        detail=detail,
        message_id=_message_id(outbound.webhook_url),
        trouble=trouble,
    )


def _message_id(webhook_url: str | None) -> MessageId | None:
    """Return our message id from the URL in the body: the request's own URL is not signed."""
    try:
        query = urlsplit(webhook_url or "").query
    except ValueError:
        return None
    return callbacks.StoredCallback(content_type="", query=query, body=b"").message_id
