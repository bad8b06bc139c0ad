"""The endpoints' secrets: sealed in the database, opened for one signature at a time."""

import secrets

from sendrail.domain.ids import AccountId, EndpointId
from sendrail.domain.webhook import Endpoint
from sendrail.storage.sealing import seal, unseal
from sendrail.webhooks.signing import SECRET_BYTES, secret_of


class Keyring:
    """Makes, seals and opens the secrets of endpoints."""

    def __init__(self, key: bytes) -> None:
        self._key = key

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
        sealed = [endpoint.secret]
        if endpoint.old_secret is not None and now < (endpoint.old_secret_until or 0):
            sealed.append(endpoint.old_secret)
        context = _context(endpoint.account_id, endpoint.id)
        return [unseal(self._key, each, context).decode() for each in sealed]


def _context(account_id: AccountId, endpoint_id: EndpointId) -> bytes:
    return f"webhook endpoint {account_id}/{endpoint_id}".encode()
