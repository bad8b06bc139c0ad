"""Numbers of people whose data was deleted: as `contacts/erased.py`, with a lock of the account.

Where many write at once, a transaction could look for erased numbers, find none, and subscribe a
number whose erasure is committed in between. So a transaction that looks holds off the account's
erasures until it ends, and an erasure waits for those that have looked. Between themselves they do
not wait, and accounts do not wait for each other.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contacts import erased
from sendrail.storage.postgres.driver import PostgresDriver

# A number of our own, beside which stands the account's.
_ERASURES: Final = 0x45726173
_LOCK: Final = f"({_ERASURES}, (account.id % 2147483647)::int)"
ERASE_ALONE: Final = f"SELECT pg_advisory_xact_lock{_LOCK} FROM (SELECT $1::bigint) AS account (id)"
HOLD_OFF: Final = (
    f"SELECT pg_advisory_xact_lock_shared{_LOCK} FROM (SELECT $1::bigint) AS account (id)"
)
HOLD_OFF_BY_LIST: Final = (
    f"SELECT pg_advisory_xact_lock_shared{_LOCK}"
    " FROM (SELECT account_id FROM lists WHERE id = $1) AS account (id)"
)


class PostgresErasedNumbers(erased.ErasedNumbers):
    """Numbers that stay out of every list of an account."""

    def __init__(
        self, connection: Connection, pseudonyms: Pseudonyms, driver: PostgresDriver
    ) -> None:
        super().__init__(connection, pseudonyms)
        self._driver = driver

    def add(
        self, account_id: AccountId, recipient: PhoneNumber, now: int, *, complained: bool
    ) -> int:
        self._driver.row(ERASE_ALONE, account_id)
        return super().add(account_id, recipient, now, complained=complained)

    def among(
        self, account_id: AccountId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]:
        self._driver.row(HOLD_OFF, account_id)
        return super().among(account_id, recipients)

    def among_list(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]:
        self._driver.row(HOLD_OFF_BY_LIST, list_id)
        return super().among_list(list_id, recipients)
