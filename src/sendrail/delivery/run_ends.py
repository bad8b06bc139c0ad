"""Until when messages of campaigns may leave: a run by the recipients' clocks ends zone by zone.

The planner queues nothing of a zone whose end has come. What it queued before that may still wait
then: for a slow carrier, for the end of quiet hours, or for a run that was paused.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sendrail.domain.ids import AccountId, RunId
from sendrail.storage.campaigns.run_pages import RunStanding
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.queue import WaitingMessage


class DueMessage(NamedTuple):
    """A message, and when it may leave, in milliseconds."""

    message: WaitingMessage
    at: int


def too_late(tx: Tx, standings: Mapping[int, RunStanding], due: Iterable[DueMessage]) -> set[int]:
    """Return the numbers of the messages that are to leave when their run has ended for them.

    `standings` are those of runs by origin; what belongs to none is never too late.
    """
    late: set[int] = set()
    unsure: defaultdict[tuple[int, RunId], list[DueMessage]] = defaultdict(list)
    for each in due:
        standing = standings.get(each.message.origin_id or 0)
        if standing is None or each.at < standing.first_end:
            continue
        if each.at >= standing.last_end:
            late.add(each.message.number)
        else:
            unsure[each.message.account_id, standing.run_id].append(each)
    for (account_id, run_id), some in unsure.items():
        late |= _late_in_their_zones(tx, AccountId(account_id), run_id, some)
    return late


def _late_in_their_zones(
    tx: Tx, account_id: AccountId, run_id: RunId, due: Sequence[DueMessage]
) -> set[int]:
    """Return the same of one run that has ended in some zones, and not in others."""
    waves = tx.runs.waves(account_id, run_id)
    recipients = [each.message.recipient for each in due]
    asks_told = any(wave.told_in or wave.told_not_in for wave in waves)
    told = tx.numbers.told(account_id, recipients) if asks_told else {}
    late = set()
    for message, at in due:
        zone = told.get(message.recipient)
        # The first wave that takes it is that of its zone; the last one has whom no other has.
        wave = next((each for each in waves if each.takes(message.recipient, zone)), None)
        if wave is not None and at >= wave.ends_at:
            late.add(message.number)
    return late
