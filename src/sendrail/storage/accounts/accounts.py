"""Accounts and API keys as rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sendrail.domain.account import Account, AccountStatus, ApiKey
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.frame import OwnFrame
from sendrail.domain.ids import AccountId, KeyId, read_row_id
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.tables import accounts, api_keys


class Accounts:
    """Accounts and their API keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, now: int) -> AccountId:
        """Add an account. Raises `Conflict` where there is one of this name."""
        row = insert_new(self._connection, accounts).values(
            name=name, status=AccountStatus.ACTIVE, blocked_words="", created_at=now
        )
        added = self._connection.execute(row.returning(accounts.c.id)).scalar_one_or_none()
        if added is None:
            raise Conflict(
                f"There is an account {name} already. Choose another name.",
                code="account_exists",
                param="name",
            )
        return AccountId(added)

    def all(self) -> list[Account]:
        return self._read(select(accounts).order_by(accounts.c.id))

    def named(self, name: str) -> Account | None:
        """Return the account of a name, else the one with this number for an id."""
        found = self._read(select(accounts).where(accounts.c.name == name))
        if not found and (number := read_row_id(name)) is not None:
            found = self._read(select(accounts).where(accounts.c.id == number))
        return next(iter(found), None)

    def name(self, account_id: AccountId) -> str:
        """Return the account's name."""
        one = select(accounts.c.name).where(accounts.c.id == account_id)
        name = self._connection.execute(one).scalar_one_or_none()
        if name is None:
            raise NotFound("there is no such account")
        return str(name)

    def rename(self, account_id: AccountId, name: str) -> None:
        """Give an account another name. Raises `Conflict` where another has it."""
        taken = select(accounts.c.id).where(accounts.c.name == name, accounts.c.id != account_id)
        if self._connection.execute(taken).first() is not None:
            raise Conflict(
                f"There is an account {name} already. Choose another name.",
                code="account_exists",
                param="name",
            )
        renamed = update(accounts).where(accounts.c.id == account_id)
        self._connection.execute(renamed.values(name=name))

    def set_status(self, account_id: AccountId, status: AccountStatus) -> bool:
        """Set an account's status; return False when it has it already."""
        changed = update(accounts).where(accounts.c.id == account_id, accounts.c.status != status)
        return self._connection.execute(changed.values(status=status)).rowcount > 0

    def blocked_words(self, account_id: AccountId) -> str:
        """Return the account's blocked words, separated by commas."""
        one = select(accounts.c.blocked_words).where(accounts.c.id == account_id)
        words = self._connection.execute(one).scalar_one_or_none()
        if words is None:
            raise NotFound("there is no such account")
        return str(words)

    def set_blocked_words(self, account_id: AccountId, words: str) -> None:
        changed = update(accounts).where(accounts.c.id == account_id).values(blocked_words=words)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no such account")

    def stop_words(self, account_id: AccountId) -> str:
        """Return the account's own words for STOP, separated by commas."""
        one = select(accounts.c.stop_words).where(accounts.c.id == account_id)
        words = self._connection.execute(one).scalar_one_or_none()
        if words is None:
            raise NotFound("there is no such account")
        return str(words)

    def set_stop_words(self, account_id: AccountId, words: str) -> None:
        changed = update(accounts).where(accounts.c.id == account_id).values(stop_words=words)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no such account")

    def country(self, account_id: AccountId) -> str:
        """Return the country of the account's numbers without a plus, or an empty text."""
        one = select(accounts.c.country).where(accounts.c.id == account_id)
        country = self._connection.execute(one).scalar_one_or_none()
        if country is None:
            raise NotFound("there is no such account")
        return str(country)

    def set_country(self, account_id: AccountId, country: str) -> None:
        changed = update(accounts).where(accounts.c.id == account_id).values(country=country)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no such account")

    def timezone(self, account_id: AccountId) -> str:
        """Return the name of the zone whose clock the account goes by."""
        one = select(accounts.c.timezone).where(accounts.c.id == account_id)
        name = self._connection.execute(one).scalar_one_or_none()
        if name is None:
            raise NotFound("there is no such account")
        return str(name)

    def set_timezone(self, account_id: AccountId, name: str) -> None:
        changed = update(accounts).where(accounts.c.id == account_id).values(timezone=name)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no such account")

    def quiet_hours(self, account_id: AccountId) -> str | None:
        """Return the quiet hours of the account's lists that have none of their own."""
        one = select(accounts.c.quiet_hours).where(accounts.c.id == account_id)
        row = self._connection.execute(one).one_or_none()
        if row is None:
            raise NotFound("there is no such account")
        return None if row[0] is None else str(row[0])

    def set_quiet_hours(self, account_id: AccountId, hours: str | None) -> None:
        changed = update(accounts).where(accounts.c.id == account_id).values(quiet_hours=hours)
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound("there is no such account")

    def own_frame(self, account_id: AccountId) -> OwnFrame:
        """Return what the account says itself of the frame of its texts."""
        own = select(accounts.c.prepend_text, accounts.c.append_text)
        row = self._connection.execute(own.where(accounts.c.id == account_id)).one_or_none()
        if row is None:
            raise NotFound("there is no such account")
        return OwnFrame(*row)

    def set_own_frame(self, account_id: AccountId, own: OwnFrame) -> None:
        changed = update(accounts).where(accounts.c.id == account_id)
        values = {"prepend_text": own.prepend, "append_text": own.append}
        if self._connection.execute(changed.values(**values)).rowcount == 0:
            raise NotFound("there is no such account")

    def add_key(
        self, account_id: AccountId, name: str, digest: bytes, shown: str, now: int
    ) -> KeyId:
        row = insert(api_keys).values(
            account_id=account_id, digest=digest, shown=shown, name=name, created_at=now
        )
        return KeyId(self._connection.execute(row.returning(api_keys.c.id)).scalar_one())

    def keys(self, account_id: AccountId) -> list[ApiKey]:
        """Return the account's keys, revoked ones too, oldest first."""
        of_account = select(api_keys).where(api_keys.c.account_id == account_id)
        return [_key(row) for row in self._connection.execute(of_account.order_by(api_keys.c.id))]

    def rename_key(self, account_id: AccountId, key_id: KeyId, name: str) -> bool:
        """Give a key another name; return False when it is unknown."""
        renamed = (
            update(api_keys)
            .where(api_keys.c.account_id == account_id, api_keys.c.id == key_id)
            .values(name=name)
        )
        return self._connection.execute(renamed).rowcount > 0

    def revoke_key(self, account_id: AccountId, key_id: KeyId, now: int) -> bool:
        """Revoke a key; return False when it is unknown or was revoked before."""
        revoked = (
            update(api_keys)
            .where(
                api_keys.c.account_id == account_id,
                api_keys.c.id == key_id,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=now)
        )
        return self._connection.execute(revoked).rowcount > 0

    def note_use(self, digests: Sequence[bytes], now: int) -> None:
        """Write down that keys were used up to now."""
        for part in batches(digests):
            used = update(api_keys).where(api_keys.c.digest.in_(part))
            self._connection.execute(used.values(last_used_at=now))

    def _read(self, statement: Any) -> list[Account]:
        return [
            Account(
                id=AccountId(row.id),
                name=row.name,
                status=AccountStatus(row.status),
                created_at=row.created_at,
            )
            for row in self._connection.execute(statement)
        ]


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        id=KeyId(row.id),
        name=row.name,
        shown=row.shown,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
