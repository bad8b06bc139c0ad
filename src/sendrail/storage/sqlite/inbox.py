"""The hot statements on carriers' callbacks: kept raw, read, and applied to their messages.

As in `gate.py`, text on the driver itself, each checked by an EXPLAIN test.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.message import Status
from sendrail.storage.rows import (
    ParkedReceipt,
    PartReceipt,
    RawCallback,
    ReceiptTarget,
    StatusChange,
)
from sendrail.storage.sqlite.outbox import Outbox
from sendrail.storage.sqlite.queue import PARTS_LEFT

_json: Final = msgspec.json.Encoder().encode
_STATUSES: Final = frozenset(Status)
_TROUBLES: Final = frozenset(RecipientTrouble)

# Keys come as one JSON array, so that a statement is the same for any number of them; CROSS JOIN
# keeps SQLite from turning the loop around.
_PAIRS: Final = """
    (SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b
     FROM json_each(?1)) AS pair
"""
PART_TOLD: Final = "UPDATE carrier_refs SET told = 1 WHERE connector_id = ? AND carrier_ref = ?"
PUT: Final = "INSERT INTO inbox (connector_id, received_at, raw) VALUES (?, ?, ?)"
TAKE: Final = "SELECT id, connector_id, received_at, raw FROM inbox ORDER BY id LIMIT ?"
# Past what waits for connectors that have not been read yet.
TAKE_OTHERS: Final = """
    SELECT id, connector_id, received_at, raw FROM inbox
    WHERE connector_id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""
AGAIN: Final = """
    SELECT i.id, i.connector_id, i.received_at, i.raw
    FROM json_each(?) AS wanted CROSS JOIN inbox AS i WHERE i.id = wanted.value
"""
REMOVE: Final = "DELETE FROM inbox WHERE id = ?"
OWNERS: Final = f"""
    SELECT r.connector_id, r.carrier_ref, m.number, m.lane, m.status, r.part, r.parts, r.told,
           m.parts_left
    FROM {_PAIRS} CROSS JOIN carrier_refs AS r CROSS JOIN messages AS m
    WHERE r.connector_id = pair.a AND r.carrier_ref = pair.b AND m.number = r.number
"""  # noqa: S608 - every piece is a constant of this file
TARGETS: Final = """
    SELECT m.number, m.lane, m.status, m.connector_id
    FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
"""
ATTEMPTED: Final = """
    SELECT a.number, a.connector_id
    FROM json_each(?) AS wanted CROSS JOIN attempts AS a WHERE a.number = wanted.value
"""
APPLY: Final = """
    UPDATE messages SET status = ?1, detail = ?2, ended_at = ?3, provider_detail = ?6
    WHERE number = ?4 AND lane = ?5
"""
PARK: Final = """
    INSERT INTO parked_receipts (connector_id, carrier_ref, status, detail, received_at, trouble)
    VALUES (?, ?, ?, ?, ?, ?)
"""
PARKED: Final = """
    SELECT p.id, p.connector_id, p.carrier_ref, p.status, p.detail, p.received_at,
           p.trouble
    FROM parked_receipts AS p
    CROSS JOIN carrier_refs AS r
        ON r.connector_id = p.connector_id AND r.carrier_ref = p.carrier_ref
    WHERE p.received_at >= ? ORDER BY p.received_at, p.id LIMIT ?
"""
UNPARK: Final = "DELETE FROM parked_receipts WHERE id = ?"
FORGET_PARKED: Final = """
    DELETE FROM parked_receipts
    WHERE id IN (SELECT id FROM parked_receipts WHERE received_at < ? LIMIT ?)
"""


class Inbox:
    """Carriers' callbacks: kept raw, applied afterwards."""

    def __init__(self, connection: sqlite3.Connection, outbox: Outbox) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._outbox = outbox

    def put(self, connector_id: int, raws: Sequence[bytes], now: int) -> None:
        self._executemany(PUT, [(connector_id, now, raw) for raw in raws])

    def take(self, limit: int, bytes_max: int, but_of: Collection[int] = ()) -> list[RawCallback]:
        """Return the oldest callbacks, at least one if there is any, within both bounds.

        Those `but_of` some connectors stay where they are.
        """
        taken, size = [], 0
        for row in (
            self._execute(TAKE_OTHERS, (_json(sorted(but_of)).decode(), limit))
            if but_of
            else self._execute(TAKE, (limit,))
        ):
            taken.append(RawCallback(*row))
            size += len(row[3])
            if size > bytes_max:
                break
        return taken

    def again(self, ids: Sequence[int]) -> list[RawCallback]:
        """Return callbacks that were taken before, as far as they are still there."""
        rows = self._execute(AGAIN, (_json(ids).decode(),))
        return sorted(RawCallback(*row) for row in rows)

    def remove(self, ids: Sequence[int]) -> None:
        self._executemany(REMOVE, [(row_id,) for row_id in ids])

    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        rows = self._execute(OWNERS, (_json(refs).decode(),))
        return {(row[0], row[1]): owner_of(*row[2:]) for row in rows}

    def targets_by_number(
        self, numbers: Iterable[int]
    ) -> dict[int, tuple[ReceiptTarget, set[int]]]:
        """Return where messages stand, each with the connectors that it has left by."""
        wanted = (_json(list(numbers)).decode(),)
        found = {
            row[0]: (
                ReceiptTarget(row[0], row[1], Status(row[2])),
                set[int]() if row[3] is None else {row[3]},
            )
            for row in self._execute(TARGETS, wanted)
        }
        for number, connector_id in self._execute(ATTEMPTED, wanted):
            if number in found:
                found[number][1].add(connector_id)
        return found

    def apply(self, changes: Sequence[StatusChange]) -> None:
        with self._outbox.ending(verdict.number for verdict in changes):
            self._executemany(APPLY, map(tuple, changes))

    def tell_parts(self, words: Sequence[PartReceipt]) -> None:
        """Note receipts for parts; each part's is told once."""
        self._executemany(PART_TOLD, [(each.connector_id, each.carrier_ref) for each in words])
        self._executemany(PARTS_LEFT, [(each.parts_left, each.number, each.lane) for each in words])

    def park(self, receipts: Sequence[ParkedReceipt]) -> None:
        self._executemany(PARK, [receipt[1:] for receipt in receipts])

    def parked(self, since: int, limit: int) -> list[ParkedReceipt]:
        """Return the receipts parked since then whose message is known by now."""
        return [parked_of(row) for row in self._execute(PARKED, (since, limit))]

    def unpark(self, ids: Sequence[int]) -> None:
        self._executemany(UNPARK, [(row_id,) for row_id in ids])

    def forget_parked(self, before: int, limit: int) -> int:
        return self._execute(FORGET_PARKED, (before, limit)).rowcount


def owner_of(  # noqa: PLR0917 - a row's columns
    number: int,
    lane: int,
    status: str,
    part: int | None,
    parts: int | None,
    told: int,
    parts_left: int | None,
) -> ReceiptTarget:
    if part is None:
        return ReceiptTarget(number, lane, Status(status))
    return ReceiptTarget(
        number, lane, Status(status), part, parts or 1, bool(told), parts_left or 0
    )


def parked_of(row: Sequence[Any]) -> ParkedReceipt:
    """Return a row as a parked receipt."""
    return ParkedReceipt(
        row[0],
        row[1],
        row[2],
        # A word of a newer version settles nothing here, and stops nobody.
        Status(row[3]) if row[3] in _STATUSES else None,
        row[4],
        row[5],
        RecipientTrouble(row[6]) if row[6] in _TROUBLES else None,
    )
