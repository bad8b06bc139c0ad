"""Plivo: one POST of JSON per message, status callbacks and incoming texts as signed forms.

https://docs.plivo.com/docs/messaging/api/message/send-a-message
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, basic, post_json
from sendrail.carriers.http.proofs import given
from sendrail.carriers.plivo.codes import CODES
from sendrail.carriers.plivo.signature import is_signed
from sendrail.carriers.reading import known, read_json, read_one, read_text
from sendrail.carriers.sdk import (
    CallbackAnswer,
    CallbackRequest,
    ConnectorContext,
    Secret,
    about,
    read_settings,
)
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, CallbackSubject, IgnoredPart, Receipt, Reply

# Our status for each status of a message.
STATUS_OF: Final[dict[str, Status | None]] = {
    "queued": None,
    "sent": None,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "rejected": Status.FAILED,
}
# The texts that Plivo answers by itself for US and Canadian numbers, in any case.
# https://docs.plivo.com/docs/messaging/concepts/dnd-service
KEYWORDS: Final = frozenset(
    {
        *("STOP", "STOP ALL", "END", "QUIT", "CANCEL", "UNSUB", "UNSUBSCRIBE"),
        *("HELP", "INFO"),
    }
)


class PlivoSettings(HttpSettings, frozen=True, kw_only=True):
    """The settings of a Plivo connector."""

    auth_id: Annotated[
        str,
        msgspec.Meta(pattern=r"^(MA|SA)[0-9A-Z]{18}\Z"),
        about("`MA` or `SA` and 18 capitals or digits."),
    ]
    auth_token: Annotated[
        Secret, about("The account's token; authenticates our requests, and verifies callbacks.")
    ]
    auth_token_secondary: Annotated[
        Secret | None, about("A second token that verifies callbacks, used while you rotate.")
    ] = None
    accepts_v2: Annotated[bool, about("Accept callbacks signed in version 2 only.")] = True
    validity_seconds: Annotated[
        Annotated[int, msgspec.Meta(ge=5, le=10_799)] | None,
        about(
            "The longest time in seconds that a message may wait at Plivo, 5 to 10,799; "
            "without it, three hours."
        ),
    ] = None
    log: Annotated[
        Literal["true", "false", "content_only", "number_only"],
        about(
            "What Plivo's logs keep of a message: `true` all, `content_only` no number, "
            "`number_only` no text, `false` neither."
        ),
    ] = "true"
    answers_keywords: Annotated[
        bool,
        about(
            "Plivo answers STOP, HELP and similar words itself; set this to false for "
            "numbers where it does not, such as those outside the US and Canada, and most"
            " short codes."
        ),
    ] = True
    base_url: Annotated[BaseUrl, about("The API's address.")] = "https://api.plivo.com"


class _Created(msgspec.Struct):
    # One id for each recipient; we send to one.
    message_uuid: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)
    ]


class PlivoCarrier(HttpCarrier):
    """A connector to one Plivo account or subaccount."""

    Settings = PlivoSettings
    vendor = "Plivo"
    vendor_domain = "plivo.com"
    thanks = CallbackAnswer(content=b"<Response/>", content_type="text/xml")

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("plivo", settings, PlivoSettings)
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": basic(chosen.auth_id, chosen.auth_token)}
        # Without the trailing slash, Plivo redirects.
        self._account_url = f"{chosen.base_url}/v1/Account/{chosen.auth_id}/"
        self._secrets = given(chosen.auth_token, chosen.auth_token_secondary)

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that creates one message."""
        [message] = messages
        value = {
            "src": phone.show(message.sender),
            "dst": phone.show(message.recipient),
            "text": message.body,
            "type": "sms",
            "log": self._chosen.log,
            "trackable": False,
        }
        if self.context.callback_url is not None:
            value["url"] = callbacks.about(self.context.callback_url, message.message_id)
            value["method"] = "POST"
        if self._chosen.validity_seconds is not None:
            value["message_expiry"] = self._chosen.validity_seconds
        return post_json(f"{self._account_url}Message/", value, self._headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).message_uuid[0])
        of_a_submit = bool(messages)
        definite = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
        code = f"HTTP {answer.status}" if of_a_submit and answer.status in definite else None
        return CODES.outcome(answer, code)

    def probe(self) -> Request:
        """Return a request for the account's details."""
        return Request(method="GET", url=self._account_url, headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback is signed with one of the connector's tokens."""
        return is_signed(request, self._secrets, accepts_v2=self._chosen.accepts_v2)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a status callback into a receipt, or an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        form = stored.form()
        if "Status" in form and "Text" not in form:
            return read_one(raw, lambda: _receipt(form, stored.message_id), CallbackSubject.RECEIPT)
        return read_one(raw, lambda: self._reply(form), CallbackSubject.REPLY)

    def _reply(self, form: Mapping[str, str]) -> Reply | IgnoredPart:
        # An MMS may have no text.
        text = form.get("Text", "" if form.get("Type") == "mms" else None)
        word = (text or "").strip().upper()
        return read_text(
            sender=form.get("From"),
            to=form.get("To"),
            text=text,
            country=self.country,
            ref=form.get("MessageUUID"),
            answered=self._chosen.answers_keywords and word in KEYWORDS,
        )


def _receipt(form: Mapping[str, str], message_id: MessageId | None) -> Receipt:
    if not form.get("MessageUUID"):
        raise CarrierTrouble("Plivo's callback names no message.")
    status = known(STATUS_OF, form["Status"])
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = Detail.DELIVERED
    elif status is not None:
        detail, trouble = CODES.explain(form.get("ErrorCode") or None)
    return Receipt(
        # Where the parts of a long text have their own ids, the message has the id of the first.
        carrier_ref=form.get("ParentMessageUUID") or form["MessageUUID"],
        status=status,
        detail=detail,
        message_id=message_id,
        trouble=trouble,
    )
