"""Messages that leave at a time of their own: beside the queue until then, and in it afterwards."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, tuple_

from sendrail.domain.delivery import RANK_HELD, RANKS
from sendrail.domain.ids import AccountId, ListId, lane_of
from sendrail.domain.message import DropReason, Status
from sendrail.storage.message_tables import queue, scheduled
from sendrail.storage.pipeline.queue import Queue, QueuePlace
from sendrail.storage.row_batches import insert_each

_of: Final = scheduled.c
_queue: Final = queue.c


class ScheduledMessage(NamedTuple):
    """A message and when it is to leave, in milliseconds."""

    lane: int
    number: int
    send_at: int
    account_id: int
    list_id: int
    rank: int


class ScheduledMessages:
    """What leaves later; a row here stands for a message that is queued and not in the queue."""

    def __init__(self, connection: Connection, queue: Queue) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._queue = queue

    def put_off(self, messages: Sequence[ScheduledMessage], queued_at: int) -> None:
        """Take messages that were queued at a time out of the queue until theirs has come.

        In the transaction that queued them: no process has seen them there.
        """
        self._queue.leave(
            [QueuePlace(m.lane, m.list_id, m.rank, queued_at, m.number) for m in messages]
        )
        insert_each(
            self._connection, insert(scheduled), [message._asdict() for message in messages]
        )

    def count(self, account_id: AccountId) -> int:
        """Return how many messages of an account leave later."""
        of_account = select(func.count()).where(_of.account_id == account_id)
        return int(self._execute(of_account).scalar_one())

    def next_at(self) -> int | None:
        """Return when the next message of all is to leave."""
        found: int | None = self._execute(select(func.min(_of.send_at))).scalar_one()
        return found

    def queue_due(self, now: int, limit: int) -> list[tuple[int, int]]:
        """Queue at most so many messages whose time has come, the longest due first.

        Return the lane and the list of each. What another process takes at the same moment is
        queued by one of both: only who deletes the row queues the message.
        """
        due = select(_of.lane, _of.number).where(_of.send_at <= now)
        keys = self._execute(due.order_by(_of.send_at, _of.number).limit(limit)).all()
        if not keys:
            return []
        # By their time as well: then the index of it is used, whatever else the table holds.
        these = tuple_(_of.lane, _of.number).in_(sorted(tuple(key) for key in keys))
        taken = self._take(_of.send_at <= now, these)
        self._queue.add([QueuePlace(m.lane, m.list_id, m.rank, m.send_at, m.number) for m in taken])
        return [(m.lane, m.list_id) for m in taken]

    def cancel(self, account_id: AccountId, list_id: ListId, number: int, now: int) -> bool:
        """End a list's message that was to leave later; return False where it is none."""
        of_account = (_of.account_id == account_id, _of.list_id == list_id)
        taken = self._take(_of.lane == lane_of(list_id), _of.number == number, *of_account)
        places = [QueuePlace(m.lane, m.list_id, m.rank, m.send_at, m.number) for m in taken]
        dropped = Status.DROPPED, DropReason.CANCELLED
        self._queue.drop([(place, *dropped) for place in places], now)
        return bool(taken)

    def place_in_queue(self, list_id: ListId, came_at: int, number: int) -> QueuePlace | None:
        """Return where a list's message waits that came at a time; None where it is not queued.

        All of the list that has been due since then, or will be, is looked through.
        """
        ranks = (*RANKS, RANK_HELD)
        places = select(*(_queue[name] for name in QueuePlace._fields)).where(
            _queue.lane == lane_of(list_id),
            _queue.list_id == list_id,
            _queue.rank.in_(ranks),
            _queue.due_at >= came_at,
            _queue.number == number,
        )
        row = self._execute(places).one_or_none()
        return None if row is None else QueuePlace(*row)

    def _take(self, *which: ColumnElement[bool]) -> list[ScheduledMessage]:
        """Delete rows; return those that were there, the longest due first."""
        columns = [_of[name] for name in ScheduledMessage._fields]
        taken = self._execute(delete(scheduled).where(*which).returning(*columns))
        rows = (ScheduledMessage(*row) for row in taken)
        return sorted(rows, key=lambda each: (each.send_at, each.number))
