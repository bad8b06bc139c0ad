"""Messages that wait or are under way, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Iterable, Sequence
from typing import Final

from sendrail.domain.delivery import RANKS
from sendrail.domain.message import Status
from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.origin_counts import Change
from sendrail.storage.pipeline.queue import (
    AttemptResult,
    Queue,
    QueuePlace,
    QueueTexts,
    changes_of,
)
from sendrail.storage.sqlite.origin_counts import AttemptCounts, before, changes_by_settlement

TEXTS: Final = QueueTexts(
    # A loose index scan: two probes for each list that has something waiting, however much that
    # is. (One comparison of row values would be prettier, and SQLite would walk through the lane.)
    lists_waiting="""
        WITH RECURSIVE waiting (lane, list_id) AS (
            SELECT * FROM (SELECT lane, list_id FROM queue WHERE lane >= ?1 AND lane < ?2
                ORDER BY lane, list_id LIMIT 1)
            UNION ALL
            SELECT
                coalesce(
                    (SELECT q.lane FROM queue AS q WHERE q.lane = waiting.lane
                        AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                    (SELECT q.lane FROM queue AS q WHERE q.lane > waiting.lane AND q.lane < ?2
                        ORDER BY q.lane LIMIT 1)),
                coalesce(
                    (SELECT q.list_id FROM queue AS q WHERE q.lane = waiting.lane
                        AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                    (SELECT q.list_id FROM queue AS q WHERE q.lane > waiting.lane AND q.lane < ?2
                        ORDER BY q.lane, q.list_id LIMIT 1))
            FROM waiting WHERE waiting.lane IS NOT NULL
        )
        SELECT lane, list_id FROM waiting WHERE lane IS NOT NULL
    """,
    due="""
        SELECT lane, list_id, rank, due_at, number FROM queue
        WHERE lane = ? AND list_id = ? AND rank = ? AND due_at <= ?
        ORDER BY due_at, number LIMIT ?
    """,
    # What is due, and the first that is not yet, of each rank.
    heads=" UNION ALL ".join(
        f"""
        SELECT * FROM (
            SELECT lane, list_id, rank, due_at, number FROM queue
            WHERE lane = ?1 AND list_id = ?2 AND rank = {rank} AND due_at {when}
            ORDER BY due_at, number LIMIT {most})
        """  # noqa: S608 - our own numbers
        for when, limits in (("<= ?5", ("?3", "?4", "?4")), ("> ?5", ("1", "1", "1")))
        for rank, most in zip(RANKS, limits, strict=True)
    ),
    load="""
        SELECT m.number, m.account_id, m.recipient, m.attempt, m.skips, m.resent, m.encoding,
               m.segments, m.body, m.connector_id, m.links, m.origin_id
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    metadata="""
        SELECT m.number, m.metadata
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    leave_queue="""
        DELETE FROM queue
        WHERE lane = ? AND list_id = ? AND rank = ? AND due_at = ? AND number = ?
    """,
    drop="""
        UPDATE messages SET status = ?3, detail = ?4, provider_detail = NULL, ended_at = ?5
        WHERE number = ?2 AND lane = ?1 AND status = 'queued'
    """,
    make_uncertain="""
        UPDATE messages SET status = 'uncertain', detail = 'uncertain', provider_detail = ?3
        WHERE number = ?2 AND lane = ?1 AND status = 'queued'
    """,
    start_attempt="""
        UPDATE messages
        SET status = 'sending', attempt = ?2, epoch = ?3, connector_id = ?4, sending_at = ?5
        WHERE number = ?6 AND status = 'queued'
    """,
    finish_attempt="""
        UPDATE messages SET status = ?5, detail = ?6, provider_detail = ?7, ended_at = ?8,
            carrier_ref = coalesce(?9, carrier_ref), sent_at = coalesce(?10, sent_at),
            attempt = ?11, resent = ?12
        WHERE number = ?2 AND lane = ?1 AND attempt = ?3 AND epoch = ?4 AND status = 'sending'
    """,
    return_to_queue="""
        INSERT OR IGNORE INTO queue (lane, list_id, rank, due_at, number)
        SELECT ?1, ?2, ?3, ?4, number FROM messages
        WHERE number = ?5 AND lane = ?1 AND status = 'queued' AND attempt = ?6 AND epoch = ?7
    """,
    keep_attempt="""
        INSERT OR IGNORE INTO attempts (lane, number, attempt, connector_id, epoch, started_at,
            ended_at, outcome, detail, carrier_ref, provider_detail)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """,
    # A reference has no lane of its own here.
    keep_ref="""
        INSERT OR REPLACE INTO carrier_refs (connector_id, carrier_ref, lane, number)
        VALUES (?3, ?4, ?5, ?6)
    """,
    keep_part_ref="""
        INSERT OR REPLACE INTO carrier_refs (connector_id, carrier_ref, lane, number, part, parts)
        VALUES (?3, ?4, ?5, ?6, ?7, ?8)
    """,
    parts_left="UPDATE messages SET parts_left = ?3 WHERE number = ?2 AND lane = ?1",
    unsettled="""
        SELECT number, lane, list_id, connector_id, status, attempt, epoch, resent, skips,
            sending_at
        FROM messages WHERE status = ?1 AND status IN ('sending', 'uncertain') AND number > ?2
            AND lane >= ?4 AND lane < ?5
        ORDER BY number LIMIT ?3
    """,
    # There is one writer: whatever it did before is done or undone.
    await_claims="SELECT value FROM json_each(?)",
    expire="""
        UPDATE messages SET status = 'failed', detail = ?3, provider_detail = NULL, ended_at = ?4
        WHERE number = ?2 AND lane = ?1 AND status = 'uncertain'
        RETURNING origin_id, list_id, segments, sending_at
    """,
    count="""
        SELECT count(*) FROM (
            SELECT 1 FROM queue WHERE lane = ? AND list_id = ? AND rank = ? LIMIT ?)
    """,
    of_run="""
        SELECT q.lane, q.list_id, q.rank, q.due_at, q.number
        FROM queue AS q CROSS JOIN messages AS m ON m.number = q.number
        CROSS JOIN origins AS o ON o.id = m.origin_id
        WHERE q.lane = ?1 AND q.list_id = ?2 AND q.rank = ?3 AND o.kind = 'run' AND o.of_id = ?4
        ORDER BY q.due_at, q.number LIMIT ?5
    """,
    open_of_run="""
        SELECT EXISTS (
            SELECT 1 FROM queue AS q CROSS JOIN messages AS m ON m.number = q.number
            CROSS JOIN origins AS o ON o.id = m.origin_id
            WHERE q.lane = ?1 AND q.list_id = ?2 AND q.rank = ?3
                AND o.kind = 'run' AND o.of_id = ?4)
        OR EXISTS (
            SELECT 1 FROM messages AS m CROSS JOIN origins AS o ON o.id = m.origin_id
            WHERE m.status = 'sending' AND m.status IN ('sending', 'uncertain') AND m.lane = ?1
                AND m.list_id = ?2 AND o.kind = 'run' AND o.of_id = ?4)
    """,
    change_place="""
        UPDATE queue SET rank = ?6, due_at = ?7
        WHERE lane = ?1 AND list_id = ?2 AND rank = ?3 AND due_at = ?4 AND number = ?5
    """,
)
# An early receipt has ended the message: then only the reference is new. What has one is written
# already. Its values are those of `finish_attempt`.
FINISH_ENDED: Final = """
    UPDATE messages SET carrier_ref = coalesce(?9, carrier_ref), sent_at = ?10,
        attempt = ?11, resent = ?12
    WHERE number = ?2 AND lane = ?1 AND attempt = ?3 AND epoch = ?4 AND ended_at IS NOT NULL
        AND sent_at IS NULL
"""

POSTPONE: Final = """
    UPDATE queue SET due_at = ?6
    WHERE lane = ?1 AND list_id = ?2 AND rank = ?3 AND due_at = ?4 AND number = ?5
"""


class SqliteQueue(Queue):
    """What waits, what is under way, and what became of it."""

    def _expect_there(self, are_there: bool) -> None:
        assert are_there, "there is one writer: a queue row stands for a message that is queued"

    def postpone(self, places: Sequence[QueuePlace], due_at: Sequence[int]) -> None:
        rows = [(*place, later) for place, later in zip(places, due_at, strict=True)]
        moved = self._driver.each(POSTPONE, rows)
        self._expect_there(moved == len(places))

    def add(self, places: Sequence[QueuePlace]) -> None:
        # They were in no attempt yet.
        self._driver.each(self._texts.return_to_queue, [(*place, 0, 0) for place in places])

    def _drop(self, drops: Sequence[Row]) -> list[Change]:
        reasons = {number: (status, reason, at) for _, number, status, reason, at in drops}
        rows = before(self._driver, reasons)
        self._driver.each(self._texts.drop, drops)
        return [
            ((origin_id or 0, list_id, 0), lane, 0, False, status, hour_of(at), reason)
            for number, lane, origin_id, list_id, _, _, was, *_ in rows
            if was == Status.QUEUED.value
            for status, reason, at in (reasons[number],)
        ]

    def _finish(
        self,
        results: Sequence[AttemptResult],
        finished: Sequence[Row],
        back: Sequence[AttemptResult],
    ) -> Iterable[Change]:
        changes: Iterable[Change] | None = changes_of(results)
        if changes is None or not self._finish_open(finished):
            changes = self._finish_some(finished)
        # Written a second time it finds the row that is there.
        self._driver.each(
            self._texts.return_to_queue,
            [(*a.place, a.attempts_spent, a.epoch) for a in back if a.place is not None],
        )
        return changes

    def _finish_open(self, finished: Sequence[Row]) -> bool:
        """Finish attempts that are all open still, as they nearly always are.

        Otherwise return False, and nothing is written. To read the messages before instead would
        cost a quarter of a settlement.
        """
        self._driver.run("SAVEPOINT settlement")
        are_open = self._driver.each(self._texts.finish_attempt, finished) == len(finished)
        if not are_open:
            self._driver.run("ROLLBACK TO settlement")
        self._driver.run("RELEASE settlement")
        return are_open

    def _finish_some(self, finished: Sequence[Row]) -> list[Change]:
        """Finish attempts of which some may have ended before."""
        counts = [
            AttemptCounts(number, attempt, epoch, status, ended_at, sent_at)
            for _, number, attempt, epoch, status, _, _, ended_at, _, sent_at, *_ in finished
        ]
        rows = before(self._driver, [each.number for each in counts])
        # What is finished now has ended, and was sent, by then.
        self._driver.each(FINISH_ENDED, finished)
        self._driver.each(self._texts.finish_attempt, finished)
        return changes_by_settlement(rows, counts)
