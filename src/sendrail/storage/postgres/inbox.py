"""The hot statements on carriers' callbacks on PostgreSQL: as `storage/sqlite/inbox.py`.

Several processes may work the inbox off: each takes rows that no other has locked, and locks the
messages it is about to judge, always in the order of their keys.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sendrail.domain.ids import LANES, lane_of
from sendrail.domain.message import Status
from sendrail.storage.postgres.driver import Driver, columns
from sendrail.storage.postgres.outbox import Outbox, lane_in
from sendrail.storage.postgres.queue import PARTS_LEFT, ref_lane
from sendrail.storage.rows import (
    ParkedReceipt,
    PartReceipt,
    RawCallback,
    ReceiptTarget,
    StatusChange,
)
from sendrail.storage.sqlite.inbox import owner_of, parked_of

PART_TOLD: Final = """
    UPDATE carrier_refs AS r SET told = true
    FROM unnest($1::smallint[], $2::bigint[], $3::text[]) AS t (lane, connector_id, carrier_ref)
    WHERE r.lane = t.lane AND r.connector_id = t.connector_id AND r.carrier_ref = t.carrier_ref
"""
PUT: Final = f"""
    INSERT INTO inbox (lane, id, connector_id, received_at, raw)
    SELECT $1::smallint, nextval('inbox_numbers') * {LANES} + $1::smallint, $2, $3, raw
    FROM unnest($4::bytea[]) WITH ORDINALITY AS new (raw, place) ORDER BY place
"""
CONNECTOR_IDS: Final = "SELECT id FROM connectors"
# Where something waits, and since when. One statement for all lanes would sort all that waits.
HEADS: Final = """
    SELECT head.id, waiting.lane FROM unnest($1::smallint[]) AS waiting (lane), LATERAL (
        SELECT i.id FROM inbox AS i WHERE i.lane = waiting.lane ORDER BY i.id LIMIT 1) AS head
"""
TAKE: Final = """
    SELECT id, connector_id, received_at, raw FROM inbox WHERE lane = $1
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
REMOVE: Final = """
    DELETE FROM inbox AS i USING unnest($1::smallint[], $2::bigint[]) AS done (lane, id)
    WHERE i.lane = done.lane AND i.id = done.id
"""
AGAIN: Final = """
    SELECT i.id, i.connector_id, i.received_at, i.raw
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, id)
    JOIN inbox AS i ON i.lane = wanted.lane AND i.id = wanted.id
    ORDER BY i.id FOR UPDATE OF i SKIP LOCKED
"""
# The newest where a carrier has used a reference twice.
REFS: Final = """
    SELECT DISTINCT ON (r.connector_id, r.carrier_ref)
        r.connector_id, r.carrier_ref, r.message_lane, r.number, r.part, r.parts, r.told
    FROM unnest($1::smallint[], $2::bigint[], $3::text[])
        AS wanted (lane, connector_id, carrier_ref)
    JOIN carrier_refs AS r ON r.lane = wanted.lane AND r.connector_id = wanted.connector_id
        AND r.carrier_ref = wanted.carrier_ref
    ORDER BY r.connector_id, r.carrier_ref, r.kept_at DESC
"""
TARGETS: Final = """
    SELECT m.number, m.lane, m.status, m.parts_left, m.connector_id FROM messages AS m
    JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
        ON m.lane = wanted.lane AND m.number = wanted.number
    ORDER BY m.lane, m.number FOR UPDATE OF m
"""
ATTEMPTED: Final = """
    SELECT a.number, a.connector_id
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
    JOIN attempts AS a ON a.lane = wanted.lane AND a.number = wanted.number
"""
APPLY: Final = """
    UPDATE messages AS m SET status = v.status, detail = v.detail, ended_at = v.ended_at,
        provider_detail = v.provider_detail
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[])
        AS v (status, detail, ended_at, number, lane, provider_detail)
    WHERE m.lane = v.lane AND m.number = v.number
"""
PARK: Final = f"""
    INSERT INTO parked_receipts (lane, id, connector_id, carrier_ref, status, detail, received_at,
        trouble)
    SELECT lane, nextval('inbox_numbers') * {LANES} + lane, connector_id, carrier_ref, status,
        detail, received_at, trouble
    FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::text[]) AS new (lane, connector_id, carrier_ref, status, detail, received_at, trouble)
"""
PARKED: Final = """
    SELECT p.id, p.connector_id, p.carrier_ref, p.status, p.detail, p.received_at, p.trouble
    FROM parked_receipts AS p
    WHERE p.received_at >= $1 AND EXISTS (
        SELECT 1 FROM carrier_refs AS r WHERE r.lane = p.lane AND r.connector_id = p.connector_id
            AND r.carrier_ref = p.carrier_ref)
    ORDER BY p.received_at, p.id LIMIT $2 FOR UPDATE OF p SKIP LOCKED
"""
UNPARK: Final = """
    DELETE FROM parked_receipts AS p USING unnest($1::smallint[], $2::bigint[]) AS done (lane, id)
    WHERE p.lane = done.lane AND p.id = done.id
"""
FORGET_PARKED: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, id FROM parked_receipts WHERE received_at < $1
        LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM parked_receipts AS p USING old WHERE p.lane = old.lane AND p.id = old.id
