"""How Vonage signs a webhook.

Source: https://developer.vonage.com/en/getting-started/concepts/signing-messages.

The signature covers the fields, sorted by name, with `&` and `=` in their values replaced. A
timestamp is among them; the URL and the encoding of the fields are not signed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from sendrail.carriers.http import signatures

SIGNATURE: Final = "sig"
TIMESTAMP: Final = "timestamp"

# `md5hash` is the account's default: no HMAC, but a digest with the secret at the end.
Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]

_REPLACED: Final = str.maketrans("&=", "__")


def is_signed(fields: Mapping[str, str], secrets: Sequence[str], method: Method) -> bool:
    """Return whether the fields of a webhook are signed with one of the secrets."""
    if any("&" in name or "=" in name for name in fields):
        # Names are signed unescaped: a name with a `&` could stand for two other fields.
        return False
    expected = [sign(secret, fields, method) for secret in secrets]
    return signatures.matches(fields.get(SIGNATURE, "").lower(), expected)


def sign(secret: str, fields: Mapping[str, str], method: Method) -> str:
    """Return the signature of the fields, except `sig`."""
    signed = "".join(
        f"&{name}={value.translate(_REPLACED)}"
        for name, value in sorted(fields.items())
        if name != SIGNATURE
    ).encode("utf-8", "surrogateescape")
    if method == "md5hash":
        return hashlib.md5(signed + secret.encode(), usedforsecurity=False).hexdigest()
    return signatures.digest(secret, signed, method).hex()
