"""Proofs that a callback comes from the carrier: over raw bytes, and in constant time.

Every secret is tried, also after one has matched: two are alive while one takes over from the
other, and the time taken must not tell which.
"""

import hmac
from base64 import b64decode
from collections.abc import Iterable
from typing import Final

# How old a signed callback may be, or how far ahead of us the carrier's clock, in seconds.
REPLAY_WINDOW_SECONDS: Final = 300


def digest(secret: str, signed: bytes, algorithm: str) -> bytes:
    """Return the HMAC of what was signed; `algorithm` is a name such as `sha256`."""
    return hmac.digest(secret.encode(), signed, algorithm)


def matches(given: str | bytes, expected: Iterable[str | bytes]) -> bool:
    """Tell whether what was given is one of those expected."""
    given = _bytes(given)
    matching = [hmac.compare_digest(given, _bytes(each)) for each in expected]
    return any(matching)


def is_fresh(signed_at: str, now: int, window_seconds: int = REPLAY_WINDOW_SECONDS) -> bool:
    """Tell whether a signed time, in seconds as text, is near enough to now, in milliseconds."""
    if not (signed_at.isascii() and signed_at.isdigit() and len(signed_at) < len("100000000000")):
        return False
    return abs(int(signed_at) * 1_000 - now) <= window_seconds * 1_000


def basic_matches(header: str, pairs: Iterable[tuple[str, str]]) -> bool:
    """Tell whether an `Authorization` header holds one of these users with its password."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = b64decode(credentials.strip(), validate=True)
    except ValueError:
        return False
    return matches(given, [f"{user}:{password}" for user, password in pairs])


def _bytes(text: str | bytes) -> bytes:
    # A header may hold any bytes, which `compare_digest` takes only as bytes.
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
