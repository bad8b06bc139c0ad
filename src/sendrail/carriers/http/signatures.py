"""Checks of callback signatures: over raw bytes, and in constant time.

Every secret is tried, even after a match: two are valid during a rotation, and the time taken
must not reveal which one matched.
"""

import hmac
from base64 import b64decode
from collections.abc import Iterable
from typing import Final

from sendrail.domain.digits import read_digits

# How old a signed callback may be, or how far the carrier's clock may be ahead, in seconds.
REPLAY_WINDOW_SECONDS: Final = 300
# Three thousand years: what no clock shows is not computed with.
_SECONDS_MAX: Final = 99_999_999_999


def digest(secret: str, signed: bytes, algorithm: str) -> bytes:
    """Return the HMAC of `signed`; `algorithm` is a name such as `sha256`."""
    return hmac.digest(secret.encode(), signed, algorithm)


def matches(given: str | bytes, expected: Iterable[str | bytes]) -> bool:
    """Return whether `given` is one of the expected values, in constant time."""
    given = _bytes(given)
    matching = [hmac.compare_digest(given, _bytes(each)) for each in expected]
    return any(matching)


def is_fresh(signed_at: str, now: int, window_seconds: int = REPLAY_WINDOW_SECONDS) -> bool:
    """Return whether a signed time (seconds, as text) is within the window of now (in ms)."""
    seconds = read_digits(signed_at, _SECONDS_MAX)
    return seconds is not None and abs(seconds * 1_000 - now) <= window_seconds * 1_000


def basic_matches(header: str, pairs: Iterable[tuple[str, str]]) -> bool:
    """Return whether an `Authorization` header holds one of these users with its password."""
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
