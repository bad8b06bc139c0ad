"""Infobip: many messages in one POST, receipts and replies as JSON with many in one request.

https://www.infobip.com/docs/api/channels/sms/outbound-sms/send-sms-messages
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, field

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.batches import outcomes_by_id
from sendrail.carriers.http.carrier import BaseUrl, HttpCarrier
from sendrail.carriers.http.codes import shown_code
from sendrail.carriers.http.exchange import Answer, Request, post_json
from sendrail.carriers.http.proofs import Proofs, ProofSettings
from sendrail.carriers.infobip.codes import (
    CODES,
    DELIVERED_BY_NAME,
    DUPLICATE,
    GROUPS,
    NO_ERROR,
)
from sendrail.carriers.reading import names, read_json, read_text, shown
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext, Secret, about, read_settings
from sendrail.domain import phone
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Outcome,
    Rejected,
    Submitted,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MESSAGE_ID_LENGTH, MessageId
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, CallbackSubject, IgnoredPart, IgnoredReason, Receipt

# Groups of statuses by id, because some of their names differ between Infobip's own pages.
GROUP_OF: Final = {
    0: "ACCEPTED",
    1: "PENDING",
    2: "UNDELIVERABLE",
    3: "DELIVERED",
    4: "EXPIRED",
    5: "REJECTED",
}
TAKEN: Final = frozenset({"ACCEPTED", "PENDING", "DELIVERED"})
STATUS_OF: Final = {
    "UNDELIVERABLE": Status.UNDELIVERED,
    "DELIVERED": Status.DELIVERED,
    "EXPIRED": Status.UNDELIVERED,
    "REJECTED": Status.FAILED,
}
# The message in the path of a violation, such as `messages[3].destinations[0].to`.
_INDEX: Final = re.compile(r"^messages\[([0-9]{1,4})\]").match
_DIGEST_LENGTH: Final = 8
_LEFT_OUT: Final = Uncertain("Infobip's answer leaves this message out")

_Reference = Annotated[str, Meta(min_length=1, max_length=255)]


class InfobipSettings(ProofSettings, frozen=True, kw_only=True):
    """The settings of an Infobip connector."""

    api_key: Annotated[Secret, about("The key.")]
    base_url: Annotated[BaseUrl, about("Your base URL.", shown_first=True)] = (
        "https://api.infobip.com"
    )
    batch_size: Annotated[int, Meta(ge=1, le=100), about("Messages in one request, 1 to 100.")] = (
        100
    )
    validity_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=172_800)] | None,
        about("The longest time in seconds that a message may wait at Infobip, 1 to 172,800."),
    ] = None
    application_id: Annotated[
        _Reference | None, about("The application the messages belong to.")
    ] = None
    entity_id: Annotated[_Reference | None, about("The entity the messages belong to.")] = None
    receipts_by_subscription: Annotated[
        bool,
        about(
            "Delivery reports go where your account's subscription says, and messages carry no URL."
        ),
    ] = False
    answered_keywords: Annotated[
        tuple[str, ...],
        about(
            'Texts Infobip answers itself, such as `["STOP", "HELP"]`; Sendrail does not '
            "answer them again."
        ),
    ] = ()


class _State(msgspec.Struct, rename="camel"):
    group_id: int | None = None
    group_name: str | None = None
    name: str = ""


class _Error(msgspec.Struct):
    name: str | None = None


class _Taken(msgspec.Struct, rename="camel"):
    message_id: str
    status: _State


class _Answered(msgspec.Struct):
    messages: list[msgspec.Raw]


class _Violation(msgspec.Struct):
    property: str = ""


class _Refused(msgspec.Struct, rename="camel"):
    error_code: str | None = None
    violations: list[msgspec.Raw] | None = None


class _Result(msgspec.Struct, rename="camel"):
    message_id: str | None = None
    status: _State | None = None
    error: _Error | None = None
    sender: str | None = field(default=None, name="from")
    to: str | None = None
    text: str | None = None


class _Event(msgspec.Struct):
    results: list[msgspec.Raw]


class InfobipCarrier(HttpCarrier):
    """A connector to one Infobip account."""

    Settings = InfobipSettings
    vendor = "Infobip"
    vendor_domain = "infobip.com"

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("infobip", settings, InfobipSettings)
        super().__init__(chosen, context)
        self.messages_per_request = chosen.batch_size
        self._base_url = chosen.base_url
        self._headers = {"Authorization": f"App {chosen.api_key}"}
        self._proofs = Proofs(chosen)
        self._options = _options(chosen)
        self._answered = frozenset(word.strip().upper() for word in chosen.answered_keywords)
        self._webhooks: dict[str, Any] = {}
        if context.callback_url is not None and not chosen.receipts_by_subscription:
            url = self._proofs.url(context.callback_url)
            self._webhooks = {"delivery": {"url": url}, "contentType": "application/json"}

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that submits these messages."""
        value = {"messages": [self._compose(message) for message in messages]}
        return post_json(f"{self._base_url}/sms/3/messages", value, self._headers)

    def _compose(self, message: OutboundMessage) -> dict[str, Any]:
        destination = {"to": str(message.recipient), "messageId": reference(message)}
        composed: dict[str, Any] = {
            "sender": phone.bare(message.sender),
            "destinations": [destination],
            "content": {"text": message.body},
        }
        if self._options:
            composed["options"] = self._options
        if self._webhooks:
            composed["webhooks"] = self._webhooks
        return composed

    def read_answer(
        self, messages: Sequence[OutboundMessage], answer: Answer
    ) -> Outcome | Sequence[Outcome]:
        """Return the outcome of each message."""
        if not answer.is_success:
            return _read_refusal(messages, answer)
        elements = read_json(answer.body, _Answered).messages
        by_id = outcomes_by_id(elements, partial(_read_taken, answer))
        return [by_id.get(reference(message), _LEFT_OUT) for message in messages]

    def probe(self) -> Request:
        """Return a request for the latest message in the log: reading it changes nothing."""
        url = f"{self._base_url}/sms/3/logs?limit=1"
        return Request(method="GET", url=url, headers=self._headers)

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback carries a proof that the connector's settings require."""
        return self._proofs.verify(request)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse delivery reports into receipts, incoming texts into replies."""
        stored = callbacks.unpack(raw)
        results = stored.json(_Event).results
        return stored.each(results, b'{"results":[%b]}', self._read_result, _about)

    def _read_result(self, element: bytes) -> Callback:
        result = read_json(element, _Result)
        if result.status is not None:
            return _receipt(result, result.status)
        return read_text(
            sender=result.sender,
            to=result.to,
            text=result.text,
            country=self.country,
            ref=result.message_id,
            answered=(result.text or "").strip().upper() in self._answered,
        )


def reference(message: OutboundMessage) -> str:
    """Return the id of a message at Infobip: our id, and a digest of the content.

    Infobip refuses an id it has seen. With the digest this can only be the same message, sent
    before, and not another one whose id was reused after restoring an older database.
    """
    said = f"{phone.bare(message.sender)}\n{message.recipient}\n{message.body}".encode()
    digest = hashlib.sha256(said).hexdigest()[:_DIGEST_LENGTH]
    return f"{message.message_id}-{digest}"


def _options(chosen: InfobipSettings) -> dict[str, Any]:
    options: dict[str, Any] = {}
    platform = {"entityId": chosen.entity_id, "applicationId": chosen.application_id}
    if given := {name: value for name, value in platform.items() if value is not None}:
        options["platform"] = given
    if chosen.validity_seconds is not None:
        options["validityPeriod"] = {"amount": chosen.validity_seconds, "timeUnit": "SECONDS"}
    return options


def _read_taken(answer: Answer, element: bytes) -> tuple[str, Outcome]:
    taken = read_json(element, _Taken)
    return taken.message_id, _outcome(taken, answer)


def _outcome(taken: _Taken, answer: Answer) -> Outcome:
    status = taken.status
    if status.name == DUPLICATE:
        return Submitted(taken.message_id)
    if CODES.find(status.name) is not None:
        return CODES.outcome(answer, status.name)
    groups = _groups(status)
    taken_by = [group in TAKEN for group in groups]
    if groups and all(taken_by):
        return Submitted(taken.message_id)
    if not groups or any(taken_by):
        # A status of two minds is none, and a second copy on a handset is worse than a doubt.
        return Uncertain(f"Infobip answered what we do not know ({shown(status.name)})")
    row = GROUPS[groups[0]]
    return Rejected(f"{row.detail} ({shown_code(status.name)})", TROUBLE.get(row.detail))


def _read_refusal(
    messages: Sequence[OutboundMessage], answer: Answer
) -> Outcome | Sequence[Outcome]:
    """Return the outcome of each message of a request that was refused as a whole.

    One invalid message makes Infobip refuse all: those it does not name are tried again. Where it
    names none, one outcome stands for all.
    """
    refused = read_json(answer.body, _Refused)
    outcome = CODES.outcome(answer, refused.error_code)
    if not isinstance(outcome, Rejected) or len(messages) <= 1:
        return outcome
    found = {_named_place(element) for element in refused.violations or ()}
    bad = found.intersection(range(len(messages)))
    if not bad:
        return outcome
    again = Failed(f"{Detail.REQUEST} (together with a message that was refused)")
    return [outcome if at in bad else again for at in range(len(messages))]


def _named_place(element: msgspec.Raw) -> int | None:
    """Return which message of the request a violation names, counted from 0; None for no one."""
    try:
        match = _INDEX(read_json(bytes(element), _Violation).property)
    except CarrierTrouble:
        return None
    return int(match[1]) if match else None


def _about(element: bytes) -> CallbackSubject:
    """Return the subject of a result that could not be read: only a reply has a text."""
    fields = names(element)
    if "text" in fields:
        return CallbackSubject.REPLY
    return CallbackSubject.RECEIPT if "status" in fields else CallbackSubject.UNKNOWN


def _receipt(result: _Result, state: _State) -> Receipt | IgnoredPart:
    if not result.message_id:
        raise CarrierTrouble("Infobip's report names no message.")
    if state.name == DUPLICATE:
        # It does not concern the accepted message, though it has the same id.
        return IgnoredPart(IgnoredReason.EVENT)
    group = _group(state)
    if group is None:
        raise CarrierTrouble(f"A receipt has a status that is not known: {shown(state.name)}.")
    status = STATUS_OF.get(group)
    detail, trouble = str(Detail.ENROUTE), None
    if status is Status.DELIVERED:
        detail = DELIVERED_BY_NAME.get(state.name, Detail.DELIVERED)
    elif status is not None:
        error = None if result.error is None else result.error.name
        detail, trouble = _explain(state, group, error or NO_ERROR)
    ours, joint, _ = result.message_id.partition("-")
    return Receipt(
        carrier_ref=result.message_id,
        status=status,
        detail=detail,
        # Messages that other systems send by the same account have ids of another form.
        message_id=MessageId(ours) if joint and len(ours) == MESSAGE_ID_LENGTH else None,
        trouble=trouble,
    )


def _groups(state: _State) -> Sequence[str]:
    """Return the groups that a status names: by its id, by a name, by the status's first word."""
    groups = (
        GROUP_OF.get(-1 if state.group_id is None else state.group_id),
        (state.group_name or "").upper(),
        state.name.partition("_")[0].upper(),
    )
    return [group for group in groups if group is not None and group in GROUP_OF.values()]


def _group(state: _State) -> str | None:
    """Return the group of a receipt's status: where they differ, a final one takes precedence."""
    known = _groups(state)
    return next((group for group in known if group in STATUS_OF), known[0] if known else None)


def _explain(state: _State, group: str, error: str) -> tuple[str, RecipientTrouble | None]:
    """Return the detail of a receipt by a known error, else a known status, else its group."""
    for code in (error.upper(), state.name):
        if CODES.find(code) is not None:
            return CODES.explain(code)
    row = GROUPS[group]
    code = state.name if error == NO_ERROR else error
    return f"{row.detail} ({code})", TROUBLE.get(row.detail)
