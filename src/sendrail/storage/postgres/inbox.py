"""Carriers' callbacks on PostgreSQL.

Several processes may work the inbox off: each takes rows that no other has locked, and locks the
messages it is about to judge, always in the order of their keys.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sendrail.domain.ids import LANES, lane_of
from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Row
from sendrail.storage.pipeline.inbox import Inbox, InboxTexts, ReceiptTarget, receipt_target
from sendrail.storage.pipeline.origin_counts import Change
from sendrail.storage.postgres import queue
from sendrail.storage.postgres.driver import columns
from sendrail.storage.templates import InsertRows, OverLanes, StatementForms, read_over_lanes

_PARKED: Final = """
    SELECT p.id, p.connector_id, p.carrier_ref, p.status, p.detail, p.received_at, p.trouble
    FROM parked_receipts AS p
    WHERE p.received_at >= $1 AND EXISTS (
        SELECT 1 FROM carrier_refs AS r WHERE r.lane = p.lane AND r.connector_id = p.connector_id
            AND r.carrier_ref = p.carrier_ref)
    ORDER BY p.received_at, p.id LIMIT $2{lock}
"""
_FORGET_PARKED: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, id FROM parked_receipts WHERE received_at < $1 LIMIT $2{lock})
    DELETE FROM parked_receipts AS p USING old WHERE p.lane = old.lane AND p.id = old.id
"""
_ID: Final = f"nextval('inbox_numbers') * {LANES} + {{lane}}"
TEXTS: Final = InboxTexts(
    # In their order, so that their ids grow with it.
    put=InsertRows(
        "inbox",
        "lane smallint, connector_id bigint, received_at bigint, raw bytea",
        id_of=_ID,
    ),
    again=OverLanes(
        "lane smallint, id bigint",
        """
        SELECT i.id, i.connector_id, i.received_at, i.raw
        FROM {batch} JOIN inbox AS i ON i.lane = {lane} AND i.id = batch.id
        ORDER BY i.id FOR UPDATE OF i SKIP LOCKED
        """,
        key="i.id",
    ),
    remove=OverLanes(
        "lane smallint, id bigint",
        "DELETE FROM inbox AS i USING {batch} WHERE i.lane = {lane} AND i.id = batch.id",
        key="i.id",
    ),
    targets=OverLanes(
        "lane smallint, number bigint",
        """
        SELECT m.number, m.lane, m.status, m.parts_left, m.connector_id FROM messages AS m
        JOIN {batch} ON m.lane = {lane} AND m.number = batch.number
        ORDER BY m.lane, m.number FOR UPDATE OF m
        """,
        key="m.number",
    ),
    attempted=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT a.number, a.connector_id
        FROM {batch} JOIN attempts AS a ON a.lane = {lane} AND a.number = batch.number
        """,
        key="a.number",
    ),
    apply=OverLanes(
        "lane smallint, number bigint, status text, detail text, ended_at bigint,"
        " provider_detail text",
        """
        UPDATE messages AS m SET status = batch.status, detail = batch.detail,
            ended_at = batch.ended_at, provider_detail = batch.provider_detail
        FROM {batch} WHERE m.lane = {lane} AND m.number = batch.number
        RETURNING m.lane, m.origin_id, m.list_id, m.segments, m.sending_at, m.sent_at, m.status,
            m.ended_at
        """,
        key="m.number",
    ),
    note_part=OverLanes(
        "lane smallint, connector_id bigint, carrier_ref text",
        """
        UPDATE carrier_refs AS r SET told = true FROM {batch}
        WHERE r.lane = {lane} AND r.connector_id = batch.connector_id
            AND r.carrier_ref = batch.carrier_ref
        """,
        key="r.carrier_ref",
    ),
    parts_left=queue.TEXTS.parts_left,
    park=InsertRows(
        "parked_receipts",
        "lane smallint, connector_id bigint, carrier_ref text, status text, detail text,"
        " received_at bigint, trouble text",
        id_of=_ID,
    ),
    parked=StatementForms(
        _PARKED.format(lock=" FOR UPDATE OF p SKIP LOCKED"), distributed=_PARKED.format(lock="")
    ),
    unpark=OverLanes(
        "lane smallint, id bigint",
        """
        DELETE FROM parked_receipts AS p USING {batch}
        WHERE p.lane = {lane} AND p.id = batch.id
        """,
        key="p.id",
    ),
    forget_parked=StatementForms(
        _FORGET_PARKED.format(lock=" FOR UPDATE SKIP LOCKED"),
        distributed=_FORGET_PARKED.format(lock=""),
    ),
)
# The newest where a carrier has used a reference twice.
REFS: Final = read_over_lanes(
    "lane smallint, connector_id bigint, carrier_ref text",
    """
    SELECT DISTINCT ON (r.connector_id, r.carrier_ref)
        r.connector_id, r.carrier_ref, r.message_lane, r.number, r.part, r.parts, r.told
    FROM {batch} JOIN carrier_refs AS r ON r.lane = {lane}
        AND r.connector_id = batch.connector_id AND r.carrier_ref = batch.carrier_ref
    ORDER BY r.connector_id, r.carrier_ref, r.kept_at DESC
    """,
    key="r.carrier_ref",
)
CONNECTOR_IDS: Final = "SELECT id FROM connectors"
# Where something waits, and since when. One statement for all lanes would sort all that waits.
HEADS: Final = OverLanes(
    "lane smallint",
    """
    SELECT head.id, {lane} FROM {batch}, LATERAL (
        SELECT i.id FROM inbox AS i WHERE i.lane = {lane} ORDER BY i.id LIMIT 1) AS head
    """,
)
OLDEST: Final = """
    SELECT id, connector_id, received_at, raw FROM inbox WHERE lane = $1
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""


class PostgresInbox(Inbox):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        lane_of_ref = self._driver.lane_of_ref
        found = self._driver.rows_by_key(REFS, [(lane_of_ref(*ref), *ref) for ref in refs])
        # Locked in the order of their keys.
        messages = {row[0]: row for row in self._targets(row[3] for row in found)}
        targets = {}
        for connector_id, ref, lane, number, part, parts, noted in found:
            if (message := messages.get(number)) is not None:
                _, _, status, parts_left, _ = message
                targets[connector_id, ref] = receipt_target(
                    number, lane, status, part, parts, noted, parts_left
                )
        return targets

    def _apply(
        self,
        changes: Sequence[Row],
        targets: Sequence[ReceiptTarget | None],  # noqa: ARG002 - the rows say what is counted
    ) -> list[Change]:
        # What was sent says so beside its status, and stays so.
        return [
            (
                (origin_id or 0, list_id, segments), lane, hour_of(sending_at or 0),
                sent_at is not None, status, hour_of(at), None,
            )
            for lane, origin_id, list_id, segments, sending_at, sent_at, status, at in (
                self._driver.returning(self._texts.apply, *columns(changes))
            )
        ]  # fmt: skip

    def _oldest(self, limit: int, but_of: Collection[int]) -> Iterable[Row]:
        # The connector whose oldest has waited longest comes first; what shares a lane with those
        # passed over stays with them.
        lanes = {lane_of(row[0]) for row in self._driver.rows(CONNECTOR_IDS)}
        lanes -= {lane_of(connector_id) for connector_id in but_of}
        heads = self._driver.rows_by_key(HEADS, [(lane,) for lane in sorted(lanes)])
        found: list[Sequence[Any]] = []
        for _, lane in sorted(tuple(row) for row in heads):
            found += self._driver.rows(OLDEST, lane, limit - len(found))
            if len(found) == limit:
                break
        return sorted(found, key=lambda row: int(row[0]))
