"""Signing in: the password, the authenticator, sessions, and the wait of who tries too often."""

import pyotp
import pytest
from people_house import ME, PASSWORD
from stores import BACKENDS

from sendrail.domain.errors import (
    Forbidden,
    InvalidInput,
    Overloaded,
    StorageUnavailable,
    Unauthorized,
)
from sendrail.domain.times import DAY_MS
from sendrail.domain.user import SESSION_DAYS_MAX, SESSION_IDLE_DAYS_MAX, Role
from sendrail.people.passwords import PasswordService
from sendrail.people.signing_in import CONFIRMED_MS, SignInService
from sendrail.people.tokens import form_token
from sendrail.people.tries import FREE_TRIES, NETWORK_FREE_TRIES

ANA = "ana@example.com"


@pytest.fixture
def ana(house):
    return house.join(ANA, Role.OWNER)


def test_a_session_ends_after_thirty_days_and_after_a_week_without_use(house, ana):
    token = house.sign_in(ANA)
    start = house.now
    while house.now - start < (SESSION_DAYS_MAX - 6) * DAY_MS:
        house.now += (SESSION_IDLE_DAYS_MAX - 1) * DAY_MS
        assert house.who(token).user == ana
    house.now = start + SESSION_DAYS_MAX * DAY_MS
    assert house.who(token) is None
    token = house.sign_in(ANA)
    house.now += SESSION_IDLE_DAYS_MAX * DAY_MS
    assert house.who(token) is None
    assert house.who("anything") is None


@pytest.mark.usefixtures("ana")
def test_sessions_are_seen_and_ended_by_their_user_only(house):
    house.join("ben@example.com")
    one, two, other = house.sign_in(ANA), house.sign_in(ANA), house.sign_in("ben@example.com")
    who, ben = house.who(two), house.who(other)
    assert [each.address for each in house.do(house.signing_in.sessions(who))] == ["192.0.2.1"] * 2
    house.do(house.signing_in.end(ben, who.session.id))
    assert house.who(two)
    house.do(house.signing_in.end_others(who))
    assert (house.who(one), bool(house.who(two)), bool(house.who(other))) == (None, True, True)
    house.do(house.signing_in.end(who, who.session.id))
    assert house.who(two) is None


@pytest.mark.usefixtures("ana")
def test_who_fails_often_waits_and_a_stranger_as_if_they_existed(house):
    for email in (ANA, "nobody@example.com"):
        for turn in range(FREE_TRIES):
            with pytest.raises(Unauthorized) as refused:
                house.sign_in(email, "wrong", address=f"192.0.2.{turn}")
            left = FREE_TRIES - turn - 1
            assert (f"After {left} more" in str(refused.value)) is (left > 0)
        with pytest.raises(Overloaded, match="in 60 s"):
            house.sign_in(email, PASSWORD)
        house.seconds += 61
        with pytest.raises(Unauthorized):
            house.sign_in(email, "wrong")
        with pytest.raises(Overloaded, match="in 120 s"):
            house.sign_in(email, PASSWORD)
        house.seconds += 121
    house.sign_in(ANA)
    # It begins anew.
    with pytest.raises(Unauthorized, match=f"After {FREE_TRIES - 1} more"):
        house.sign_in(ANA, "wrong")


@pytest.mark.usefixtures("ana")
def test_a_network_that_tries_many_addresses_waits(house):
    for turn in range(NETWORK_FREE_TRIES):
        with pytest.raises(Unauthorized):
            house.sign_in(f"{turn}@example.com", "wrong", address="198.51.100.1")
    with pytest.raises(Overloaded):
        house.sign_in(ANA, address="198.51.100.1")
    house.sign_in(ANA, address="198.51.100.2")


