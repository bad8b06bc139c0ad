"""Any vendor with a plain HTTP API: what to ask and how to read the answer are settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sendrail.carriers.details import Detail
from sendrail.carriers.generic.paths import find, find_text
from sendrail.carriers.generic.requests import Requests
from sendrail.carriers.generic.settings import GenericSettings, ReceiptSettings, ReplySettings, Rule
from sendrail.carriers.http import callbacks
from sendrail.carriers.http.callbacks import Stored
from sendrail.carriers.http.carrier import HttpCarrier
from sendrail.carriers.http.codes import Action, Code, Codes
from sendrail.carriers.http.exchange import Answer, Request, read_json
from sendrail.carriers.http.proofs import Proofs
from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest, LinkContext, read_settings
from sendrail.domain import phone
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Outbound, Outcome, Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Callback, Receipt, Reply

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
    """A link to a vendor that its settings describe."""

    Settings = GenericSettings
    vendor = "The carrier"
    unchecked = "Nothing was tried: set check_url to an address that answers only with credentials."

    def __init__(self, settings: Mapping[str, Any], context: LinkContext) -> None:
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
        # A signature is over the body alone.
        self._believes_url = chosen.signature_secret is None
        rows = {code: _row(rule) for code, rule in chosen.codes.items()}
        rows |= {_by_http(status): _row(rule) for status, rule in chosen.http_statuses.items()}
        self._codes = Codes(self.vendor, rows)

    def compose(self, messages: Sequence[Outbound]) -> Request:
        """Return the request that hands over one message."""
        [message] = messages
        return self._requests.compose(message, self._callback_url(message.message_id))

    def _callback_url(self, message_id: MessageId) -> str | None:
        """Return the URL for word of one message, None when nobody would hear it."""
        url = self.context.callback_url
        if url is None or not self._hears:
            return None
        if self._proofs is not None:
            url = self._proofs.url(url)
        return callbacks.about(url, message_id) if self._believes_url else url

    def read_answer(self, messages: Sequence[Outbound], answer: Answer) -> Outcome:
        """Return what the vendor made of one message."""
        del messages
        told = self._chosen.answer
        try:
            value = read_json(answer.body, Any)
        except CarrierTrouble:
            value = None
        status, code = find_text(value, told.status), find_text(value, told.code)
        # Without a word for yes, an answer with a known error is a no, whatever else it holds.
        taken = code not in self._codes.rows if told.status is None else status in told.taken
        if answer.is_success and taken and (ref := find_text(value, told.id)):
            return Submitted(ref)
        return self._judge(answer, code or status)

    def _judge(self, answer: Answer, code: str | None) -> Outcome:
        """Return what an answer other than a success means: by code, else by its HTTP status."""
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
        """Tell whether the callback is proved as the settings say."""
        return self._hears and (self._proofs is None or self._proofs.hold(request))

    def read_callback(self, request: CallbackRequest) -> CallbackAnswer:
        """Prove a callback, then say what to store of it, and answer what the vendor waits for."""
        answer = super().read_callback(request)
        if not answer.raws:
            return answer
        return replace(answer, content=self._chosen.callback_answer.encode())

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Turn a callback into what its events say; what fits nothing is left out."""
        stored = callbacks.unpack(raw)
        events = self._events(_value(stored))
        said = [
            self._receipt(event, stored, self._chosen.receipts)
            or _reply(event, self._chosen.replies)
            for event in events
        ]
        return [each for each in said if each is not None]

    def _events(self, value: Any) -> list[Mapping[str, Any]]:
        found = find(value, self._chosen.events) if self._chosen.events else None
        found = value if found is None else found
        events = found if isinstance(found, list) else [found]
        if not all(isinstance(event, Mapping) for event in events):
            raise CarrierTrouble("The callback holds something else than events.")
        return events

    def _receipt(
        self, event: Mapping[str, Any], stored: Stored, paths: ReceiptSettings | None
    ) -> Receipt | None:
        if paths is None or not _fits(event, paths.when):
            return None
        ref, said = find_text(event, paths.id), find_text(event, paths.status)
        if not ref or said is None:
            return None
        word = paths.statuses.get(said, "enroute")
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
        """Return the detail of a receipt, with the vendor's own word or code along."""
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
                # What a status is called is no error code, though it may look like one.
                return f"{Detail.UNKNOWN} ({said})", None


def _reply(event: Mapping[str, Any], paths: ReplySettings | None) -> Reply | None:
    if paths is None or not _fits(event, paths.when):
        return None
    sender = _number(find_text(event, paths.sender))
    list_number = _number(find_text(event, paths.list_number))
    text = find_text(event, paths.text)
    if sender is None or list_number is None or text is None:
        return None
    keywords = {word.upper() for word in paths.answered_words}
    return Reply(
        sender=sender,
        list_number=list_number,
        body=text,
        carrier_ref=find_text(event, paths.id) or None,
        answered=text.strip().upper() in keywords,
    )


def _value(stored: Stored) -> Any:
    """Return what a callback holds: JSON by its type or its look, else a form or the query."""
    if "json" in stored.content_type or stored.body[:1] in {b"{", b"["}:
        return stored.json(Any)
    form = stored.form()
    if not form:
        raise CarrierTrouble("The callback is empty.")
    return form


def _fits(event: Mapping[str, Any], when: Mapping[str, str]) -> bool:
    return all(find_text(event, path) == text for path, text in when.items())


def _number(text: str | None) -> PhoneNumber | None:
    """Return a number with a country code, in any of the usual ways to write one."""
    return phone.parse("+" + (text or "").strip().removeprefix("+").removeprefix("00"))


def _by_http(status: str) -> str:
    return f"HTTP {status}"


def _row(rule: Rule) -> Code:
    word = _WORD_OF[rule.then] if rule.word is None else rule.word
    return Code(Action[rule.then.upper()], word, "so the link's settings say")
