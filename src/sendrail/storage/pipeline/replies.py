"""Texts from handsets, and the parts of those that are not whole yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sendrail.domain.consent import Keyword, KeywordReading
from sendrail.domain.ids import ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply, ReplyPart
from sendrail.domain.sender import SendingList
from sendrail.domain.text import Alphabet
from sendrail.domain.webhook import Event
from sendrail.storage.driver import Driver
from sendrail.storage.pipeline.outbox import Outbox
from sendrail.storage.templates import Statement


class PartsKey(NamedTuple):
    """What the parts of one text from a handset have in common."""

    connector_id: ConnectorId
    sender: PhoneNumber
    list_number: PhoneNumber
    reference: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliesTexts:
    """The statements of `Replies`."""

    keep: Statement
    note_ref: Statement
    old_refs: Statement
    forget_ref: Statement
    keep_part: Statement
    parts: Statement
    mark_joined: Statement
    forget_parts: Statement
    overdue_parts: Statement


class Replies:
    """Texts from handsets, and the parts of those that are not whole yet."""

    def __init__(self, driver: Driver, texts: RepliesTexts, outbox: Outbox) -> None:
        self._driver = driver
        self._texts = texts
        self._outbox = outbox

    def keep(
        self, sender: SendingList, reply_from: int, body: str, reading: KeywordReading, now: int
    ) -> None:
        """Keep a text, with an event of it for the customer."""
        [(reply_id,)] = self._driver.returning(
            self._texts.keep, sender.account_id, sender.id, reply_from, body, reading.keyword,
            reading.rule, reading.review, reading.word, now,
        )  # fmt: skip
        is_opt_out = reading.keyword is Keyword.STOP
        self._outbox.add_reply(Event.UNSUBSCRIBE if is_opt_out else Event.REPLY, reply_id)

    def note_ref(self, connector_id: ConnectorId, carrier_ref: str, now: int) -> bool:
        """Note the carrier's id of a text; return False when it was noted before."""
        return self._driver.run(self._texts.note_ref, connector_id, carrier_ref, now) == 1

    def forget_refs(self, before: int, limit: int) -> int:
        """Delete at most `limit` ids noted before a time; return how many that were."""
        old = self._driver.rows(self._texts.old_refs, before, limit)
        self._driver.each(self._texts.forget_ref, old)
        return len(old)

    # Parts

    def keep_part(self, connector_id: ConnectorId, part: Reply, now: int) -> bool:
        """Keep one part of a text; return False when the same place was filled before."""
        place = part.part
        assert place is not None, "a whole text has no parts"
        key = PartsKey(connector_id, part.sender, part.list_number, place.reference, place.total)
        # The parts of one text may come to several processes at once: one after the other, so that
        # the last one sees them all.
        self._driver.lock(f"reply parts {key}")
        values = (place.number, part.body, place.octets, place.alphabet, part.answered, now)
        return self._driver.run(self._texts.keep_part, *key, *values) == 1

    def parts(self, key: PartsKey) -> list[Reply]:
        """Return the parts of a text that are there, in their order; none once it was joined."""
        rows = self._driver.rows(self._texts.parts, *key)
        return [reply_part(key, row) for row in rows if not row[-1]]

    def part_body(self, key: PartsKey, number: int) -> str | None:
        """Return the text of one part, joined or not."""
        rows = self._driver.rows(self._texts.parts, *key)
        return next((row[1] for row in rows if row[0] == number), None)

    def mark_joined(self, key: PartsKey) -> None:
        self._driver.run(self._texts.mark_joined, *key)

    def forget_parts(self, key: PartsKey) -> None:
        self._driver.run(self._texts.forget_parts, *key)

    def overdue_parts(self, before: int, limit: int) -> list[PartsKey]:
        """Return texts, joined or not, with a part that came before the given time."""
        rows = self._driver.rows(self._texts.overdue_parts, before, limit)
        keys = [
            PartsKey(ConnectorId(row[0]), PhoneNumber(row[1]), PhoneNumber(row[2]), row[3], row[4])
            for row in rows
        ]
        return list(dict.fromkeys(keys))


def reply_part(key: PartsKey, row: Sequence[Any]) -> Reply:
    """Return one row of a text's parts as the part that it is."""
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
