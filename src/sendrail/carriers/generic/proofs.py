"""How a link of kind `http` tells that a callback is its vendor's: one of four schemes."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final, assert_never
from urllib.parse import parse_qsl, quote, urlsplit

from sendrail.carriers.generic.settings import (
    BasicProof,
    GenericSettings,
    HmacProof,
    NoProof,
    TokenProof,
)
from sendrail.carriers.http import callbacks, signatures
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageId

_NEEDS_SIGNATURE: Final = (
    "signature says how a callback is proved: it is needed with receipts or replies. "
    "Its scheme none means that whoever knows the callback URL is believed."
)


class Proofs:
    """The scheme of one link, with its secrets; two are alive while one takes over."""

    def __init__(self, chosen: GenericSettings) -> None:
        self._scheme = chosen.signature
        secrets = (chosen.callback_secret, chosen.callback_secret_secondary)
        self._secrets: Sequence[str] = [secret for secret in secrets if secret is not None]
        self._hears = chosen.receipts is not None or chosen.replies is not None
        if self._hears and self._scheme is None:
            raise CarrierTrouble(_NEEDS_SIGNATURE, param="signature")
        if chosen.callback_secret is None and not isinstance(self._scheme, NoProof | None):
            raise CarrierTrouble(
                "callback_secret is needed with this signature.", param="callback_secret"
            )

    @property
    def cover_url(self) -> bool:
        """Tell whether a proved request's URL is proved with it; an HMAC is over the body alone."""
        return not isinstance(self._scheme, HmacProof)

    def callback_url(self, public: str | None, message_id: MessageId) -> str | None:
        """Return the URL for word of one message, with the token in it where there is one."""
        if public is None or not self._hears:
            return None
        if isinstance(self._scheme, TokenProof):
            joint = "&" if urlsplit(public).query else "?"
            public += f"{joint}{self._scheme.parameter}={quote(self._secrets[0], safe='')}"
        return callbacks.about(public, message_id) if self.cover_url else public

    def prove(self, request: CallbackRequest) -> bool:
        """Tell whether a callback comes from the vendor."""
        if not self._hears:
            return False
        match self._scheme:
            case None:
                return False
            case NoProof():
                return True
            case HmacProof() as scheme:
                return _is_signed(request, scheme, self._secrets)
            case TokenProof(parameter=parameter):
                query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
                given = [value for name, value in query if name == parameter]
                return len(given) == 1 and signatures.matches(given[0], self._secrets)
            case BasicProof(username=username):
                pairs = [(username, secret) for secret in self._secrets]
                return signatures.basic_matches(request.headers.get("authorization", ""), pairs)
            case _:
                assert_never(self._scheme)


def _is_signed(request: CallbackRequest, scheme: HmacProof, secrets: Sequence[str]) -> bool:
    if not request.body:
        # All empty bodies have one signature.
        return False
    digests = [signatures.digest(secret, request.body, scheme.algorithm) for secret in secrets]
    given = request.headers.get(scheme.header.lower(), "")
    if scheme.encoding == "base64":
        expected = [b64encode(digest).decode("ascii") for digest in digests]
    else:
        # The digits may be in either case; the prefix is as it was set.
        size = len(scheme.prefix)
        given = given[:size] + given[size:].lower()
        expected = [digest.hex() for digest in digests]
    return signatures.matches(given, [scheme.prefix + each for each in expected])
