"""Messages that wait or are under way, on PostgreSQL."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from sendrail.domain.delivery import RANKS
from sendrail.domain.errors import Contended
from sendrail.domain.message import Status
from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.origin_counts import COUNTED_WHEN_SETTLED, Change
from sendrail.storage.pipeline.queue import (
    AttemptResult,
    Queue,
    QueuePlace,
    QueueTexts,
    changes_of,
)
from sendrail.storage.postgres.driver import columns
from sendrail.storage.templates import InsertRows, OverLanes, StatementForms, read_over_lanes

_FINISH: Final = """
    UPDATE messages AS m SET status = batch.status, detail = batch.detail,
        provider_detail = batch.provider_detail, ended_at = batch.ended_at,
        carrier_ref = coalesce(batch.carrier_ref, m.carrier_ref),
        sent_at = coalesce(batch.sent_at, m.sent_at),
        attempt = batch.attempts_spent, resent = batch.resent
    FROM {batch}
    WHERE m.lane = {lane} AND m.number = batch.number AND m.attempt = batch.attempt
        AND m.epoch = batch.epoch AND m.status = 'sending'
    RETURNING m.number
"""
_FINISHED: Final = """
    lane smallint, number bigint, attempt smallint, epoch bigint, status text, detail text,
    provider_detail text, ended_at bigint, carrier_ref text, sent_at bigint,
    attempts_spent smallint, resent smallint
