"""How Plivo signs a callback: HMAC with SHA-256, in two versions.

https://docs.plivo.com/docs/messaging/concepts/signature-validation

Version 3 signs the URL, the fields of its query and those of the form; version 2 signs the URL
alone, so it proves the origin of a callback but not its content. Neither includes a time.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from sendrail.carriers.http import signatures
from sendrail.carriers.http.callbacks import form_of, read_form
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble

SIGNATURE_V3: Final = "x-plivo-signature-v3"
NONCE_V3: Final = "x-plivo-signature-v3-nonce"
SIGNATURE_V2: Final = "x-plivo-signature-v2"
NONCE_V2: Final = "x-plivo-signature-v2-nonce"


def is_signed(request: CallbackRequest, secrets: Sequence[str], *, accepts_v2: bool) -> bool:
    """Return whether a callback is signed with one of the secrets.

    A signature of version 3, if present, decides alone.
    """
    headers = request.headers
    if SIGNATURE_V3 in headers:
        signed = _signed_v3(request)
        # Plivo sends two signatures while it rotates the token.
        given = headers[SIGNATURE_V3].split(",")
    else:
        signed = _signed_v2(request) if accepts_v2 else None
        given = [headers.get(SIGNATURE_V2, "")]
    if signed is None:
        return False
    expected = [b64encode(signatures.digest(secret, signed, "sha256")) for secret in secrets]
    return any(signatures.matches(each, expected) for each in given)


def _signed_v3(request: CallbackRequest) -> bytes | None:
    target = urlsplit(request.url)
    try:
        query = sorted(read_form(target.query.encode()))
        fields = sorted(form_of(request))
    except CarrierTrouble:
        return None
    signed = urlunsplit((target.scheme, target.netloc, target.path, "", ""))
    if query or fields:
        signed += "?" + "&".join(f"{name}={value}" for name, value in query)
    if query and fields:
        signed += "."
    signed += "".join(name + value for name, value in fields)
    return _with_nonce(f"{signed}.", request.headers.get(NONCE_V3, ""))


def _signed_v2(request: CallbackRequest) -> bytes:
    target = urlsplit(request.url)
    bare = urlunsplit((target.scheme, target.netloc, target.path, "", ""))
    return _with_nonce(bare, request.headers.get(NONCE_V2, ""))


def _with_nonce(signed: str, nonce: str) -> bytes:
    return (signed + nonce).encode("utf-8", "surrogateescape")
