"""Two at the same moment, on processes that share a database or in one: each thing happens once."""

import asyncio

import pyotp
import pytest
from argon2 import PasswordHasher
from people_house import ME, NOW, PASSWORD, House
from stores import BACKENDS

from sendrail.domain.errors import Conflict, NotFound, Unauthorized
from sendrail.domain.user import Role
from sendrail.people.passwords import PasswordService
from sendrail.people.signing_in import SignInService
from sendrail.people.users import UserService

ROUNDS = 8
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Interrupted(PasswordService):
    """Hashes; while it does so for the first time, something else happens."""

    def __init__(self, meanwhile):
        super().__init__(CHEAP)
        self._meanwhile = meanwhile

    async def make(self, password):
        await self._happen()
        return await super().make(password)

    async def fits(self, password, kept):
        fits = await super().fits(password, kept)
        await self._happen()
        return fits

    async def _happen(self):
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, tmp_path):
    backend = BACKENDS[request.param](tmp_path)
    house = House(backend.open())
    house.second = backend.open() if request.param == "postgres" else house.store
    yield house
    house.do(house.second.close())
    house.close()


def other_users(house, hashes=None):
    """The users as another process serves them."""
    hashes = hashes or PasswordService(CHEAP)
    return UserService(house.second, hashes, house.users._tries, lambda: house.now)


def other_sign_in(house, hashes):
    return SignInService(
        house.second,
        hashes,
        house.authenticators,
        house.signing_in._tries,
        lambda: house.now,
        monotonic=lambda: house.seconds,
    )


def together(house, *calls):
    async def play():
        return await asyncio.gather(*calls, return_exceptions=True)

    return house.do(play())


def faults(results):
    return [type(each) for each in results if isinstance(each, Exception)]


def owners(house):
    return house.do(house.store.read(lambda tx: tx.users.owners(house.us)))


@pytest.mark.parametrize("way", ["role", "removal", "disabling"])
def test_two_owners_who_go_at_once_leave_one(house, way):
    people = [house.join(f"{name}@example.com", Role.OWNER) for name in ("ana", "ben")]
    ways = {
        "role": lambda users, who: users.set_role(house.us, who.id, Role.VIEWER, ME),
        "removal": lambda users, who: users.remove(house.us, who.id, ME, by=None),
        "disabling": lambda users, who: users.disable(who.email, ME),
    }

    def put_back(tx):
        for each in people:
            tx.users.set_role(house.us, each.id, Role.OWNER, NOW)
            tx.users.change(each.id, disabled_at=None)

    services = (house.users, other_users(house))
    for _ in range(ROUNDS):
        calls = [ways[way](users, who) for users, who in zip(services, people, strict=True)]
        assert faults(together(house, *calls)) == [Conflict]
        assert owners(house) == 1
        house.do(house.store.write(put_back))


def test_a_link_is_good_once_also_for_two_at_once(house):
    services = (house.users, other_users(house))
    for at in range(ROUNDS):
        token = house.do(house.users.first_link(house.us))
        calls = [
            users.accept(token, email=f"{name}{at}@example.com", name=name, password=PASSWORD)
            for name, users in zip(("ana", "ben"), services, strict=True)
        ]
        assert faults(together(house, *calls)) == [NotFound]
        everybody = house.do(house.users.all())
        assert len(everybody) == at + 1
        # Only where there is no operator is there such a link.
        for each in everybody:
            house.do(
                house.store.write(
                    lambda tx, user_id=each.id: tx.users.change(user_id, is_operator=False)
                )
            )


def test_a_password_that_was_set_meanwhile_is_not_set_over(house):
    first = house.do(house.users.invite(house.us, "ana@example.com", Role.OWNER, ME))
    of_a_stranger = house.do(house.users.invite(house.them, "ana@example.com", Role.OWNER, ME))

    async def ana_is_faster():
        await house.users.accept(first, email="", name="Ana", password=PASSWORD)

    users = other_users(house, Interrupted(ana_is_faster))
    with pytest.raises(Conflict, match="a moment ago"):
        house.do(users.accept(of_a_stranger, email="", name="Eve", password="eve's own one"))
    assert house.who(house.sign_in("ana@example.com"))
    with pytest.raises(Unauthorized):
        house.sign_in("ana@example.com", "eve's own one")
    # The link is still good for who has the password.
    house.accept(of_a_stranger)


@pytest.mark.parametrize("what", ["reset and used", "disabled and enabled"])
def test_a_sign_in_that_began_before_a_change_makes_no_session(house, what):
    house.join("boss@example.com", Role.OWNER)
    ana = house.join("ana@example.com")

    async def change():
        if what == "reset and used":
            token = await house.users.reset("ana@example.com", ME)
            await house.users.accept(token, email="", name="", password="another one")
        else:
            await house.users.disable("ana@example.com", ME)

    service = other_sign_in(house, Interrupted(change))
    with pytest.raises(Unauthorized):
        house.do(service.sign_in("ana@example.com", PASSWORD, "", agent="a", address="192.0.2.9"))
    kept = house.do(house.store.read(lambda tx: tx.sessions.of_user(ana.id)))
    assert kept == []


def test_a_password_is_not_changed_over_one_that_was_set_meanwhile(house):
    house.join("ana@example.com", Role.OWNER)
    who = house.who(house.sign_in("ana@example.com"))

    async def reset():
        token = await house.users.reset("ana@example.com", ME)
        await house.users.accept(token, email="", name="", password="another one")

    service = other_sign_in(house, Interrupted(reset))
    with pytest.raises(Unauthorized):
        house.do(service.change_password(who, PASSWORD, "a thief's one"))
    assert house.sign_in("ana@example.com", "another one")


@pytest.mark.parametrize("kind", ["code", "backup code"])
def test_a_code_is_good_once_also_for_two_at_once(house, kind):
    ana = house.join("ana@example.com")
    secret = house.do(house.authenticators.begin(ana.id, ana.email)).secret.replace(" ", "")
    totp = pyotp.TOTP(secret)
    shown = totp.at(house.now // 1_000)
    backup = house.do(house.authenticators.confirm(ana.id, shown, house.now))
    services = (house.signing_in, other_sign_in(house, PasswordService(CHEAP)))
    for at in range(ROUNDS):
        house.now += 60_000
        house.seconds += 3_600
        code = backup[at] if kind == "backup code" else totp.at(house.now // 1_000)
        calls = [
            service.sign_in(ana.email, PASSWORD, code, agent="a", address="192.0.2.9")
            for service in services
        ]
        assert faults(together(house, *calls)) == [Unauthorized]
