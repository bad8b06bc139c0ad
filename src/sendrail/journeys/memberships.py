"""Which audiences contacts are in, asked for the few contacts of a round that it matters for."""

from collections.abc import Iterable

from sendrail.contacts.audience_targets import target_of
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.storage.contacts.audience_members import MemberQuery
from sendrail.storage.interface import Tx


class AudienceMemberships:
    """The audiences of one account in one transaction; each question is made once."""

    def __init__(self, tx: Tx, account_id: AccountId, now: int) -> None:
        self._tx = tx
        self._account_id = account_id
        self._now = now
        self._queries: dict[str, MemberQuery | None] = {}

    def of(self, audiences: Iterable[str], recipient: int) -> frozenset[str]:
        """Return those of the audiences, named by their public ids, that a number is in."""
        return frozenset(each for each in audiences if self._has(each, recipient))

    def _has(self, audience: str, recipient: int) -> bool:
        if audience not in self._queries:
            self._queries[audience] = self._question(audience)
        query = self._queries[audience]
        members = self._tx.audience_members
        return query is not None and members.count(query, above=recipient - 1, upto=recipient) > 0

    def _question(self, ref: str) -> MemberQuery | None:
        audience = self._tx.audiences.by_ref(self._account_id, ref)
        if audience is None:
            return None
        try:
            target = target_of(self._tx, audience, self._now)
        except InvalidInput:
            # It names too many others by now, and no contact can be found in it.
            return None
        return self._tx.audience_members.query(target)
