"""How much waits and is uncertain, and what became of an account's newest messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, func, select, text

from sendrail.domain.delivery import RANK_HELD
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.message import Status
from sendrail.storage.message_tables import inbox, messages, queue
from sendrail.storage.pipeline.lookup import TOTAL_MAX, MessageLookUp, first_since
from sendrail.storage.tables import lists

# So many of an account's newest messages are looked at for its figures.
FIGURES_MAX: Final = 50_000
# How far back among all messages those of one account are looked for.
_NEWEST: Final = 500_000
_DIGITS: Final = "0123456789"


class Backlog(NamedTuple):
    """What is not settled: messages whose outcome is unknown, callbacks not applied yet."""

    uncertain: int
    callbacks: int


class AccountBacklog(NamedTuple):
    """What waits for one account or list: how many messages, and when the first is due."""

    depth: int
    oldest_due_at: int


class StatusCount(NamedTuple):
    """How many of the messages accepted in one span of time have a status now."""

    since: int
    status: Status
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What became of an account's newest messages, and what waits.

    `is_whole` is False where there were more than are looked at, and the oldest are missing. No
    more than `TOTAL_MAX` waiting messages are counted. What a paused campaign holds waits, but is
    not due.
    """

    counts: Sequence[StatusCount]
    is_whole: bool
    waiting: int
    oldest_due_at: int | None
    uncertain: int
    oldest_uncertain_at: int | None


class MessageFigures:
    """What is counted of messages for look-up, the metrics and the dashboard."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = MessageLookUp.newest_first

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def waiting(self) -> dict[int, AccountBacklog]:
        """Return what waits, by account; reads the whole queue.

        List by list first, in the order of the queue's key: grouping a million rows by account at
        once would sort them all, in memory.
        """
        by_list = (
            select(
                queue.c.list_id,
                func.count().label("depth"),
                func.min(queue.c.due_at).label("oldest"),
            )
            .group_by(queue.c.lane, queue.c.list_id)
            .subquery()
        )
        rows = self._execute(
            select(lists.c.account_id, func.sum(by_list.c.depth), func.min(by_list.c.oldest))
            .select_from(by_list)
            .join(lists, lists.c.id == by_list.c.list_id)
            .group_by(lists.c.account_id)
        )
        # PostgreSQL sums whole numbers up to one without bounds.
        return {row[0]: AccountBacklog(int(row[1]), row[2]) for row in rows}

    def waiting_of_list(
        self, account_id: AccountId, list_id: ListId, most: int
    ) -> AccountBacklog | None:
        """Return what waits of a list, counted up to `most`; None where nothing does."""
        some = (
            select(queue.c.due_at)
            .join(lists, and_(lists.c.lane == queue.c.lane, lists.c.id == queue.c.list_id))
            .where(lists.c.account_id == account_id, lists.c.id == list_id)
            .limit(most)
            .subquery()
        )
        row = self._execute(select(func.count(), func.min(some.c.due_at)).select_from(some)).one()
        return AccountBacklog(int(row[0]), row[1]) if row[0] else None

    def of_account(self, account_id: AccountId, since: int, step_ms: int) -> AccountFigures:
        """Return what became of the messages accepted since a time, in steps of it.

        At most `FIGURES_MAX` are looked at, however many there are.
        """
        newest = (
            select(messages.c.created_at, messages.c.status)
            .where(
                messages.c.account_id == account_id,
                messages.c.created_at >= since,
                *self.newest_only(since),
            )
            .order_by(*self.newest_first)
            .limit(FIGURES_MAX)
            .subquery()
        )
        # Whole numbers: both databases cut off what is behind the point.
        step = (newest.c.created_at - since) // step_ms
        counts = [
            StatusCount(since + int(at) * step_ms, Status(status), count)
            for at, status, count in self.counted(step, newest.c.status)
        ]
        waiting, oldest = self._waiting_of(account_id)
        uncertain, oldest_uncertain = self._uncertain_of(account_id)
        return AccountFigures(
            counts=counts,
            is_whole=sum(each.messages for each in counts) < FIGURES_MAX,
            waiting=waiting,
            oldest_due_at=oldest,
            uncertain=uncertain,
            oldest_uncertain_at=oldest_uncertain,
        )

    def counted(
        self, step: ColumnElement[int], status: ColumnElement[str]
    ) -> Sequence[tuple[int, str, int]]:
        """Return how many messages of a subquery there are of each step and status.

        They are counted here: SQLite would sort all of them first, which takes twice the walk.
        """
        each_one = cast(step, Text).concat(status)
        joined = self._execute(select(func.group_concat(each_one))).scalar_one()
        found = []
        for each, count in Counter(joined.split(",") if joined else ()).items():
            name = each.lstrip(_DIGITS)
            found.append((int(each.removesuffix(name)), name, count))
        return found

    def newest_only(self, since: int) -> Sequence[ColumnElement[bool]]:
        """Return the condition that keeps a look at an account's messages since a time short.

        An account that sends little stands far apart among all the others' messages.
        """
        return (messages.c.number >= first_since(self._execute, since, _NEWEST),)

    def _waiting_of(self, account_id: AccountId) -> tuple[int, int | None]:
        ours = (
            select(queue.c.rank, queue.c.due_at)
            .join(lists, and_(lists.c.lane == queue.c.lane, lists.c.id == queue.c.list_id))
            .where(lists.c.account_id == account_id)
            .limit(TOTAL_MAX)
            .subquery()
        )
        # What a paused campaign holds waits for its owner, and is not late.
        due = case((ours.c.rank != RANK_HELD, ours.c.due_at))
        row = self._execute(select(func.count(), func.min(due)).select_from(ours)).one()
        return int(row[0]), row[1]

    def _uncertain_of(self, account_id: AccountId) -> tuple[int, int | None]:
        # Word for word what the index of the open ones says: by values it would not be used.
        is_open = text("messages.status IN ('sending', 'uncertain')")
        row = self._execute(
            select(func.count(), func.min(messages.c.sending_at)).where(
                messages.c.status == Status.UNCERTAIN, is_open, messages.c.account_id == account_id
            )
        ).one()
        return int(row[0]), row[1]

    def backlog(self) -> Backlog:
        """Return what is not settled."""
        # Word for word what the index of the open ones says: by values it would not be used.
        is_open = text("messages.status IN ('sending', 'uncertain')")
        uncertain = select(func.count()).where(messages.c.status == Status.UNCERTAIN, is_open)
        callbacks = select(func.count()).select_from(inbox)
        return Backlog(self._execute(uncertain).scalar_one(), self._execute(callbacks).scalar_one())
