"""Accounts and their API keys."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, KeyId

# `trk_` and 32 alphanumerics (public API, "Authentication"): 190 random bits.
KEY_PREFIX: Final = "trk_"
KEY_RANDOM_LENGTH: Final = 32
# How much of a key a list of keys shows, so that its owner can identify it.
KEY_SHOWN_LENGTH: Final = len(KEY_PREFIX) + 6


class AccountStatus(StrEnum):
    """Only an active account can send."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The owner of lists, keys, contacts and blocks."""

    id: AccountId
    name: str
    status: AccountStatus
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key of an account; only its digest is stored, never the key itself."""

    id: KeyId
    name: str
    shown: str
    created_at: int
    revoked_at: int | None
    # Accurate to about a minute; None where the key was never used.
    last_used_at: int | None = None


def key_digest(key: str) -> bytes:
    """Return the digest under which an API key is stored.

    A key is random, so a plain SHA-256 cannot be reversed by guessing. Keys are looked up by
    digest, so the timing of the comparison reveals nothing about a key.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
