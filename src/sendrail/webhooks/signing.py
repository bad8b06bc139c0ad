"""Signatures: how a receiver knows that an event is ours, unchanged and fresh.

Two forms go with every request. The public API's header is the hex HMAC-SHA256 of the body, keyed
with the secret as it is written. The Standard Webhooks headers (standardwebhooks.com, 1.0.0) bind
the event's id and the time of the attempt as well, and may carry several signatures.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the mark of a secret, not one
# The specification asks for 24 to 64 random bytes.
SECRET_BYTES: Final = 32


def secret_of(random_bytes: bytes) -> str:
    """Return a secret as its owner sees it."""
    assert len(random_bytes) == SECRET_BYTES, "a secret is as long as all the others"
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def headers(
    keys: Sequence[str], event_name: str, at_seconds: int, body: bytes, *, plain_header: str
) -> dict[str, str]:
    """Return the headers that sign a body; `keys` are the live secrets, newest first.

    The plain header has room for one signature only: the oldest secret signs it, so that nothing
    breaks at the moment of a rotation.
    """
    assert keys, "an endpoint has a secret"
    return {
        "webhook-id": event_name,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(_standard(key, event_name, at_seconds, body) for key in keys),
        plain_header: hmac.digest(keys[-1].encode(), body, "sha256").hex(),
    }


def _standard(key: str, event_name: str, at_seconds: int, body: bytes) -> str:
    signed = f"{event_name}.{at_seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_raw(key), signed, "sha256")).decode()


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise AssertionError("a secret is made by secret_of") from error
