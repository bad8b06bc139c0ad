"""The services of people over one store, each call run to its end, and clocks that we set."""

import asyncio

from argon2 import PasswordHasher

from sendrail.domain.audit import Actor
from sendrail.domain.ids import AccountId
from sendrail.domain.user import Role
from sendrail.people.authenticator import Authenticators
from sendrail.people.passwords import PasswordService
from sendrail.people.signing_in import SignInService
from sendrail.people.tries import SignInTries
from sendrail.people.users import UserService

NOW = 1_800_000_000_000
PASSWORD = "correct horse"
ME = Actor(name="a test")


class House:
    us, them = AccountId(1), AccountId(2)

    def __init__(self, store):
        self.store, self.now, self.seconds = store, NOW, 0.0
        # The cheapest that argon2 can be: its strength is not what is tested.
        hashes = PasswordService(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.authenticators = Authenticators(store, b"k" * 32)
        tries = SignInTries(lambda: self.seconds)
        self.users = UserService(store, hashes, tries, lambda: self.now)
        self.signing_in = SignInService(
            store,
            hashes,
            self.authenticators,
            tries,
            lambda: self.now,
            monotonic=lambda: self.seconds,
        )
        self._runner = asyncio.Runner()
        for name in ("us", "them"):
            self.do(store.write(lambda tx, name=name: tx.accounts.add(name, NOW)))

    def do(self, work):
        return self._runner.run(work)

    def close(self):
        self.do(self.store.close())
        self._runner.close()

    def join(self, email, role=Role.MEMBER, account=None, **more):
        token = self.do(self.users.invite(account or self.us, email, role, ME, **more))
        return self.accept(token)

    def accept(self, token, email="", password=PASSWORD):
        return self.do(self.users.accept(token, email=email, name="Ana", password=password))

    def sign_in(self, email, password=PASSWORD, code="", address="192.0.2.1"):
        return self.do(
            self.signing_in.sign_in(email, password, code, agent="a browser", address=address)
        )

    def who(self, token):
        return self.do(self.signing_in.find(token))

    def audited(self, account=None):
        entries = self.do(
            self.store.read(lambda tx: tx.audit.page(account or self.us, None, 0, 50))
        )
        return [(each.action, each.about) for each in reversed(entries)]
