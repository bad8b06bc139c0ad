"""The common part of both Vonage APIs: credentials and webhooks.

The format of webhooks is a setting of the account or of a number, whichever API sends: so a
connector of either kind reads both formats, and accepts the signatures of both.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, field

from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.http.carrier import HttpCarrier, HttpSettings
from sendrail.carriers.http.exchange import Request, basic
from sendrail.carriers.http.proofs import CallbackToken, given
from sendrail.carriers.reading import (
    is_other_channel,
    known,
    read_json,
    read_one,
    read_text,
)
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about
from sendrail.carriers.vonage import bearer, signature
from sendrail.carriers.vonage.codes import CODES, of_receipt
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import (
    Callback,
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Reply,
    ReplyPart,
)

# Our status for each status of a receipt, by the SMS API and by the Messages API.
STATUS_OF: Final[dict[str, Status | None]] = {
    "accepted": None,
    "buffered": None,
    "delivered": Status.DELIVERED,
    "expired": Status.UNDELIVERED,
    "failed": Status.UNDELIVERED,
    "rejected": Status.FAILED,
    "deleted": Status.FAILED,
}
MESSAGES_STATUS_OF: Final[dict[str, Status | None]] = {
    "submitted": None,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undeliverable": Status.UNDELIVERED,
    "rejected": Status.FAILED,
}
# The status of a message about which Vonage will learn nothing more.
_UNCONFIRMED: Final = "unknown"
# For a receipt whose error code gives no cause, so that its status is more specific.
_WORDS: Final = {"expired": Detail.EXPIRED, "deleted": Detail.CANCELLED}
# 3GPP 23.040, 9.2.3.24.1: a part's number and the count of parts are a byte each.
_PARTS_MAX: Final = 255
_DIGITS: Final = re.compile(r"[0-9]{1,9}").fullmatch
_NULL: Final = b"null"


class VonageSettings(HttpSettings, frozen=True, kw_only=True):
    """The settings that both kinds of Vonage connectors share."""

    api_key: Annotated[str, Meta(min_length=1), about("The account's key.")]
    api_secret: Annotated[Secret, about("Its secret.")]
    callback_token: Annotated[
        CallbackToken | None,
        about("A secret in the callback URL, 16 to 64 letters, digits, `-` and `_`."),
    ] = None
    callback_token_secondary: Annotated[CallbackToken | None, about("A second one.")] = None
    signature_secret: Annotated[
        Secret | None, about("The secret that signs webhooks.", shown_first=True)
    ] = None
    signature_secret_secondary: Annotated[
        Secret | None, about("A second one, accepted while you rotate.")
    ] = None
    signature_method: Annotated[
        signature.Method,
        about(
            "How webhooks in the form of the SMS API are signed: `md5hash`, which is "
            "Vonage's default, or an HMAC: `md5`, `sha1`, `sha256`, `sha512`."
        ),
    ] = "md5hash"
    # Vonage repeats a callback for 24 hours and seems to keep the time of the first delivery.
    replay_window_seconds: Annotated[
        int, Meta(ge=1, le=604_800), about("How old a signed webhook may be, 1 to 604,800.")
    ] = 90_000
    validity_seconds: Annotated[
        Annotated[int, Meta(ge=20, le=604_800)] | None,
        about("The longest time in seconds that a message may wait at Vonage, 20 to 604,800."),
    ] = None
    words: Annotated[
        dict[str, Detail],
        about(
            'Our words for codes, such as `{"7": "REJECTED_OPERATOR", "err-code 4": '
            '"REJECTED_OPTED_OUT"}`.'
        ),
    ] = field(default_factory=dict)
    answered_keywords: Annotated[
        tuple[str, ...],
        about(
            'Texts Vonage answers itself, such as `["STOP", "HELP"]`; Sendrail does not '
            "answer them again."
        ),
    ] = ()


class AccountProblem(msgspec.Struct):
    """An error; its type is the URL of its description, such as `...#1120`."""

    type: str = ""

    @property
    def code(self) -> str | None:
        """Return Vonage's code of the error."""
        return self.type.rpartition("#")[2] or None


class Webhook(msgspec.Struct):
    """A webhook in the format of the Messages API: a message's status, or an incoming text."""

    message_uuid: Annotated[str, Meta(min_length=1)]
    status: str | None = None
    error: AccountProblem | None = None
    client_ref: str | None = None
    channel: str | None = None
    sender: str | None = field(default=None, name="from")
    to: str | None = None
    text: str | None = None


