"""Authenticators: the second thing at a sign-in (TOTP, RFC 6238), and codes in place of a lost one.

A secret is kept sealed, bound to its user. It counts once a code of it was shown.
"""

import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from sendrail.domain.errors import InvalidInput
from sendrail.people.tokens import backup_digest, new_backup_codes
from sendrail.storage.interface import Store, Tx
from sendrail.storage.sealing import seal, unseal

if TYPE_CHECKING:
    from pyotp import TOTP

_STEP_SECONDS: Final = 30
# RFC 6238, 5.2: one step to either side, for clocks that differ and for slow fingers.
_STEPS_ASIDE: Final = 1
# RFC 4226, 4: 160 bits are recommended.
_SECRET_LETTERS: Final = 32
_ISSUER: Final = "Sendrail"


class NewAuthenticator(NamedTuple):
    """A secret as its user types it, and as an authenticator reads it from a picture."""

    secret: str
    uri: str


class Authenticators:
    """The authenticators of all users, under a key of 32 bytes."""

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._key = key

    async def begin(self, user_id: int, email: str) -> NewAuthenticator:
        """Make a secret that does not count yet."""
        secret = _random_secret()
        sealed = seal(self._key, secret.encode("ascii"), _context(user_id))

        def write(tx: Tx) -> None:
            tx.users.hold()
            user = tx.users.find(user_id)
            if user is None or user.has_totp:
                raise _there_is_one()
            tx.users.change(user_id, totp=sealed)

        await self._store.write(write)
        return _shown(secret, email)

    async def pending(self, user_id: int, email: str) -> NewAuthenticator | None:
        """Return the secret that was begun and does not count yet."""
        user, kept = await self._store.read(
            lambda tx: (tx.users.find(user_id), tx.users.secrets(user_id))
        )
        if user is None or user.has_totp or kept.totp is None:
            return None
        return _shown(self._secret(user_id, kept.totp), email)

    async def confirm(self, user_id: int, code: str, now: int) -> list[str]:
        """Let the begun secret count, by a code of it; return the backup codes, shown only here.

        Raises `InvalidInput` for another code, and where the secret counts already: codes are
        tried here without a wait, so that this is no place to try those of a sign-in.
        """
        codes = new_backup_codes()

        def write(tx: Tx) -> None:
            tx.users.hold()
            user, kept = tx.users.find(user_id), tx.users.secrets(user_id)
            if user is None or user.has_totp:
                raise _there_is_one()
            step = None if kept.totp is None else self._step(user_id, kept.totp, code, now)
            if step is None:
                raise InvalidInput(
                    "This code does not fit. Is the clock of your phone right?", param="code"
                )
            tx.users.change(user_id, totp_since=now, totp_step=step)
            tx.users.set_backup_codes(user_id, map(backup_digest, codes))

        await self._store.write(write)
        return codes

    async def remove(self, user_id: int) -> None:
        """Let a password alone be enough again."""
        await self._store.write(lambda tx: forget_authenticator(tx, user_id))

    def takes(self, tx: Tx, user_id: int, code: str, now: int) -> bool:
        """Use a code up; return False for one that is wrong or was used before."""
        kept = tx.users.secrets(user_id)
        assert kept.totp is not None, "asked of users with an authenticator only"
        step = self._step(user_id, kept.totp, code, now)
        if step is not None:
            return tx.users.take_step(user_id, step)
        return tx.users.take_backup_code(user_id, backup_digest(code))

    def _step(self, user_id: int, sealed: bytes, code: str, now: int) -> int | None:
        """Return the time step that a code is of, None where it is of none near now."""
        made, shown = _totp(self._secret(user_id, sealed)), "".join(code.split())
        present = now // 1_000 // _STEP_SECONDS
        found = None
        for step in range(present - _STEPS_ASIDE, present + _STEPS_ASIDE + 1):
            # All are compared, each in the same time.
            expected = made.generate_otp(step)
            if secrets.compare_digest(expected.encode(), shown.encode("utf-8", "replace")):
                found = step
        return found

    def _secret(self, user_id: int, sealed: bytes) -> str:
        return unseal(self._key, sealed, _context(user_id)).decode("ascii")


def forget_authenticator(tx: Tx, user_id: int) -> None:
    """Forget a user's authenticator and backup codes."""
    tx.users.change(user_id, totp=None, totp_since=None, totp_step=None)
    tx.users.set_backup_codes(user_id, ())


def _there_is_one() -> InvalidInput:
    return InvalidInput("There is an authenticator already. Remove it first.")


def _shown(secret: str, email: str) -> NewAuthenticator:
    uri = _totp(secret).provisioning_uri(name=email, issuer_name=_ISSUER)
    return NewAuthenticator(" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), uri)


def _context(user_id: int) -> bytes:
    return f"totp:{user_id}".encode()


# Loaded where it is used: no start needs it.


def _random_secret() -> str:
    from pyotp import random_base32

    return random_base32(_SECRET_LETTERS)


def _totp(secret: str) -> "TOTP":
    from pyotp import TOTP

    return TOTP(secret)
