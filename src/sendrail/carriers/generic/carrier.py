"""Any vendor with a plain HTTP API: settings define the requests and how to parse the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sendrail.carriers.details import Detail
from sendrail.carriers.generic.paths import find, find_events, find_text
from sendrail.carriers.generic.requests import Requests
from sendrail.carriers.generic.settings import GenericSettings, ReceiptSettings, ReplySettings, Rule
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.callbacks import StoredCallback
from sendrail.carriers.http.carrier import HttpCarrier
from sendrail.carriers.http.codes import Action, Code, Codes
from sendrail.carriers.http.exchange import Answer, Request
from sendrail.carriers.http.proofs import Proofs
from sendrail.carriers.reading import is_word, read_json, read_one, read_text, shown
from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest, ConnectorContext, read_settings
from sendrail.domain.contact import RecipientTrouble
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

_WORD_OF: Final = {
    "throttle": Detail.RATE,
    "retry": Detail.SYSTEM,
    "stop": Detail.ACCOUNT,
    "refuse": Detail.REQUEST,
}
_STATUS_OF: Final = {
    "enroute": None,
    "delivered": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "expired": Status.UNDELIVERED,
    "failed": Status.FAILED,
}


class GenericCarrier(HttpCarrier):
    """A connector to a vendor that the settings describe."""

    Settings = GenericSettings
    vendor = "The carrier"
    unchecked = "Nothing was tried: set check_url to an address that answers only with credentials."

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("http", settings, GenericSettings)
        if (chosen.answer.status is None) != (not chosen.answer.taken):
            raise CarrierTrouble(
                "answer.status and answer.taken go together: where the answer says whether the "
                "message is taken, and by which words.",
                param="answer",
            )
        super().__init__(chosen, context)
        self._chosen = chosen
        self._requests = Requests(chosen)
        self._hears = chosen.receipts is not None or chosen.replies is not None
        proved = self._hears and not chosen.trust_callback_url
        self._proofs = Proofs(chosen) if proved else None
        # The signature covers only the body.
        self._believes_url = chosen.signature_secret is None
        rows = {code: _row(rule) for code, rule in chosen.codes.items()}
        rows |= {_by_http(status): _row(rule) for status, rule in chosen.http_statuses.items()}
        self._codes = Codes(self.vendor, rows)

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the request that submits one message."""
        [message] = messages
        return self._requests.compose(message, self._callback_url(message.message_id))

    def _callback_url(self, message_id: MessageId) -> str | None:
        """Return the callback URL for one message; None when callbacks cannot be received."""
        url = self.context.callback_url
        if url is None or not self._hears:
            return None
        if self._proofs is not None:
            url = self._proofs.url(url)
        return callbacks.about(url, message_id) if self._believes_url else url

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        paths = self._chosen.answer
        try:
            value = read_json(answer.body, Any)
        except CarrierTrouble:
            value = None
        status, code = find_text(value, paths.status), find_text(value, paths.code)
        # Without a configured success value, a known error code means a refusal.
        taken = code not in self._codes.rows if paths.status is None else status in paths.taken
        if answer.is_success and taken and (ref := find_text(value, paths.id)):
            return Submitted(ref)
        return self._judge(answer, code or status)

    def _judge(self, answer: Answer, code: str | None) -> Outcome:
        """Return the outcome of an answer that is no success: by code, else by its HTTP status."""
        by_http = _by_http(str(answer.status))
        if code not in self._codes.rows and by_http in self._codes.rows:
            return self._codes.outcome(answer, by_http)
        other, taken = self._chosen.other_codes, self._chosen.answer.taken
        if code and code not in {*self._codes.rows, *taken} and answer.is_success and other:
            return Codes(self.vendor, {code: _row(other)}).outcome(answer, code)
        return self._codes.outcome(answer, code)

    def probe(self) -> Request | None:
        """Return the request to `check_url`."""
        return self._requests.probe()

    def proves(self, request: CallbackRequest) -> bool:
        """Return whether the callback carries a proof that the settings require."""
        return self._hears and (self._proofs is None or self._proofs.verify(request))

    def read_callback(self, request: CallbackRequest) -> CallbackAnswer:
        """Verify a callback; return what to store of it and the response the vendor expects."""
        answer = super().read_callback(request)
        if not answer.raws:
            return answer
        return replace(answer, content=self._chosen.callback_answer.encode())

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a callback's events into receipts and replies."""
        stored = callbacks.unpack(raw)
        if "json" not in stored.content_type and stored.body[:1] not in {b"{", b"["}:
            form = stored.form()
            if not form:
                raise CarrierTrouble("The callback is empty.")
            return read_one(raw, lambda: self._read_event(form, stored), self._about(form))
        return stored.each(
            find_events(stored.body, self._chosen.events),
            # Where the path does not exist, as here, the whole body is the list of events.
            b"[%b]",
            lambda element: self._read_event(_event(element), stored),
            lambda element: self._about(_event_or_none(element)),
        )

    def _read_event(self, event: Mapping[str, Any], stored: StoredCallback) -> Callback:
        receipts, replies = self._chosen.receipts, self._chosen.replies
        # If an event could be either, an id and a status make it a receipt.
        if receipts and _fits(event, receipts.when) and _has_all(event, receipts):
            return self._receipt(event, stored, receipts)
        if replies and _fits(event, replies.when) and _has_any(event, replies):
            return self._reply(event, replies)
        for paths in (receipts, replies):
            if paths and _has_any(event, paths) and not _is_other(event, paths.when):
                raise CarrierTrouble("An event lacks something that makes it a receipt or a reply.")
        return IgnoredPart(IgnoredReason.EVENT)

    def _about(self, event: Mapping[str, Any] | None) -> CallbackSubject:
        """Return the subject of an event that could not be read: only a reply has a text."""
        replies = self._chosen.replies
        if event is None:
            return CallbackSubject.UNKNOWN
        if replies and not _is_other(event, replies.when) and find(event, replies.text) is not None:
            return CallbackSubject.REPLY
        is_receipt = self._chosen.receipts and _has_any(event, self._chosen.receipts)
        return CallbackSubject.RECEIPT if is_receipt else CallbackSubject.UNKNOWN

    def _reply(self, event: Mapping[str, Any], paths: ReplySettings) -> Reply | IgnoredPart:
        text = find_text(event, paths.text)
        keywords = {word.upper() for word in paths.answered_words}
        return read_text(
            sender=find_text(event, paths.sender),
            to=find_text(event, paths.list_number),
            text=text,
            country=self.country,
            ref=find_text(event, paths.id),
            answered=(text or "").strip().upper() in keywords,
        )

    def _receipt(
        self, event: Mapping[str, Any], stored: StoredCallback, paths: ReceiptSettings
    ) -> Receipt:
        ref, said = find_text(event, paths.id), find_text(event, paths.status)
        if not ref or said is None:
            raise CarrierTrouble("A receipt's id or status is no text.")
        word = paths.statuses.get(said)
        if word is None:
            raise CarrierTrouble(
                f"A receipt has a status that receipts.statuses does not name: {shown(said)}."
            )
        detail, trouble = self._explain(word, said, find_text(event, paths.code))
        in_url = stored.message_id if self._believes_url else None
        message_id = find_text(event, paths.message_id)
        return Receipt(
            carrier_ref=ref,
            status=_STATUS_OF[word],
            detail=detail,
            message_id=MessageId(message_id) if message_id else in_url,
            trouble=trouble,
        )

    def _explain(
        self, word: str, said: str, code: str | None
    ) -> tuple[str, RecipientTrouble | None]:
        """Return the detail of a receipt, with the vendor's own status or code."""
        match word:
            case "enroute":
                return Detail.ENROUTE, None
            case "delivered":
                return Detail.DELIVERED, None
            case "expired":
                return f"{Detail.EXPIRED} ({code or said})", None
            case _ if code is not None:
                return self._codes.explain(code)
            case _:
                # The name of a status is not an error code, though it may look like one.
                return f"{Detail.UNKNOWN} ({said})", None


