"""Digests of the numbers of erased people, by which a person is recognised when they come again."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from sendrail.domain.erasure import REDACTED, Pseudonyms
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contact_tables import erased
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tables import lists


class ErasedNumbers:
    """Numbers that stay out of every list of an account, kept as digests only."""

    def __init__(self, connection: Connection, pseudonyms: Pseudonyms) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._digest_of = pseudonyms.of

    def add(
        self, account_id: AccountId, recipient: PhoneNumber, now: int, *, complained: bool
    ) -> int:
        """Keep the digest of a number, and return it.

        With it goes the digest of no number at all: a message whose recipient was redacted while
        it was under way may come back to the queue, and must never leave it again.
        """
        digest = self._digest_of(recipient)
        rows = [
            {"account_id": account_id, "digest": each, "complained": complained, "erased_at": now}
            for each in (digest, self._digest_of(REDACTED))
        ]
        insert_each(self._connection, insert_new(self._connection, erased), rows)
        if complained:
            of_person = (erased.c.account_id == account_id, erased.c.digest == digest)
            self._execute(erased.update().where(*of_person).values(complained=True))
        return digest

    def shown(self, recipient: PhoneNumber) -> str:
        """Return how the audit log names a person: an erasure leaves no number in it."""
        return f"person {self._digest_of(recipient) & 0xFFFF_FFFF_FFFF_FFFF:016x}"

    def among(
        self, account_id: AccountId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]:
        """Return which of the numbers were erased, and whether each had complained."""
        return self._among(erased.c.account_id == account_id, recipients)

    def among_list(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]:
        """Return the same for the account that a list belongs to."""
        its_account = select(lists.c.account_id).where(lists.c.id == list_id)
        return self._among(erased.c.account_id == its_account.scalar_subquery(), recipients)

    def _among(
        self, of_account: ColumnElement[bool], recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, bool]:
        if self._execute(select(erased.c.digest).where(of_account).limit(1)).first() is None:
            return {}
        by_digest = {self._digest_of(recipient): recipient for recipient in recipients}
        found: dict[PhoneNumber, bool] = {}
        for part in batches(list(by_digest)):
            some: Any = select(erased.c.digest, erased.c.complained).where(
                and_(of_account, erased.c.digest.in_(part))
            )
            found.update((by_digest[row.digest], row.complained) for row in self._execute(some))
        return found
