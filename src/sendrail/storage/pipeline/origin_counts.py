"""What has become of messages, counted with the change itself: by origin, list and hour.

The counts of a batch are written in the transaction of its changes, one row for each key, so that
they are what counting the messages would give, whatever ends a process.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from sendrail.domain.message import Status
from sendrail.domain.origin_counts import APART, THEN, Counted, hour_of
from sendrail.storage.driver import Driver, Rows
from sendrail.storage.pipeline.messages import MessageRow
from sendrail.storage.templates import Statement

_SENT: Final = Status.SENT.value
_FAILED: Final = Status.FAILED.value
# Being delivered or not, a message has been sent, whatever else is known.
_PROVE_SENT: Final = frozenset({_SENT, Status.DELIVERED.value, Status.UNDELIVERED.value})
_ENDED: Final = {
    status: (counted.value, THEN + counted.value)
    for status, counted in (
        (Status.DELIVERED.value, Counted.DELIVERED),
        (Status.UNDELIVERED.value, Counted.UNDELIVERED),
        (Status.FAILED.value, Counted.FAILED),
    )
}
_DROPPED: Final = frozenset({Status.DROPPED.value, Status.ORPHANED.value})
# What a settlement may make of a message that is counted.
COUNTED_WHEN_SETTLED: Final = frozenset({_SENT, _FAILED})


class CountKey(NamedTuple):
    """What a count is of: the lane is the list's, `hour` is since the epoch."""

    lane: int
    origin_id: int
    list_id: int
    hour: int
    what: str


# Lane, origin, list, hour of the send, segments, whether it was known to be sent before, the new
# status, the hour of the change, the reason of a drop. Plain tuples: there is one for each message.
Change: TypeAlias = tuple[int, int, int, int, int, bool, str, int, str | None]


class CountTally:
    """Counts of one batch: for each key how many, of how many segments, and what they brought."""

    def __init__(self) -> None:
        self.values: dict[CountKey, list[int]] = {}

    def add(self, key: CountKey, n: int = 1, segments: int = 0, amount: int = 0) -> None:
        values = self.values.get(key)
        if values is None:
            self.values[key] = [n, segments, amount]
        else:
            values[0] += n
            values[1] += segments
            values[2] += amount


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginCountTexts:
    """The statements of `OriginCounts`."""

    before: Statement
    add: Statement


class OriginCounts:
    """Counts by origin; what an account sends itself has the origin 0."""

    def __init__(self, driver: Driver, texts: OriginCountTexts) -> None:
        self._driver = driver
        self._texts = texts

    def before(self, numbers: Iterable[int]) -> Rows:
        """Return what is counted of messages that are about to change.

        Number, lane, origin, list, segments, when it was sent at last, status, attempt, epoch,
        when it was taken, when it was created.
        """
        return self._driver.rows_by_id(self._texts.before, numbers)

    def accepted(self, rows: Sequence[MessageRow], origins: Mapping[int, int]) -> None:
        """Count messages that were accepted, as far as they have an origin."""
        if not origins:
            return
        tally = CountTally()
        for row in rows:
            if origin_id := origins.get(row[0]):
                key = CountKey(row[1], origin_id, row[3], hour_of(row[5]), Counted.ACCEPTED.value)
                tally.add(key, 1, row[7])
        self.add(tally)

    def changed(self, changes: Iterable[Change]) -> None:
        """Count messages whose status has changed in this transaction."""
        tally = CountTally()
        for change, n in Counter(changes).items():
            lane, origin_id, list_id, sent_hour, segments, was_sent, status, hour, reason = change
            of_list = (lane, origin_id, list_id)
            if status in _PROVE_SENT and not was_sent:
                sent = CountKey(*of_list, sent_hour, Counted.SENT.value)
                tally.add(sent, n, n * segments)
            if ended := _ENDED.get(status):
                tally.add(CountKey(*of_list, sent_hour, ended[0]), n)
                tally.add(CountKey(*of_list, hour, ended[1]), n)
            elif status in _DROPPED:
                dropped = f"{Counted.DROPPED}{APART}{reason or ''}"
                tally.add(CountKey(*of_list, hour, dropped), n)
        self.add(tally)

    def add(self, tally: CountTally) -> None:
        """Write counts, in the order of their keys."""
        if tally.values:
            shard = self._shard()
            rows = [(*key, shard, *values) for key, values in sorted(tally.values.items())]
            self._driver.each(self._texts.add, rows)

    def _shard(self) -> int:
        """Return our share of each count: two that write at once have different ones."""
        return 0


def changes_by_settlement(
    before: Rows, results: Iterable[tuple[int, int, int, str, int | None, int | None]]
) -> Iterator[Change]:
    """Yield what results of attempts change, of messages as they stood before.

    A result is its message's number, its attempt and epoch, the new status, and when the message
    ended and was taken.
    """
    known = {row[0]: row for row in before}
    for number, attempt, epoch, status, ended_at, sent_at in results:
        row = known.get(number)
        if row is None or row[7] != attempt or row[8] != epoch:
            continue
        _, lane, origin_id, list_id, segments, sending_at, was = row[:7]
        if was == Status.SENDING.value:
            if status in COUNTED_WHEN_SETTLED:
                hour = 0 if ended_at is None else hour_of(ended_at)
                yield (
                    lane, origin_id or 0, list_id, hour_of(sending_at), segments, False, status,
                    hour, None,
                )  # fmt: skip
        elif was == _FAILED and row[9] is None and sent_at is not None:
            # A receipt was quicker than the answer that says that it was sent.
            yield (
                lane, origin_id or 0, list_id, hour_of(sending_at), segments, False, _SENT, 0, None,
            )  # fmt: skip
