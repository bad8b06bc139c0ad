"""The services of people, as the composition root hands them on."""

from collections.abc import Callable
from dataclasses import dataclass

from sendrail.people.authenticator import Authenticators
from sendrail.people.passwords import PasswordService
from sendrail.people.signing_in import SignInService
from sendrail.people.tries import SignInTries
from sendrail.people.users import UserService
from sendrail.storage.interface import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleServices:
    """What is done with the users of an installation."""

    users: UserService
    signing_in: SignInService
    authenticators: Authenticators

    @classmethod
    def over(
        cls,
        store: Store,
        key: bytes,
        now: Callable[[], int],
        monotonic: Callable[[], float],
        *,
        passwords: PasswordService | None = None,
    ) -> "PeopleServices":
        """Return the services over a store; the key, of 32 bytes, seals authenticators."""
        hashes = passwords or PasswordService()
        authenticators = Authenticators(store, key)
        tries = SignInTries(monotonic)
        return cls(
            users=UserService(store, hashes, tries, now),
            signing_in=SignInService(
                store, hashes, authenticators, tries, now, monotonic=monotonic
            ),
            authenticators=authenticators,
        )
