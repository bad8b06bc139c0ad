"""People join by invitations, have roles, and are let go; an account keeps an owner."""

import pyotp
import pytest
from people_house import ME, NOW, PASSWORD
from stores import BACKENDS

from sendrail.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    Unauthorized,
)
from sendrail.domain.user import PERMISSIONS, Permission, Role
from sendrail.people.tries import FREE_TRIES
from sendrail.people.users import FIRST_LINK_MS, INVITATION_MS, RESET_MS


def test_the_first_link_makes_the_operator_once_and_for_a_quarter_of_an_hour(house):
    early = house.do(house.users.first_link(house.us))
    token = house.do(house.users.first_link(house.us))
    with pytest.raises(NotFound):
        house.accept(early, "ana@example.com")
    house.now += FIRST_LINK_MS
    with pytest.raises(NotFound):
        house.accept(token, "ana@example.com")
    token = house.do(house.users.first_link(house.us))
    assert not house.do(house.users.has_any())
    ana = house.accept(token, " Ana@Example.com ")
    assert (ana.email, ana.is_operator) == ("ana@example.com", True)
    assert house.do(house.users.has_any())
    assert house.do(house.users.first_link(house.us)) is None
    with pytest.raises(NotFound):
        house.accept(token, "eve@example.com")
    who = house.who(house.sign_in("ana@example.com"))
    assert (who.role, who.permissions) == (Role.OWNER, frozenset(Permission))
    # An operator may look at every account.
    assert {each.account for each in who.accounts} == {"us", "them"}


@pytest.mark.parametrize("house", BACKENDS, indirect=True)
def test_an_invitation_is_for_one_address_one_role_and_seven_days(house):
    token = house.do(house.users.invite(house.us, "Ben@example.com", Role.VIEWER, ME))
    house.now += INVITATION_MS - 1
    assert [each.email for each in house.do(house.users.team(house.us)).invitations] == [
        "ben@example.com"
    ]
    house.now += 1
    assert not house.do(house.users.team(house.us)).invitations
    with pytest.raises(NotFound):
        house.accept(token)
    ben = house.join("ben@example.com", Role.VIEWER)
    who = house.who(house.sign_in("BEN@example.com"))
    assert (who.user, who.role) == (ben, Role.VIEWER)
    assert who.permissions == PERMISSIONS[Role.VIEWER] == {Permission.SEE_FIGURES}
    with pytest.raises(Conflict, match="in the team"):
        house.do(house.users.invite(house.us, "ben@example.com", Role.OWNER, ME))
    # Into another account the password is shown, not set.
    other = house.do(house.users.invite(house.them, "ben@example.com", Role.OWNER, ME))
    with pytest.raises(Unauthorized):
        house.accept(other, password="another one")
    house.accept(other)
    roles = {each.account: each.role for each in house.do(house.users.accounts_of(ben.id))}
    assert roles == {"us": Role.VIEWER, "them": Role.OWNER}
    assert ("user.joined", "ben@example.com") in house.audited()


def test_an_invitation_is_no_way_around_the_wait(house):
    """An owner of any account may invite an address, and so could try its password."""
    house.join("ben@example.com")
    token = house.do(house.users.invite(house.them, "ben@example.com", Role.VIEWER, ME))
    for _ in range(FREE_TRIES):
        with pytest.raises(Unauthorized):
            house.accept(token, password="a wrong one")
    with pytest.raises(Overloaded):
        house.accept(token)
    with pytest.raises(Overloaded):
        house.sign_in("ben@example.com")
    house.seconds += 61
    house.accept(token)
    house.sign_in("ben@example.com")


def test_an_invitation_is_taken_back_only_by_its_account(house):
    token = house.do(house.users.invite(house.us, "ben@example.com", Role.MEMBER, ME))
    [invited] = house.do(house.users.team(house.us)).invitations
    house.do(house.users.end_invitation(house.them, invited.id, ME))
    assert house.do(house.users.invitation(token)).id == invited.id
    house.do(house.users.end_invitation(house.us, invited.id, ME))
    with pytest.raises(NotFound):
        house.accept(token)


def test_a_role_holds_from_the_next_request_on(house):
    house.join("ana@example.com", Role.OWNER)
    ben = house.join("ben@example.com")
    token = house.sign_in("ben@example.com")
    house.do(house.users.set_role(house.us, ben.id, Role.VIEWER, ME))
    assert house.who(token).role is Role.VIEWER
    with pytest.raises(NotFound):
        house.do(house.users.set_role(house.them, ben.id, Role.OWNER, ME))
    house.do(house.users.remove(house.us, ben.id, ME, by=None))
    assert house.who(token) is None
    with pytest.raises(Forbidden, match="no place"):
        house.sign_in("ben@example.com")
    assert house.audited()[-2:] == [
        ("user.role_changed", "ben@example.com"),
        ("user.removed", "ben@example.com"),
    ]


