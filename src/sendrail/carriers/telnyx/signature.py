"""How Telnyx signs a webhook: Ed25519 over the time and the raw body.

https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks

Telnyx signs with its private key, and we have only the public one: no secret is compared here, so
the time taken reveals nothing.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sendrail.carriers.http import signatures
from sendrail.carriers.sdk import CallbackRequest

SIGNATURE: Final = "telnyx-signature-ed25519"
TIMESTAMP: Final = "telnyx-timestamp"


def read_key(encoded: str) -> Ed25519PublicKey:
    """Return a public key from the form Telnyx shows: 32 bytes in base64."""
    return Ed25519PublicKey.from_public_bytes(b64decode(encoded))


def is_signed(request: CallbackRequest, keys: Sequence[Ed25519PublicKey], now: int) -> bool:
    """Return whether a webhook has a recent signature by one of the keys; `now` is in ms."""
    signed_at = request.headers.get(TIMESTAMP, "")
    signature = _decode(request.headers.get(SIGNATURE, ""))
    if signature is None or not signatures.is_fresh(signed_at, now):
        return False
    signed = signed_at.encode("ascii") + b"|" + request.body
    return any(_verifies(key, signature, signed) for key in keys)


def _decode(header: str) -> bytes | None:
    try:
        signature = b64decode(header, validate=True)
    except ValueError:
        return None
    # Base64 has several spellings of the same bytes; one is enough.
    return signature if b64encode(signature) == header.encode("ascii") else None


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
