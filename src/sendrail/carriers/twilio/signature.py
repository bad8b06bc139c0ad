"""How Twilio signs a request (https://www.twilio.com/docs/usage/security).

The signature covers the callback URL as given to Twilio and, for a POST of a form, its fields
sorted by name, with names and values joined without a separator.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from sendrail.carriers.http import signatures
from sendrail.carriers.http.callbacks import form_of
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble

SIGNATURE: Final = "x-twilio-signature"
# Names the algorithm where a separate key signs instead of the auth token.
SETTINGS: Final = "x-twilio-webhooks-signature-settings"

_DIGEST_OF: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_ALGORITHM: Final = re.compile(r"(?:^|,)\s*algorithm\s*=\s*([^,\s]+)").search
_PORT: Final = re.compile(r":[0-9]*$")
_PORT_OF: Final = {"https": 443, "http": 80}


def is_signed(request: CallbackRequest, secrets: Sequence[str]) -> bool:
    """Return whether a callback is signed with one of the secrets."""
    named = _ALGORITHM(request.headers.get(SETTINGS, ""))
    algorithm = _DIGEST_OF.get(named[1].upper() if named else "HMAC_SHA1")
    if algorithm is None:
        return False
    try:
        fields = form_of(request)
    except CarrierTrouble:
        return False
    expected = [
        sign(secret, url, fields, algorithm)
        for url in _spellings(request.url)
        for secret in secrets
    ]
    return signatures.matches(request.headers.get(SIGNATURE, ""), expected)


def sign(secret: str, url: str, fields: Sequence[tuple[str, str]], algorithm: str) -> bytes:
    """Return the signature of a request; a repeated field with the same value counts once."""
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    return b64encode(
        signatures.digest(secret, signed.encode("utf-8", "surrogateescape"), algorithm)
    )


def _spellings(url: str) -> set[str]:
    """Return the URL with and without its port: Twilio signs either form."""
    parts = urlsplit(url)
    bare = _PORT.sub("", parts.netloc)
    explicit = parts.netloc if bare != parts.netloc else f"{bare}:{_PORT_OF.get(parts.scheme)}"
    return {url, _with_host(parts, bare), _with_host(parts, explicit)}


def _with_host(parts: SplitResult, host: str) -> str:
    return urlunsplit(parts._replace(netloc=host))
