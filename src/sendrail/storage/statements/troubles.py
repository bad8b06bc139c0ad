"""What carriers say of recipients, turned into removals and counts.

Receipts and submit answers both come here, so that one word means the same by either way. Reached
only where a carrier has said something of the recipient, which is rare.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, func, select

from sendrail.domain.contact import REMOVALS, OptOutReason, RecipientTrouble, Scope, TroublePolicy
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.rows import TroubleWord
from sendrail.storage.statements.contacts import Contacts
from sendrail.storage.statements.dialect import insert_new
from sendrail.storage.tables import messages, recipient_troubles

_SOURCE: Final = "carrier"
_trouble: Final = recipient_troubles.c


class Troubles:
    """What carriers say of recipients."""

    def __init__(self, connection: Connection, contacts: Contacts) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._contacts = contacts

    def heed(self, words: Sequence[TroubleWord], policy: TroublePolicy) -> list[RecipientTrouble]:
        """Remove or count the recipients of messages; return the words that ended something."""
        return [word.trouble for word in words if self._heed(word, policy)]

    def _heed(self, word: TroubleWord, policy: TroublePolicy) -> bool:
        whose = select(messages.c.account_id, messages.c.list_id, messages.c.recipient)
        message = self._execute(whose.where(messages.c.number == word.number)).one_or_none()
        if message is None:
            return False
        account_id, list_id = AccountId(message.account_id), ListId(message.list_id)
        recipient = PhoneNumber(message.recipient)
        if (reason := REMOVALS.get(word.trouble)) is not None:
            opted_out = word.trouble is RecipientTrouble.OPTED_OUT
            everywhere = account_id if opted_out and policy.scope is Scope.ACCOUNT else None
            return self._remove(everywhere, list_id, recipient, reason, word)
        if not self._is_too_many(list_id, recipient, word, policy):
            return False
        return self._remove(None, list_id, recipient, OptOutReason.BAD_RESPONSE, word)

    def _remove(
        self,
        everywhere_in: AccountId | None,
        list_id: ListId,
        recipient: PhoneNumber,
        reason: OptOutReason,
        word: TroubleWord,
    ) -> bool:
        self._execute(
            delete(recipient_troubles).where(
                _trouble.list_id == list_id, _trouble.recipient == recipient
            )
        )
        return self._contacts.unsubscribe(
            list_id,
            recipient,
            reason,
            source=_SOURCE,
            evidence=word.detail,
            rule=word.trouble.value,
            now=word.at,
            everywhere_in=everywhere_in,
        )

    def _is_too_many(
        self, list_id: ListId, recipient: PhoneNumber, word: TroubleWord, policy: TroublePolicy
    ) -> bool:
        """Count a passing trouble, once for each message, and tell whether it is one too many."""
        if not policy.times_max:
            return False
        row = {"list_id": list_id, "recipient": recipient, "number": word.number, "at": word.at}
        self._execute(insert_new(self._connection, recipient_troubles).values(row))
        in_a_row = select(func.count()).where(
            _trouble.list_id == list_id,
            _trouble.recipient == recipient,
            _trouble.at > word.at - policy.within_ms,
        )
        return int(self._execute(in_a_row).scalar_one()) >= policy.times_max