# RFC 3849 and RFC 5737: addresses of examples.
@pytest.mark.parametrize(
    ("first", "others", "another"),
    [
        ("2001:db8:1:2::{:x}", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"),
        ("2001:0DB8:1:2:{:x}::", "2001:db8:1:2::1", "2001:db8:1:1:ffff:ffff:ffff:ffff"),
        ("::ffff:198.51.100.1", "198.51.100.1", "::ffff:198.51.100.2"),
        ("198.51.100.1", "::ffff:198.51.100.1", "198.51.100.2"),
        ("fe80::{:x}%eth0", "fe80::1", "2001:db8::1"),
        ("", "", "198.51.100.1"),
    ],
)
@pytest.mark.usefixtures("ana")
def test_a_host_that_changes_its_address_is_of_one_network(house, first, others, another):
    for turn in range(NETWORK_FREE_TRIES):
        with pytest.raises(Unauthorized):
            house.sign_in(f"{turn}@example.com", "wrong", address=first.format(turn + 1))
    with pytest.raises(Overloaded):
        house.sign_in(ANA, address=others)
    house.sign_in(ANA, address=another)


@pytest.mark.parametrize("house", BACKENDS, indirect=True)
def test_an_authenticator_is_asked_for_once_it_was_shown(house, ana):
    secret = house.do(house.authenticators.begin(ana.id, ANA)).secret.replace(" ", "")
    code = pyotp.TOTP(secret)
    house.sign_in(ANA)
    with pytest.raises(InvalidInput):
        house.do(house.authenticators.confirm(ana.id, "000000x", house.now))
    shown = code.at(house.now // 1_000)
    backup = house.do(house.authenticators.confirm(ana.id, shown, house.now))
    assert len(set(backup)) == 10
    assert house.do(house.authenticators.pending(ana.id, ANA)) is None
    with pytest.raises(Unauthorized, match="Type the code"):
        house.sign_in(ANA)
    # A code is good once, also that which was shown first.
    with pytest.raises(Unauthorized, match="used before"):
        house.sign_in(ANA, code=shown)
    house.now += 30_000
    fresh = code.at(house.now // 1_000)
    house.sign_in(ANA, code=f"{fresh[:3]} {fresh[3:]}")
    with pytest.raises(Unauthorized):
        house.sign_in(ANA, code=fresh)
    # RFC 6238, 5.2: a step to either side is near enough, two are not.
    with pytest.raises(Unauthorized):
        house.sign_in(ANA, code=code.at(house.now // 1_000 + 60))
    house.sign_in(ANA, code=code.at(house.now // 1_000 + 30))
    house.sign_in(ANA, code=backup[3].upper())
    with pytest.raises(Unauthorized):
        house.sign_in(ANA, code=backup[3])
    house.do(house.authenticators.remove(ana.id))
    house.sign_in(ANA)


@pytest.mark.parametrize("house", BACKENDS, indirect=True)
def test_an_authenticator_that_counts_is_shown_no_second_time(house, ana):
    secret = house.do(house.authenticators.begin(ana.id, ANA)).secret.replace(" ", "")
    shown = pyotp.TOTP(secret).at(house.now // 1_000)
    backup = house.do(house.authenticators.confirm(ana.id, shown, house.now))
    # Else its codes could be tried here without a wait, and the backup codes be made anew.
    for code in (shown, "000000"):
        with pytest.raises(InvalidInput, match="an authenticator already"):
            house.do(house.authenticators.confirm(ana.id, code, house.now))
    house.sign_in(ANA, code=backup[0])


@pytest.mark.parametrize("house", BACKENDS, indirect=True)
@pytest.mark.parametrize("text", ["ana\0@example.com", "a" * 60_000, "ana", ""])
def test_what_is_no_address_is_nobodys(house, ana, text):
    del ana
    for _ in range(FREE_TRIES):
        with pytest.raises(Unauthorized, match="is wrong"):
            house.sign_in(text)
    with pytest.raises(Overloaded):
        house.sign_in(text)
    # Ten thousand of them are kept.
    assert all(len(key) < 300 for key in house.signing_in._tries._kept)


class Crowded(PasswordService):
    """Has no place for another password to be compared, as where many sign in at once."""

    async def fits(self, password, kept):  # noqa: ARG002 - the interface
        raise Overloaded("Too many people sign in at once. Try again shortly.")


class Away:
    """A store whose database cannot be reached."""

    async def read(self, work, *, begun=True):  # noqa: ARG002 - the interface
        raise StorageUnavailable("The database cannot be reached.")


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("is_away", [False, True])
def test_a_try_whose_password_was_not_compared_is_none(house, is_away):
    hindered = SignInService(
        Away() if is_away else house.store,
        Crowded(),
        house.authenticators,
        house.signing_in._tries,
        lambda: house.now,
        monotonic=lambda: house.seconds,
    )
    for _ in range(NETWORK_FREE_TRIES):
        with pytest.raises((Overloaded, StorageUnavailable), match=r"Too many people|cannot be"):
            house.do(hindered.sign_in(ANA, PASSWORD, "", agent="", address="192.0.2.1"))
    house.sign_in(ANA, address="192.0.2.1")


def test_a_password_is_asked_for_again_after_a_quarter_of_an_hour(house, ana):
    token = house.sign_in(ANA)
    assert house.signing_in.is_confirmed(house.who(token))
    house.now += CONFIRMED_MS
    who = house.who(token)
    assert not house.signing_in.is_confirmed(who)
    with pytest.raises(Unauthorized):
        house.do(house.signing_in.confirm(who, "wrong"))
    house.do(house.signing_in.confirm(who, PASSWORD))
    assert house.signing_in.is_confirmed(house.who(token))
    other = house.sign_in(ANA)
    house.do(house.signing_in.change_password(who, PASSWORD, "another one"))
    assert (house.who(other), house.who(token).user) == (None, ana)


@pytest.mark.usefixtures("ana")
def test_a_session_looks_only_where_its_user_has_a_place(house):
    who = house.who(house.sign_in(ANA))
    with pytest.raises(Forbidden):
        house.do(house.signing_in.look_at(who, house.them))
    invited = house.do(house.users.invite(house.them, ANA, Role.VIEWER, ME))
    house.accept(invited)
    token = house.sign_in(ANA)
    house.do(house.signing_in.look_at(house.who(token), house.us))
    assert house.who(token).role is Role.OWNER
    house.do(house.signing_in.look_at(house.who(token), house.them))
    assert (house.who(token).account, house.who(token).role) == ("them", Role.VIEWER)


def test_what_a_form_carries_follows_from_the_cookie_alone():
    assert form_token("a") == form_token("a") != form_token("b")
    assert "a" * 8 not in form_token("a" * 8)
