"""Replies as look-up shows them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    and_,
    func,
    literal_column,
    select,
    update,
)

from sendrail.domain.consent import Keyword, ReplyVerdict
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import batches
from sendrail.storage.message_tables import replies
from sendrail.storage.tables import lists, sender_shown

_reply: Final = replies.c
# As the conditions of the partial indexes say it.
_WAITS: Final = and_(literal_column("replies.review"), _reply.verdict.is_(None))
_UNREAD: Final = and_(_reply.seen_at.is_(None), _reply.keyword.is_(None))


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
    seen_at: int | None = None
    # What a person has decided about one that is marked for review.
    verdict: ReplyVerdict | None = None

    @property
    def is_unread(self) -> bool:
        """Whether it waits for a person to read it: a keyword was honoured by itself."""
        return self.seen_at is None and self.keyword is None

    @property
    def waits(self) -> bool:
        """Whether it waits for a person to decide what it was."""
        return self.review and self.verdict is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFilter:
    """Which replies a list of replies is about; None means any."""

    list_number: PhoneNumber | None = None
    keyword: Keyword | None = None
    review: bool = False
    sender: PhoneNumber | None = None
    unread: bool = False


class FoundReply(NamedTuple):
    """A reply and the list that it was sent to."""

    reply: StoredReply
    list_id: ListId


class ReplyLog:
    """Replies as they were kept."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def page(
        self, account_id: AccountId, about: ReplyFilter, offset: int, limit: int
    ) -> Sequence[StoredReply]:
        """Return one page of an account's replies, newest first."""
        some = (
            select(replies, literal_column(sender_shown(), Text).label("list_number"))
            .join(lists, lists.c.id == _reply.list_id)
            .where(_reply.account_id == account_id)
        )
        if about.list_number is not None:
            some = some.where(lists.c.number == about.list_number)
        if about.keyword is not None:
            some = some.where(_reply.keyword == about.keyword.value)
        if about.sender is not None:
            some = some.where(_reply.sender == about.sender)
        if about.review:
            some = some.where(_WAITS)
        if about.unread:
            some = some.where(_UNREAD)
        page = some.order_by(_reply.id.desc()).offset(offset).limit(limit)
        return [_stored(row) for row in self._execute(page)]

    def find(self, account_id: AccountId, reply_id: int) -> FoundReply | None:
        """Return one reply, and the list that it was sent to."""
        one = select(replies, literal_column(sender_shown(), Text).label("list_number")).join(
            lists, lists.c.id == _reply.list_id
        )
        row = self._execute(
            one.where(_reply.account_id == account_id, _reply.id == reply_id)
        ).one_or_none()
        return None if row is None else FoundReply(_stored(row), ListId(row.list_id))

    def count(self, account_id: AccountId, limit: int) -> tuple[int, int]:
        """Return how many are unread and how many wait for a review, each `limit` at most."""

        def counted(condition: ColumnElement[bool]) -> int:
            some = select(_reply.id).where(_reply.account_id == account_id, condition).limit(limit)
            return int(
                self._execute(select(func.count()).select_from(some.subquery())).scalar_one()
            )

        return counted(_UNREAD), counted(_WAITS)

    def see(self, account_id: AccountId, ids: Sequence[int], now: int) -> None:
        """Note that replies were read."""
        for some in batches(ids):
            seen = update(replies).where(_reply.account_id == account_id, _reply.id.in_(some))
            self._execute(seen.values(seen_at=now))

    def decide(self, account_id: AccountId, reply_id: int, verdict: ReplyVerdict, now: int) -> bool:
        """Keep what a person has decided; return False where another has decided before."""
        decided = update(replies).where(
            _reply.account_id == account_id, _reply.id == reply_id, _WAITS
        )
        values = {"verdict": verdict.value, "seen_at": func.coalesce(_reply.seen_at, now)}
        return self._execute(decided.values(**values)).rowcount > 0


def _stored(row: Row[Any]) -> StoredReply:
    return StoredReply(
        id=row.id,
        list_number=row.list_number,
        sender=PhoneNumber(row.sender),
        body=row.body,
        keyword=None if row.keyword is None else Keyword(row.keyword),
        rule=row.rule,
        review=row.review,
        received_at=row.received_at,
        seen_at=row.seen_at,
        verdict=None if row.verdict is None else ReplyVerdict(row.verdict),
    )
