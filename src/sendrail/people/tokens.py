"""Random tokens: what a browser or a link shows, and the digest that is kept of it."""

import hashlib
import secrets
from typing import Final

# 256 random bits: no client guesses one, so a plain hash is safe.
_BYTES: Final = 32
# Without letters that look like others. 50 bits, behind a limit on tries.
_CODE_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH: Final = 10
BACKUP_CODES: Final = 10


def new_token() -> str:
    """Return a token for a cookie or a link."""
    return secrets.token_urlsafe(_BYTES)


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def form_token(token: str) -> str:
    """Return what the forms of a session carry: it follows from the cookie, and not the reverse."""
    return hashlib.blake2b(b"form", key=digest_of(token), digest_size=24).hexdigest()


def new_backup_codes() -> list[str]:
    """Return codes for the day on which the authenticator is lost; each is good once."""
    return [
        "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
        for _ in range(BACKUP_CODES)
    ]


def backup_digest(code: str) -> bytes:
    """Return what is kept of a backup code, which may be typed in capitals and in groups."""
    return digest_of("".join(code.lower().split()).replace("-", ""))
