"""Contacts on journeys, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Collection, Sequence
from typing import Final

from sendrail.storage.driver import Row, Rows
from sendrail.storage.journeys.enrolments import COLUMNS, EnrolmentPlace, Enrolments, EnrolmentTexts

# The lane is a value of each for the sake of databases whose tables are spread by it. Here the key
# begins with the list.
TEXTS: Final = EnrolmentTexts(
    next_due="""
        SELECT wanted.value, (
            SELECT due_at FROM enrolments INDEXED BY enrolments_due
            WHERE lane = wanted.value AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)
        FROM json_each(?) AS wanted
    """,
    claim=f"""
        SELECT {COLUMNS} FROM enrolments INDEXED BY enrolments_due
        WHERE lane = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?
    """,  # noqa: S608 - our own names
    hold=f"SELECT {COLUMNS} FROM enrolments WHERE lane = ? AND list_id = ? AND recipient = ?",  # noqa: S608 - our own names
    wake="""
        UPDATE enrolments SET due_at = ?5
        WHERE lane = ?1 AND list_id = ?2 AND recipient = ?3 AND journey_id = ?4 AND due_at > ?5
    """,
    write="""
        UPDATE enrolments SET seq = seq + 1, version = ?6, step = ?7, due_at = ?8, waits = ?9,
            arrived_at = ?10, ends_at = ?11, state = ?12, end_reason = ?13
        WHERE lane = ?1 AND list_id = ?2 AND recipient = ?3 AND journey_id = ?4 AND seq = ?5
    """,
    enter="""
        INSERT INTO enrolments (lane, list_id, recipient, journey_id, version, step, seq, due_at,
            waits, started_at, arrived_at, ends_at, times, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, recipient, journey_id) DO UPDATE SET version = excluded.version,
            step = excluded.step, seq = excluded.seq, due_at = excluded.due_at,
            waits = excluded.waits, started_at = excluded.started_at,
            arrived_at = excluded.arrived_at, ends_at = excluded.ends_at, times = excluded.times,
            state = excluded.state, end_reason = NULL
        WHERE seq = excluded.seq - 1
        RETURNING list_id, recipient, journey_id
    """,
    add_events="""
        INSERT INTO journey_events (lane, list_id, recipient, at, kind, detail)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, recipient, kind, detail) DO UPDATE SET at = max(at, excluded.at)
    """,
    trim_events="""
        DELETE FROM journey_events WHERE lane = ?1 AND list_id = ?2 AND recipient = ?3 AND kind = ?4
            AND at < (SELECT newer.at FROM journey_events AS newer
                WHERE newer.list_id = ?2 AND newer.recipient = ?3 AND newer.kind = ?4
                ORDER BY newer.at DESC LIMIT 1 OFFSET ?5 - 1)
    """,
    events="""
        SELECT list_id, recipient, at, kind, detail FROM journey_events
        WHERE lane = ? AND list_id = ? AND recipient = ?
    """,
    forget_events="""
        DELETE FROM journey_events WHERE lane = ?1 AND list_id = ?2 AND recipient = ?3
            AND NOT EXISTS (SELECT 1 FROM enrolments AS e
                WHERE e.list_id = ?2 AND e.recipient = ?3 AND e.due_at IS NOT NULL)
    """,
    count="""
        INSERT INTO journey_counts (lane, journey_id, version, step, what, count)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (journey_id, version, step, what) DO UPDATE SET count = count + excluded.count
    """,
    forget="""
        DELETE FROM enrolments WHERE (list_id, recipient, journey_id) IN (
            SELECT list_id, recipient, journey_id FROM enrolments INDEXED BY enrolments_over
            WHERE due_at IS NULL AND ends_at < ? ORDER BY ends_at LIMIT ?)
    """,
)


class SqliteEnrolments(Enrolments):
    """Who is on a journey, and where."""

    def _held(self, batch: Sequence[Row]) -> Rows:
        return self._driver.rows_of_batch(self._texts.hold, batch)

    def _enter(self, rows: Sequence[Row]) -> Collection[EnrolmentPlace]:
        return {
            EnrolmentPlace(*written)
            for row in rows
            for written in self._driver.returning(self._texts.enter, *row)
        }
