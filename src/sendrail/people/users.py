"""People and their places in accounts: invited, given a role, and let go.

An invitation is a link with a random token, shown once to the user who invites; with it the
password is set. The installation has an operator as soon as a person has taken the first link.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import Conflict, Forbidden, NotFound, Unauthorized
from sendrail.domain.ids import AccountId
from sendrail.domain.times import DAY_MS
from sendrail.domain.user import (
    Invitation,
    Membership,
    Role,
    User,
    email_of,
    password_of,
    user_name_of,
)
from sendrail.people.authenticator import forget_authenticator
from sendrail.people.passwords import PasswordService
from sendrail.people.tokens import digest_of, new_token
from sendrail.people.tries import SignInTries, user_key
from sendrail.storage.interface import Store, Tx

# Public product, "Team management".
INVITATION_MS: Final = 7 * DAY_MS
FIRST_LINK_MS: Final = 15 * 60_000
# Public product, "User settings".
RESET_MS: Final = 60 * 60_000
# Of a link that asks for the address, too.
_ANYBODY: Final = ""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """The people of an account, and the invitations that are open."""

    members: Sequence[tuple[User, Role]]
    invitations: Sequence[Invitation]


class UserService:
    """Operations on people, their roles and their invitations."""

    def __init__(
        self,
        store: Store,
        hashes: PasswordService,
        tries: SignInTries,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._tries = tries
        self._now = now

    async def _change(self, work: Callable[[Tx], T]) -> T:
        """Change people, one transaction at a time in the whole installation."""

        def alone(tx: Tx) -> T:
            tx.users.hold()
            return work(tx)

        return await self._store.write(alone)

    async def has_any(self) -> bool:
        """Return whether any user can sign in."""
        return await self._store.read(lambda tx: tx.users.has_any())

    async def first_link(self, account_id: AccountId) -> str | None:
        """Return the token of a link that makes the first operator; None where there is one.

        It ends every such link from before.
        """
        token, now = new_token(), self._now()

        def write(tx: Tx) -> str | None:
            if tx.users.has_any(operators_only=True):
                return None
            tx.invitations.end_for(account_id, _ANYBODY)
            _invite(tx, account_id, _ANYBODY, Role.OWNER, token, now, now + FIRST_LINK_MS, True)
            return token

        return await self._change(write)

    async def all(self) -> list[User]:
        """Return all users of the installation."""
        return await self._store.read(lambda tx: tx.users.all())

    async def accounts_of(self, user_id: int) -> list[Membership]:
        """Return the accounts that a user has a place in."""
        return await self._store.read(lambda tx: tx.users.accounts_of(user_id))

    async def team(self, account_id: AccountId) -> Team:
        """Return who is in an account, and who is invited."""
        now = self._now()
        return await self._store.read(
            lambda tx: Team(
                tx.users.members(account_id),
                [each for each in tx.invitations.of_account(account_id, now) if each.email],
            )
        )

    async def invite(
        self,
        account_id: AccountId,
        email: str,
        role: Role,
        actor: Actor,
        *,
        is_operator: bool = False,
    ) -> str:
        """Return the token of an invitation, good for seven days; it ends an earlier one.

        Raises `Conflict` for a person who is in the team.
        """
        address, token, now = email_of(email), new_token(), self._now()

        def write(tx: Tx) -> None:
            user = tx.users.named(address)
            if user is not None and tx.users.role(account_id, user.id) is not None:
                raise Conflict(f"{address} is in the team already.", code="user_exists")
            tx.invitations.end_for(account_id, address)
            until = now + INVITATION_MS
            _invite(tx, account_id, address, role, token, now, until, is_operator)
            tx.audit.add(account_id, actor, Action.USER_INVITED, address, {"role": role.value}, now)

        await self._change(write)
        return token

    async def end_invitation(self, account_id: AccountId, invitation_id: int, actor: Actor) -> None:
        """Take an invitation back."""
        now = self._now()

        def write(tx: Tx) -> None:
            about = f"invitation {invitation_id}"
            if tx.invitations.end(account_id, invitation_id):
                tx.audit.add(account_id, actor, Action.INVITATION_ENDED, about, {}, now)

        await self._change(write)

    async def invitation(self, token: str) -> Invitation:
        """Return the invitation of a link. Raises `NotFound` where it is over or was used."""
        now = self._now()
        return await self._store.read(lambda tx: _invitation(tx, token, now))

    async def accept(self, token: str, *, email: str, name: str, password: str) -> User:
        """Take an invitation: set the password, and have the place in the account.

        A person who can sign in already shows their own password instead of setting one. Raises
        `InvalidInput` for what cannot be used, `Unauthorized` for another password than theirs, and
        `Overloaded` after too many of those.
        """
        found = await self.invitation(token)
        address = found.email or email_of(email)
        known, kept = await self._store.read(lambda tx: _known(tx, found, address))
        if known is not None and known.has_password and found.user_id is None:
            # Else an invitation would be a way around the wait of who tries passwords.
            with self._tries.counted(user_key(address)):
                fits = await self._hashes.fits(password, kept)
            if not fits:
                raise Unauthorized(
                    f"{address} has a password already, and this is not it.",
                    code="wrong_password",
                    param="password",
                )
            # Their failed codes stay counted: this asks for no code.
            self._tries.take_back(user_key(address))
            hashed = kept or ""
            called = known.name
        else:
            called = known.name if known is not None else user_name_of(name)
            hashed = await self._hashes.make(password_of(password))
        now = self._now()
        return await self._change(
            lambda tx: _accept(
                tx, _invitation(tx, token, now), address, called, hashed, now, before=kept
            )
        )

    async def reset(self, email: str, actor: Actor) -> str:
        """Return the token of a link to a new password, good for an hour; all sessions end.

        The authenticator is forgotten when the link is used, not before: until then the old
        password alone must not be enough.
        """
        token, now = new_token(), self._now()

        def write(tx: Tx) -> None:
            user = _named(tx, email)
            places = tx.users.accounts_of(user.id)
            account_id = places[0].account_id if places else tx.accounts.all()[0].id
            tx.users.forget_links(user.id)
            tx.sessions.end_all(user.id)
            tx.invitations.add(
                account_id=account_id,
                email=user.email,
                role=Role.VIEWER.value,
                is_operator=False,
                user_id=user.id,
                digest=digest_of(token),
                created_at=now,
                expires_at=now + RESET_MS,
            )
            _note_everywhere(tx, user, actor, Action.USER_RESET, now)

        await self._change(write)
        return token

    async def disable(self, email: str, actor: Actor, *, enable: bool = False) -> User:
        """Keep a user out, or let them in again; their sessions end at once."""
        now = self._now()

        def write(tx: Tx) -> User:
            user = _named(tx, email)
            for place in () if enable else tx.users.accounts_of(user.id):
                if place.role is Role.OWNER:
                    _expect_another_owner(tx, place.account_id, user)
            tx.users.change(user.id, disabled_at=None if enable else now)
            tx.sessions.end_all(user.id)
            action = Action.USER_ENABLED if enable else Action.USER_DISABLED
            _note_everywhere(tx, user, actor, action, now)
            return _named(tx, email)

        return await self._change(write)

    async def set_role(self, account_id: AccountId, user_id: int, role: Role, actor: Actor) -> None:
        """Give a user another role; it holds from their next request on.

        Raises `Conflict` for the last owner, `NotFound` for a user who is not in the team.
        """
        now = self._now()

        def write(tx: Tx) -> None:
            user, before = _member(tx, account_id, user_id)
            if before is role:
                return
            if before is Role.OWNER:
                _expect_another_owner(tx, account_id, user)
            tx.users.set_role(account_id, user_id, role, now)
            details = {"before": before.value, "after": role.value}
            tx.audit.add(account_id, actor, Action.USER_ROLE_CHANGED, user.email, details, now)

        await self._change(write)

    async def remove(
        self, account_id: AccountId, user_id: int, actor: Actor, *, by: int | None
    ) -> None:
        """Take a user out of an account; `by` is the user who does it, who cannot go so."""
        now = self._now()

        def write(tx: Tx) -> None:
            user, role = _member(tx, account_id, user_id)
            if user_id == by:
                raise Forbidden(
                    "You cannot remove yourself. Let another owner do it.", code="forbidden"
                )
            if role is Role.OWNER:
                _expect_another_owner(tx, account_id, user)
            tx.users.remove(account_id, user_id)
            tx.invitations.end_for(account_id, user.email)
            tx.audit.add(account_id, actor, Action.USER_REMOVED, user.email, {}, now)

        await self._change(write)


def _invite(  # noqa: PLR0917 - a row's columns
    tx: Tx,
    account_id: AccountId,
    email: str,
    role: Role,
    token: str,
    now: int,
    until: int,
    is_operator: bool,
) -> None:
    tx.invitations.forget(now)
    tx.invitations.add(
        account_id=account_id,
        email=email,
        role=role.value,
        is_operator=is_operator,
        digest=digest_of(token),
        created_at=now,
        expires_at=until,
    )


def _invitation(tx: Tx, token: str, now: int) -> Invitation:
    if (found := tx.invitations.find(digest_of(token), now)) is None:
        raise NotFound(
            "This link has expired, or was used. Ask for a new one.", code="invitation_not_found"
        )
    return found


def _known(tx: Tx, found: Invitation, email: str) -> tuple[User | None, str | None]:
    """Return who an invitation is for, where they are known, and their password's hash."""
    user = tx.users.named(email) if found.user_id is None else tx.users.find(found.user_id)
    return user, None if user is None else tx.users.secrets(user.id).password


