"""A carrier's callback in its stored form: the parts of the request that `parse` needs.

Content type, query and body are stored one after the other, so that an operator can read them as
well. `HttpCarrier` packs them once the request is verified; `parse` unpacks them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Raw

from sendrail.carriers.reading import mended, read_each, read_json
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId
from sendrail.domain.receipt import Callback, CallbackSubject

# More than any carrier sends; without a bound a small body could cost much time.
_FIELDS_MAX: Final = 256
# Holds our message id in the query of callback URLs, for carriers that echo nothing else of ours. A
# single word, because Twilio takes no URL with an underscore.
_MESSAGE_ID: Final = "message"
# A secret in the callback URL, for carriers that sign nothing; see `proofs`.
_PROOF: Final = "token"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallback:
    """A stored callback; the content type is in lower case and without parameters."""

    content_type: str
    query: str
    body: bytes

    def form(self, *, exact: bool = False) -> dict[str, str]:
        """Return the fields of the body, or those of the query where there is no body.

        Malformed text is repaired, as in JSON; `exact` leaves it as it came, for a signature.
        """
        try:
            text = self.body.decode("utf-8", "surrogateescape") or self.query
            fields = dict(_pairs(text, strict=bool(self.body)))
        except ValueError as error:
            raise CarrierTrouble("The callback is no form.") from error
        return fields if exact else {_text(name): _text(value) for name, value in fields.items()}

    def json(self, into: type[T]) -> T:
        """Return the body as a value of this type."""
        return read_json(self.body, into)

    def each(
        self,
        elements: Iterable[Raw | bytes],
        envelope: bytes,
        read: Callable[[bytes], Callback],
        about: Callable[[bytes], CallbackSubject],
    ) -> list[Callback]:
        """Return each element of a list in the body as a value, or as a `Refused`.

        `envelope` is the text around the elements, with `%b` in their place.
        """
        return read_each(map(bytes, elements), read, about, lambda one: self._with(envelope % one))

    def _with(self, body: bytes) -> bytes:
        return f"{self.content_type}\n{self.query}\n".encode() + body

    @property
    def message_id(self) -> MessageId | None:
        """Return our own message id, where `about` added it to the callback's URL."""
        echoed = dict(_pairs(self.query, strict=False)).get(_MESSAGE_ID)
        return MessageId(_text(echoed)) if echoed else None


def about(callback_url: str, message_id: MessageId) -> str:
    """Return the URL for callbacks about one message.

    The carrier calls it for each event, so the message is known even if its answer was lost.
    """
    return _with(callback_url, _MESSAGE_ID, message_id)


def with_token(callback_url: str, token: str) -> str:
    """Return the callback URL with a secret in its query, which `token_of` reads."""
    return _with(callback_url, _PROOF, token)


def token_of(request: CallbackRequest) -> str | None:
    """Return the secret in a callback's URL, if there is one."""
    return once(request, "query", _query_of).get(_PROOF)


def form_of(request: CallbackRequest) -> Sequence[tuple[str, str]]:
    """Return the fields of a callback's body as `read_form` does, parsed once per request."""
    return once(request, "form", lambda request: read_form(request.body))


def once(request: CallbackRequest, name: str, read: Callable[[CallbackRequest], T]) -> T:
    """Return `read(request)`, cached in the request under `name`.

    A `CarrierTrouble` that `read` raises is cached as well.
    """
    if name not in request.readings:
        try:
            request.readings[name] = read(request)
        except CarrierTrouble as trouble:
            request.readings[name] = trouble
    found: T | CarrierTrouble = request.readings[name]
    if isinstance(found, CarrierTrouble):
        raise found
    return found


def _query_of(request: CallbackRequest) -> Mapping[str, str]:
    return dict(_pairs(urlsplit(request.url).query, strict=False))


def pack(request: CallbackRequest) -> bytes:
    """Return the stored form of a callback, without the secret in its URL."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    pairs = urlsplit(request.url).query.split("&")
    query = "&".join(pair for pair in pairs if pair.partition("=")[0] != _PROOF)
    # A header may hold any bytes.
    return f"{content_type}\n{query}\n".encode("utf-8", "replace") + request.body


def unpack(raw: bytes) -> StoredCallback:
    """Return a stored callback; raise `CarrierTrouble` when `pack` did not write it."""
    head = raw.split(b"\n", 2)
    if len(head) != len(("content_type", "query", "body")):
        raise CarrierTrouble("The stored callback has no head.")
    try:
        content_type, query = (line.decode() for line in head[:2])
    except UnicodeDecodeError as error:
        raise CarrierTrouble("The stored callback's head is no text.") from error
    return StoredCallback(content_type=content_type, query=query, body=head[2])


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, in their order and with the empty ones.

    Raise `CarrierTrouble` for a malformed form. Parsing is strict because signatures are computed
    over the parsed fields: two different bodies must not parse to the same fields. Bytes that are
    no UTF-8 are kept by `surrogateescape`.
    """
    try:
        return _pairs(body.decode("ascii"), strict=bool(body))
    except ValueError as error:
        raise CarrierTrouble("The callback is no form.") from error


def _with(callback_url: str, name: str, value: str) -> str:
    joint = "&" if urlsplit(callback_url).query else "?"
    return f"{callback_url}{joint}{name}={quote(value, safe='')}"


def _text(exact: str) -> str:
    return mended(exact.encode("utf-8", "surrogateescape"))


def _pairs(text: str, *, strict: bool) -> list[tuple[str, str]]:
    return parse_qsl(
        text,
        keep_blank_values=True,
        strict_parsing=strict,
        errors="surrogateescape",
        max_num_fields=_FIELDS_MAX if strict else None,
    )
