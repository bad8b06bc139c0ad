"""Messages with links as if they had been sent, and what is kept of who follows them."""

from sendrail.links.ranges import LinkedRun, RangeSlots
from sendrail.storage.interface import Tx

MINUTE_MS = 60_000
# Android's Chrome, as it has been since its agents are reduced.
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Mobile Safari/537.36"
)
SENT = """
    UPDATE messages SET status = 'delivered', sent_at = {at}, ended_at = {at}
    WHERE number = {number}
"""
CLICKS = """
    SELECT number, position, at, click_class, reason, network, digest, agent_id FROM clicks
    WHERE account_id = {account} ORDER BY at, id
"""


def add_messages(tx, sender, links, *, now, sent_at=None, recipient=15551234567):
    """Add a sent message for each of `links`, as `messages.links` says; return their numbers."""
    numbers = _reserve(tx, sender.lane, len(links))
    rows = [
        (
            number, sender.lane, sender.account_id, sender.id, recipient, now, 0, 1, "gsm7",
            "See {{link1}}", "", each,
        )
        for number, each in zip(numbers, links, strict=True)
    ]  # fmt: skip
    if rows:
        tx.messages.insert(rows, now + 10**12)
    for number in numbers:
        tx.core.exec_driver_sql(f"DELETE FROM queue WHERE number = {number}")
        if sent_at is not None:
            tx.core.exec_driver_sql(SENT.format(at=int(sent_at), number=number))
    return numbers


def _reserve(tx: Tx, lane, count):
    if hasattr(tx, "local"):
        first = tx.local.reserve(count)
        return list(range(first, first + count))
    first = tx.cluster.reserve_in(lane, count)
    return [first + n * 4096 for n in range(count)]


def slots_of(tx, slots, numbers, now):
    """Return the first slot of each message; where slots are in ranges, one is reserved."""
    if isinstance(slots, RangeSlots):
        run = LinkedRun(numbers[0], numbers[-1], 4, numbers[-1] + 4096)
        ranges = slots.reserve(tx, [run], now)
        tx.link_ranges.add(ranges)
        slots.learn(ranges)
    return slots.first_slots(tx, numbers)


def clicks_of(tx, account):
    """Return the rows of an account's clicks, the oldest first."""
    rows = tx.core.exec_driver_sql(CLICKS.format(account=account))
    return [dict(row._mapping) for row in rows]


class LinkMaker:
    """Makes links of messages in a running installation."""

    def __init__(self, runtime, write):
        self._runtime = runtime
        self._write = write

    def links(self, sender, targets, *, age_ms=MINUTE_MS, letters=7, **about):
        """Return the short ids of a message's links for each of `targets`, sent a while ago."""
        texts = self._runtime.links
        now = self._runtime.clock.now() - age_ms

        def add(tx):
            numbers = add_messages(tx, sender, targets, now=now, sent_at=now, **about)
            firsts = slots_of(tx, texts._slots, numbers, now)
            return [
                [texts._ids.show(first + position, letters) for position in range(4)]
                for first in firsts
            ]

        return self._write(add)

    def link(self, sender, target, **about):
        """Return the short id of the first link of a message."""
        [[text, *_]] = self.links(sender, [target], **about)
        return text

    def forget(self, tx, text):
        """Delete the message of a link, as its retention does."""
        texts = self._runtime.links
        [place] = texts._slots.messages(tx, [texts._ids.read(text)])
        tx.core.exec_driver_sql(f"DELETE FROM messages WHERE number = {place.number}")
