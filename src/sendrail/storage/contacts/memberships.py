"""Which audiences contacts are in, asked for the few contacts that it matters for."""

from collections.abc import Iterable

from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audience_members import AudienceMembers, MemberQuery
from sendrail.storage.contacts.audience_targets import target_of
from sendrail.storage.contacts.audiences import Audiences


class AudienceMemberships:
    """The audiences of one account in one transaction; each question is made once."""

    def __init__(
        self, audiences: Audiences, members: AudienceMembers, account_id: AccountId, now: int
    ) -> None:
        self._audiences = audiences
        self._members = members
        self._account_id = account_id
        self._now = now
        self._queries: dict[str, MemberQuery | None] = {}

    def of(self, audiences: Iterable[str], recipient: int) -> frozenset[str]:
        """Return those of the audiences, named by their public ids, that a number is in."""
        return frozenset(each for each in audiences if self._has(each, recipient))

    def target(self, ref: str) -> AudienceTarget | None:
        """Return what an audience means now, None where no contact can be found in it."""
        audience = self._audiences.by_ref(self._account_id, ref)
        if audience is None:
            return None
        try:
            return target_of(self._audiences, audience, self._now)
        except (InvalidInput, NotFound):
            # It names too many others by now, or one that is gone.
            return None

    def _has(self, audience: str, recipient: int) -> bool:
        if audience not in self._queries:
            target = self.target(audience)
            self._queries[audience] = None if target is None else self._members.query(target)
        query = self._queries[audience]
        return (
            query is not None
            and self._members.count(query, above=recipient - 1, upto=recipient) > 0
        )
