"""The secrets that networks show in their postbacks: sealed in the database, compared blindly."""

import hmac
import secrets
from typing import Final

from sendrail.domain.ids import AccountId
from sendrail.domain.offer import Offer
from sendrail.domain.overlap import ReplacedSecret, live_secrets
from sendrail.domain.postback import PostbackSettings
from sendrail.storage.sealing import seal, unseal

# 160 bits, as letters that a URL takes as they are.
_SECRET_BYTES: Final = 20
# What a secret begins with, so that one that leaks is recognized.
PREFIX: Final = "pbs_"


class PostbackSecrets:
    """Makes and seals the secrets of offers, and compares what a postback shows with them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @staticmethod
    def new() -> str:
        """Return a fresh secret, as its owner copies it into the network's URL."""
        return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)

    def seal(self, account_id: AccountId, ref: str, secret: str) -> bytes:
        return seal(self._key, secret.encode(), _context(account_id, ref))

    def is_of(self, offer: Offer, shown: str, now: int) -> bool:
        """Return whether a postback shows the offer's secret, or the one before within its time.

        The comparison takes the same time whatever is shown. Raises `SetupError` when the secrets
        were sealed under another master key.
        """
        return self._is_one(offer, _context(offer.account_id, offer.ref), shown, now)

    def is_of_account(self, settings: PostbackSettings, name: str, shown: str, now: int) -> bool:
        """Return whether a postback shows the account's own secret; as `is_of`."""
        return self._is_one(settings, _context(settings.account_id, name), shown, now)

    def _is_one(self, kept_in: ReplacedSecret, context: bytes, shown: str, now: int) -> bool:
        given, found = shown.encode(), False
        for each in live_secrets(kept_in, now):
            found |= hmac.compare_digest(given, unseal(self._key, each, context))
        return found


def _context(account_id: AccountId, ref: str) -> bytes:
    return f"postback secret {account_id}/{ref}".encode()
