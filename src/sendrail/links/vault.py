"""What is secret of a link, sealed under the installation's master key, and the key's own proof.

Each sealed value is bound to its link: moved to another row it does not open. A value sealed in the
database proves the key at every start, so that a wrong one is an error and never garbage.
"""

import hashlib
import secrets
from typing import Any, Final

import msgspec

from sendrail.domain.errors import SetupError
from sendrail.domain.ids import LinkId
from sendrail.domain.sender import Link
from sendrail.storage.interface import Tx
from sendrail.storage.sealing import seal, unseal

# 24 bytes are 192 bits; nobody guesses that, and it fits a line.
_TOKEN_BYTES: Final = 24
_PROOF: Final = "master-key"
_PROOF_TEXT: Final = b"this database belongs to this master key"


class Vault:
    """Seals and opens; holds the key and nothing else."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal_settings(self, link_id: LinkId, settings: dict[str, Any]) -> bytes:
        """Return a link's settings as they are stored."""
        return seal(self._key, msgspec.json.encode(settings), _context("settings", link_id))

    def settings_of(self, link: Link) -> dict[str, Any]:
        """Return a link's settings. Raises `SetupError` when they are another link's."""
        opened = unseal(self._key, link.settings, _context("settings", link.id))
        settings: dict[str, Any] = msgspec.json.decode(opened)
        return settings

    def seal_token(self, link_id: LinkId, token: str) -> bytes:
        """Return a link's callback token as it is stored."""
        return seal(self._key, token.encode("ascii"), _context("token", link_id))

    def token_of(self, link_id: LinkId, sealed: bytes) -> str:
        """Return a link's callback token."""
        return unseal(self._key, sealed, _context("token", link_id)).decode("ascii")

    def open_house(self, tx: Tx, now: int) -> None:
        """Prove the key; the first time, seal what an older version had left open.

        Raises `SetupError` when the database belongs to another master key.
        """
        proof = tx.marks.find(_PROOF)
        if proof is None:
            tx.marks.add(_PROOF, seal(self._key, _PROOF_TEXT, _PROOF.encode()))
            for link in tx.links.all():
                sealed = self.seal_settings(link.id, msgspec.json.decode(link.settings))
                tx.links.change(link.id, reopen=False, settings=sealed)
                self.give_token(tx, link.id, now)
            return
        try:
            unseal(self._key, proof, _PROOF.encode())
        except SetupError as error:
            raise SetupError(
                "master.key is not the key this database was written with, so the links' "
                "credentials cannot be opened. Put the key back from the backup that the database "
                "is from; nothing was changed.",
                code="wrong_master_key",
            ) from error

    def give_token(self, tx: Tx, link_id: LinkId, old_until: int) -> None:
        """Give a link a new callback token; the one it had is honoured until then."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        tx.links.rotate(
            link_id, self.seal_token(link_id, token), token_digest(token), old_until=old_until
        )


def token_digest(token: str) -> bytes:
    """Return what a callback token is looked up by; a token is random, so a plain hash will do."""
    return hashlib.sha256(token.encode()).digest()


def _context(what: str, link_id: LinkId) -> bytes:
    return f"link {link_id} {what}".encode()
