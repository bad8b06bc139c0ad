"""Bandwidth: one POST per message; receipts and incoming texts as JSON arrays of events.

https://dev.bandwidth.com/apis/messaging-apis/messaging
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec

from sendrail.carriers.bandwidth.codes import CODES
from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, basic, post_json
from sendrail.carriers.http.proofs import given
from sendrail.carriers.reading import known, read_json, read_text
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about, read_settings
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, CallbackSubject, IgnoredPart, Receipt, Reply

# Our status for each event; only RCS messages get events about being read.
STATUS_OF: Final = {
    "message-sending": None,
    "message-sent": None,
    "message-delivered": Status.DELIVERED,
    "message-read": Status.DELIVERED,
    "message-failed": Status.FAILED,
}
_RECEIVED: Final = "message-received"
# The second digit of a code shows which party refused:
# https://dev.bandwidth.com/docs/messaging/errors
_BY_CARRIERS: Final = (range(4700, 5000), range(5600, 5900), range(9000, 10000))
# The toll-free network of North America answers these words by itself, for every provider's
# numbers; these begin with the country code and one of these area codes.
TOLL_FREE: Final = frozenset({1800, 1833, 1844, 1855, 1866, 1877, 1888})
TOLL_FREE_KEYWORDS: Final = frozenset({"STOP", "START", "UNSTOP"})
_LOCAL: Final = 10**7

_UserName = Annotated[str, msgspec.Meta(pattern=r"^[^:]+\Z")]


class BandwidthSettings(HttpSettings, frozen=True, kw_only=True):
    """The settings of a Bandwidth connector."""

    account_id: Annotated[
        str, msgspec.Meta(pattern=r"^[0-9]{1,20}\Z"), about("The account's number.")
    ]
    application_id: Annotated[
        str,
        msgspec.Meta(pattern=r"^[0-9A-Za-z-]+\Z"),
        about("The messaging application that sends."),
    ]
    username: Annotated[_UserName, about("The name of the API user.")]
    password: Annotated[Secret, about("The password of the API user.")]
    callback_user: Annotated[_UserName, about("The user name of the application's callbacks.")]
    callback_password: Annotated[Secret, about("The password of the application's callbacks.")]
    callback_password_secondary: Annotated[
        Secret | None, about("A second password, used while you rotate.")
    ] = None
    base_url: Annotated[BaseUrl, about("The API's address.")] = "https://messaging.bandwidth.com"


class _Created(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


class _FieldError(msgspec.Struct, rename="camel"):
    field_name: str | None = None


class _Refused(msgspec.Struct, rename="camel"):
    type: str | None = None
    field_errors: list[_FieldError] = []


class _Message(msgspec.Struct):
    id: str | None = None
    tag: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    # An MMS may have no text.
    text: str | None = None


class _Kind(msgspec.Struct):
    type: str


class _Event(msgspec.Struct, rename="camel"):
    type: str
    message: _Message | None = None
    to: str | None = None
    error_code: int | None = None


class BandwidthCarrier(HttpCarrier):
    """A connector to one Bandwidth account, by one of its messaging applications."""

    Settings = BandwidthSettings
    vendor = "Bandwidth"
    vendor_domain = "bandwidth.com"

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("bandwidth", settings, BandwidthSettings)
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": basic(chosen.username, chosen.password)}
        self._url = f"{chosen.base_url}/api/v2/users/{chosen.account_id}"
        passwords = given(chosen.callback_password, chosen.callback_password_secondary)
        self._callers = [(chosen.callback_user, password) for password in passwords]

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that creates one message; its tag comes back with each event."""
        [message] = messages
        value = {
            "applicationId": self._chosen.application_id,
            "to": [phone.show(message.recipient)],
            "from": phone.show(message.sender),
            "text": message.body,
            "tag": message.message_id,
        }
        return post_json(f"{self._url}/messages", value, self._headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).id)
        refused = read_json(answer.body, _Refused)
        fields = [error.field_name for error in refused.field_errors if error.field_name]
        return CODES.outcome(answer, fields[0] if fields else refused.type)

    def probe(self) -> Request:
        """Return a request for the list of media, which succeeds even when it is empty."""
        return Request(method="GET", url=f"{self._url}/media", headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback has the user and a password of the application."""
        return signatures.basic_matches(request.headers.get("authorization", ""), self._callers)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse the events into receipts and replies."""
        stored = callbacks.unpack(raw)
        return stored.each(stored.json(list[msgspec.Raw]), b"[%b]", self._read_event, _about)

    def _read_event(self, element: bytes) -> Callback:
        event = read_json(element, _Event)
        if event.message is None:
            raise CarrierTrouble("Bandwidth's event names no message.")
        if event.type == _RECEIVED:
            return self._reply(event, event.message)
        return _receipt(event, event.message)

    def _reply(self, event: _Event, message: _Message) -> Reply | IgnoredPart:
        text = message.text or ""
        reply = read_text(
            sender=message.sender,
            # The message lists all recipients of a group; the event's recipient is our number.
            to=event.to,
            text=text,
            country=self.country,
            ref=message.id,
        )
        if isinstance(reply, Reply) and reply.list_number // _LOCAL in TOLL_FREE:
            return replace(reply, answered=text.strip().upper() in TOLL_FREE_KEYWORDS)
        return reply


def _about(element: bytes) -> CallbackSubject:
    try:
        kind = read_json(element, _Kind).type
    except CarrierTrouble:
        return CallbackSubject.UNKNOWN
    if kind == _RECEIVED:
        return CallbackSubject.REPLY
    return CallbackSubject.RECEIPT if kind in STATUS_OF else CallbackSubject.UNKNOWN


def _receipt(event: _Event, message: _Message) -> Receipt:
    if not message.id:
        raise CarrierTrouble("Bandwidth's event names no message.")
    status, trouble = known(STATUS_OF, event.type), None
    detail = str(Detail.ENROUTE if status is None else Detail.DELIVERED)
    if status is Status.FAILED:
        code = event.error_code
        detail, trouble = CODES.explain(None if code is None else str(code))
        if code is not None and any(code in codes for codes in _BY_CARRIERS):
            status = Status.UNDELIVERED
    return Receipt(
        carrier_ref=message.id,
        status=status,
        detail=detail,
        message_id=MessageId(message.tag) if message.tag else None,
        trouble=trouble,
    )
