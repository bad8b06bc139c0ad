"""Which account owns each sender on the connectors that accounts share, as rows."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from sendrail.domain import phone, sender_ids
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus
from sendrail.storage.dialect import insert_new, insert_or_replace
from sendrail.storage.tables import accounts, connectors, lists, sender_owners

_owner = sender_owners.c


class SenderOwner(NamedTuple):
    """A sender's owner on a shared connector; connector and account by their names."""

    connector: str
    shown: str
    account: str
    since: int


class Senders:
    """Which account owns each sender on the connectors that accounts share."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._connection = connection

    def claim(
        self,
        account_id: AccountId,
        number: PhoneNumber,
        connector_ids: Iterable[ConnectorId],
        now: int,
    ) -> bool:
        """Let an account have a sender on connectors; return False where another account has it."""
        for connector_id in sorted(connector_ids):
            row = {
                "connector_id": connector_id,
                "number": number,
                "account_id": account_id,
                "since": now,
            }
            self._execute(insert_new(self._connection, sender_owners).values(row))
            # Read again: another process may have been first.
            if self.owner(number, connector_id) != account_id:
                return False
        return True

    def owner(self, number: PhoneNumber, connector_id: ConnectorId) -> AccountId | None:
        """Return the account that has a sender on a connector."""
        of_sender = (_owner.connector_id == connector_id, _owner.number == number)
        found = self._execute(select(_owner.account_id).where(*of_sender)).scalar()
        return None if found is None else AccountId(found)

    def assign(
        self, account_id: AccountId, number: PhoneNumber, connector_id: ConnectorId, now: int
    ) -> None:
        """Give a sender to an account, also from another one."""
        row = {
            "connector_id": connector_id,
            "number": number,
            "account_id": account_id,
            "since": now,
        }
        self._execute(insert_or_replace(self._connection, sender_owners).values(row))

    def release(self, number: PhoneNumber, connector_id: ConnectorId) -> None:
        """Take a sender from its account."""
        of_sender = (_owner.connector_id == connector_id, _owner.number == number)
        self._execute(delete(sender_owners).where(*of_sender))

    def in_use(self, number: PhoneNumber, connector_id: ConnectorId) -> AccountId | None:
        """Return the account whose list, not a deleted one, sends as it by a connector."""
        by_connector = (lists.c.connector_id == connector_id) | (
            lists.c.second_connector_id == connector_id
        )
        used = select(lists.c.account_id).where(
            lists.c.number == number, by_connector, lists.c.status != ListStatus.DELETED
        )
        found = self._execute(used.limit(1)).scalar()
        return None if found is None else AccountId(found)

    def all(self) -> list[SenderOwner]:
        """Return every sender that is an account's, by connector and number."""
        # A name that no list has yet cannot be read from its digest.
        name = select(lists.c.sender_name).where(lists.c.number == _owner.number).limit(1)
        rows = self._execute(
            select(sender_owners, name.scalar_subquery().label("sender_name"))
            .add_columns(connectors.c.name.label("connector"), accounts.c.name.label("account"))
            .join(connectors, connectors.c.id == _owner.connector_id)
            .join(accounts, accounts.c.id == _owner.account_id)
            .order_by(_owner.connector_id, _owner.number)
        )
        return [
            SenderOwner(
                connector=row.connector,
                shown=row.sender_name or _shown(row.number),
                account=row.account,
                since=row.since,
            )
            for row in rows
        ]


def _shown(number: int) -> str:
    return phone.show(number) if sender_ids.takes_replies(number) else "a name that no list has"
