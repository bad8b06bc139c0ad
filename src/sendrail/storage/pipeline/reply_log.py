"""Replies as look-up shows them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Text, literal_column, select

from sendrail.domain.consent import Keyword
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.tables import lists, replies, sender_shown


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """A reply as it was kept."""

    id: int
    list_number: str
    sender: PhoneNumber
    body: str
    keyword: Keyword | None
    rule: str | None
    review: bool
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFilter:
    """Which replies a list of replies is about; None means any."""

    list_number: PhoneNumber | None = None
    keyword: Keyword | None = None
    review: bool = False
    sender: PhoneNumber | None = None


class ReplyLog:
    """Replies as they were kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, account_id: AccountId, about: ReplyFilter, offset: int, limit: int
    ) -> Sequence[StoredReply]:
        """Return one page of an account's replies, newest first."""
        some = (
            select(replies, literal_column(sender_shown(), Text).label("list_number"))
            .join(lists, lists.c.id == replies.c.list_id)
            .where(replies.c.account_id == account_id)
        )
        if about.list_number is not None:
            some = some.where(lists.c.number == about.list_number)
        if about.keyword is not None:
            some = some.where(replies.c.keyword == about.keyword.value)
        if about.sender is not None:
            some = some.where(replies.c.sender == about.sender)
        if about.review:
            some = some.where(replies.c.review)
        page = some.order_by(replies.c.id.desc()).offset(offset).limit(limit)
        return [
            StoredReply(
                id=row.id,
                list_number=row.list_number,
                sender=PhoneNumber(row.sender),
                body=row.body,
                keyword=None if row.keyword is None else Keyword(row.keyword),
                rule=row.rule,
                review=row.review,
                received_at=row.received_at,
            )
            for row in self._connection.execute(page)
        ]