def test_an_account_keeps_an_owner(house):
    ana = house.join("ana@example.com", Role.OWNER)
    house.do(house.users.invite(house.us, "late@example.com", Role.OWNER, ME))
    for attempt in (
        house.users.set_role(house.us, ana.id, Role.MEMBER, ME),
        house.users.remove(house.us, ana.id, ME, by=None),
        house.users.disable("ana@example.com", ME),
    ):
        with pytest.raises(Conflict, match="last owner"):
            house.do(attempt)
    ben = house.join("ben@example.com", Role.OWNER)
    with pytest.raises(Forbidden, match="cannot remove yourself"):
        house.do(house.users.remove(house.us, ben.id, ME, by=ben.id))
    house.do(house.users.set_role(house.us, ana.id, Role.MEMBER, ME))
    with pytest.raises(Conflict):
        house.do(house.users.set_role(house.us, ben.id, Role.VIEWER, ME))


def test_a_reset_ends_the_sessions_and_sets_a_new_password_within_an_hour(house):
    house.join("ana@example.com", Role.OWNER)
    session = house.sign_in("ana@example.com")
    house.do(house.users.reset("ana@example.com", ME))
    token = house.do(house.users.reset("ana@example.com", ME))
    assert house.who(session) is None
    house.now += RESET_MS
    with pytest.raises(NotFound):
        house.accept(token)
    token = house.do(house.users.reset("ana@example.com", ME))
    with pytest.raises(InvalidInput, match="8 characters"):
        house.accept(token, password="short")
    house.accept(token, password="another one")
    with pytest.raises(Unauthorized):
        house.sign_in("ana@example.com")
    who = house.who(house.sign_in("ana@example.com", "another one"))
    # The role is that of before, not one of the link.
    assert who.role is Role.OWNER
    with pytest.raises(NotFound):
        house.do(house.users.reset("eve@example.com", ME))


def test_a_reset_weakens_nothing_before_its_link_is_used(house):
    ana = house.join("ana@example.com", Role.OWNER)
    shown = house.do(house.authenticators.begin(ana.id, ana.email))
    code = pyotp.TOTP(shown.secret.replace(" ", "")).at(house.now // 1_000)
    house.do(house.authenticators.confirm(ana.id, code, house.now))
    token = house.do(house.users.reset("ana@example.com", ME))
    with pytest.raises(Unauthorized) as refused:
        house.sign_in("ana@example.com")
    assert refused.value.code == "code_needed"
    house.now += 60_000
    code = pyotp.TOTP(shown.secret.replace(" ", "")).at(house.now // 1_000)
    with_the_old_one = house.sign_in("ana@example.com", code=code)
    house.accept(token, password="another one")
    assert house.who(with_the_old_one) is None
    assert house.who(house.sign_in("ana@example.com", "another one"))


def test_an_old_invitation_changes_no_role_and_brings_nobody_back(house):
    house.join("boss@example.com", Role.OWNER)
    token = house.do(house.users.invite(house.us, "ana@example.com", Role.VIEWER, ME))
    first = house.do(house.users.invite(house.them, "ana@example.com", Role.OWNER, ME))
    ana = house.accept(first)
    house.do(house.store.write(lambda tx: tx.users.set_role(house.us, ana.id, Role.OWNER, NOW)))
    house.accept(token)
    assert house.who(house.sign_in("ana@example.com")).accounts[1].role is Role.OWNER
    token = house.do(house.users.invite(house.us, "ben@example.com", Role.OWNER, ME))
    ben = house.accept(house.do(house.users.invite(house.them, "ben@example.com", Role.OWNER, ME)))
    house.do(house.store.write(lambda tx: tx.users.set_role(house.us, ben.id, Role.MEMBER, NOW)))
    house.do(house.users.remove(house.us, ben.id, ME, by=None))
    with pytest.raises(NotFound):
        house.accept(token)


def test_an_invitation_gives_nobody_more_codes_to_try(house):
    """Who has the password of another, and an account to invite to, has five codes all the same."""
    ana = house.join("ana@example.com", Role.OWNER)
    shown = house.do(house.authenticators.begin(ana.id, ana.email))
    code = pyotp.TOTP(shown.secret.replace(" ", "")).at(house.now // 1_000)
    house.do(house.authenticators.confirm(ana.id, code, house.now))
    for _ in range(FREE_TRIES - 1):
        with pytest.raises(Unauthorized):
            house.sign_in("ana@example.com", code="000000")
    house.accept(house.do(house.users.invite(house.them, "ana@example.com", Role.VIEWER, ME)))
    with pytest.raises(Unauthorized):
        house.sign_in("ana@example.com", code="000000")
    with pytest.raises(Overloaded):
        house.sign_in("ana@example.com", code="000000")


def test_who_is_disabled_is_out_at_once(house):
    house.join("ana@example.com", Role.OWNER)
    house.join("ben@example.com")
    session = house.sign_in("ben@example.com")
    house.do(house.users.disable("ben@example.com", ME))
    assert house.who(session) is None
    with pytest.raises(Unauthorized):
        house.sign_in("ben@example.com")
    house.do(house.users.disable("ben@example.com", ME, enable=True))
    assert house.who(house.sign_in("ben@example.com"))


def test_nothing_that_lets_somebody_in_is_kept_as_it_is(house):
    token = house.do(house.users.invite(house.us, "ana@example.com", Role.OWNER, ME))
    house.accept(token)
    session = house.sign_in("ana@example.com")

    def rows(tx):
        user = tx.users.named("ana@example.com")
        return str((tx.users.secrets(user.id), tx.sessions.of_user(user.id)))

    kept = house.do(house.store.read(rows))
    assert "$argon2id$" in kept
    for secret in (token, session, PASSWORD):
        assert secret not in kept
    assert house.now == NOW
