"""The hot statements of the way in, as text on the driver itself.

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
from sendrail.domain.ids import ConnectorId, Lane, ListId, MessageNumber
from sendrail.domain.message import Skip
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList
from sendrail.storage.pipeline_doors import Gate as GateDoor
from sendrail.storage.rows import (
    Asked,
    Caller,
    Found,
    KeptAnswer,
    KnownContact,
    MessageRow,
    RecentMessage,
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
    SELECT id, lane, account_id, number, name, brand, status, rate, connector_id, byoc, verified_at,
           on_uncertain, created_at, second_connector_id, sender_name
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
# Absent metadata come as an empty text: to bind None costs more than all the other values.
_MESSAGE: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), 'queued', 0, 0, 0)"
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
        connector_id=ConnectorId(row[8]),
        byoc=bool(row[9]),
        verified_at=row[10],
        on_uncertain=OnUncertain(row[11]),
        created_at=row[12],
        second_connector_id=row[13],
        sender_name=row[14],
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
