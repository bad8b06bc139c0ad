"""Secrets at rest: sealed under the installation's master key, with AES-256-GCM.

The context names what a secret belongs to and is authenticated with it, so that a sealed secret
copied to another row cannot be opened there.
"""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendrail.domain.errors import SetupError

KEY_BYTES: Final = 32
# The first byte says how it was sealed, so that another way can be added later.
_AES_256_GCM: Final = b"\x01"
# NIST SP 800-38D, 8.2.2: a random nonce of 96 bits, good for 2**32 secrets under one key.
_NONCE_BYTES: Final = 12


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Return a secret as it may be stored."""
    assert len(key) == KEY_BYTES, "AES-256 has a key of 32 bytes"
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _AES_256_GCM + nonce + AESGCM(key).encrypt(nonce, plaintext, _AES_256_GCM + context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Return the secret again.

    Raises `SetupError` when it was sealed under another key or for another context, or is damaged.
    """
    assert len(key) == KEY_BYTES, "AES-256 has a key of 32 bytes"
    version, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if version == _AES_256_GCM and len(nonce) == _NONCE_BYTES:
        try:
            return AESGCM(key).decrypt(nonce, text, version + context)
        except InvalidTag:
            pass
    raise SetupError(
        "A stored secret cannot be decrypted: it was encrypted with another master key, or is "
        "damaged. Restore the installation's master.key from a backup, or enter the secret again.",
        code="wrong_master_key",
    )
