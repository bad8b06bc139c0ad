"""The hot statements on what comes back from recipients: as `storage/sqlite/replies.py`."""

from collections.abc import Iterable
from typing import Final

from sendrail.domain.consent import Keyword, Reading
from sendrail.domain.ids import ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply
from sendrail.domain.sender import SendingList
from sendrail.domain.webhook import Event
from sendrail.storage.postgres.driver import Driver, columns
from sendrail.storage.postgres.outbox import Outbox, lane_in
from sendrail.storage.rows import PartsKey
from sendrail.storage.sqlite.replies import part_of

KEEP_REPLY: Final = """
    INSERT INTO replies (account_id, list_id, sender, body, keyword, rule, review, word,
        received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
"""
NOTE_REF: Final = """
    INSERT INTO reply_refs (connector_id, carrier_ref, received_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
"""
FORGET_REFS: Final = """
    DELETE FROM reply_refs WHERE (connector_id, carrier_ref) IN
        (SELECT connector_id, carrier_ref FROM reply_refs WHERE received_at < $1 LIMIT $2)
"""
# The parts of one text may come to several processes at once: one after the other, so that whoever
# is last sees them all.
ONE_BY_ONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
KEEP_PART: Final = """
    INSERT INTO reply_parts (connector_id, sender, list_number, reference, total, number, body,
        octets, alphabet, answered, joined, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11) ON CONFLICT DO NOTHING
"""
# One who joins a text locks its parts, so that no other joins it as well.
PARTS: Final = """
    SELECT number, body, octets, alphabet, answered, joined FROM reply_parts
    WHERE connector_id = $1 AND sender = $2 AND list_number = $3 AND reference = $4 AND total = $5
    ORDER BY number FOR UPDATE
"""
MARK_JOINED: Final = """
    UPDATE reply_parts SET joined = true
    WHERE connector_id = $1 AND sender = $2 AND list_number = $3 AND reference = $4 AND total = $5
"""
FORGET_PARTS: Final = """
    DELETE FROM reply_parts
    WHERE connector_id = $1 AND sender = $2 AND list_number = $3 AND reference = $4 AND total = $5
"""
OVERDUE_PARTS: Final = """
    SELECT connector_id, sender, list_number, reference, total FROM reply_parts
    WHERE received_at < $1 ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""

ANY_TROUBLE: Final = "SELECT 1 FROM recipient_troubles LIMIT 1"
CLEAR_TROUBLES: Final = """
    DELETE FROM recipient_troubles WHERE (list_id, recipient) IN (
        SELECT m.list_id, m.recipient
        FROM unnest($1::smallint[], $2::bigint[]) AS wanted (lane, number)
        JOIN messages AS m ON m.lane = wanted.lane AND m.number = wanted.number)
"""
FORGET_TROUBLES: Final = """
    DELETE FROM recipient_troubles WHERE (list_id, recipient, number) IN
        (SELECT list_id, recipient, number FROM recipient_troubles WHERE at < $1 LIMIT $2)
"""


class Replies:
    """Texts from handsets, and the parts of those that are not whole yet."""

    def __init__(self, driver: Driver, outbox: Outbox) -> None:
        self._driver = driver
        self._outbox = outbox

    def keep(
        self, sender: SendingList, reply_from: int, body: str, reading: Reading, now: int
    ) -> None:
        """Keep a text, and tell the customer of it."""
        values = (
            sender.account_id, sender.id, reply_from, body, reading.keyword, reading.rule,
            reading.review, reading.word, now,
        )  # fmt: skip
        row = self._driver.row(KEEP_REPLY, *values)
        assert row is not None, "the statement returns what it wrote"
        is_opt_out = reading.keyword is Keyword.STOP
        self._outbox.tell_reply(Event.UNSUBSCRIBE if is_opt_out else Event.REPLY, row[0])

    def note_ref(self, connector_id: ConnectorId, carrier_ref: str, now: int) -> bool:
        """Note the carrier's id of a text; return False when it was noted before."""
        return self._driver.run(NOTE_REF, connector_id, carrier_ref, now) == 1

    def forget_refs(self, before: int, limit: int) -> int:
        return self._driver.run(FORGET_REFS, before, limit)

    def keep_part(self, connector_id: ConnectorId, part: Reply, now: int) -> bool:
        """Keep one part of a text; return False when the same place was filled before."""
        place = part.part
        assert place is not None, "a whole text has no parts"
        key = PartsKey(connector_id, part.sender, part.list_number, place.reference, place.total)
        self._driver.row(ONE_BY_ONE, f"reply parts {key}")
        values = (
            *key, place.number, part.body, place.octets, place.alphabet, part.answered,
            now,
        )  # fmt: skip
        return self._driver.run(KEEP_PART, *values) == 1

    def parts(self, key: PartsKey) -> list[Reply]:
        """Return the parts of a text that are there, in their order; none once it was joined."""
        return [part_of(key, row) for row in self._driver.rows(PARTS, *key) if not row[-1]]

    def part_body(self, key: PartsKey, number: int) -> str | None:
        """Return the text of one part, joined or not."""
        return next((row[1] for row in self._driver.rows(PARTS, *key) if row[0] == number), None)

    def mark_joined(self, key: PartsKey) -> None:
        self._driver.run(MARK_JOINED, *key)

    def forget_parts(self, key: PartsKey) -> None:
        self._driver.run(FORGET_PARTS, *key)

    def overdue_parts(self, before: int, limit: int) -> list[PartsKey]:
        """Return texts, joined or not, with a part that came before the given time."""
        rows = self._driver.rows(OVERDUE_PARTS, before, limit)
        keys = [
            PartsKey(ConnectorId(row[0]), PhoneNumber(row[1]), PhoneNumber(row[2]), row[3], row[4])
            for row in rows
        ]
        return list(dict.fromkeys(keys))


class SoftBounces:
    """Troubles of recipients that a delivery makes forgotten."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def clear(self, delivered: Iterable[int]) -> None:
        """Forget the troubles of those whom these messages have reached."""
        if self._driver.row(ANY_TROUBLE) is not None:
            wanted = [(lane_in(number), number) for number in delivered]
            self._driver.run(CLEAR_TROUBLES, *columns(wanted, 2))

    def forget(self, before: int, limit: int) -> int:
        return self._driver.run(FORGET_TROUBLES, before, limit)
