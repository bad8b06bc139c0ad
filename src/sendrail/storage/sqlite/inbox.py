"""Carriers' callbacks on SQLite. Each statement is checked by an EXPLAIN test.

CROSS JOIN keeps SQLite from turning a loop around.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sendrail.domain.message import Status
from sendrail.domain.origin_counts import HOUR_MS, hour_of
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.inbox import Inbox, InboxTexts, ReceiptTarget, receipt_target
from sendrail.storage.pipeline.origin_counts import Change
from sendrail.storage.sqlite import queue
from sendrail.storage.sqlite.origin_counts import before

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
        m.parts_left, m.origin_id, m.list_id, m.segments, m.sending_at
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


def _target(row: Row) -> ReceiptTarget:
    origin_id, list_id, segments, sending_at = row[9:]
    counted_by = (origin_id or 0, list_id, segments)
    number, lane, status, part, parts, noted, parts_left = row[2:9]
    return receipt_target(
        number, lane, status, part, parts, noted, parts_left, counted_by, sending_at
    )


class SqliteInbox(Inbox):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        rows = self._driver.rows(TARGETS_BY_REF, self._driver.array(refs))
        return {(row[0], row[1]): _target(row) for row in rows}

    def _apply(
        self, changes: Sequence[Row], targets: Sequence[ReceiptTarget | None]
    ) -> list[Change]:
        counted: list[Change] = [
            (
                target.counted_by, target.lane, (target.sending_at or 0) // HOUR_MS,
                target.status is Status.SENT, change[2], change[4] // HOUR_MS, None,
            )
            for change, target in zip(changes, targets, strict=True)
            if target is not None and target.counted_by is not None
        ]  # fmt: skip
        if len(counted) < len(changes):
            counted = self._changes(changes)
        self._driver.each(self._texts.apply, changes)
        return counted

    def _changes(self, changes: Sequence[Row]) -> list[Change]:
        """Return what changes of messages that are read once more."""
        became = {number: (status, at) for _, number, status, _, at, _ in changes}
        return [
            (
                (origin_id or 0, list_id, segments), lane, hour_of(sending_at or 0),
                sent_at is not None, status, hour_of(at), None,
            )
            for number, lane, origin_id, list_id, segments, sending_at, _, _, _, sent_at in (
                before(self._driver, became)
            )
            for status, at in (became[number],)
        ]  # fmt: skip

    def _oldest(self, limit: int, but_of: Collection[int]) -> Iterable[Row]:
        if but_of:
            others = self._driver.array(sorted(but_of))
            return self._driver.stream(OLDEST_OF_OTHERS, others, limit)
        return self._driver.stream(OLDEST, limit)
