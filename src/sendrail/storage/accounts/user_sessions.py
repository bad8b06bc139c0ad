"""Signed-in browsers, and invitations, as rows: each is found by the digest of what it shows."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from sendrail.domain.ids import AccountId
from sendrail.domain.user import Invitation, Role, UserSession
from sendrail.storage.user_tables import invitations, user_sessions

_of: Final = user_sessions.c
_link: Final = invitations.c


class UserSessions:
    """The sessions of all users who are signed in."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(  # noqa: PLR0917 - a row's columns
        self,
        user_id: int,
        account_id: AccountId,
        digest: bytes,
        agent: str,
        address: str,
        now: int,
    ) -> int:
        row = insert(user_sessions).values(
            user_id=user_id,
            account_id=account_id,
            digest=digest,
            created_at=now,
            used_at=now,
            confirmed_at=now,
            agent=agent,
            address=address,
        )
        return int(self._execute(row.returning(_of.id)).scalar_one())

    def find(
        self, digests: Collection[bytes], *, created_after: int, used_after: int
    ) -> dict[bytes, UserSession]:
        """Return the sessions of digests that are not too old, by their digests."""
        some = select(user_sessions).where(
            _of.digest.in_(digests), _of.created_at > created_after, _of.used_at > used_after
        )
        return {row.digest: _session(row) for row in self._execute(some)}

    def of_user(self, user_id: int) -> list[UserSession]:
        """Return a user's sessions, the last used first."""
        some = select(user_sessions).where(_of.user_id == user_id)
        rows = self._execute(some.order_by(_of.used_at.desc(), _of.id.desc()))
        return [_session(row) for row in rows]

    def change(self, user_id: int, session_id: int, **values: Any) -> None:
        ours = update(user_sessions).where(_of.user_id == user_id, _of.id == session_id)
        self._execute(ours.values(**values))

    def end(self, user_id: int, session_id: int) -> None:
        self._execute(delete(user_sessions).where(_of.user_id == user_id, _of.id == session_id))

    def end_all(self, user_id: int, *, but: int | None = None) -> None:
        """End a user's sessions, all `but` one."""
        ended = delete(user_sessions).where(_of.user_id == user_id)
        self._execute(ended if but is None else ended.where(_of.id != but))

    def end_old(self, *, created_before: int, used_before: int) -> int:
        """End the sessions that can be used no more; return how many they were."""
        old = (_of.created_at <= created_before) | (_of.used_at <= used_before)
        return int(self._execute(delete(user_sessions).where(old)).rowcount)


class Invitations:
    """Links with which a password is set."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(self, **values: Any) -> int:
        return int(
            self._execute(insert(invitations).values(**values).returning(_link.id)).scalar_one()
        )

    def find(self, digest: bytes, now: int) -> Invitation | None:
        """Return the invitation of a digest, None where it is over or was used."""
        one = select(invitations).where(_link.digest == digest, _link.expires_at > now)
        found = self._execute(one).one_or_none()
        return None if found is None else _invitation(found)

    def of_account(self, account_id: AccountId, now: int) -> list[Invitation]:
        """Return an account's open invitations to people who have no place in it, newest first."""
        some = select(invitations).where(
            _link.account_id == account_id, _link.user_id.is_(None), _link.expires_at > now
        )
        return [_invitation(row) for row in self._execute(some.order_by(_link.id.desc()))]

    def end(self, account_id: AccountId, invitation_id: int) -> bool:
        """Delete an invitation; return whether there was one."""
        ours = (_link.account_id == account_id, _link.id == invitation_id)
        return self._execute(delete(invitations).where(*ours)).rowcount > 0

    def end_for(self, account_id: AccountId, email: str) -> None:
        """Delete an account's invitations to an address."""
        ours = (_link.account_id == account_id, _link.email == email)
        self._execute(delete(invitations).where(*ours))

    def forget(self, now: int) -> int:
        """Delete what is over; return how many they were."""
        return int(self._execute(delete(invitations).where(_link.expires_at <= now)).rowcount)


def _session(row: Row[tuple[Any, ...]]) -> UserSession:
    return UserSession(
        id=row.id,
        user_id=row.user_id,
        account_id=AccountId(row.account_id),
        created_at=row.created_at,
        used_at=row.used_at,
        confirmed_at=row.confirmed_at,
        agent=row.agent,
        address=row.address,
    )


def _invitation(row: Row[tuple[Any, ...]]) -> Invitation:
    return Invitation(
        id=row.id,
        account_id=AccountId(row.account_id),
        email=row.email,
        role=Role(row.role),
        is_operator=row.is_operator,
        user_id=row.user_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
