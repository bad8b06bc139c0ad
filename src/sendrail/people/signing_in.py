"""Signing in, and the sessions that it makes.

A session is a random token in a cookie, of which only the digest is kept. It ends after a week
without use and after thirty days in any case; the user sees all of them and can end each.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.account import AccountStatus
from sendrail.domain.errors import Forbidden, InvalidInput, Unauthorized
from sendrail.domain.ids import AccountId
from sendrail.domain.times import DAY_MS
from sendrail.domain.user import (
    SESSION_DAYS_MAX,
    SESSION_IDLE_DAYS_MAX,
    Membership,
    Permission,
    Role,
    User,
    UserSession,
    email_of,
    password_of,
    permissions_of,
)
from sendrail.people.authenticator import Authenticators
from sendrail.people.live_sessions import LiveSessions
from sendrail.people.passwords import PasswordService
from sendrail.people.tokens import digest_of, new_token
from sendrail.people.tries import SignInTries, network_key, user_key
from sendrail.storage.interface import Store, Tx

# How long a password that was shown is enough for keys, the team and erasure.
CONFIRMED_MS: Final = 15 * 60_000
# A session's last use is written this often.
_USE_NOTED_MS: Final = 60_000
_AGENT_LENGTH_MAX: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInUser:
    """The user of a request, the account it looks at, and what they may do there."""

    user: User
    session: UserSession
    account_id: AccountId
    account: str
    role: Role | None
    permissions: frozenset[Permission]
    # Where they could look as well.
    accounts: Sequence[Membership]


class SignInService:
    """Signs users in and out."""

    def __init__(
        self,
        store: Store,
        hashes: PasswordService,
        authenticators: Authenticators,
        tries: SignInTries,
        now: Callable[[], int],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._authenticators = authenticators
        self._now = now
        self._tries = tries
        self._live = LiveSessions(self._find_all, monotonic)

    async def sign_in(
        self, email: str, password: str, code: str, *, agent: str, address: str
    ) -> str:
        """Return the token of a new session.

        Raises `Overloaded` where a client tries too often, `Unauthorized` for a wrong password
        (code `wrong_password`), a missing code (`code_needed`) or a wrong one (`wrong_code`),
        `Forbidden` for a user without any account.
        """
        by_user, by_network = keys = (user_key(email), network_key(address))
        with self._tries.counted(*keys):
            user, kept = await self._store.read(lambda tx: _find(tx, email))
            is_able = user is not None and user.disabled_at is None
            # Compared in any case: how long it takes says nothing of who exists.
            fits = await self._hashes.fits(password, kept if is_able else None)
        if not fits or user is None or not kept:
            raise _wrong_password(self._tries.left(by_user))
        if user.has_totp and not code.strip():
            for each in keys:
                self._tries.take_back(each)
            raise Unauthorized(
                "Type the code that your authenticator shows.", code="code_needed", param="code"
            )
        renewed = await self._hashes.make(password) if self._hashes.is_old(kept) else kept
        token = await self._begin(user.id, code, agent, address, before=kept, renewed=renewed)
        self._tries.forget(by_user)
        self._tries.take_back(by_network)
        return token

    async def _begin(
        self, user_id: int, code: str, agent: str, address: str, *, before: str, renewed: str
    ) -> str:
        """Begin a session of who has shown the password whose hash was `before`."""
        token, now = new_token(), self._now()

        def begin(tx: Tx) -> bool:
            tx.users.hold()
            # Comparing takes a while, in which the password may have been changed.
            user = tx.users.find(user_id)
            if user is None or user.disabled_at is not None or _hash(tx, user_id) != before:
                raise _wrong_password(0)
            if user.has_totp and not self._authenticators.takes(tx, user.id, code, now):
                return False
            if renewed != before:
                tx.users.change(user.id, password=renewed)
            account_id = _first_account(tx, user)
            agent_kept = agent[:_AGENT_LENGTH_MAX]
            tx.sessions.add(user.id, account_id, digest_of(token), agent_kept, address, now)
            return True

        if not await self._store.write(begin):
            raise Unauthorized(
                "This code does not fit, or was used before.", code="wrong_code", param="code"
            )
        return token

    async def find(self, token: str) -> SignedInUser | None:
        """Return the user of a cookie's token, None where it is of none."""
        digest = digest_of(token)
        return (await self._find_all([digest])).get(digest)

    async def find_live(self, token: str) -> SignedInUser | None:
        """Return the same for a tab that asks again every few seconds, as of some moment ago.

        A session that has ended meanwhile is one for `KEPT_SECONDS` more at most.
        """
        return await self._live.find(digest_of(token))

    async def _find_all(self, digests: Collection[bytes]) -> Mapping[bytes, SignedInUser]:
        now = self._now()
        found = await self._store.read(lambda tx: _signed_in(tx, digests, now))
        sessions = [each.session for each in found.values()]
        if used := [each for each in sessions if now - each.used_at > _USE_NOTED_MS]:

            def note(tx: Tx) -> None:
                for each in used:
                    tx.sessions.change(each.user_id, each.id, used_at=now)

            await self._store.write(note)
        return found

    async def confirm(self, who: SignedInUser, password: str) -> None:
        """Note that the user has shown the password again.

        Raises `Unauthorized` for another one, `Overloaded` after too many of those.
        """
        await self._expect_password(who, password)
        now = self._now()
        await self._change(
            lambda tx: tx.sessions.change(who.user.id, who.session.id, confirmed_at=now)
        )

    def is_confirmed(self, who: SignedInUser) -> bool:
        """Return whether the password was shown lately."""
        return self._now() - who.session.confirmed_at < CONFIRMED_MS

    async def change_password(self, who: SignedInUser, before: str, after: str) -> None:
        """Change a password, and end the user's other sessions. Raises as `confirm` does."""
        password_of(after)
        shown = await self._expect_password(who, before)
        kept = await self._hashes.make(after)

        def write(tx: Tx) -> None:
            tx.users.hold()
            if _hash(tx, who.user.id) != shown:
                raise _not_yours()
            tx.users.change(who.user.id, password=kept)
            tx.users.forget_links(who.user.id)
            tx.sessions.end_all(who.user.id, but=who.session.id)

        await self._change(write)

    async def look_at(self, who: SignedInUser, account_id: AccountId) -> None:
        """Let a session look at another account. Raises `Forbidden` where it may not."""
        if account_id not in {each.account_id for each in who.accounts}:
            raise Forbidden("You have no place in this account.", code="forbidden")
        await self._change(
            lambda tx: tx.sessions.change(who.user.id, who.session.id, account_id=account_id)
        )

    async def sessions(self, who: SignedInUser) -> list[UserSession]:
        """Return all sessions of a user, the last used first."""
        return await self._store.read(lambda tx: tx.sessions.of_user(who.user.id))

    async def end(self, who: SignedInUser, session_id: int) -> None:
        """End one session of a user; another user's is left as it is."""
        await self._change(lambda tx: tx.sessions.end(who.user.id, session_id))

    async def end_others(self, who: SignedInUser) -> None:
        """End all sessions of a user but this one."""
        await self._change(lambda tx: tx.sessions.end_all(who.user.id, but=who.session.id))

    async def _change(self, work: Callable[[Tx], None]) -> None:
        """Change sessions, which tabs notice at once."""
        await self._store.write(work)
        self._live.forget()

    async def _expect_password(self, who: SignedInUser, password: str) -> str:
        """Return the hash of a user's password, which they have shown."""
        key = user_key(who.user.email)
        with self._tries.counted(key):
            kept = await self._store.read(lambda tx: _hash(tx, who.user.id))
            fits = await self._hashes.fits(password, kept)
        if not fits:
            raise _not_yours()
        self._tries.forget(key)
        return kept


