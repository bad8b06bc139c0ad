"""The requests of a connector of kind `http`: templates, parsed once and filled per message."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from sendrail.carriers.generic.settings import GenericSettings
from sendrail.carriers.generic.templates import fill_tree, read_template, read_tree
from sendrail.carriers.http.exchange import Request, basic, post_form, post_json
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import CarrierTrouble

_CREDENTIALS: Final = frozenset({"username", "password", "api_key"})
_OF_A_MESSAGE: Final = frozenset(
    {
        *("to", "to_digits", "to_int", "from", "from_digits", "from_int"),
        *("text", "message_id", "encoding", "segments", "callback_url"),
    }
)
PLACEHOLDERS: Final = _CREDENTIALS | _OF_A_MESSAGE
# Headers that the HTTP client writes: a duplicate would allow request smuggling.
_OURS: Final = frozenset({"content-type", "content-length", "transfer-encoding"})


class Requests:
    """The requests of one connector; raises `CarrierTrouble` with the name of a wrong setting."""

    def __init__(self, chosen: GenericSettings) -> None:
        self._chosen = chosen
        self._credentials = {name: getattr(chosen, name) for name in _CREDENTIALS}
        self._url = read_template(chosen.url, self._known(_OF_A_MESSAGE), "url")
        self._headers = self._read_headers()
        self._body = self._read_body()
        self._check_url = (
            None
            if chosen.check_url is None
            else read_template(chosen.check_url, self._known(frozenset()), "check_url")
        )

    def compose(self, message: OutboundMessage, callback_url: str | None) -> Request:
        """Return the request that submits a message; receipts are sent to `callback_url`."""
        values = {
            **self._credentials,
            "to": phone.show(message.recipient),
            "to_digits": str(message.recipient),
            "to_int": str(message.recipient),
            "from": phone.show(message.sender),
            "from_digits": phone.bare(message.sender),
            "from_int": phone.bare(message.sender),
            "text": message.body,
            "message_id": message.message_id,
            "encoding": self._chosen.encodings.get(message.encoding, message.encoding),
            "segments": str(message.segments),
            "callback_url": callback_url,
        }
        url = self._url.fill(values, _in_url)
        if self._body is None:
            return Request(method=self._chosen.method, url=url, headers=self._headers)
        post = post_form if self._chosen.content_type == "form" else post_json
        request = post(url, fill_tree(self._body, values), self._headers)
        return replace(request, method=self._chosen.method)

    def probe(self) -> Request | None:
        """Return the request that tries the credentials, if one is configured."""
        if self._check_url is None:
            return None
        url = self._check_url.fill(self._credentials, _in_url)
        return Request(method="GET", url=url, headers=self._headers)

    def _known(self, more: frozenset[str]) -> frozenset[str]:
        """Return the available placeholders; credentials that are not set are left out."""
        return more | {name for name, value in self._credentials.items() if value is not None}

    def _read_headers(self) -> Mapping[str, str]:
        chosen, headers, ours = self._chosen, {}, set(_OURS)
        if chosen.basic_auth:
            ours.add("authorization")
            if chosen.username is None or chosen.password is None:
                raise CarrierTrouble("basic_auth needs username and password.", param="basic_auth")
            headers["Authorization"] = basic(chosen.username, chosen.password)
        for name, text in chosen.headers.items():
            value = read_template(text, self._known(frozenset()), "headers").fill(self._credentials)
            if name.lower() in ours or not (value.isascii() and value.isprintable()):
                raise CarrierTrouble(
                    f"headers has a {name} that cannot be sent: leave out what content_type and "
                    "basic_auth say already, and use printable ASCII.",
                    param="headers",
                )
            headers[name] = value
        return headers

    def _read_body(self) -> Any:
        body, content_type = self._chosen.body, self._chosen.content_type
        if body is not None and self._chosen.method == "GET":
            raise CarrierTrouble("A GET has no body: put it all into the url.", param="body")
        is_form = isinstance(body, dict) and all(isinstance(text, str) for text in body.values())
        if body is not None and content_type == "form" and not is_form:
            raise CarrierTrouble("The body of a form is an object of texts.", param="body")
        return None if body is None else read_tree(body, self._known(_OF_A_MESSAGE), "body")


def _in_url(value: str) -> str:
    return quote(value, safe="")
