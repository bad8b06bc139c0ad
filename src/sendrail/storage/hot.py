"""The hot statements, as text on the driver itself: everything a message passes on its way.

A query builder costs tens of microseconds a statement, which is more than the whole accept of a
message may take. Each statement names the lane of the rows it touches and is checked by an EXPLAIN
test. This is the SQLite half; the tables are those of `tables.py`.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from sendrail.domain.delivery import RANK_AHEAD, RANK_PACED
from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import Lane, LinkId, ListId, MessageNumber
from sendrail.domain.message import FINAL, Skip, Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList
from sendrail.storage.outbox import Outbox
from sendrail.storage.road import Gate as GateDoor
from sendrail.storage.rows import (
    EVERY_LANE,
    Arrival,
    Asked,
    Caller,
    Departure,
    Found,
    KeptAnswer,
    KnownContact,
    LaneRanges,
    MessageRow,
    QueuePlace,
    RecentMessage,
    Unsettled,
    WaitingMessage,
)

_json: Final = msgspec.json.Encoder().encode
_NOBODY: Final = KnownContact()

CALLER_BY_KEY: Final = """
    SELECT a.id, a.status = 'active', a.blocked_words FROM api_keys AS k
    JOIN accounts AS a ON a.id = k.account_id
    WHERE k.digest = ? AND k.revoked_at IS NULL
"""
CALLER_BY_ACCOUNT: Final = """
    SELECT id, status = 'active', blocked_words FROM accounts WHERE id = ?
"""
LIST_COLUMNS: Final = """
    SELECT id, lane, account_id, number, name, brand, status, rate, link_id, byoc, verified_at,
           on_uncertain, created_at, second_link_id
    FROM lists
"""
LIST_BY_ID: Final = LIST_COLUMNS + " WHERE id = ?"
LIST_BY_NUMBER: Final = LIST_COLUMNS + " WHERE account_id = ? AND number = ?"
# One walk over the recipients, three probes each; nearly always nobody is found.
KNOWN_CONTACTS: Final = """
    SELECT recipient, unsubscribed, blocked, enrolled FROM (
        SELECT wanted.value AS recipient,
            EXISTS (SELECT 1 FROM list_contacts AS c WHERE c.list_id = ?2
                AND c.recipient = wanted.value AND NOT c.active) AS unsubscribed,
            EXISTS (SELECT 1 FROM blocks AS b WHERE b.account_id = ?1
                AND b.recipient = wanted.value) AS blocked,
            EXISTS (SELECT 1 FROM enrolments AS e WHERE e.list_id = ?2
                AND e.recipient = wanted.value AND e.ends_at > ?4) AS enrolled
        FROM json_each(?3) AS wanted)
    WHERE unsubscribed OR blocked OR enrolled
"""
# Whose data was deleted stays out of every list but one they have come back to by themselves.
ANY_ERASED: Final = "SELECT 1 FROM erased WHERE account_id = ? LIMIT 1"
ERASED: Final = """
    SELECT e.digest FROM json_each(?2) AS wanted CROSS JOIN erased AS e
    WHERE e.account_id = ?1 AND e.digest = wanted.value
"""
IS_ACTIVE: Final = "SELECT 1 FROM list_contacts WHERE list_id = ? AND recipient = ? AND active"
BLOCKED: Final = """
    SELECT b.recipient FROM json_each(?2) AS wanted CROSS JOIN blocks AS b
    WHERE b.account_id = ?1 AND b.recipient = wanted.value
"""
KEPT_ANSWER: Final = """
    SELECT route, body_digest, status, answer FROM idempotency WHERE account_id = ? AND key = ?
"""
KEEP_ANSWER: Final = "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)"
# Found first and then deleted each by its key: of a pair in a list SQLite would look for the first
# half alone, which is everything an account has.
OLD_ANSWERS: Final = "SELECT account_id, key FROM idempotency WHERE created_at < ? LIMIT ?"
FORGET_ANSWER: Final = "DELETE FROM idempotency WHERE account_id = ? AND key = ?"

RESERVE: Final = """
    INSERT INTO counters (name, value) VALUES ('message', ?1)
    ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value
"""
RESERVED: Final = "SELECT value FROM counters WHERE name = 'message'"
_MESSAGE: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, 0, 0)"
INSERT_MESSAGE: Final = f"""
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
        segments, encoding, body, metadata, status, attempt, epoch, resent)
    VALUES {_MESSAGE}
