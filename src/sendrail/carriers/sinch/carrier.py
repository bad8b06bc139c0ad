"""Sinch: one batch of one message per POST, delivery reports and incoming texts as JSON.

https://developers.sinch.com/docs/sms/api-reference/sms/tag/Batches/
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, post_json
from sendrail.carriers.http.proofs import given
from sendrail.carriers.http.signatures import REPLAY_WINDOW_SECONDS
from sendrail.carriers.reading import known, read_json, read_one, read_text, shown
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about, read_settings
from sendrail.carriers.sinch.codes import CODES
from sendrail.carriers.sinch.signature import SIGNATURE, is_signed
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
    "dispatched": None,
    "delivered": Status.DELIVERED,
    "failed": Status.UNDELIVERED,
    "expired": Status.UNDELIVERED,
    "deleted": Status.UNDELIVERED,
    "rejected": Status.FAILED,
    "aborted": Status.FAILED,
    "cancelled": Status.FAILED,
}
# Final at Sinch, but with an unknown result.
_UNCONFIRMED: Final = "unknown"
# These statuses are more specific than the code that comes with them.
_DETAIL_OF: Final = {"expired": Detail.EXPIRED, "cancelled": Detail.CANCELLED}
_RECEIPT: Final = "recipient_delivery_report_sms"
_TEXTS: Final = frozenset({"mo_text", "mo_media"})
# Events that concern no single message, such as a batch summary, or that are no text.
_OF_NO_USE: Final = {
    "delivery_report_sms": IgnoredReason.EVENT,
    "delivery_report_mms": IgnoredReason.EVENT,
    "recipient_delivery_report_mms": IgnoredReason.EVENT,
    "mo_binary": IgnoredReason.NO_TEXT,
}
# The texts that the toll-free network answers by itself, for the numbers of every provider.
# https://community.sinch.com/t5/Toll-Free-Numbers-TFN/How-does-STOP-work-on-a-Toll-Free-number/ta-p/15313
KEYWORDS: Final = frozenset({"STOP", "START", "UNSTOP", "ARRET", "NONARRET"})
# The digits before the last seven of such a number.
_TOLL_FREE: Final = frozenset({1800, 1833, 1844, 1855, 1866, 1877, 1888})


class SinchSettings(HttpSettings, frozen=True, kw_only=True):
    """The settings of a Sinch connector."""

    service_plan_id: Annotated[
        str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}\Z"), about("Letters, digits, `-` and `_`.")
    ]
    api_token: Annotated[Secret, about("The plan's token; authenticates our requests.")]
    webhook_secret: Annotated[
        Secret | None, about("The secret with which Sinch signs callbacks.", shown_first=True)
    ] = None
    webhook_secret_secondary: Annotated[
        Secret | None, about("A second secret, used while you rotate.")
    ] = None
    webhook_user: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[^:]+\Z")] | None,
        about("The user of callbacks with basic authentication."),
    ] = None
    webhook_password: Annotated[Secret | None, about("That user's password.")] = None
    webhook_password_secondary: Annotated[
        Secret | None, about("A second password, used while you rotate.")
    ] = None
    replay_window_seconds: Annotated[
        int,
        msgspec.Meta(ge=1, le=172_800),
        about("How old a signed callback may be, or how far ahead of our clock, 1 to 172,800."),
    ] = REPLAY_WINDOW_SECONDS
    overrides_callback_url: Annotated[
        bool,
        about(
            "Send the callback URL with each message, instead of relying on the plan's; "
            "whether Sinch then authenticates its callbacks in the same way is not tested"
            " on a live account."
        ),
    ] = False
    answers_keywords: Annotated[
        bool, about("The network of toll-free numbers answers STOP and START itself.")
    ] = True
    base_url: Annotated[
        BaseUrl, about("Where the API is: one address for each region.", shown_first=True)
    ] = "https://us.sms.api.sinch.com"


class _Created(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


class _Refused(msgspec.Struct):
    code: str | None = None


class _Kind(msgspec.Struct):
    type: str


class _Report(msgspec.Struct):
    batch_id: Annotated[str, msgspec.Meta(min_length=1)]
    status: str
    code: int | None = None
    client_reference: str | None = None


class _Media(msgspec.Struct):
    message: str | None = None


class _Incoming(msgspec.Struct):
    body: str | _Media
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    id: str | None = None


class SinchCarrier(HttpCarrier):
    """A connector to one Sinch service plan."""

    Settings = SinchSettings
    vendor = "Sinch"
    vendor_domain = "sinch.com"

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("sinch", settings, SinchSettings)
        if (chosen.webhook_user is None) != (chosen.webhook_password is None):
            raise CarrierTrouble(
                "webhook_user and webhook_password go together: set both or none.",
                param="webhook_password",
            )
        if chosen.webhook_secret is None and chosen.webhook_user is None:
            raise CarrierTrouble(
                "Nothing proves Sinch's callbacks: set webhook_secret, or webhook_user and "
                "webhook_password.",
                param="webhook_secret",
            )
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": f"Bearer {chosen.api_token}"}
        self._url = f"{chosen.base_url}/xms/v1/{chosen.service_plan_id}/batches"
        self._secrets = given(chosen.webhook_secret, chosen.webhook_secret_secondary)
        passwords = given(chosen.webhook_password, chosen.webhook_password_secondary)
        self._pairs = [
            (chosen.webhook_user, password)
            for password in passwords
            if chosen.webhook_user is not None
        ]

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that creates a batch of one message."""
        [message] = messages
        value = {
            "from": phone.show(message.sender),
            "to": [phone.show(message.recipient)],
            "body": message.body,
            "type": "mt_text",
            # Sinch repeats it in each report, so the message is known even if its answer was lost.
            "client_reference": message.message_id,
        }
        if self.context.callback_url is not None:
            value["delivery_report"] = "per_recipient_final"
            if self._chosen.overrides_callback_url:
                value["callback_url"] = self.context.callback_url
        return post_json(self._url, value, self._headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Created).id)
        if answer.status == HTTPStatus.NOT_FOUND:
            return CODES.outcome(answer, "HTTP 404")
        return CODES.outcome(answer, read_json(answer.body, _Refused).code)

    def probe(self) -> Request:
        """Return a request for the latest batch."""
        return Request(method="GET", url=f"{self._url}?page_size=1", headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback has a recent signature, or the user and the password.

        A signature, if present, decides where the connector has a secret.
        """
        if self._secrets and (SIGNATURE in request.headers or not self._pairs):
            return is_signed(
                request,
                self._secrets,
                now=self.context.clock.now(),
                window_seconds=self._chosen.replay_window_seconds,
            )
        return signatures.basic_matches(request.headers.get("authorization", ""), self._pairs)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a recipient's delivery report into a receipt, or an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        kind = stored.json(_Kind).type
        if kind == _RECEIPT:
            return read_one(raw, lambda: _receipt(stored.json(_Report)), CallbackSubject.RECEIPT)
        if kind in _TEXTS:
            return read_one(raw, lambda: self._reply(stored.json(_Incoming)), CallbackSubject.REPLY)
        if kind in _OF_NO_USE:
            return [IgnoredPart(_OF_NO_USE[kind])]
        raise CarrierTrouble(f"Sinch's callback is of a type that is not known: {shown(kind)}.")

    def _reply(self, incoming: _Incoming) -> Reply | IgnoredPart:
        body = incoming.body if isinstance(incoming.body, str) else incoming.body.message or ""
        reply = read_text(
            sender=incoming.from_, to=incoming.to, text=body, country=self.country, ref=incoming.id
        )
        answers = self._chosen.answers_keywords and body.strip().upper() in KEYWORDS
        if isinstance(reply, Reply) and reply.list_number // 10_000_000 in _TOLL_FREE:
            return replace(reply, answered=answers)
        return reply


def _receipt(report: _Report) -> Receipt | IgnoredPart:
    # Sinch's pages write the statuses in lower case, its SDKs in upper case.
    word = report.status.strip().lower()
    if word == _UNCONFIRMED:
        return IgnoredPart(IgnoredReason.UNCONFIRMED)
    status = known(STATUS_OF, word)
    code = str(report.code) if report.code else None
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = Detail.DELIVERED
    elif (by_word := _DETAIL_OF.get(word)) is not None:
        detail = f"{by_word} ({code})" if code else by_word
    elif status is not None:
        detail, trouble = CODES.explain(code)
    return Receipt(
        carrier_ref=report.batch_id,
        status=status,
        detail=detail,
        message_id=MessageId(report.client_reference) if report.client_reference else None,
        trouble=trouble,
    )
