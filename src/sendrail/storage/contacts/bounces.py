"""What carriers say of recipients, turned into removals and counts.

Receipts and submit answers both come here, so that one report means the same by either way. Reached
only where a carrier has said something of the recipient, which is rare.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select

from sendrail.domain.contact import REMOVALS, OptOutReason, RecipientTrouble, Scope, TroublePolicy
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.dialect import insert_new
from sendrail.storage.message_tables import messages, recipient_troubles

_SOURCE: Final = "carrier"
_trouble: Final = recipient_troubles.c


class RecipientReport(NamedTuple):
    """What a carrier says of a message's recipient; `detail` is its own wording."""

    number: int
    trouble: RecipientTrouble
    detail: str
    at: int


class Bounces:
    """What carriers say of recipients."""

    def __init__(self, connection: Connection, contacts: Contacts) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._contacts = contacts

    def apply(
        self, reports: Sequence[RecipientReport], policy: TroublePolicy
    ) -> list[RecipientTrouble]:
        """Remove or count the recipients of messages; return the reports that ended something."""
        return [report.trouble for report in reports if self._apply(report, policy)]

    def _apply(self, report: RecipientReport, policy: TroublePolicy) -> bool:
        whose = select(messages.c.account_id, messages.c.list_id, messages.c.recipient)
        message = self._execute(whose.where(messages.c.number == report.number)).one_or_none()
        if message is None:
            return False
        account_id, list_id = AccountId(message.account_id), ListId(message.list_id)
        recipient = PhoneNumber(message.recipient)
        if (reason := REMOVALS.get(report.trouble)) is not None:
            opted_out = report.trouble is RecipientTrouble.OPTED_OUT
            everywhere = account_id if opted_out and policy.scope is Scope.ACCOUNT else None
            return self._remove(everywhere, list_id, recipient, reason, report)
        if not self._is_too_many(list_id, recipient, report, policy):
            return False
        return self._remove(None, list_id, recipient, OptOutReason.BAD_RESPONSE, report)

    def _remove(
        self,
        everywhere_in: AccountId | None,
        list_id: ListId,
        recipient: PhoneNumber,
        reason: OptOutReason,
        report: RecipientReport,
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
            evidence=report.detail,
            rule=report.trouble.value,
            now=report.at,
            everywhere_in=everywhere_in,
        )

    def _is_too_many(
        self,
        list_id: ListId,
        recipient: PhoneNumber,
        report: RecipientReport,
        policy: TroublePolicy,
    ) -> bool:
        """Count a soft bounce, once for each message; return whether it is one too many."""
        if not policy.times_max:
            return False
        row = {"list_id": list_id, "recipient": recipient, "number": report.number, "at": report.at}
        self._execute(insert_new(self._connection, recipient_troubles).values(row))
        in_a_row = select(func.count()).where(
            _trouble.list_id == list_id,
            _trouble.recipient == recipient,
            _trouble.at > report.at - policy.within_ms,
        )
        return int(self._execute(in_a_row).scalar_one()) >= policy.times_max
