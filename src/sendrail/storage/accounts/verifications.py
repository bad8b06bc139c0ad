"""How lists on an account's own carrier come to be verified, as rows."""

from sqlalchemy import Connection, delete, insert, select, update

from sendrail.domain.ids import ConnectorId, ListId, MessageNumber
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.domain.verification import Progress
from sendrail.storage.tables import lists, verifications


class Verifications:
    """The steps taken so far, and the reply that is the last one."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def find(self, list_id: ListId) -> Progress | None:
        row = self._execute(
            select(verifications).where(verifications.c.list_id == list_id)
        ).one_or_none()
        if row is None:
            return None
        return Progress(
            checked_at=row.checked_at,
            checked=row.checked,
            sent_at=row.sent_at,
            recipient=None if row.recipient is None else PhoneNumber(row.recipient),
            message_number=None
            if row.message_number is None
            else MessageNumber(row.message_number),
        )

    def begin(self, list_id: ListId, checked: str, now: int) -> None:
        """Note that the credentials were found good; whatever was noted before is void."""
        self._execute(delete(verifications).where(verifications.c.list_id == list_id))
        row = insert(verifications).values(list_id=list_id, checked_at=now, checked=checked)
        self._execute(row)

    def sent(
        self, list_id: ListId, recipient: PhoneNumber, number: MessageNumber, now: int
    ) -> None:
        """Note the test message; a later one takes the place of an earlier one."""
        self._execute(
            update(verifications)
            .where(verifications.c.list_id == list_id)
            .values(sent_at=now, recipient=recipient, message_number=number)
        )

    def replied(
        self, sender: SendingList, connector_id: ConnectorId, reply_from: int, now: int
    ) -> bool:
        """Verify the list, if this is the reply to its test message, by its connector."""
        if not sender.byoc or sender.verified_at is not None or connector_id != sender.connector_id:
            return False
        found = self.find(sender.id)
        if found is None or found.sent_at is None or found.recipient != reply_from:
            return False
        self._execute(update(lists).where(lists.c.id == sender.id).values(verified_at=now))
        return True

    def void(self, connector_id: ConnectorId) -> int:
        """Take back the verification of a connector's lists; return how many were verified."""
        on_connector = select(lists.c.id).where(lists.c.connector_id == connector_id)
        self._execute(delete(verifications).where(verifications.c.list_id.in_(on_connector)))
        unverified = (
            update(lists)
            .where(
                lists.c.connector_id == connector_id, lists.c.byoc, lists.c.verified_at.is_not(None)
            )
            .values(verified_at=None)
        )
        return self._execute(unverified).rowcount

    def forget(self, list_id: ListId) -> None:
        """Forget the steps of one list."""
        self._execute(delete(verifications).where(verifications.c.list_id == list_id))
