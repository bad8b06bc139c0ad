"""Twilio: one POST per message, status callbacks and incoming texts as signed forms.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, basic, post_form
from sendrail.carriers.http.proofs import given
from sendrail.carriers.reading import known, read_json, read_one, read_text
from sendrail.carriers.sdk import (
    CallbackAnswer,
    CallbackRequest,
    ConnectorContext,
    Secret,
    about,
    read_settings,
)
from sendrail.carriers.twilio.codes import CODES
from sendrail.carriers.twilio.signature import is_signed
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, CallbackSubject, IgnoredPart, Receipt, Reply

# Our status for each status of a message.
STATUS_OF: Final[dict[str, Status | None]] = {
    "accepted": None,
    "scheduled": None,
    "queued": None,
    "sending": None,
    "sent": None,
    "partially_delivered": None,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}
# The keywords that Twilio answers by itself by default, if they are the whole text, in any case.
# https://help.twilio.com/articles/223134027
KEYWORDS: Final = frozenset(
    {
        *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        *("START", "YES", "UNSTOP", "HELP", "INFO"),
    }
)


class TwilioSettings(HttpSettings, frozen=True, kw_only=True):
    """The settings of a Twilio connector."""

    account_sid: Annotated[
        str, msgspec.Meta(pattern=r"^AC[0-9a-fA-F]{32}\Z"), about("`AC` and 32 hexadecimal digits.")
    ]
    auth_token: Annotated[
        Secret,
        about(
            "The account's token; verifies webhooks and, without an API key, "
            "authenticates our requests."
        ),
    ]
    auth_token_secondary: Annotated[
        Secret | None, about("A second token that verifies webhooks, used while you rotate.")
    ] = None
    api_key_sid: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^SK[0-9a-fA-F]{32}\Z")] | None,
        about(
            "`SK` and 32 hexadecimal digits; used for sending instead of the token.",
            shown_first=True,
        ),
    ] = None
    api_key_secret: Annotated[Secret | None, about("The secret of that key.", shown_first=True)] = (
        None
    )
    webhook_secret: Annotated[
        Secret | None,
        about(
            "The secret of a key that signs webhooks with SHA-256 instead of the token, "
            "if you have created one."
        ),
    ] = None
    messaging_service_sid: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^MG[0-9a-fA-F]{32}\Z")] | None,
        about(
            "`MG` and 32 hexadecimal digits; its features apply, and the list's number "
            "stays the sender."
        ),
    ] = None
    validity_seconds: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=36_000)] | None,
        about("The longest time in seconds that a message may wait at Twilio, 1 to 36,000."),
    ] = None
    smart_encoding: Annotated[
        bool, about("Let Twilio replace characters that would make a text UCS-2.")
    ] = False
    answers_keywords: Annotated[
        bool,
        about(
            "Twilio answers STOP, START, HELP and similar words itself; set this to false"
            " only if Twilio has switched that off for you."
        ),
    ] = True
    base_url: Annotated[BaseUrl, about("The API's address; set a region here.")] = (
        "https://api.twilio.com"
    )


class _Created(msgspec.Struct):
    sid: Annotated[str, msgspec.Meta(min_length=1)]


class _Refused(msgspec.Struct):
    code: int | None = None


class TwilioCarrier(HttpCarrier):
    """A connector to one Twilio account."""

    Settings = TwilioSettings
    vendor = "Twilio"
    vendor_domain = "twilio.com"
    thanks = CallbackAnswer(content=b"<Response/>", content_type="text/xml")

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("twilio", settings, TwilioSettings)
        if (chosen.api_key_sid is None) != (chosen.api_key_secret is None):
            raise CarrierTrouble(
                "api_key_sid and api_key_secret go together: set both or none.",
                param="api_key_secret",
            )
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {
            "Authorization": basic(
                chosen.api_key_sid or chosen.account_sid,
                chosen.api_key_secret or chosen.auth_token,
            )
        }
        self._url = f"{chosen.base_url}/2010-04-01/Accounts/{chosen.account_sid}/Messages.json"
        self._secrets = given(chosen.auth_token, chosen.auth_token_secondary, chosen.webhook_secret)

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that creates one message."""
        [message] = messages
        chosen = self._chosen
        fields = {
            "To": phone.show(message.recipient),
            "From": phone.show(message.sender),
            "Body": message.body,
        }
        if chosen.messaging_service_sid is not None:
            fields["MessagingServiceSid"] = chosen.messaging_service_sid
        if self.context.callback_url is not None:
            fields["StatusCallback"] = callbacks.about(
                self.context.callback_url, message.message_id
            )
        if chosen.validity_seconds is not None:
            fields["ValidityPeriod"] = str(chosen.validity_seconds)
        if chosen.smart_encoding:
            fields["SmartEncoded"] = "true"
        return post_form(self._url, fields, self._headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).sid)
        code = read_json(answer.body, _Refused).code
        return CODES.outcome(answer, None if code is None else str(code))

    def probe(self) -> Request:
        """Return a request for the latest message: an API key may not read the account itself."""
        return Request(method="GET", url=f"{self._url}?PageSize=1", headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback is signed with one of the connector's secrets."""
        return is_signed(request, self._secrets)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a status callback into a receipt, or an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        form = stored.form()
        if "MessageStatus" in form:
            return read_one(raw, lambda: _receipt(form, stored.message_id), CallbackSubject.RECEIPT)
        return read_one(raw, lambda: self._reply(form), CallbackSubject.REPLY)

    def _reply(self, form: Mapping[str, str]) -> Reply | IgnoredPart:
        body = form.get("Body")
        word = (body or "").strip().upper()
        by_default = self._chosen.answers_keywords and word in KEYWORDS
        return read_text(
            sender=form.get("From"),
            to=form.get("To"),
            text=body,
            country=self.country,
            ref=form.get("MessageSid"),
            # Sent only with Advanced Opt-Out, which has its own keywords.
            answered=by_default or bool(form.get("OptOutType")),
        )


def _receipt(form: Mapping[str, str], message_id: MessageId | None) -> Receipt:
    if not form.get("MessageSid"):
        raise CarrierTrouble("Twilio's callback names no message.")
    word = form["MessageStatus"].strip().lower()
    status = known(STATUS_OF, word)
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = Detail.DELIVERED
    elif word == "canceled":
        detail = Detail.CANCELLED
    elif status is not None:
        detail, trouble = CODES.explain(form.get("ErrorCode"))
    return Receipt(
        carrier_ref=form["MessageSid"],
        status=status,
        detail=detail,
        message_id=message_id,
        trouble=trouble,
    )
