"""Quiet hours at the claim: what may not leave now waits in the queue for when it may.

That is a look and no attempt: the message keeps its count of attempts, and since its place in the
queue is now that of the opening, it is stale only some time after that. So what is ready when the
hours begin never leaves in them, however slow its list is.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sendrail.delivery.run_ends import DueMessage, too_late
from sendrail.domain.quiet_hours import NEVER, NOW, OpeningTable
from sendrail.domain.sender import SendingList
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.queue import QueuePlace, WaitingMessage


class WaitingPlace(NamedTuple):
    """A message that may be claimed, where it waits, and its list."""

    place: QueuePlace
    sender: SendingList
    message: WaitingMessage


class QuietHours:
    """Holds messages back while it is quiet where their recipients are."""

    def __init__(self, table: OpeningTable) -> None:
        self._table = table

    def hold(self, tx: Tx, waiting: Sequence[WaitingPlace], now: int) -> dict[QueuePlace, int]:
        """Return what may not leave now, and when it may; it waits in the queue until then.

        All of these keep quiet hours. What never may leave has `NEVER` and stays in its place:
        there is no such hour in a day, or none before its campaign ends.
        """
        zones = self._zones(tx, waiting)
        openings: list[tuple[QueuePlace, DueMessage]] = []
        for place, sender, message in waiting:
            zone = zones.get((message.account_id, message.recipient))
            opening = self._table.opening(message.recipient, sender.quiet_hours, zone, now)
            if opening != NOW:
                openings.append((place, DueMessage(message, opening)))
        if not openings:
            return {}
        origins = {each.message.origin_id or 0 for _, each in openings} - {0}
        runs = tx.run_pages.standings(origins) if origins else {}
        late = too_late(tx, runs, (each for _, each in openings))
        held = {
            place: NEVER if message.number in late else opening
            for place, (message, opening) in openings
        }
        later = {place: opening for place, opening in held.items() if opening != NEVER}
        if later:
            tx.queue.postpone(list(later), list(later.values()))
        return held

    def _zones(self, tx: Tx, waiting: Sequence[WaitingPlace]) -> dict[tuple[int, int], str]:
        asked: defaultdict[int, list[int]] = defaultdict(list)
        for each in waiting:
            asked[each.message.account_id].append(each.message.recipient)
        return {
            (account_id, recipient): zone
            for account_id, recipients in asked.items()
            for recipient, zone in tx.gate.zones(account_id, recipients).items()
        }
