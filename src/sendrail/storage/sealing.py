"""Seals what must not be readable in the database or a backup of it: credentials and secrets.

AES-256-GCM with a random nonce for each value. The context is authenticated, not stored: a sealed
value that is moved to another row does not open there.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendrail.domain.errors import SetupError

KEY_BYTES: Final = 32
# The nonce length that NIST SP 800-38D, 5.2.1.1, recommends.
_NONCE_BYTES: Final = 12


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Return the plaintext sealed under a 32-byte key, bound to its context."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Return what was sealed with the same key and context.

    Raises `SetupError` when the key or the context is another one, or the value was changed.
    """
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, context)
    except (InvalidTag, ValueError) as error:
        raise SetupError(
            "A sealed value cannot be opened: it was sealed with another master key, or changed "
            "since. Put master.key and the database back from the same backup.",
            code="wrong_master_key",
        ) from error
