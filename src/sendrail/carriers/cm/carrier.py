"""CM.com: many messages in one POST, status reports and incoming texts as JSON.

https://developers.cm.com/messaging/docs
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from sendrail.carriers.cm.codes import CODES
from sendrail.carriers.details import Detail
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.batches import outcomes_by_id
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier
from sendrail.carriers.http.exchange import Answer, Request, post_json
from sendrail.carriers.http.proofs import Proofs, ProofSettings
from sendrail.carriers.reading import is_other_channel, known, names, read_json, read_one, read_text
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about, read_settings
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted, Uncertain
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import (
    Callback,
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Reply,
)


class CmSettings(ProofSettings, frozen=True, kw_only=True):
    """The settings of a CM.com connector.

    CM.com does not publish the meaning of status report codes, so it is a setting.
    """

    product_token: Annotated[Secret, about("The token, with its hyphens.")]
    base_url: Annotated[
        BaseUrl,
        about("Where the gateway is; `https://gw.cmtelecom.com` is the one outside of Cloudflare."),
    ] = "https://gw.messaging.cm.com"
    batch_size: Annotated[int, Meta(ge=1, le=100), about("Messages in one request, 1 to 100.")] = (
        100
    )
    parts_max: Annotated[
        int,
        Meta(ge=1, le=8),
        about("Into how many parts CM.com may split a text, 1 to 8; it does not send the rest."),
    ] = 8
    statuses_enroute: Annotated[
        tuple[str, ...], about("The codes of a status report that are not final.")
    ] = ("0",)
    statuses_delivered: Annotated[tuple[str, ...], about("Those that mean delivered, or read.")] = (
        "2",
        "4",
    )
    statuses_undelivered: Annotated[tuple[str, ...], about("Those that mean not delivered.")] = (
        "3",
    )
    statuses_failed: Annotated[
        tuple[str, ...], about("Those that mean CM.com did not take it.")
    ] = ("1",)
    words: Annotated[
        dict[str, Detail], about('Our words for error codes, such as `{"402": "REJECTED_SPAM"}`.')
    ] = field(default_factory=dict)
    answered_keywords: Annotated[
        tuple[str, ...],
        about(
            'Texts CM.com answers itself, such as `["STOP", "HELP"]`; Sendrail does not '
            "answer them again."
        ),
    ] = ()


class _Taken(msgspec.Struct, rename="camel"):
    reference: str
    status: str = ""
    message_error_code: int | None = None


class _Answered(msgspec.Struct, rename="camel"):
    error_code: int | None = None
    messages: list[msgspec.Raw] | None = None


# Accounts define the template of status reports: a number may come as text.
_Word = int | str | None


class _State(msgspec.Struct, rename="camel"):
    code: _Word = None
    error_code: _Word = None


class _Report(msgspec.Struct):
    reference: str | None = None
    status: _State = field(default_factory=_State)


class _Reports(msgspec.Struct):
    msg: msgspec.Raw


class _Party(msgspec.Struct):
    number: str | None = None


class _Content(msgspec.Struct):
    text: str | None = None


class _Event(msgspec.Struct):
    messages: _Reports


class _Incoming(msgspec.Struct):
    sender: _Party = field(name="from")
    to: _Party
    message: _Content
    channel: str | None = None


class CmCarrier(HttpCarrier):
    """A connector to one CM.com account."""

    Settings = CmSettings
    vendor = "CM.com"
    vendor_domain = "cm.com"
    unchecked = "CM.com offers no way to try a product token without sending."

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("cm", settings, CmSettings)
        super().__init__(chosen, context)
        self.messages_per_request = chosen.batch_size
        self._chosen = chosen
        self._url = f"{chosen.base_url}/v1.0/message"
        self._headers = {"X-CM-PRODUCTTOKEN": chosen.product_token}
        self._proofs = Proofs(chosen)
        self._codes = CODES.reworded(chosen.words)
        status_of: dict[str, Status | None] = {
            **dict.fromkeys(chosen.statuses_enroute),
            **dict.fromkeys(chosen.statuses_delivered, Status.DELIVERED),
            **dict.fromkeys(chosen.statuses_undelivered, Status.UNDELIVERED),
            **dict.fromkeys(chosen.statuses_failed, Status.FAILED),
        }
        self._status_of = {code.lower(): status for code, status in status_of.items()}
        self._answered = frozenset(word.strip().upper() for word in chosen.answered_keywords)

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that submits these messages."""
        value = {"messages": {"msg": [self._compose(message) for message in messages]}}
        return post_json(self._url, value, self._headers)

    def _compose(self, message: OutboundMessage) -> dict[str, Any]:
        return {
            "from": phone.show(message.sender).replace("+", "00", 1),
            "to": [{"number": f"00{message.recipient}"}],
            "body": {"type": "auto", "content": message.body},
            "reference": message.message_id,
            "allowedChannels": ["SMS"],
            "minimumNumberOfMessageParts": 1,
            "maximumNumberOfMessageParts": self._chosen.parts_max,
        }

    def read_answer(
        self, messages: Sequence[OutboundMessage], answer: Answer
    ) -> Outcome | Sequence[Outcome]:
        """Return the outcome of each message, or one outcome where CM.com lists no messages."""
        answered = read_json(answer.body, _Answered)
        if not answered.messages:
            # The code of a success is about some messages, and those taken may be among the rest.
            code = None if answer.is_success else _code(answered.error_code)
            return self._codes.outcome(answer, code)
        by_reference = outcomes_by_id(answered.messages, partial(self._read_taken, answer))
        left_out = Uncertain("CM.com's answer leaves this message out")
        other = left_out if answer.is_success else self._codes.outcome(answer, None)
        return [by_reference.get(each.message_id, other) for each in messages]

    def _read_taken(self, answer: Answer, element: bytes) -> tuple[str, Outcome]:
        taken = read_json(element, _Taken)
        if taken.status.lower() == "accepted":
            return taken.reference, Submitted(taken.reference)
        outcome = self._codes.outcome(answer, _code(taken.message_error_code))
        return taken.reference, outcome

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback carries a proof that the connector's settings require."""
        return self._proofs.verify(request)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a status report into receipts, or an incoming text into a reply."""
        stored = callbacks.unpack(raw)
        if "messages" not in names(stored.body):
            return read_one(raw, lambda: self._reply(stored.json(_Incoming)), CallbackSubject.REPLY)
        reports = stored.json(_Event).messages.msg
        listed = [reports]
        if bytes(reports).startswith(b"["):
            listed = read_json(bytes(reports), list[msgspec.Raw])
        return stored.each(
            listed, b'{"messages":{"msg":[%b]}}', self._receipt, lambda _: CallbackSubject.RECEIPT
        )

    def _receipt(self, element: bytes) -> Receipt | IgnoredPart:
        report = read_json(element, _Report)
        if not report.reference:
            return IgnoredPart(IgnoredReason.NAMELESS)
        status = known(self._status_of, str(report.status.code))
        detail, trouble = str(Detail.ENROUTE), None
        if status is Status.DELIVERED:
            detail = Detail.DELIVERED
        elif status is not None:
            detail, trouble = self._codes.explain(_code(report.status.error_code))
        # Messages that other systems send by the same account have references of another form.
        ours = len(report.reference) == MESSAGE_ID_LENGTH
        return Receipt(
            carrier_ref=report.reference,
            status=status,
            detail=detail,
            message_id=MessageId(report.reference) if ours else None,
            trouble=trouble,
        )

    def _reply(self, incoming: _Incoming) -> Reply | IgnoredPart:
        if is_other_channel(incoming.channel or "sms"):
            return IgnoredPart(IgnoredReason.CHANNEL)
        text = incoming.message.text
        return read_text(
            sender=incoming.sender.number,
            to=incoming.to.number,
            text=text,
            country=self.country,
            answered=(text or "").strip().upper() in self._answered,
        )


def _code(given: _Word) -> str | None:
    # Without an error a status report has an empty code, or 0.
    return str(given) if given and str(given) != "0" else None
