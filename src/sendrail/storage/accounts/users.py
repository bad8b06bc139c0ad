"""People who can sign in, and their places in accounts, as rows."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sendrail.domain.account import AccountStatus
from sendrail.domain.errors import NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.user import Membership, Role, User
from sendrail.storage.dialect import insert_new
from sendrail.storage.driver import Driver
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tables import accounts
from sendrail.storage.user_tables import (
    backup_codes,
    invitations,
    memberships,
    user_sessions,
    users,
)

_of: Final = users.c
_in: Final = memberships.c


class UserSecrets(NamedTuple):
    """What a user signs in with: the password's hash, and the authenticator's sealed secret."""

    password: str
    totp: bytes | None
    totp_step: int | None


class Users:
    """All users who can sign in to the installation."""

    def __init__(self, connection: Connection, driver: Driver) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._driver = driver

    def hold(self) -> None:
        """Let no other transaction change who may sign in, and where, until the end of this one.

        What is counted or compared before a change (the last owner, a link that is good once)
        would else be decided twice at the same moment.
        """
        self._driver.lock("people")

    def add(self, email: str, name: str, password: str, *, is_operator: bool, now: int) -> int:
        row = insert(users).values(
            email=email, name=name, is_operator=is_operator, password=password, created_at=now
        )
        return int(self._execute(row.returning(_of.id)).scalar_one())

    def all(self) -> list[User]:
        """Return all users, whatever their accounts, in the order of their addresses."""
        return [_user(row) for row in self._execute(select(users).order_by(_of.email))]

    def find(self, user_id: int) -> User | None:
        return self._one(_of.id == user_id)

    def find_all(self, user_ids: Collection[int]) -> dict[int, User]:
        """Return users by their ids."""
        rows = self._execute(select(users).where(_of.id.in_(user_ids)))
        return {row.id: _user(row) for row in rows}

    def named(self, email: str) -> User | None:
        """Return the user of an address, in small letters."""
        return self._one(_of.email == email)

    def has_any(self, *, operators_only: bool = False) -> bool:
        """Return whether any user can sign in, or any operator."""
        some = select(_of.id).where(_of.password != "", _of.disabled_at.is_(None)).limit(1)
        if operators_only:
            some = some.where(_of.is_operator.is_(True))
        return self._execute(some).one_or_none() is not None

    def secrets(self, user_id: int) -> UserSecrets:
        """Return what a user signs in with, of whom there is a row."""
        row = select(_of.password, _of.totp, _of.totp_step, _of.totp_since)
        found = self._execute(row.where(_of.id == user_id)).one()
        return UserSecrets(found.password, found.totp, found.totp_step)

    def change(self, user_id: int, **values: Any) -> None:
        self._execute(update(users).where(_of.id == user_id).values(**values))

    def take_step(self, user_id: int, step: int) -> bool:
        """Use up an authenticator's time step; return False where it or a later one was used."""
        later = (_of.totp_step.is_(None)) | (_of.totp_step < step)
        taken = update(users).where(_of.id == user_id, later).values(totp_step=step)
        return self._execute(taken).rowcount > 0

    def set_backup_codes(self, user_id: int, digests: Iterable[bytes]) -> None:
        """Replace a user's backup codes."""
        self._execute(delete(backup_codes).where(backup_codes.c.user_id == user_id))
        rows = [{"user_id": user_id, "digest": digest} for digest in digests]
        insert_each(self._connection, insert(backup_codes), rows)

    def take_backup_code(self, user_id: int, digest: bytes) -> bool:
        """Use up a backup code; return False where there is none such."""
        code = backup_codes.c
        used = delete(backup_codes).where(code.user_id == user_id, code.digest == digest)
        return self._execute(used).rowcount > 0

    # Places in accounts

    def accounts_of(self, user_id: int) -> list[Membership]:
        """Return the accounts that a user has a place in, by their names."""
        return self.accounts_of_all([user_id]).get(user_id, [])

    def accounts_of_all(self, user_ids: Collection[int]) -> dict[int, list[Membership]]:
        """Return the accounts that users have a place in, by their names, for each user."""
        rows = self._execute(
            select(_in.user_id, _in.account_id, _in.role, accounts.c.name, accounts.c.status)
            .join(accounts, accounts.c.id == _in.account_id)
            .where(_in.user_id.in_(user_ids))
            .order_by(accounts.c.name)
        )
        found: dict[int, list[Membership]] = {}
        for row in rows:
            found.setdefault(row.user_id, []).append(
                Membership(
                    account_id=AccountId(row.account_id),
                    account=row.name,
                    role=Role(row.role),
                    is_active=row.status == AccountStatus.ACTIVE,
                )
            )
        return found

    def members(self, account_id: AccountId) -> Sequence[tuple[User, Role]]:
        """Return who has a place in an account, by their addresses."""
        rows = self._execute(
            select(users, _in.role)
            .join(memberships, _in.user_id == _of.id)
            .where(_in.account_id == account_id)
            .order_by(_of.email)
        )
        return [(_user(row), Role(row.role)) for row in rows]

    def role(self, account_id: AccountId, user_id: int) -> Role | None:
        """Return a user's role in an account, None for a stranger there."""
        one = select(_in.role).where(_in.account_id == account_id, _in.user_id == user_id)
        found = self._execute(one).scalar_one_or_none()
        return None if found is None else Role(found)

    def set_role(self, account_id: AccountId, user_id: int, role: Role, now: int) -> None:
        """Give a user a role in an account, and a place where there was none."""
        row = {"account_id": account_id, "user_id": user_id, "role": role, "created_at": now}
        self._execute(insert_new(self._connection, memberships).values(row))
        ours = update(memberships).where(_in.account_id == account_id, _in.user_id == user_id)
        self._execute(ours.values(role=role.value))

    def remove(self, account_id: AccountId, user_id: int) -> None:
        """Take a user's place in an account away. Raises `NotFound` where there is none."""
        ours = delete(memberships).where(_in.account_id == account_id, _in.user_id == user_id)
        if self._execute(ours).rowcount == 0:
            raise NotFound("This person is not in the team.", code="user_not_found")
        here = (user_sessions.c.account_id == account_id, user_sessions.c.user_id == user_id)
        self._execute(delete(user_sessions).where(*here))

    def owners(self, account_id: AccountId) -> int:
        """Return how many owners of an account can sign in."""
        able = (
            select(func.count())
            .select_from(memberships)
            .join(users, _of.id == _in.user_id)
            .where(
                _in.account_id == account_id,
                _in.role == Role.OWNER.value,
                _of.password != "",
                _of.disabled_at.is_(None),
            )
        )
        return int(self._execute(able).scalar_one())

    def forget_links(self, user_id: int) -> None:
        """End a user's links to a new password."""
        self._execute(delete(invitations).where(invitations.c.user_id == user_id))

    def _one(self, condition: Any) -> User | None:
        found = self._execute(select(users).where(condition)).one_or_none()
        return None if found is None else _user(found)


def _user(row: Row[tuple[Any, ...]]) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        is_operator=row.is_operator,
        has_password=bool(row.password),
        has_totp=row.totp_since is not None,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