"""
_AHEAD, _PACED = "batch.ahead_max", "batch.paced_max"
_HEADS: Final = [
    f"""
            (SELECT q.lane, q.list_id, q.rank, q.due_at, q.number FROM queue AS q
             WHERE q.lane = {{lane}} AND q.list_id = batch.list_id AND q.rank = {rank}
                AND q.due_at {when}
             ORDER BY q.due_at, q.number LIMIT {most})"""
    for when, limits in (("<= $5", (_AHEAD, _PACED, _PACED)), ("> $5", ("1", "1", "1")))
    for rank, most in zip(RANKS, limits, strict=True)
]
TEXTS: Final = QueueTexts(
    # A loose index scan through the lanes from $1 up to $2: a few looks by key for each list that
    # has something waiting, however much that is.
    lists_waiting=StatementForms(
        """
        WITH RECURSIVE waiting AS (
            (SELECT lane, list_id FROM queue WHERE lane >= $1 AND lane < $2
             ORDER BY lane, list_id LIMIT 1)
            UNION ALL
            SELECT next.lane, next.list_id FROM waiting, LATERAL (
                SELECT q.lane, q.list_id FROM queue AS q
                WHERE (q.lane, q.list_id) > (waiting.lane, waiting.list_id) AND q.lane < $2
                ORDER BY q.lane, q.list_id LIMIT 1) AS next
        )
        SELECT lane, list_id FROM waiting
        """,
        # By the lists that are known: recursion needs one shard. A lane has a row in `numbers`
        # since its first message; it says which shards are meant.
        distributed="""
        SELECT n.lane, l.id FROM numbers AS n JOIN lists AS l ON l.lane = n.lane
        WHERE n.lane >= $1 AND n.lane < $2 AND EXISTS (
            SELECT 1 FROM queue AS q WHERE q.lane = n.lane AND q.list_id = l.id)
        ORDER BY n.lane, l.id
        """,
    ),
    due="""
        SELECT lane, list_id, rank, due_at, number FROM queue
        WHERE lane = $1 AND list_id = $2 AND rank = $3 AND due_at <= $4
        ORDER BY due_at, number LIMIT $5
    """,
    # What is due, and the first that is not yet, of each rank.
    heads=OverLanes(
        "lane smallint, list_id bigint, ahead_max integer, paced_max integer",
        f"SELECT head.* FROM {{batch}}, LATERAL ({' UNION ALL '.join(_HEADS)}) AS head",
    ),
    load=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT m.number, m.account_id, m.recipient, m.attempt, m.skips, m.resent, m.encoding,
               m.segments, m.body, m.connector_id, m.links, m.origin_id
        FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
        """,
        key="m.number",
    ),
    metadata=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT m.number, m.metadata
        FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
        """,
        key="m.number",
    ),
    leave_queue=OverLanes(
        "lane smallint, list_id bigint, rank smallint, due_at bigint, number bigint",
        """
        DELETE FROM queue AS q USING {batch}
        WHERE q.lane = {lane} AND q.list_id = batch.list_id AND q.rank = batch.rank
            AND q.due_at = batch.due_at AND q.number = batch.number
        """,
    ),
    drop=OverLanes(
        "lane smallint, number bigint, status text, detail text, ended_at bigint",
        """
        UPDATE messages AS m SET status = batch.status, detail = batch.detail,
            provider_detail = NULL, ended_at = batch.ended_at
        FROM {batch}
        WHERE m.lane = {lane} AND m.number = batch.number AND m.status = 'queued'
        RETURNING m.lane, m.origin_id, m.list_id, m.status, m.ended_at, m.detail
        """,
        key="m.number",
    ),
    make_uncertain=OverLanes(
        "lane smallint, number bigint, detail text",
        """
        UPDATE messages AS m
        SET status = 'uncertain', detail = 'uncertain', provider_detail = batch.detail
        FROM {batch}
        WHERE m.lane = {lane} AND m.number = batch.number AND m.status = 'queued'
        """,
        key="m.number",
    ),
    start_attempt=OverLanes(
        "lane smallint, attempt smallint, epoch bigint, connector_id bigint, sending_at bigint,"
        " number bigint",
        """
        UPDATE messages AS m SET status = 'sending', attempt = batch.attempt, epoch = batch.epoch,
            connector_id = batch.connector_id, sending_at = batch.sending_at
        FROM {batch}
        WHERE m.lane = {lane} AND m.number = batch.number AND m.status = 'queued'
        """,
        key="m.number",
    ),
    finish_attempt=OverLanes(_FINISHED, _FINISH, key="m.number"),
    return_to_queue=InsertRows(
        "queue",
        "lane smallint, slice smallint, list_id bigint, rank smallint, due_at bigint,"
        " number bigint",
    ),
    keep_attempt=InsertRows(
        "attempts",
        "lane smallint, number bigint, attempt smallint, connector_id bigint, epoch bigint,"
        " started_at bigint, ended_at bigint, outcome text, detail text, carrier_ref text,"
        " provider_detail text",
        "ON CONFLICT DO NOTHING",
    ),
    keep_ref=InsertRows(
        "carrier_refs",
        "lane smallint, kept_at bigint, connector_id bigint, carrier_ref text,"
        " message_lane smallint, number bigint",
        "ON CONFLICT DO NOTHING",
    ),
    keep_part_ref=InsertRows(
        "carrier_refs",
        "lane smallint, kept_at bigint, connector_id bigint, carrier_ref text,"
        " message_lane smallint, number bigint, part smallint, parts smallint",
        "ON CONFLICT DO NOTHING",
    ),
    parts_left=OverLanes(
        "lane smallint, number bigint, parts smallint",
        """
        UPDATE messages AS m SET parts_left = batch.parts FROM {batch}
        WHERE m.lane = {lane} AND m.number = batch.number
        """,
        key="m.number",
    ),
    unsettled="""
        SELECT number, lane, list_id, connector_id, status, attempt, epoch, resent, skips,
            sending_at
        FROM messages
        WHERE status = $1 AND status IN ('sending', 'uncertain') AND number > $2
            AND lane >= $4 AND lane < $5
        ORDER BY number LIMIT $3
    """,
    # A process that has claimed them is done, or undone, once this has them.
    await_claims=OverLanes(
        "lane smallint, number bigint",
        """
        SELECT m.number FROM messages AS m
        JOIN {batch} ON m.lane = {lane} AND m.number = batch.number
        ORDER BY m.lane, m.number FOR UPDATE OF m
        """,
        key="m.number",
    ),
    expire="""
        UPDATE messages SET status = 'failed', detail = $3, provider_detail = NULL, ended_at = $4
        WHERE lane = $1 AND number = $2 AND status = 'uncertain'
        RETURNING origin_id, list_id, segments, sending_at
    """,
    count="""
        SELECT count(*) FROM (
            SELECT number FROM queue WHERE lane = $1 AND list_id = $2 AND rank = $3
            LIMIT $4) AS few
    """,
    of_run="""
        SELECT q.lane, q.list_id, q.rank, q.due_at, q.number
        FROM queue AS q JOIN messages AS m ON m.lane = q.lane AND m.number = q.number
        JOIN origins AS o ON o.id = m.origin_id
        WHERE q.lane = $1 AND q.list_id = $2 AND q.rank = $3 AND m.lane = $1
            AND o.kind = 'run' AND o.of_id = $4
        ORDER BY q.due_at, q.number LIMIT $5
    """,
    open_of_run="""
        SELECT EXISTS (
            SELECT 1 FROM queue AS q JOIN messages AS m ON m.lane = q.lane AND m.number = q.number
            JOIN origins AS o ON o.id = m.origin_id
            WHERE q.lane = $1 AND q.list_id = $2 AND q.rank = $3 AND m.lane = $1
                AND o.kind = 'run' AND o.of_id = $4)
        OR EXISTS (
            SELECT 1 FROM messages AS m JOIN origins AS o ON o.id = m.origin_id
            WHERE m.status = 'sending' AND m.lane = $1 AND m.list_id = $2
                AND o.kind = 'run' AND o.of_id = $4)
    """,
    change_place=OverLanes(
        "lane smallint, list_id bigint, rank smallint, due_at bigint, number bigint,"
        " new_rank smallint, new_due_at bigint",
        """
        UPDATE queue AS q SET rank = batch.new_rank, due_at = batch.new_due_at FROM {batch}
        WHERE q.lane = {lane} AND q.list_id = batch.list_id AND q.rank = batch.rank
            AND q.due_at = batch.due_at AND q.number = batch.number
        """,
    ),
)
# An early receipt has ended the message: then only the reference is new. What has one is written
# already.
FINISH_ENDED: Final = OverLanes(
    _FINISHED,
    """
    UPDATE messages AS m SET carrier_ref = coalesce(batch.carrier_ref, m.carrier_ref),
        sent_at = batch.sent_at, attempt = batch.attempts_spent, resent = batch.resent
    FROM {batch}
    WHERE m.lane = {lane} AND m.number = batch.number AND m.attempt = batch.attempt
        AND m.epoch = batch.epoch AND m.ended_at IS NOT NULL AND m.sent_at IS NULL
    RETURNING m.number, m.lane, m.origin_id, m.list_id, m.segments, m.sending_at, m.status
    """,
    key="m.number",
)
# What is counted of messages that have just been finished.
COUNTED: Final = read_over_lanes(
    "lane smallint, number bigint",
    """
    SELECT m.lane, m.origin_id, m.list_id, m.segments, m.sending_at, m.status, m.ended_at
    FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
    """,
    key="m.number",
)
CURRENT_SLICE: Final = "SELECT current FROM queue_slices"


class PostgresQueue(Queue):
    """What waits, what is under way, and what became of it."""

    def _expect_there(self, are_there: bool) -> None:
        # A run was stopped, or a message cancelled, by a process that does not own the lane.
        if not are_there:
            raise Contended("Messages were taken out of the queue meanwhile. Try again.")

    def postpone(self, places: Sequence[QueuePlace], due_at: Sequence[int]) -> None:
        # Into the current slice, so that the old one can be emptied.
        self._expect_there(self.leave(places) == len(places))
        self.add(
            [place._replace(due_at=later) for place, later in zip(places, due_at, strict=True)]
        )

    def add(self, places: Sequence[QueuePlace]) -> None:
        if places:
            slice_ = self._driver.row(CURRENT_SLICE)
            assert slice_ is not None, "the schema was made with its slices"
            self._driver.each(
                self._texts.return_to_queue,
                [(lane, slice_[0], *rest) for lane, *rest in places],
            )

    def _drop(self, drops: Sequence[Row]) -> list[Change]:
        dropped = self._driver.returning(self._texts.drop, *columns(drops))
        return [
            ((origin_id or 0, list_id, 0), lane, 0, False, status, hour_of(at), reason)
            for lane, origin_id, list_id, status, at, reason in dropped
        ]

    def _finish(
        self,
        results: Sequence[AttemptResult],
        finished: Sequence[Row],
        back: Sequence[AttemptResult],
    ) -> Counter[Change]:
        changed = self._driver.returning(self._texts.finish_attempt, *columns(finished))
        done = {row[0] for row in changed}
        changes = self._changes(results, done)
        if len(done) < len(finished):
            changes.update(self._finish_ended([row for row in finished if row[1] not in done]))
        if back:
            # A message comes back to the queue with the very change that says so. Its row could not
            # keep a second one out: that may lie in another slice.
            slice_ = self._driver.row(CURRENT_SLICE)
            assert slice_ is not None, "the schema was made with its slices"
            places = [a.place for a in back if a.place is not None and a.number in done]
            self._driver.each(
                self._texts.return_to_queue,
                [(lane, slice_[0], *rest) for lane, *rest in places],
            )
        return changes

    def _changes(self, results: Sequence[AttemptResult], done: AbstractSet[int]) -> Counter[Change]:
        """Return what is counted of the messages that results have changed."""
        written = [each for each in results if each.number in done]
        # Nearly always all is at hand.
        if len(written) == len(done) and (changes := changes_of(written)) is not None:
            return changes
        return Counter(
            (
                (origin_id or 0, list_id, segments), lane, hour_of(sending_at), False, status,
                hour_of(at or 0), None,
            )
            for lane, origin_id, list_id, segments, sending_at, status, at in (
                self._driver.rows_by_id(COUNTED, sorted(done))
            )
            if status in COUNTED_WHEN_SETTLED
        )  # fmt: skip

    def _finish_ended(self, finished: Sequence[Row]) -> Sequence[Change]:
        """Write what came of attempts on messages that a receipt has ended before."""
        sent = {number for _, number, *_, sent_at, _, _ in finished if sent_at is not None}
        return [
            (
                (origin_id or 0, list_id, segments), lane, hour_of(sending_at), False,
                Status.SENT.value, 0, None,
            )
            for number, lane, origin_id, list_id, segments, sending_at, status in (
                self._driver.returning(FINISH_ENDED, *columns(finished))
            )
            # The others are known to be sent from what their receipt said.
            if status == Status.FAILED.value and number in sent
        ]  # fmt: skip