class VonageAccount(HttpCarrier):
    """A connector to one Vonage account; a subclass for each API does the sending."""

    vendor = "Vonage"
    vendor_domain = "nexmo.com"

    def __init__(
        self, settings: VonageSettings, context: ConnectorContext, *, account_url: str
    ) -> None:
        super().__init__(settings, context)
        self.validity_seconds = settings.validity_seconds
        self.headers = {"Authorization": basic(settings.api_key, settings.api_secret)}
        self.codes = CODES.reworded(settings.words)
        self.callback_url = context.callback_url
        if self.callback_url is not None and settings.callback_token is not None:
            self.callback_url = callbacks.with_token(self.callback_url, settings.callback_token)
        self._account_url = account_url
        self._tokens = given(settings.callback_token, settings.callback_token_secondary)
        self._secrets = given(settings.signature_secret, settings.signature_secret_secondary)
        if not (self._tokens or self._secrets):
            raise CarrierTrouble(
                "Nothing proves callbacks: set callback_token or signature_secret.",
                param="callback_token",
            )
        self._method = settings.signature_method
        self._replay_window_seconds = settings.replay_window_seconds
        self._answered = frozenset(word.strip().upper() for word in settings.answered_keywords)

    def probe(self) -> Request:
        """Return a request for the account's balance."""
        url = f"{self._account_url}/account/get-balance"
        return Request(method="GET", url=url, headers=self.headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback has the connector's token, or a recent signature."""
        now, window = self.context.clock.now(), self._replay_window_seconds
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
        is_signed = signature.is_signed(fields, self._secrets, self._method)
        signed_at = fields.get(signature.TIMESTAMP, "")
        return is_signed and signatures.is_fresh(signed_at, now, window_seconds)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a delivery receipt into a receipt, or an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        fields = read_fields(stored)
        about = CallbackSubject.RECEIPT if "status" in fields else CallbackSubject.REPLY
        if "message_uuid" in fields:
            return read_one(raw, lambda: self._read_messages(stored.json(Webhook)), about)
        return read_one(raw, lambda: self._read_fields(fields), about)

    def _read_fields(self, fields: Mapping[str, str]) -> Receipt | Reply | IgnoredPart:
        if "status" in fields:
            return self._receipt(
                fields.get("messageId"),
                ours=fields.get("client-ref"),
                word=fields["status"].strip().lower(),
                table=STATUS_OF,
                code=of_receipt(fields.get("err-code")),
            )
        if "text" not in fields and "data" in fields:
            return IgnoredPart(IgnoredReason.NO_TEXT)
        return self._reply(fields)

    def _read_messages(self, webhook: Webhook) -> Receipt | Reply | IgnoredPart:
        if webhook.status is not None:
            return self._receipt(
                webhook.message_uuid,
                ours=webhook.client_ref,
                word=webhook.status.strip().lower(),
                table=MESSAGES_STATUS_OF,
                code=None if webhook.error is None else webhook.error.code,
            )
        if is_other_channel(webhook.channel or ""):
            return IgnoredPart(IgnoredReason.CHANNEL)
        fields = {"msisdn": webhook.sender, "to": webhook.to, "text": webhook.text}
        return self._reply({name: value for name, value in fields.items() if value is not None})

    def _receipt(
        self,
        ref: str | None,
        *,
        ours: str | None,
        word: str,
        table: Mapping[str, Status | None],
        code: str | None,
    ) -> Receipt | IgnoredPart:
        if not ref:
            raise CarrierTrouble("Vonage's callback names no message.")
        if word == _UNCONFIRMED:
            return IgnoredPart(IgnoredReason.UNCONFIRMED)
        status = known(table, word)
        detail, trouble = str(Detail.ENROUTE), None
        if status is Status.DELIVERED:
            detail = Detail.DELIVERED
        elif status is not None:
            detail, trouble = self.codes.explain(code)
            if trouble is None and word in _WORDS:
                detail = f"{_WORDS[word]} ({code})" if code else _WORDS[word]
        return Receipt(
            carrier_ref=ref,
            status=status,
            detail=detail,
            # Messages that other systems send by the same account have references of another form.
            message_id=MessageId(ours) if ours and len(ours) == MESSAGE_ID_LENGTH else None,
            trouble=trouble,
        )

    def _reply(self, fields: Mapping[str, str]) -> Reply | IgnoredPart:
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


def read_fields(stored: callbacks.StoredCallback, *, exact: bool = False) -> dict[str, str]:
    """Return the fields of a callback as text: of its JSON, its form, or its query.

    Numbers keep the form in which they were sent, because the signature covers it; `exact` leaves
    malformed text as it came.
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


def _part(fields: Mapping[str, str]) -> ReplyPart | None:
    """Return the place of a part in a long text; None for a whole text or an impossible place."""
    texts = [fields.get(name, "") for name in ("concat-ref", "concat-total", "concat-part")]
    if fields.get("concat") != "true" or not all(map(_DIGITS, texts)):
        return None
    reference, total, number = map(int, texts)
    if not 1 <= number <= total <= _PARTS_MAX:
        return None
    return ReplyPart(reference=reference, total=total, number=number)
