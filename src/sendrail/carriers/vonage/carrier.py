"""Vonage: one POST per message, by the SMS API or the Messages API; webhooks of both are read.

https://developer.vonage.com/en/api/sms
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, field

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Answer, Request, basic, post_form, post_json
from sendrail.carriers.http.proofs import CallbackToken, given
from sendrail.carriers.reading import (
    is_other_channel,
    known,
    read_json,
    read_one,
    read_text,
)
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, read_settings
from sendrail.carriers.vonage import bearer, signature
from sendrail.carriers.vonage.codes import CODES, OK, of_receipt
from sendrail.carriers.vonage.messages import STATUS_OF as MESSAGES_STATUS_OF
from sendrail.carriers.vonage.messages import Webhook, compose, read_answer
from sendrail.domain import phone
from sendrail.domain.delivery import Outbound, Outcome, Submitted, Uncertain
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import (
    About,
    Callback,
    Receipt,
    Reply,
    ReplyPart,
    SetAside,
    Why,
)
from sendrail.domain.text import Encoding

# What each status of a receipt settles.
STATUS_OF: Final[dict[str, Status | None]] = {
    "accepted": None,
    "buffered": None,
    "delivered": Status.DELIVERED,
    "expired": Status.UNDELIVERED,
    "failed": Status.UNDELIVERED,
    "rejected": Status.FAILED,
    "deleted": Status.FAILED,
}
# A word for a message that Vonage knows nothing more of.
_UNCONFIRMED: Final = "unknown"
# Where the status itself says more than an error code that blames nobody.
_WORDS: Final = {"expired": Detail.EXPIRED, "deleted": Detail.CANCELLED}
# The longest callback URL that a message of the SMS API may carry.
CALLBACK_URL_MAX: Final = 100
# 3GPP 23.040, 9.2.3.24.1: a part's number and their count are a byte each.
_PARTS_MAX: Final = 255
_DIGITS: Final = re.compile(r"[0-9]{1,9}").fullmatch
_NULL: Final = b"null"


class VonageSettings(HttpSettings, frozen=True, kw_only=True):
    """What a Vonage connector is told."""

    api_key: Annotated[str, Meta(min_length=1)]
    api_secret: Secret
    callback_token: CallbackToken | None = None
    callback_token_secondary: CallbackToken | None = None
    signature_secret: Secret | None = None
    signature_secret_secondary: Secret | None = None
    signature_method: signature.Method = "md5hash"
    # Vonage offers a callback for 24 hours and, it seems, with the time of its first offer.
    replay_window_seconds: Annotated[int, Meta(ge=1, le=604_800)] = 90_000
    validity_seconds: Annotated[int, Meta(ge=20, le=604_800)] | None = None
    words: dict[str, Detail] = field(default_factory=dict)
    answered_keywords: tuple[str, ...] = ()
    api: Literal["sms", "messages"] = "sms"
    base_url: BaseUrl = "https://rest.nexmo.com"
    messages_url: BaseUrl = "https://api.nexmo.com"


class _Part(msgspec.Struct, rename="kebab"):
    status: str
    message_id: str | None = None


class _Answered(msgspec.Struct):
    messages: Annotated[list[_Part], Meta(min_length=1)]


class VonageCarrier(HttpCarrier):
    """A connector to one Vonage account."""

    Settings = VonageSettings
    vendor = "Vonage"

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("vonage", settings, VonageSettings)
        super().__init__(chosen, context)
        self._chosen = chosen
        self._headers = {"Authorization": basic(chosen.api_key, chosen.api_secret)}
        self._tokens = given(chosen.callback_token, chosen.callback_token_secondary)
        self._secrets = given(chosen.signature_secret, chosen.signature_secret_secondary)
        if not (self._tokens or self._secrets):
            raise CarrierTrouble(
                "Nothing proves callbacks: set callback_token or signature_secret.",
                param="callback_token",
            )
        self._callback_url = _callback_url(context.callback_url, chosen)
        self._codes = CODES.reworded(chosen.words)
        self._answered = frozenset(word.strip().upper() for word in chosen.answered_keywords)

    def compose(self, messages: Sequence[Outbound]) -> Request:
        """Return the POST that sends one message."""
        [message] = messages
        if self._chosen.api == "messages":
            value = compose(message, self._callback_url, self._chosen.validity_seconds)
            return post_json(f"{self._chosen.messages_url}/v1/messages", value, self._headers)
        fields = {
            "from": phone.bare(message.sender),
            "to": str(message.recipient),
            "text": message.body,
            "type": "unicode" if message.encoding is Encoding.UCS2 else "text",
            "client-ref": message.message_id,
            "status-report-req": "true",
        }
        if self._callback_url is not None:
            fields["callback"] = self._callback_url
        if self._chosen.validity_seconds is not None:
            fields["ttl"] = str(self._chosen.validity_seconds * 1_000)
        return post_form(f"{self._chosen.base_url}/sms/json", fields, self._headers)

    def read_answer(self, messages: Sequence[Outbound], answer: Answer) -> Outcome:
        """Return what Vonage made of one message; the SMS API tells it of each part."""
        del messages
        if self._chosen.api == "messages":
            return read_answer(self._codes, answer)
        if not answer.is_success:
            return self._codes.outcome(answer, None)
        parts = read_json(answer.body, _Answered).messages
        refs = [part.message_id for part in parts if part.status == OK and part.message_id]
        if len(refs) == len(parts):
            return Submitted(refs[0], tuple(refs[1:]))
        if refs:
            return Uncertain(f"Vonage took {len(refs)} of the {len(parts)} parts")
        return self._codes.outcome(answer, parts[0].status)

    def probe(self) -> Request:
        """Return a request for the account's balance."""
        url = f"{self._chosen.base_url}/account/get-balance"
        return Request(method="GET", url=url, headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Tell whether the callback has the connector's token, or a recent signature."""
        now, window = self.context.clock.now(), self._chosen.replay_window_seconds
        held = (
            signatures.matches(callbacks.token_of(request) or "", self._tokens),
            bearer.is_signed(request, self._secrets, now, window),
            self._has_signed_fields(request, now, window),
        )
        return any(held)

    def _has_signed_fields(self, request: CallbackRequest, now: int, window_seconds: int) -> bool:
        try:
            fields = read_fields(callbacks.unpack(callbacks.pack(request)), exact=True)
        except CarrierTrouble:
            return False
        is_signed = signature.is_signed(fields, self._secrets, self._chosen.signature_method)
        signed_at = fields.get(signature.TIMESTAMP, "")
        return is_signed and signatures.is_fresh(signed_at, now, window_seconds)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Turn a delivery receipt into a receipt, an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        fields = read_fields(stored)
        about = About.RECEIPT if "status" in fields else About.REPLY
        if "message_uuid" in fields:
            return read_one(raw, lambda: self._read_messages(stored.json(Webhook)), about)
        return read_one(raw, lambda: self._read_fields(fields), about)

    def _read_fields(self, fields: Mapping[str, str]) -> Receipt | Reply | SetAside:
        if "status" in fields:
            return self._receipt(
                fields.get("messageId"),
                ours=fields.get("client-ref"),
                word=fields["status"].strip().lower(),
                table=STATUS_OF,
                code=of_receipt(fields.get("err-code")),
            )
        if "text" not in fields and "data" in fields:
            return SetAside(Why.NO_TEXT)
        return self._reply(fields)

    def _read_messages(self, told: Webhook) -> Receipt | Reply | SetAside:
        if told.status is not None:
            return self._receipt(
                told.message_uuid,
                ours=told.client_ref,
                word=told.status.strip().lower(),
                table=MESSAGES_STATUS_OF,
                code=None if told.error is None else told.error.code,
            )
        if is_other_channel(told.channel or ""):
            return SetAside(Why.CHANNEL)
        fields = {"msisdn": told.sender, "to": told.to, "text": told.text}
        return self._reply({name: value for name, value in fields.items() if value is not None})

    def _receipt(
        self,
        ref: str | None,
        *,
        ours: str | None,
        word: str,
        table: Mapping[str, Status | None],
        code: str | None,
    ) -> Receipt | SetAside:
        if not ref:
            raise CarrierTrouble("Vonage's callback names no message.")
        if word == _UNCONFIRMED:
            return SetAside(Why.UNCONFIRMED)
        status = known(table, word)
        detail, trouble = str(Detail.ENROUTE), None
        if status is Status.DELIVERED:
            detail = Detail.DELIVERED
        elif status is not None:
            detail, trouble = self._codes.explain(code)
            if trouble is None and word in _WORDS:
                detail = f"{_WORDS[word]} ({code})" if code else _WORDS[word]
        return Receipt(
            carrier_ref=ref,
            status=status,
            detail=detail,
            # The reference of a message that others sent by the same account has another form.
            message_id=MessageId(ours) if ours and len(ours) == MESSAGE_ID_LENGTH else None,
            trouble=trouble,
        )

    def _reply(self, fields: Mapping[str, str]) -> Reply | SetAside:
        text = fields.get("text")
        return read_text(
            sender=fields.get("msisdn"),
            to=fields.get("to"),
            text=text,
            country=self.country,
            ref=fields.get("messageId"),
            part=_part(fields),
            answered=(text or "").strip().upper() in self._answered,
        )


def read_fields(stored: callbacks.Stored, *, exact: bool = False) -> dict[str, str]:
    """Return the fields of a callback as text: of its JSON, its form, or its query.

    Numbers keep the form in which they were sent, because a signature is over it; `exact` leaves
    what is no text as it came.
    """
    if stored.content_type != "application/json":
        return stored.form(exact=exact)
    values = {name: bytes(raw) for name, raw in stored.json(dict[str, msgspec.Raw]).items()}
    return {name: _text(value) for name, value in values.items() if value != _NULL}


def _text(value: bytes) -> str:
    if value.startswith(b'"'):
        return read_json(value, str)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise CarrierTrouble("Vonage's callback is no text in UTF-8.") from error


def _callback_url(url: str | None, chosen: VonageSettings) -> str | None:
    if url is not None and chosen.callback_token is not None:
        url = callbacks.with_token(url, chosen.callback_token)
    if url is not None and len(url) > CALLBACK_URL_MAX and chosen.api == "sms":
        raise CarrierTrouble(
            f"Vonage's SMS API takes no callback URL longer than {CALLBACK_URL_MAX} characters;"
            f" this connector's has {len(url)}: choose a shorter callback_token or public address.",
            param="callback_token",
        )
    return url


def _part(fields: Mapping[str, str]) -> ReplyPart | None:
    """Return which part of a text this is; one that makes no sense counts as a text of its own."""
    told = [fields.get(name, "") for name in ("concat-ref", "concat-total", "concat-part")]
    if fields.get("concat") != "true" or not all(map(_DIGITS, told)):
        return None
    reference, total, number = map(int, told)
    if not 1 <= number <= total <= _PARTS_MAX:
        return None
    return ReplyPart(reference=reference, total=total, number=number)