"""  # noqa: S608 - every piece is a constant of this file
# Many rows a statement cost a third less each than one.
_ROWS_AT_ONCE: Final = 16
INSERT_MESSAGES: Final = INSERT_MESSAGE.rstrip() + f", {_MESSAGE}" * (_ROWS_AT_ONCE - 1)
# One statement for a whole batch costs less than half of a row each from outside.
QUEUE_MESSAGES: Final = f"""
    INSERT INTO queue (lane, list_id, rank, due_at, number)
    SELECT lane, list_id,
        CASE WHEN skips & {Skip.RATE_LIMIT.value} THEN {RANK_AHEAD} ELSE {RANK_PACED} END,
        coalesce(?3, created_at), number
    FROM messages WHERE number BETWEEN ?1 AND ?2
"""  # noqa: S608 - every piece is a constant of the domain
CREATED_FROM: Final = (
    "SELECT number, created_at FROM messages WHERE number >= ? ORDER BY number LIMIT 1"
)
BOUNDS: Final = "SELECT (SELECT min(number) FROM messages), (SELECT max(number) FROM messages)"
RECENT: Final = """
    SELECT number, created_at, list_id, recipient, body FROM messages
    WHERE number >= ? ORDER BY number
"""

# A loose index scan: two probes for each list that has something waiting, however much that is.
# (One comparison of row values would be prettier, and SQLite would walk through the whole lane.)
LISTS_WAITING: Final = """
    WITH RECURSIVE waiting (lane, list_id) AS (
        SELECT * FROM (SELECT lane, list_id FROM queue ORDER BY lane, list_id LIMIT 1)
        UNION ALL
        SELECT
            coalesce(
                (SELECT q.lane FROM queue AS q WHERE q.lane = waiting.lane
                    AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                (SELECT q.lane FROM queue AS q WHERE q.lane > waiting.lane
                    ORDER BY q.lane LIMIT 1)),
            coalesce(
                (SELECT q.list_id FROM queue AS q WHERE q.lane = waiting.lane
                    AND q.list_id > waiting.list_id ORDER BY q.list_id LIMIT 1),
                (SELECT q.list_id FROM queue AS q WHERE q.lane > waiting.lane
                    ORDER BY q.lane, q.list_id LIMIT 1))
        FROM waiting WHERE waiting.lane IS NOT NULL
    )
    SELECT lane, list_id FROM waiting WHERE lane IS NOT NULL
"""
DUE: Final = """
    SELECT lane, list_id, rank, due_at, number FROM queue
    WHERE lane = ? AND list_id = ? AND rank = ? AND due_at <= ?
    ORDER BY due_at, number LIMIT ?
"""
NEXT_DUE: Final = """
    SELECT due_at FROM queue WHERE lane = ? AND list_id = ? AND rank = ? AND due_at > ?
    ORDER BY due_at, number LIMIT 1
"""
LOAD: Final = """
    SELECT m.number, m.account_id, m.recipient, m.attempt, m.skips, m.resent, m.encoding,
           m.segments, m.body, m.link_id
    FROM json_each(?) AS wanted CROSS JOIN messages AS m WHERE m.number = wanted.value
"""
LEAVE_QUEUE: Final = """
    DELETE FROM queue WHERE lane = ? AND list_id = ? AND rank = ? AND due_at = ? AND number = ?
"""
DROP: Final = """
    UPDATE messages SET status = ?, detail = ?, ended_at = ?
    WHERE number = ? AND lane = ? AND status = 'queued'
"""
HOLD: Final = """
    UPDATE messages SET status = 'uncertain', detail = ?
    WHERE number = ? AND lane = ? AND status = 'queued'
"""
DEPART: Final = """
    UPDATE messages SET status = 'sending', attempt = ?, epoch = ?, link_id = ?, sending_at = ?
    WHERE number = ? AND status = 'queued'
"""
# An early receipt may have ended the message meanwhile: then only the reference is news.
ARRIVE: Final = """
    UPDATE messages SET
        status = CASE status WHEN 'sending' THEN ?1 ELSE status END,
        detail = CASE status WHEN 'sending' THEN ?2 ELSE detail END,
        ended_at = CASE status WHEN 'sending' THEN ?3 ELSE ended_at END,
        carrier_ref = coalesce(?4, carrier_ref),
        sent_at = coalesce(?5, sent_at),
        attempt = ?6, resent = ?7
    WHERE number = ?8 AND lane = ?9 AND attempt = ?10 AND epoch = ?11
        AND (status = 'sending' OR ended_at IS NOT NULL)
"""
# A settlement may be written twice: a commit can fail to tell us that it succeeded.
RETURN_TO_QUEUE: Final = """
    INSERT OR IGNORE INTO queue (lane, list_id, rank, due_at, number)
    SELECT ?1, ?2, ?3, ?4, number FROM messages
    WHERE number = ?5 AND lane = ?1 AND status = 'queued' AND attempt = ?6 AND epoch = ?7
"""
KEEP_ATTEMPT: Final = """
    INSERT OR IGNORE INTO attempts (number, attempt, lane, link_id, epoch, started_at, ended_at,
        outcome, detail, carrier_ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
KEEP_REF: Final = """
    INSERT OR REPLACE INTO carrier_refs (link_id, carrier_ref, lane, number) VALUES (?, ?, ?, ?)
"""
KEEP_PART_REF: Final = """
    INSERT OR REPLACE INTO carrier_refs (link_id, carrier_ref, lane, number, part, parts)
    VALUES (?, ?, ?, ?, ?, ?)
"""
PARTS_LEFT: Final = "UPDATE messages SET parts_left = ? WHERE number = ? AND lane = ?"
UNSETTLED: Final = """
    SELECT number, lane, list_id, link_id, status, attempt, epoch, resent, skips, sending_at
    FROM messages WHERE status = ? AND status IN ('sending', 'uncertain') AND number > ?
    ORDER BY number LIMIT ?
"""
EXPIRE: Final = """
    UPDATE messages SET status = 'failed', detail = ?, ended_at = ?
    WHERE number = ? AND lane = ? AND status = 'uncertain'
"""

TAKE_LEASE: Final = """
    INSERT INTO leases (name, owner, epoch, taken_at) VALUES (?, ?, 1, ?)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = epoch + 1,
        taken_at = excluded.taken_at
    RETURNING epoch
"""
EPOCH: Final = "SELECT epoch FROM leases WHERE name = ?"

# What costs no attempt is no attempt to be listed.
COSTS_NOTHING: Final = frozenset({"throttled", "unavailable"})


def sending_list(row: Sequence[Any]) -> SendingList:
    return SendingList(
        id=ListId(row[0]),
        lane=Lane(row[1]),
        account_id=row[2],
        number=PhoneNumber(row[3]),
        name=row[4],
        brand=row[5],
        status=ListStatus(row[6]),
        rate=row[7],
        link_id=LinkId(row[8]),
        byoc=bool(row[9]),
        verified_at=row[10],
        on_uncertain=OnUncertain(row[11]),
        created_at=row[12],
        second_link_id=row[13],
    )


def find_by_kind(gate: GateDoor, asked: Sequence[Asked], now: int) -> list[Found]:
    """Look up all that the gate asks about, one kind of fact after the other."""
    callers: dict[bytes | int, Caller] = {}
    callers.update(
        gate.callers({each.who for each in asked if isinstance(each.who, bytes)}).items()
    )
    callers.update(gate.accounts({each.who for each in asked if isinstance(each.who, int)}).items())
    places = [
        (caller.account_id, each.list_number) if (caller := callers.get(each.who)) else None
        for each in asked
    ]
    senders = gate.lists({place for place in places if place is not None})
    found = []
    for each, place in zip(asked, places, strict=True):
        sender = None if place is None else senders.get(place)
        known = {}
        if sender is not None:
            known = gate.known_contacts(sender.account_id, sender.id, each.recipients, now)
        found.append(Found(callers.get(each.who), sender, known))
    return found


class Gate:
    """The facts the gate judges by."""

    def __init__(self, connection: sqlite3.Connection, pseudonyms: Pseudonyms) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._pseudonyms = pseudonyms

    def find(self, asked: Sequence[Asked], now: int) -> list[Found]:
        return find_by_kind(self, asked, now)

    def callers(self, digests: Iterable[bytes]) -> dict[bytes, Caller]:
        found = {}
        for digest in digests:
            if row := self._execute(CALLER_BY_KEY, (digest,)).fetchone():
                found[digest] = Caller(row[0], bool(row[1]), row[2])
        return found

    def accounts(self, account_ids: Iterable[int]) -> dict[int, Caller]:
        found = {}
        for account_id in account_ids:
            if row := self._execute(CALLER_BY_ACCOUNT, (account_id,)).fetchone():
                found[account_id] = Caller(row[0], bool(row[1]), row[2])
        return found

    def lists(self, numbers: Iterable[tuple[int, int]]) -> dict[tuple[int, int], SendingList]:
        found = {}
        for pair in numbers:
            if row := self._execute(LIST_BY_NUMBER, pair).fetchone():
                found[pair] = sending_list(row)
        return found

    def lists_by_id(self, list_ids: Iterable[int]) -> dict[int, SendingList]:
        found = {}
        for list_id in list_ids:
            if row := self._execute(LIST_BY_ID, (list_id,)).fetchone():
                found[list_id] = sending_list(row)
        return found

    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]:
        asked = (account_id, list_id, _json(recipients).decode(), now)
        known = {
            recipient: KnownContact(bool(unsubscribed), bool(blocked), bool(enrolled))
            for recipient, unsubscribed, blocked, enrolled in self._execute(KNOWN_CONTACTS, asked)
        }
        if self._execute(ANY_ERASED, (account_id,)).fetchone():
            for recipient in self._erased(account_id, list_id, recipients):
                known[recipient] = known.get(recipient, _NOBODY)._replace(unsubscribed=True)
        return known

    def _erased(self, account_id: int, list_id: int, recipients: Sequence[int]) -> Iterator[int]:
        """Yield those whose data was deleted and who have not come back to the list."""
        digest_of = self._pseudonyms.of
        digests = [digest_of(recipient) for recipient in recipients]
        rows = self._execute(ERASED, (account_id, _json(digests).decode()))
        if found := {digest for (digest,) in rows}:
            for recipient, digest in zip(recipients, digests, strict=True):
                place = (list_id, recipient)
                if digest in found and not self._execute(IS_ACTIVE, place).fetchone():
                    yield recipient

    def blocked(self, account_id: int, recipients: Sequence[int]) -> set[int]:
        rows = self._execute(BLOCKED, (account_id, _json(recipients).decode()))
        return {recipient for (recipient,) in rows}

    def kept_answers(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        found = {}
        for pair in keys:
            if row := self._execute(KEPT_ANSWER, pair).fetchone():
                found[pair] = KeptAnswer(*row)
        return found

    def keep_answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None:
        self._execute(KEEP_ANSWER, (account_id, key, *answer, now))

    def forget_answers(self, before: int, limit: int) -> int:
        old = self._execute(OLD_ANSWERS, (before, limit)).fetchall()
        self._executemany(FORGET_ANSWER, old)
        return len(old)


class Messages:
    """Messages coming in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany

    def reserve(self, count: int) -> MessageNumber:
        """Return the first of `count` consecutive new numbers; none is ever given twice."""
        [(last,)] = self._execute(RESERVE, (count,)).fetchall()
        return MessageNumber(last - count + 1)

    def reserved(self) -> int:
        """Return the last number that was reserved by anybody, or 0."""
        row = self._execute(RESERVED).fetchone()
        return row[0] if row else 0

    def insert(self, rows: Sequence[MessageRow], due_at: int | None = None) -> None:
        """Insert messages and queue them, at once unless `due_at` says when.

        Their numbers ascend, and no other message lies between the first and the last.
        """
        if rows:
            left = len(rows) % _ROWS_AT_ONCE
            for at in range(0, len(rows) - left, _ROWS_AT_ONCE):
                flat = chain.from_iterable(rows[at : at + _ROWS_AT_ONCE])
                self._execute(INSERT_MESSAGES, tuple(flat))
            self._executemany(INSERT_MESSAGE, rows[len(rows) - left :])
            self._execute(QUEUE_MESSAGES, (rows[0][0], rows[-1][0], due_at))

    def first_since(self, since: int) -> MessageNumber:
        """Return the number from which on messages were created at `since` or later.

        Numbers grow with time, so this is a binary search over the primary key.
        """
        low, high = self._execute(BOUNDS).fetchone()
        if low is None:
            return MessageNumber(0)
        high += 1
        while low < high:
            middle = (low + high) // 2
            found = self._execute(CREATED_FROM, (middle,)).fetchone()
            if found is None or found[1] >= since:
                high = middle
            else:
                low = found[0] + 1
        return MessageNumber(low)

    def recent(self, first: int) -> Iterator[RecentMessage]:
        for row in self._execute(RECENT, (first,)):
            yield RecentMessage(*row)


class Queue:
    """What waits, what is under way, and what became of it."""

    def __init__(self, connection: sqlite3.Connection, outbox: Outbox) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._outbox = outbox

    def lists_waiting(self, lanes: LaneRanges = EVERY_LANE) -> list[tuple[int, int]]:
        assert lanes is EVERY_LANE, "the embedded process owns all lanes"
        return self._execute(LISTS_WAITING).fetchall()

    def due(self, lane: int, list_id: int, rank: int, now: int, limit: int) -> list[QueuePlace]:
        rows = self._execute(DUE, (lane, list_id, rank, now, limit))
        return [QueuePlace(*row) for row in rows]

    def next_due_after(self, lane: int, list_id: int, now: int) -> int | None:
        """Return when the first of the list's messages that are not due yet will be."""
        times = [
            self._execute(NEXT_DUE, (lane, list_id, rank, now)).fetchone()
            for rank in (RANK_AHEAD, RANK_PACED)
        ]
        return min((time[0] for time in times if time), default=None)

    def load(self, places: Sequence[QueuePlace]) -> dict[int, WaitingMessage]:
        numbers = [place.number for place in places]
        rows = self._execute(LOAD, (_json(numbers).decode(),))
        return {row[0]: WaitingMessage(*row) for row in rows}

    def drop(self, drops: Sequence[tuple[QueuePlace, Status, str | None]], now: int) -> None:
        self._executemany(LEAVE_QUEUE, [tuple(place) for place, _, _ in drops])
        with self._outbox.ending(place.number for place, _, _ in drops):
            self._executemany(
                DROP,
                [
                    (status, detail, now, place.number, place.lane)
                    for place, status, detail in drops
                ],
            )

    def hold(self, places: Sequence[QueuePlace], detail: str) -> None:
        """Take out of the queue what may have left before, and wait for a receipt instead."""
        self._executemany(LEAVE_QUEUE, map(tuple, places))
        self._executemany(HOLD, [(detail, place.number, place.lane) for place in places])

    def depart(self, places: Sequence[QueuePlace], departures: Sequence[Departure]) -> None:
        # The driver binds plain tuples several times faster than named ones.
        self._executemany(LEAVE_QUEUE, map(tuple, places))
        changed = self._executemany(DEPART, map(tuple, departures)).rowcount
        assert changed == len(departures), "a queue row stands for a message that is queued"

    def arrive(self, arrivals: Sequence[Arrival]) -> None:
        with self._outbox.ending(a.number for a in arrivals if a.status in FINAL):
            self._executemany(
                ARRIVE,
                [
                    (
                        a.status, a.detail, a.ended_at if a.status in FINAL else None,
                        a.carrier_ref, a.ended_at if a.carrier_ref is not None else None,
                        a.attempts_spent, a.resent, a.number, a.lane, a.attempt, a.epoch,
                    )
                    for a in arrivals
                ],
            )  # fmt: skip
        self._executemany(
            RETURN_TO_QUEUE,
            [(*a.place, a.attempts_spent, a.epoch) for a in arrivals if a.place is not None],
        )
        self._executemany(
            KEEP_ATTEMPT,
            [
                (
                    a.number, a.attempt, a.lane, a.link_id, a.epoch, a.started_at, a.ended_at,
                    a.outcome, a.detail, a.carrier_ref,
                )
                for a in arrivals
                if a.outcome not in COSTS_NOTHING
            ],
        )  # fmt: skip
        self._executemany(
            KEEP_REF,
            [
                (a.link_id, a.carrier_ref, a.lane, a.number)
                for a in arrivals
                if a.carrier_ref is not None and not a.further_refs
            ],
        )
        for a in arrivals:
            if a.carrier_ref is not None and a.further_refs:
                self._keep_parts(a, (a.carrier_ref, *a.further_refs))

    def _keep_parts(self, arrival: Arrival, refs: Sequence[str]) -> None:
        link_id, lane, number = arrival.link_id, arrival.lane, arrival.number
        self._executemany(
            KEEP_PART_REF,
            [(link_id, ref, lane, number, part, len(refs)) for part, ref in enumerate(refs, 1)],
        )
        self._execute(PARTS_LEFT, (len(refs), number, lane))

    def unsettled(
        self, status: Status, after: int, limit: int, lanes: LaneRanges = EVERY_LANE
    ) -> list[Unsettled]:
        assert lanes is EVERY_LANE, "the embedded process owns all lanes"
        return [Unsettled(*row) for row in self._execute(UNSETTLED, (status, after, limit))]

    def await_claims(self, messages: Sequence[tuple[int, int]]) -> None:
        """There is one writer: whatever it did before is done or undone."""

    def expire(self, number: int, lane: int, detail: str, now: int) -> bool:
        with self._outbox.ending([number]):
            return self._execute(EXPIRE, (detail, now, number, lane)).rowcount == 1


class Leases:
    """Who owns what, fenced by an epoch that only grows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def take(self, name: str, owner: str, now: int) -> int:
        [(epoch,)] = self._execute(TAKE_LEASE, (name, owner, now)).fetchall()
        return int(epoch)

    def epoch(self, name: str) -> int:
        row = self._execute(EPOCH, (name,)).fetchone()
        return int(row[0]) if row else 0
