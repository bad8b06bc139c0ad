"""Accounts and their API keys: who may ask."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, KeyId

# `trk_` and 32 alphanumerics (public API, "Authentication"): 190 random bits.
KEY_PREFIX: Final = "trk_"
KEY_RANDOM_LENGTH: Final = 32
# How much of a key a list of keys shows, so that its owner can tell which one it is.
KEY_SHOWN_LENGTH: Final = len(KEY_PREFIX) + 6


class AccountStatus(StrEnum):
    """Only an active account sends."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose lists, contacts and messages these are."""

    id: AccountId
    name: str
    status: AccountStatus
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key of an account; the key itself is never kept, only its digest."""

    id: KeyId
    name: str
    shown: str
    created_at: int
    revoked_at: int | None
    # To the minute or so; None where the key was never used.
    last_used_at: int | None = None


def key_digest(key: str) -> bytes:
    """Return what is stored of an API key.

    A key is random, so a plain SHA-256 cannot be reversed by guessing, and looking the digest up
    compares nothing whose timing could tell a key apart.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
