"""The secrets of connectors, sealed with the installation's master key, and the key's check.

Each sealed value is bound to its connector: in another row it does not open. A sealed value in the
database verifies the key at every start, so that a wrong key is an error and never gives garbage.
"""

import hashlib
import secrets
from typing import Any, Final

import msgspec

from sendrail.domain.errors import SetupError
from sendrail.domain.ids import ConnectorId
from sendrail.domain.sender import Connector
from sendrail.storage.interface import Tx
from sendrail.storage.sealing import seal, unseal

# 24 bytes are 192 bits, which cannot be guessed, and fit on a line.
_TOKEN_BYTES: Final = 24
_PROOF: Final = "master-key"
_PROOF_TEXT: Final = b"this database belongs to this master key"


class SecretBox:
    """Seals and opens values; its only state is the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal_settings(self, connector_id: ConnectorId, settings: dict[str, Any]) -> bytes:
        """Return a connector's settings in their stored form."""
        return seal(self._key, msgspec.json.encode(settings), _context("settings", connector_id))

    def settings_of(self, connector: Connector) -> dict[str, Any]:
        """Return a connector's settings. Raise `SetupError` if they were sealed for another one."""
        opened = unseal(self._key, connector.settings, _context("settings", connector.id))
        settings: dict[str, Any] = msgspec.json.decode(opened)
        return settings

    def seal_token(self, connector_id: ConnectorId, token: str) -> bytes:
        """Return a connector's callback token in its stored form."""
        return seal(self._key, token.encode("ascii"), _context("token", connector_id))

    def token_of(self, connector_id: ConnectorId, sealed: bytes) -> str:
        """Return a connector's callback token."""
        return unseal(self._key, sealed, _context("token", connector_id)).decode("ascii")

    def open_house(self, tx: Tx, now: int) -> None:
        """Verify the key; the first time, seal what an older version stored unsealed.

        Raise `SetupError` when the database belongs to another master key.
        """
        proof = tx.installation_values.find(_PROOF)
        if proof is None:
            tx.installation_values.add(_PROOF, seal(self._key, _PROOF_TEXT, _PROOF.encode()))
            for connector in tx.connectors.all():
                sealed = self.seal_settings(connector.id, msgspec.json.decode(connector.settings))
                tx.connectors.change(connector.id, reopen=False, settings=sealed)
                self.give_token(tx, connector.id, now)
            return
        try:
            unseal(self._key, proof, _PROOF.encode())
        except SetupError as error:
            raise SetupError(
                "master.key is not the key of this database, so the credentials of the connectors "
                "cannot be decrypted. Restore the key from the same backup as the database. "
                "Nothing was changed.",
                code="wrong_master_key",
            ) from error

    def give_token(self, tx: Tx, connector_id: ConnectorId, old_until: int) -> None:
        """Give a connector a new callback token; the previous one is valid until `old_until`."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        tx.connectors.rotate(
            connector_id,
            self.seal_token(connector_id, token),
            token_digest(token),
            old_until=old_until,
        )


def token_digest(token: str) -> bytes:
    """Return the digest of a callback token; tokens are random, so a plain hash is safe."""
    return hashlib.sha256(token.encode()).digest()


def _context(what: str, connector_id: ConnectorId) -> bytes:
    return f"connector {connector_id} {what}".encode()
