"""How Sinch signs a callback: HMAC with SHA-256 over the raw body, a nonce and the time.

https://developers.sinch.com/docs/sms/api-reference/sms/tag/Webhooks/
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from sendrail.carriers.http import signatures
from sendrail.carriers.sdk import CallbackRequest

SIGNATURE: Final = "x-sinch-webhook-signature"
NONCE: Final = "x-sinch-webhook-signature-nonce"
TIMESTAMP: Final = "x-sinch-webhook-signature-timestamp"


def is_signed(
    request: CallbackRequest, secrets: Sequence[str], *, now: int, window_seconds: int
) -> bool:
    """Return whether a callback has a recent signature by one of the secrets; `now` is in ms."""
    headers = request.headers
    nonce, signed_at = headers.get(NONCE, ""), headers.get(TIMESTAMP, "")
    if not signatures.is_fresh(signed_at, now, window_seconds):
        return False
    signed = b".".join(
        (request.body, nonce.encode("utf-8", "surrogateescape"), signed_at.encode("ascii"))
    )
    expected = [b64encode(signatures.digest(secret, signed, "sha256")) for secret in secrets]
    return signatures.matches(headers.get(SIGNATURE, ""), expected)