def _accept(  # noqa: PLR0917 - what a user is made of
    tx: Tx, found: Invitation, email: str, name: str, hashed: str, now: int, *, before: str | None
) -> User:
    """Apply an invitation; `before` is the hash that was there when `hashed` was decided on."""
    user, kept = _known(tx, found, email)
    if kept != before:
        raise Conflict(
            f"The password of {email} was set a moment ago. Open the link again.",
            code="user_exists",
        )
    operator = found.is_operator
    if user is None:
        user_id = tx.users.add(email, name, hashed, is_operator=operator, now=now)
    else:
        user_id = user.id
        tx.users.change(user_id, password=hashed, is_operator=operator or user.is_operator)
    tx.invitations.end(found.account_id, found.id)
    if found.user_id is not None:
        forget_authenticator(tx, user_id)
        # Of those who signed in with the old password since the link was made.
        tx.sessions.end_all(user_id)
    elif tx.users.role(found.account_id, user_id) is None:
        tx.users.set_role(found.account_id, user_id, found.role, now)
        role = {"role": found.role.value}
        actor = Actor(name=f"user {email}")
        tx.audit.add(found.account_id, actor, Action.USER_JOINED, email, role, now)
    made = tx.users.find(user_id)
    assert made is not None, "the row was written just before"
    return made


def _named(tx: Tx, email: str) -> User:
    if (user := tx.users.named(email_of(email))) is None:
        raise NotFound(
            f"There is no user {email}; `sendrail users list` shows them.", code="user_not_found"
        )
    return user


def _member(tx: Tx, account_id: AccountId, user_id: int) -> tuple[User, Role]:
    user, role = tx.users.find(user_id), tx.users.role(account_id, user_id)
    if user is None or role is None:
        raise NotFound("This person is not in the team.", code="user_not_found")
    return user, role


def _expect_another_owner(tx: Tx, account_id: AccountId, user: User) -> None:
    able = user.has_password and user.disabled_at is None
    if tx.users.owners(account_id) - able < 1:
        raise Conflict(
            f"{user.email} is the last owner. Make another member an owner first.",
            code="last_owner",
        )


def _note_everywhere(tx: Tx, user: User, actor: Actor, action: Action, now: int) -> None:
    for place in tx.users.accounts_of(user.id):
        tx.audit.add(place.account_id, actor, action, user.email, {}, now)