def _wrong_password(left: int) -> Unauthorized:
    text = "Address or password is wrong."
    if left > 0:
        text += f" After {left} more {'try' if left == 1 else 'tries'} you wait for a minute."
    return Unauthorized(text, code="wrong_password", param="password")


def _not_yours() -> Unauthorized:
    return Unauthorized("This is not your password.", code="wrong_password", param="password")


def _hash(tx: Tx, user_id: int) -> str:
    return tx.users.secrets(user_id).password


def _find(tx: Tx, text: str) -> tuple[User | None, str | None]:
    try:
        user = tx.users.named(email_of(text))
    except InvalidInput:
        # What is no address is no user's; PostgreSQL would refuse to look for some of it.
        return None, None
    return user, None if user is None else tx.users.secrets(user.id).password


def _everywhere(tx: Tx, own: Sequence[Membership]) -> Sequence[Membership]:
    """Return every account, with the roles that an operator has in some of them."""
    roles = {each.account_id: each.role for each in own}
    return [
        Membership(
            account_id=each.id,
            account=each.name,
            role=roles.get(each.id, Role.OWNER),
            is_active=each.status is AccountStatus.ACTIVE,
        )
        for each in tx.accounts.all()
    ]


def _first_account(tx: Tx, user: User) -> AccountId:
    own = tx.users.accounts_of(user.id)
    if not (accounts := own or (_everywhere(tx, own) if user.is_operator else [])):
        raise Forbidden(
            "You have no place in any account. Ask an owner to invite you.", code="no_account"
        )
    return accounts[0].account_id


def _signed_in(tx: Tx, digests: Collection[bytes], now: int) -> Mapping[bytes, SignedInUser]:
    sessions = tx.sessions.find(
        digests,
        created_after=now - SESSION_DAYS_MAX * DAY_MS,
        used_after=now - SESSION_IDLE_DAYS_MAX * DAY_MS,
    )
    user_ids = {each.user_id for each in sessions.values()}
    if not user_ids:
        return {}
    users, places = tx.users.find_all(user_ids), tx.users.accounts_of_all(user_ids)
    found = {}
    for digest, session in sessions.items():
        user, own = users.get(session.user_id), places.get(session.user_id, [])
        if user is None or user.disabled_at is not None:
            continue
        accounts = _everywhere(tx, own) if user.is_operator else own
        if (signed_in := _at(session, user, own, accounts)) is not None:
            found[digest] = signed_in
    return found


def _at(
    session: UserSession, user: User, own: Sequence[Membership], accounts: Sequence[Membership]
) -> SignedInUser | None:
    """Return a user in the account that a session looks at, None without a place there."""
    here = next((each for each in accounts if each.account_id == session.account_id), None)
    if here is None:
        return None
    role = next((each.role for each in own if each.account_id == here.account_id), None)
    return SignedInUser(
        user=user,
        session=session,
        account_id=here.account_id,
        account=here.account,
        role=role,
        permissions=_permissions(user, role, here),
        accounts=accounts,
    )


def _permissions(user: User, role: Role | None, here: Membership) -> frozenset[Permission]:
    """Return what a user may do; in a suspended account its people may only look."""
    allowed = permissions_of(role, is_operator=user.is_operator)
    if user.is_operator or here.is_active:
        return allowed
    return allowed - {Permission.SEND, Permission.MANAGE}
