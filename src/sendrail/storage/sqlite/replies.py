"""The hot statements on what comes back from recipients: replies, their parts, passing troubles.

As in `gate.py`, text on the driver itself, each checked by an EXPLAIN test. A round of receipts
asks two of them whether there is anything to do; the answer is nearly always no.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from sendrail.domain.consent import Keyword, Reading
from sendrail.domain.ids import ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply, ReplyPart
from sendrail.domain.sender import SendingList
from sendrail.domain.text import Alphabet
from sendrail.domain.webhook import Event
from sendrail.storage.rows import PartsKey
from sendrail.storage.sqlite.outbox import Outbox

_json: Final = msgspec.json.Encoder().encode

KEEP_REPLY: Final = """
    INSERT INTO replies (account_id, list_id, sender, body, keyword, rule, review, word,
        received_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
NOTE_REF: Final = """
    INSERT OR IGNORE INTO reply_refs (connector_id, carrier_ref, received_at) VALUES (?, ?, ?)
"""
# As with `OLD_ANSWERS` in `gate.py`.
OLD_REFS: Final = "SELECT connector_id, carrier_ref FROM reply_refs WHERE received_at < ? LIMIT ?"
FORGET_REF: Final = "DELETE FROM reply_refs WHERE connector_id = ? AND carrier_ref = ?"
KEEP_PART: Final = """
    INSERT OR IGNORE INTO reply_parts (connector_id, sender, list_number, reference, total, number,
        body, octets, alphabet, answered, joined, received_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
"""
_OF_TEXT: Final = """
    WHERE connector_id = ? AND sender = ? AND list_number = ? AND reference = ? AND total = ?
"""
PARTS: Final = f"""
    SELECT number, body, octets, alphabet, answered, joined FROM reply_parts {_OF_TEXT}
    ORDER BY number
"""  # noqa: S608 - constants of this file
MARK_JOINED: Final = f"UPDATE reply_parts SET joined = 1 {_OF_TEXT}"  # noqa: S608 - as above
FORGET_PARTS: Final = f"DELETE FROM reply_parts {_OF_TEXT}"  # noqa: S608 - as above
OVERDUE_PARTS: Final = """
    SELECT connector_id, sender, list_number, reference, total FROM reply_parts
    WHERE received_at < ? ORDER BY received_at LIMIT ?
"""

ANY_TROUBLE: Final = "SELECT 1 FROM recipient_troubles LIMIT 1"
CLEAR_TROUBLES: Final = """
    DELETE FROM recipient_troubles WHERE (list_id, recipient) IN (
        SELECT m.list_id, m.recipient FROM json_each(?) AS wanted CROSS JOIN messages AS m
        WHERE m.number = wanted.value)
"""
FORGET_TROUBLES: Final = """
    DELETE FROM recipient_troubles WHERE (list_id, recipient, number) IN
        (SELECT list_id, recipient, number FROM recipient_troubles WHERE at < ? LIMIT ?)
"""


class Replies:
    """Texts from handsets, and the parts of those that are not whole yet."""

    def __init__(self, connection: sqlite3.Connection, outbox: Outbox) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._outbox = outbox

    def keep(
        self, sender: SendingList, reply_from: int, body: str, reading: Reading, now: int
    ) -> None:
        """Keep a text, and tell the customer of it."""
        values = (
            sender.account_id, sender.id, reply_from, body, reading.keyword, reading.rule,
            reading.review, reading.word, now,
        )  # fmt: skip
        [(reply_id,)] = self._execute(KEEP_REPLY, values).fetchall()
        is_opt_out = reading.keyword is Keyword.STOP
        self._outbox.tell_reply(Event.UNSUBSCRIBE if is_opt_out else Event.REPLY, reply_id)

    def note_ref(self, connector_id: ConnectorId, carrier_ref: str, now: int) -> bool:
        """Note the carrier's id of a text; return False when it was noted before."""
        return self._execute(NOTE_REF, (connector_id, carrier_ref, now)).rowcount == 1

    def forget_refs(self, before: int, limit: int) -> int:
        old = self._execute(OLD_REFS, (before, limit)).fetchall()
        self._executemany(FORGET_REF, old)
        return len(old)

    def keep_part(self, connector_id: ConnectorId, part: Reply, now: int) -> bool:
        """Keep one part of a text; return False when the same place was filled before."""
        place = part.part
        assert place is not None, "a whole text has no parts"
        key = PartsKey(connector_id, part.sender, part.list_number, place.reference, place.total)
        values = (
            *key, place.number, part.body, place.octets, place.alphabet, part.answered,
            now,
        )  # fmt: skip
        return self._execute(KEEP_PART, values).rowcount == 1

    def parts(self, key: PartsKey) -> list[Reply]:
        """Return the parts of a text that are there, in their order; none once it was joined."""
        return [part_of(key, row) for row in self._execute(PARTS, key) if not row[-1]]

    def part_body(self, key: PartsKey, number: int) -> str | None:
        """Return the text of one part, joined or not."""
        return next((row[1] for row in self._execute(PARTS, key) if row[0] == number), None)

    def mark_joined(self, key: PartsKey) -> None:
        self._execute(MARK_JOINED, key)

    def forget_parts(self, key: PartsKey) -> None:
        self._execute(FORGET_PARTS, key)

    def overdue_parts(self, before: int, limit: int) -> list[PartsKey]:
        """Return texts, joined or not, with a part that came before the given time."""
        rows = self._execute(OVERDUE_PARTS, (before, limit))
        keys = [
            PartsKey(ConnectorId(row[0]), PhoneNumber(row[1]), PhoneNumber(row[2]), row[3], row[4])
            for row in rows
        ]
        return list(dict.fromkeys(keys))


def part_of(key: PartsKey, row: Sequence[Any]) -> Reply:
    """Return one row of `PARTS` as the part of a text that it is."""
    number, body, octets, alphabet, answered, _ = row
    place = ReplyPart(
        reference=key.reference,
        total=key.total,
        number=number,
        octets=octets,
        alphabet=None if alphabet is None else Alphabet(alphabet),
    )
    return Reply(
        sender=key.sender,
        list_number=key.list_number,
        body=body,
        answered=bool(answered),
        part=place,
    )


class SoftBounces:
    """Troubles of recipients that a delivery makes forgotten."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def clear(self, delivered: Iterable[int]) -> None:
        """Forget the troubles of those whom these messages have reached."""
        if self._execute(ANY_TROUBLE).fetchone() is not None:
            self._execute(CLEAR_TROUBLES, (_json(list(delivered)).decode(),))

    def forget(self, before: int, limit: int) -> int:
        return self._execute(FORGET_TROUBLES, (before, limit)).rowcount