def _event(element: bytes) -> Mapping[str, Any]:
    event = read_json(element, Any)
    if not isinstance(event, Mapping):
        raise CarrierTrouble("The callback holds something else than events.")
    return event


def _event_or_none(element: bytes) -> Mapping[str, Any] | None:
    try:
        return _event(element)
    except CarrierTrouble:
        return None


def _has_all(event: Mapping[str, Any], paths: ReceiptSettings) -> bool:
    return all(find(event, path) is not None for path in (paths.id, paths.status))


def _has_any(event: Mapping[str, Any], paths: ReceiptSettings | ReplySettings) -> bool:
    if isinstance(paths, ReceiptSettings):
        return any(find(event, path) is not None for path in (paths.id, paths.status))
    wanted = (paths.sender, paths.list_number, paths.text)
    return any(find(event, path) is not None for path in wanted)


def _fits(event: Mapping[str, Any], when: Mapping[str, str]) -> bool:
    return all(find_text(event, path) == text for path, text in when.items())


def _is_other(event: Mapping[str, Any], when: Mapping[str, str]) -> bool:
    """Return whether a field names another kind of event; an absent field does not."""
    said = {path: find_text(event, path) for path in when}
    return any(is_word(said[path]) and said[path] != text for path, text in when.items())


def _by_http(status: str) -> str:
    return f"HTTP {status}"


def _row(rule: Rule) -> Code:
    word = _WORD_OF[rule.then] if rule.word is None else rule.word
    return Code(Action[rule.then.upper()], word, "so the connector's settings say")
