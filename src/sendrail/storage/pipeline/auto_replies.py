"""Automatic replies as rows: requested where replies are applied, queued by the responder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, delete, select, tuple_, update

from sendrail.domain.consent import Keyword
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.dialect import insert_new
from sendrail.storage.message_tables import auto_replies

_row: Final = auto_replies.c
_KEY: Final = (_row.list_id, _row.recipient, _row.keyword)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReply:
    """An answer to a keyword that is to be queued."""

    list_id: ListId
    recipient: PhoneNumber
    keyword: Keyword
    account_id: AccountId
    list_number: PhoneNumber
    body: str
    asked_at: int


class AutoReplies:
    """Answers to keywords, waiting to be queued or queued lately."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(  # noqa: PLR0917 - a row's columns
        self,
        sender: SendingList,
        recipient: PhoneNumber,
        keyword: Keyword,
        body: str,
        now: int,
        pause_ms: int,
    ) -> bool:
        """Request an answer; return False when one of its kind was requested a moment ago."""
        key = and_(
            _row.list_id == sender.id, _row.recipient == recipient, _row.keyword == keyword.value
        )
        # An answer that still waits is as good as one that has just been given.
        over = and_(key, _row.queued_at.is_not(None), _row.asked_at <= now - pause_ms)
        self._connection.execute(delete(auto_replies).where(over))
        asked = insert_new(self._connection, auto_replies).values(
            list_id=sender.id,
            recipient=recipient,
            keyword=keyword.value,
            account_id=sender.account_id,
            list_number=sender.number,
            body=body,
            asked_at=now,
        )
        return self._connection.execute(asked).rowcount > 0

    def withdraw(self, list_id: ListId, recipient: PhoneNumber) -> None:
        """Take back the automatic replies to a contact who leaves, except its confirmation."""
        self._connection.execute(
            delete(auto_replies).where(
                _row.list_id == list_id,
                _row.recipient == recipient,
                _row.keyword != Keyword.STOP.value,
                _row.queued_at.is_(None),
            )
        )

    def waiting(self, offset: int, limit: int) -> list[AutoReply]:
        """Return answers that are to be queued, oldest first, past the first `offset`."""
        oldest = select(auto_replies).where(_row.queued_at.is_(None))
        rows = self._connection.execute(
            oldest.order_by(_row.asked_at, *_KEY).offset(offset).limit(limit)
        )
        return [
            AutoReply(
                list_id=ListId(row.list_id),
                recipient=PhoneNumber(row.recipient),
                keyword=Keyword(row.keyword),
                account_id=AccountId(row.account_id),
                list_number=PhoneNumber(row.list_number),
                body=row.body,
                asked_at=row.asked_at,
            )
            for row in rows
        ]

    def settle(self, replies: Sequence[AutoReply], now: int) -> None:
        """Note that these are queued, or are not to be."""
        for reply in replies:
            self._connection.execute(
                update(auto_replies)
                .where(
                    _row.list_id == reply.list_id,
                    _row.recipient == reply.recipient,
                    _row.keyword == reply.keyword.value,
                    _row.asked_at == reply.asked_at,
                )
                .values(queued_at=now)
            )

    def forget(self, before: int, limit: int) -> int:
        """Delete at most `limit` answers that were settled before the given time."""
        old = select(*_KEY).where(_row.queued_at < before).limit(limit)
        gone = delete(auto_replies).where(tuple_(*_KEY).in_(old))
        return self._connection.execute(gone).rowcount
