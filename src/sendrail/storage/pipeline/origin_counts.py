"""What has become of messages, counted with the change itself: by origin, list and hour.

The counts of a batch are written in the transaction of its changes, one row for each key, so that
they are what counting the messages would give, whatever ends a process.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, TypeAlias

from sendrail.domain.message import Status
from sendrail.domain.origin_counts import (
    APART,
    BLAMED_MS,
    THEN,
    CountKey,
    CountKind,
    CountTally,
    hour_of,
)
from sendrail.storage.driver import Driver
from sendrail.storage.pipeline.messages import MessageRow
from sendrail.storage.templates import Statement

_SENT: Final = Status.SENT.value
_FAILED: Final = Status.FAILED.value
# Being delivered or not, a message has been sent, whatever else is known.
_PROVE_SENT: Final = frozenset({_SENT, Status.DELIVERED.value, Status.UNDELIVERED.value})
_ENDED: Final = {
    status: (counted.value, THEN + counted.value)
    for status, counted in (
        (Status.DELIVERED.value, CountKind.DELIVERED),
        (Status.UNDELIVERED.value, CountKind.UNDELIVERED),
        (Status.FAILED.value, CountKind.FAILED),
    )
}
_DROPPED: Final = frozenset({Status.DROPPED.value, Status.ORPHANED.value})
# What a settlement may make of a message that is counted.
COUNTED_WHEN_SETTLED: Final = frozenset({_SENT, _FAILED})


# Of a message's row: its number, and its lane, list, time and segments.
_number_of: Final = itemgetter(0)
_counted_by: Final = itemgetter(1, 3, 5, 7)

# What a message is counted by: its origin, its list, its segments.
CountedBy: TypeAlias = tuple[int, int, int]
# What a message is counted by, its lane, the hour of the send, whether it was known to be sent
# before, the new status, the hour of the change, the reason of a drop. Plain tuples: there is one
# for each message.
Change: TypeAlias = tuple[CountedBy, int, int, bool, str, int, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginCountTexts:
    """The statements of `OriginCounts`."""

    add: Statement
    last_origin: Statement
    forget: Statement


class OriginCounts:
    """Counts by origin; what an account sends itself has the origin 0."""

    def __init__(self, driver: Driver, texts: OriginCountTexts) -> None:
        self._driver = driver
        self._texts = texts

    def accepted(self, rows: Sequence[MessageRow], origins: Mapping[int, int]) -> None:
        """Count messages that were accepted, as far as they have an origin."""
        if not (rows and origins):
            return
        tally = CountTally()
        for ((lane, list_id, accepted_at, segments), origin_id), n in _alike(rows, origins):
            if not origin_id:
                continue
            hour = hour_of(accepted_at)
            key = CountKey(lane, origin_id, list_id, hour, CountKind.ACCEPTED.value)
            tally.add(key, n, n * segments)
        self.add(tally)

    def changed(self, changes: Iterable[Change]) -> None:
        """Count messages whose status has changed in this transaction."""
        tally = CountTally()
        for change, n in Counter(changes).items():
            (origin_id, list_id, segments), lane, sent_hour, was_sent, status, hour, reason = change
            of_list = (lane, origin_id, list_id)
            if status in _PROVE_SENT and not was_sent:
                sent = CountKey(*of_list, sent_hour, CountKind.SENT.value)
                tally.add(sent, n, n * segments)
            if ended := _ENDED.get(status):
                tally.add(CountKey(*of_list, sent_hour, ended[0]), n)
                tally.add(CountKey(*of_list, hour, ended[1]), n)
            elif status in _DROPPED:
                dropped = f"{CountKind.DROPPED}{APART}{reason or ''}"
                tally.add(CountKey(*of_list, hour, dropped), n)
        self.add(tally)

    def add(self, tally: CountTally) -> None:
        """Write counts, in the order of their keys."""
        changed = sorted(each for each in tally.values.items() if any(each[1]))
        if changed:
            shard = self.shard()
            self._driver.each(self._texts.add, [(*key, shard, *values) for key, values in changed])

    def opted_out(self, lane: int, list_id: int, recipient: int, at: int) -> None:
        """Count a contact who leaves a list, for the last campaign or journey that sent to it.

        Where none did for a while, the origin is 0.
        """
        row = self._driver.row(self._texts.last_origin, list_id, recipient, at - BLAMED_MS)
        origin_id, sent_at = (0, at) if row is None else row
        tally = CountTally()
        tally.add_both((lane, origin_id, list_id), CountKind.OPT_OUTS.value, sent_at, at)
        self.add(tally)

    def forget(self, before: int, limit: int) -> int:
        """Delete at most so many counts of hours before a time; return how many that were."""
        return self._driver.run(self._texts.forget, hour_of(before), limit)

    def shard(self) -> int:
        """Return our share of each count: two that write at once have different ones."""
        return 0


def _alike(
    rows: Sequence[MessageRow], origins: Mapping[int, int]
) -> Iterable[tuple[tuple[tuple[int, int, int, int], int | None], int]]:
    """Return what messages are counted by, with their origin, and how many are alike in both."""
    origin_ids = list(map(origins.get, map(_number_of, rows)))
    first = origin_ids[0]
    if origin_ids.count(first) == len(rows):
        # As of most pages of a campaign: a count over what tells them apart takes half the time.
        return [((key, first), n) for key, n in Counter(map(_counted_by, rows)).items()]
    return Counter(zip(map(_counted_by, rows), origin_ids, strict=True)).items()
