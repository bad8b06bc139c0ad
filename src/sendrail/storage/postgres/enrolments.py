"""Contacts on journeys, on PostgreSQL.

Rows are locked before they are judged. An UPDATE with a condition of its own would see the last
row that was committed, and pass over one whose turn is about to make the condition true.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sendrail.storage.driver import Row, Rows
from sendrail.storage.journeys.enrolments import COLUMNS, EnrolmentPlace, Enrolments, EnrolmentTexts
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.templates import InsertRows, OverLanes, StatementForms, read_over_lanes

_CONTACTS: Final = "lane smallint, list_id bigint, recipient bigint"
_COLUMNS: Final = ", ".join(f"e.{name.strip()}" for name in COLUMNS.split(","))

TEXTS: Final = EnrolmentTexts(
    next_due=StatementForms(
        """
        SELECT wanted.lane, (
            SELECT e.due_at FROM enrolments AS e
            WHERE e.lane = wanted.lane AND e.due_at IS NOT NULL ORDER BY e.due_at LIMIT 1)
        FROM unnest($1::smallint[]) AS wanted (lane)
        """,
        """
        SELECT lane, min(due_at) FROM enrolments
        WHERE lane = ANY($1::smallint[]) AND due_at IS NOT NULL GROUP BY lane
        """,
    ),
    claim=f"""
        SELECT {COLUMNS} FROM enrolments
        WHERE lane = $1::smallint AND due_at IS NOT NULL AND due_at <= $2
        ORDER BY due_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
    """,
    hold=OverLanes(
        _CONTACTS,
        f"""
        SELECT {_COLUMNS}
        FROM enrolments AS e JOIN {{batch}} ON e.lane = {{lane}} AND e.list_id = batch.list_id
            AND e.recipient = batch.recipient
        ORDER BY e.lane, e.list_id, e.recipient, e.journey_id FOR NO KEY UPDATE OF e
        """,
        key="e.recipient",
    ),
    wake=OverLanes(
        f"{_CONTACTS}, journey_id bigint, due_at bigint",
        """
        UPDATE enrolments AS e SET due_at = batch.due_at FROM {batch}
        WHERE e.lane = {lane} AND e.list_id = batch.list_id AND e.recipient = batch.recipient
            AND e.journey_id = batch.journey_id AND e.due_at > batch.due_at
        """,
        key="e.recipient",
    ),
    write=OverLanes(
        f"{_CONTACTS}, journey_id bigint, seq integer, version integer, step text, due_at bigint,"
        " waits smallint, arrived_at bigint, ends_at bigint, state text, end_reason text",
        """
        UPDATE enrolments AS e SET seq = e.seq + 1, version = batch.version, step = batch.step,
            due_at = batch.due_at, waits = batch.waits, arrived_at = batch.arrived_at,
            ends_at = batch.ends_at, state = batch.state, end_reason = batch.end_reason
        FROM {batch}
        WHERE e.lane = {lane} AND e.list_id = batch.list_id AND e.recipient = batch.recipient
            AND e.journey_id = batch.journey_id AND e.seq = batch.seq
        """,
        key="e.recipient",
    ),
    enter=InsertRows(
        "enrolments AS e",
        f"{_CONTACTS}, journey_id bigint, version integer, step text, seq integer, due_at bigint,"
        " waits smallint, started_at bigint, arrived_at bigint, ends_at bigint, times smallint,"
        " state text",
        """
        ON CONFLICT (lane, list_id, recipient, journey_id) DO UPDATE SET
            version = excluded.version, step = excluded.step, seq = excluded.seq,
            due_at = excluded.due_at, waits = excluded.waits, started_at = excluded.started_at,
            arrived_at = excluded.arrived_at, ends_at = excluded.ends_at, times = excluded.times,
            state = excluded.state, end_reason = NULL
        WHERE e.seq = excluded.seq - 1
        RETURNING e.list_id, e.recipient, e.journey_id
        """,
    ),
    add_events=InsertRows(
        "journey_events AS v",
        f"{_CONTACTS}, at bigint, kind smallint, detail text",
        """
        ON CONFLICT (lane, list_id, recipient, kind, detail)
        DO UPDATE SET at = greatest(v.at, excluded.at)
        """,
    ),
    trim_events=OverLanes(
        f"{_CONTACTS}, kind smallint, kept integer",
        """
        DELETE FROM journey_events AS v USING {batch}
        WHERE v.lane = {lane} AND v.list_id = batch.list_id AND v.recipient = batch.recipient
            AND v.kind = batch.kind AND v.at < (SELECT newer.at FROM journey_events AS newer
                WHERE newer.lane = {lane} AND newer.list_id = batch.list_id
                AND newer.recipient = batch.recipient AND newer.kind = batch.kind
                ORDER BY newer.at DESC LIMIT 1 OFFSET batch.kept - 1)
        """,
        key="v.recipient",
    ),
    events=read_over_lanes(
        _CONTACTS,
        """
        SELECT v.list_id, v.recipient, v.at, v.kind, v.detail
        FROM {batch} JOIN journey_events AS v ON v.lane = {lane} AND v.list_id = batch.list_id
            AND v.recipient = batch.recipient
        """,
        key="v.recipient",
    ),
    forget_events=OverLanes(
        _CONTACTS,
        """
        DELETE FROM journey_events AS v USING {batch}
        WHERE v.lane = {lane} AND v.list_id = batch.list_id AND v.recipient = batch.recipient
            AND NOT EXISTS (SELECT 1 FROM enrolments AS e WHERE e.lane = {lane}
                AND e.list_id = batch.list_id AND e.recipient = batch.recipient
                AND e.due_at IS NOT NULL)
        """,
        key="v.recipient",
    ),
    count=InsertRows(
        "journey_counts AS c",
        "lane smallint, journey_id bigint, version integer, step text, what text, count bigint",
        """
        ON CONFLICT (lane, journey_id, version, step, what)
            DO UPDATE SET count = c.count + excluded.count
        """,
    ),
    forget="""
        DELETE FROM enrolments AS e USING (
            SELECT lane, list_id, recipient, journey_id FROM enrolments
            WHERE due_at IS NULL AND ends_at < $1 ORDER BY ends_at LIMIT $2
        ) AS old
        WHERE e.lane = old.lane AND e.list_id = old.list_id AND e.recipient = old.recipient
            AND e.journey_id = old.journey_id AND e.due_at IS NULL
    """,
)


class PostgresEnrolments(Enrolments):
    """Who is on a journey, and where."""

    _driver: PostgresDriver

    def _held(self, batch: Sequence[Row]) -> Rows:
        if not batch:
            return ()
        # A lock goes with its transaction.
        self._driver.begin()
        return self._driver.rows_of_batch(self._texts.hold, batch)

    def _enter(self, rows: Sequence[Row]) -> Collection[EnrolmentPlace]:
        return {
            EnrolmentPlace(*row) for row in self._driver.each_returning(self._texts.enter, rows)
        }
