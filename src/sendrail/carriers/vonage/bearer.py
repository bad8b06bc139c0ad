"""How Vonage signs a webhook of the Messages API: a token that holds a digest of the body.

The token is a JWT (RFC 7519) with HMAC-SHA-256, whatever the account's signature method is.
https://developer.vonage.com/en/messages/concepts/signed-webhooks
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from sendrail.carriers.http import signatures
from sendrail.carriers.reading import read_json
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble


class _Claims(msgspec.Struct):
    iat: int
    payload_hash: str


def is_signed(
    request: CallbackRequest, secrets: Sequence[str], now: int, window_seconds: int
) -> bool:
    """Return whether a request has a recent token for its body, signed with one of the secrets."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    signed, _, given = token.rpartition(".")
    expected = [sign(secret, signed) for secret in secrets]
    # The algorithm that the token names is ignored: only one is accepted.
    if scheme.lower() != "bearer" or not signatures.matches(given, expected):
        return False
    claims = _claims(signed)
    return (
        claims is not None
        and signatures.matches(claims.payload_hash, [hashlib.sha256(request.body).hexdigest()])
        and signatures.is_fresh(str(claims.iat), now, window_seconds)
    )


def sign(secret: str, signed: str) -> str:
    """Return the signature of a token, over its parts before it."""
    made = signatures.digest(secret, signed.encode("utf-8", "surrogateescape"), "sha256")
    return urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def _claims(signed: str) -> _Claims | None:
    _, _, claims = signed.partition(".")
    padding = "=" * (-len(claims) % 4)
    try:
        return read_json(urlsafe_b64decode(claims + padding), _Claims)
    except (ValueError, CarrierTrouble):
        return None
