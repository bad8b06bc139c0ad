"""The endpoints' secrets: sealed in the database, opened for signatures."""

import secrets
from functools import lru_cache
from typing import Final

from sendrail.domain.ids import AccountId, EndpointId
from sendrail.domain.overlap import live_secrets
from sendrail.domain.webhook import Endpoint
from sendrail.storage.sealing import seal, unseal
from sendrail.webhooks.signing import SECRET_BYTES, secret_of

# So many opened secrets are kept: the master key is in memory as well, and opens them all.
_OPENED_MAX: Final = 1_024


class Keyring:
    """Makes, seals and opens the secrets of endpoints."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._opened = lru_cache(_OPENED_MAX)(self._open)

    @staticmethod
    def new() -> str:
        """Return a fresh secret as its owner sees it."""
        return secret_of(secrets.token_bytes(SECRET_BYTES))

    def seal(self, account_id: AccountId, endpoint_id: EndpointId, secret: str) -> bytes:
        return seal(self._key, secret.encode(), _context(account_id, endpoint_id))

    def live(self, endpoint: Endpoint, now: int) -> list[str]:
        """Return the secrets to sign with, newest first.

        Raises `SetupError` when they were sealed under another master key.
        """
        context = _context(endpoint.account_id, endpoint.id)
        return [self._opened(each, context) for each in live_secrets(endpoint, now)]

    def _open(self, sealed: bytes, context: bytes) -> str:
        return unseal(self._key, sealed, context).decode()


def _context(account_id: AccountId, endpoint_id: EndpointId) -> bytes:
    return f"webhook endpoint {account_id}/{endpoint_id}".encode()
