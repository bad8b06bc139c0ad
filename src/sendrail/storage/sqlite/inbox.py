"""Carriers' callbacks on SQLite. Each statement is checked by an EXPLAIN test.

CROSS JOIN keeps SQLite from turning a loop around.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.inbox import Inbox, InboxTexts, ReceiptTarget, receipt_target
from sendrail.storage.pipeline.origin_counts import Change
from sendrail.storage.sqlite import queue

TEXTS: Final = InboxTexts(
    put="INSERT INTO inbox (connector_id, received_at, raw) VALUES (?2, ?3, ?4)",
    again="""
        SELECT i.id, i.connector_id, i.received_at, i.raw
        FROM json_each(?) AS wanted CROSS JOIN inbox AS i WHERE i.id = wanted.value
    """,
    remove="DELETE FROM inbox WHERE id = ?2",
    targets="""
        SELECT m.number, m.lane, m.status, m.parts_left, m.connector_id
        FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
    """,
    attempted="""
        SELECT a.number, a.connector_id
        FROM json_each(?) AS wanted CROSS JOIN attempts AS a WHERE a.number = wanted.value
    """,
    apply="""
        UPDATE messages SET status = ?3, detail = ?4, ended_at = ?5, provider_detail = ?6
        WHERE number = ?2 AND lane = ?1
    """,
    note_part="UPDATE carrier_refs SET told = 1 WHERE connector_id = ?2 AND carrier_ref = ?3",
    parts_left=queue.TEXTS.parts_left,
    park="""
        INSERT INTO parked_receipts (connector_id, carrier_ref, status, detail, received_at,
            trouble)
        VALUES (?2, ?3, ?4, ?5, ?6, ?7)
    """,
    parked="""
        SELECT p.id, p.connector_id, p.carrier_ref, p.status, p.detail, p.received_at, p.trouble
        FROM parked_receipts AS p
        CROSS JOIN carrier_refs AS r
            ON r.connector_id = p.connector_id AND r.carrier_ref = p.carrier_ref
        WHERE p.received_at >= ? ORDER BY p.received_at, p.id LIMIT ?
    """,
    unpark="DELETE FROM parked_receipts WHERE id = ?2",
    forget_parked="""
        DELETE FROM parked_receipts
        WHERE id IN (SELECT id FROM parked_receipts WHERE received_at < ? LIMIT ?)
    """,
)
# Pairs as one JSON array, so that the statement is the same for any number of them.
TARGETS_BY_REF: Final = """
    SELECT r.connector_id, r.carrier_ref, m.number, m.lane, m.status, r.part, r.parts, r.told,
        m.parts_left
    FROM (SELECT json_extract(value, '$[0]') AS connector_id,
            json_extract(value, '$[1]') AS carrier_ref FROM json_each(?)) AS pair
    CROSS JOIN carrier_refs AS r CROSS JOIN messages AS m
    WHERE r.connector_id = pair.connector_id AND r.carrier_ref = pair.carrier_ref
        AND m.number = r.number
"""
OLDEST: Final = "SELECT id, connector_id, received_at, raw FROM inbox ORDER BY id LIMIT ?"
# Past what waits for connectors that have not been read yet.
OLDEST_OF_OTHERS: Final = """
    SELECT id, connector_id, received_at, raw FROM inbox
    WHERE connector_id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""


class SqliteInbox(Inbox):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        rows = self._driver.rows(TARGETS_BY_REF, self._driver.array(refs))
        return {(row[0], row[1]): receipt_target(*row[2:]) for row in rows}

    def _apply(self, changes: Sequence[Row]) -> list[Change]:
        became = {number: (status, at) for _, number, status, _, at, _ in changes}
        before = self._counts.before(became)
        self._driver.each(self._texts.apply, changes)
        return [
            (
                lane, origin_id or 0, list_id, hour_of(sending_at or 0), segments,
                sent_at is not None, status, hour_of(at), None,
            )
            for number, lane, origin_id, list_id, segments, sending_at, _, _, _, sent_at in before
            for status, at in (became[number],)
        ]  # fmt: skip

    def _oldest(self, limit: int, but_of: Collection[int]) -> Iterable[Row]:
        if but_of:
            others = self._driver.array(sorted(but_of))
            return self._driver.stream(OLDEST_OF_OTHERS, others, limit)
        return self._driver.stream(OLDEST, limit)