"""


class Inbox:
    """Carriers' callbacks: kept raw, applied afterwards."""

    def __init__(self, driver: Driver, outbox: Outbox) -> None:
        self._driver = driver
        self._outbox = outbox

    def put(self, connector_id: int, raws: Sequence[bytes], now: int) -> None:
        self._driver.run(PUT, lane_of(connector_id), connector_id, now, list(raws))

    def take(self, limit: int, bytes_max: int, but_of: Collection[int] = ()) -> list[RawCallback]:
        """Return the oldest callbacks, at least one if there is any, within both bounds.

        The connector whose oldest has waited longest comes first. Those `but_of` some connectors
        stay where they are, and with them what shares their lanes.
        """
        lanes = {lane_of(row[0]) for row in self._driver.rows(CONNECTOR_IDS)}
        lanes -= {lane_of(connector_id) for connector_id in but_of}
        found: list[Sequence[Any]] = []
        for _, lane in sorted(tuple(row) for row in self._driver.rows(HEADS, sorted(lanes))):
            found += self._driver.rows(TAKE, lane, limit - len(found))
            if len(found) == limit:
                break
        taken, size = [], 0
        for row in sorted(found, key=lambda row: int(row[0])):
            taken.append(RawCallback(*row))
            size += len(row[3])
            if size > bytes_max:
                break
        return taken

    def again(self, ids: Sequence[int]) -> list[RawCallback]:
        """Return callbacks that were taken before, as far as they are still there."""
        wanted = [(lane_in(row_id), row_id) for row_id in ids]
        rows = self._driver.rows(AGAIN, *columns(wanted, 2))
        return sorted(RawCallback(*row) for row in rows)

    def remove(self, ids: Sequence[int]) -> None:
        self._driver.run(REMOVE, [lane_in(row_id) for row_id in ids], list(ids))

    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        wanted = [(ref_lane(*ref), *ref) for ref in refs]
        found = self._driver.rows(REFS, *columns(wanted, 3))
        messages = self._standing((row[2], row[3]) for row in found)
        owners = {}
        for connector_id, ref, lane, number, part, parts, told in found:
            if (message := messages.get(number)) is not None:
                status, parts_left, _ = message
                owner = owner_of(number, lane, status, part, parts, told, parts_left)
                owners[connector_id, ref] = owner
        return owners

    def targets_by_number(
        self, numbers: Iterable[int]
    ) -> dict[int, tuple[ReceiptTarget, set[int]]]:
        """Return where messages stand, each with the connectors that it has left by."""
        wanted = [(lane_in(number), number) for number in numbers]
        found = {
            number: (
                ReceiptTarget(number, lane_in(number), Status(status)),
                set[int]() if connector_id is None else {connector_id},
            )
            for number, (status, _, connector_id) in self._standing(wanted).items()
        }
        for number, connector_id in self._driver.rows(ATTEMPTED, *columns(wanted, 2)):
            if number in found:
                found[number][1].add(connector_id)
        return found

    def _standing(
        self, keys: Iterable[tuple[int, int]]
    ) -> dict[int, tuple[str, int | None, int | None]]:
        """Lock messages; return where each stands, how many parts it awaits, its connector."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        rows = self._driver.rows(TARGETS, *columns(wanted, 2))
        return {row[0]: (row[2], row[3], row[4]) for row in rows}

    def apply(self, changes: Sequence[StatusChange]) -> None:
        if changes:
            with self._outbox.ending((each.number, each.lane) for each in changes):
                # Where one message has several changes, the last is the one that counts.
                last = {each.number: each for each in changes}
                self._driver.run(APPLY, *columns(list(last.values()), 6))

    def tell_parts(self, words: Sequence[PartReceipt]) -> None:
        """Note receipts for parts; each part's is told once."""
        told = [
            (ref_lane(w.connector_id, w.carrier_ref), w.connector_id, w.carrier_ref) for w in words
        ]
        self._driver.run(PART_TOLD, *columns(told, 3))
        left = {each.number: (each.parts_left, each.number, each.lane) for each in words}
        self._driver.run(PARTS_LEFT, *columns(list(left.values()), 3))

    def park(self, receipts: Sequence[ParkedReceipt]) -> None:
        rows = [(ref_lane(each.connector_id, each.carrier_ref), *each[1:]) for each in receipts]
        if rows:
            self._driver.run(PARK, *columns(rows, 7))

    def parked(self, since: int, limit: int) -> list[ParkedReceipt]:
        """Return the receipts parked since then whose message is known by now."""
        return [parked_of(row) for row in self._driver.rows(PARKED, since, limit)]

    def unpark(self, ids: Sequence[int]) -> None:
        self._driver.run(UNPARK, [lane_in(row_id) for row_id in ids], list(ids))

    def forget_parked(self, before: int, limit: int) -> int:
        return self._driver.run(FORGET_PARKED, before, limit)
