"""Messages that wait or are under way: whose turn it is, attempts begun, what came of them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from sendrail.domain.delivery import RANK_CAMPAIGN, RANK_HELD, RANKS
from sendrail.domain.ids import LANES, RunId
from sendrail.domain.message import FINAL, DropReason, Status
from sendrail.domain.origin_counts import hour_of
from sendrail.storage.driver import Driver, Row
from sendrail.storage.pipeline.origin_counts import (
    COUNTED_WHEN_SETTLED,
    Change,
    CountedBy,
    OriginCounts,
)
from sendrail.storage.pipeline.outbox import Outbox
from sendrail.storage.templates import Statement

# What costs no attempt is no attempt to be listed.
_COSTS_NOTHING: Final = frozenset({"throttled", "unavailable"})


# Ranges of lanes, each from its first up to but without its end.
LaneRanges: TypeAlias = Sequence[tuple[int, int]]
EVERY_LANE: Final[LaneRanges] = ((0, LANES),)


class QueuePlace(NamedTuple):
    """Where a message waits: the whole key of its queue row."""

    lane: int
    list_id: int
    rank: int
    due_at: int
    number: int


@dataclass(slots=True)
class QueueHead:
    """The first messages of a list that are due, by rank, and when the next one will be."""

    by_rank: tuple[list[QueuePlace], ...]
    next_due_at: int | None = None

    def due(self, rank: int) -> list[QueuePlace]:
        return self.by_rank[rank]


class WaitingMessage(NamedTuple):
    """What is read of a queued message before its submit."""

    number: int
    account_id: int
    recipient: int
    attempt: int
    skips: int
    resent: int
    encoding: str
    segments: int
    body: str
    connector_id: int | None
    links: str | None
    origin_id: int | None


class AttemptStart(NamedTuple):
    """The durable intent: from here on the bytes may leave."""

    attempt: int
    epoch: int
    connector_id: int
    sending_at: int
    number: int


class AttemptResult(NamedTuple):
    """The result of an attempt; it is written only while that very attempt is still open."""

    number: int
    lane: int
    connector_id: int
    epoch: int
    attempt: int
    started_at: int
    ended_at: int
    outcome: str
    status: str
    attempts_spent: int
    resent: int
    detail: str | None
    carrier_ref: str | None
    place: QueuePlace | None
    further_refs: tuple[str, ...] = ()
    one_receipt: bool = False
    provider_detail: str | None = None
    # Of a message that has been sent or has failed, where that is at hand.
    counted_by: CountedBy | None = None


class UnsettledMessage(NamedTuple):
    """A message whose attempt is open, or whose outcome is unknown."""

    number: int
    lane: int
    list_id: int
    connector_id: int
    status: str
    attempt: int
    epoch: int
    resent: int
    skips: int
    sending_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTexts:
    """The statements of `Queue`; what is written row by row takes its lane first."""

    lists_waiting: Statement
    due: Statement
    heads: Statement
    load: Statement
    metadata: Statement
    leave_queue: Statement
    drop: Statement
    make_uncertain: Statement
    start_attempt: Statement
    finish_attempt: Statement
    return_to_queue: Statement
    keep_attempt: Statement
    keep_ref: Statement
    keep_part_ref: Statement
    parts_left: Statement
    unsettled: Statement
    await_claims: Statement
    expire: Statement
    count: Statement
    of_run: Statement
    open_of_run: Statement
    change_place: Statement


# What results are grouped by before they are counted: most of a batch are alike.
_counts_of: Final = attrgetter("counted_by", "lane", "started_at", "status", "ended_at")


def changes_of(results: Iterable[AttemptResult]) -> Counter[Change] | None:
    """Return what results change once they are written, of attempts that are open still.

    None where it is not at hand by what one of them is counted.
    """
    changes: Counter[Change] = Counter()
    for key, n in Counter(map(_counts_of, results)).items():
        counted_by, lane, started_at, status, ended_at = key
        if status in COUNTED_WHEN_SETTLED:
            if counted_by is None:
                return None
            hours = hour_of(started_at), hour_of(ended_at)
            changes[counted_by, lane, hours[0], False, status, hours[1], None] += n
    return changes


class Queue(ABC):
    """What waits, what is under way, and what became of it."""

    def __init__(
        self, driver: Driver, texts: QueueTexts, outbox: Outbox, counts: OriginCounts
    ) -> None:
        self._driver = driver
        self._texts = texts
        self._outbox = outbox
        self._counts = counts

    # What waits

    def lists_waiting(self, lanes: LaneRanges = EVERY_LANE) -> list[tuple[int, int]]:
        """Return the (lane, list) in these lanes that have anything waiting."""
        return [
            (row[0], row[1])
            for first, end in lanes
            for row in self._driver.rows(self._texts.lists_waiting, first, end)
        ]

    def due(self, lane: int, list_id: int, rank: int, now: int, limit: int) -> list[QueuePlace]:
        rows = self._driver.rows(self._texts.due, lane, list_id, rank, now, limit)
        return [QueuePlace(*row) for row in rows]

    def heads(self, wanted: Sequence[tuple[int, int, int, int]], now: int) -> dict[int, QueueHead]:
        """Return the first messages that wait of each list, by the list's id.

        Each is wanted by its lane and id, with how many of the messages that pass ahead, and
        of those of each other rank, at most.
        """
        heads = {list_id: QueueHead(tuple([] for _ in RANKS)) for _, list_id, _, _ in wanted}
        for row in self._driver.rows_of_batch(self._texts.heads, wanted, now):
            head, place = heads[row[1]], QueuePlace(*row)
            if place.due_at > now:
                head.next_due_at = min(place.due_at, head.next_due_at or place.due_at)
            else:
                head.by_rank[place.rank].append(place)
        return heads

    def load(self, places: Sequence[QueuePlace]) -> dict[int, WaitingMessage]:
        rows = self._driver.rows_by_id(self._texts.load, [place.number for place in places])
        return {row[0]: WaitingMessage(*row) for row in rows}

    def metadata(self, places: Sequence[QueuePlace]) -> dict[int, str | None]:
        """Return what customers attached to messages, which only some carriers read."""
        rows = self._driver.rows_by_id(self._texts.metadata, [place.number for place in places])
        return {row[0]: row[1] for row in rows}

    # What campaigns have in the queue

    def count(self, lane: int, list_id: int, at_most: int, rank: int = RANK_CAMPAIGN) -> int:
        """Return how many messages of campaigns wait on a list, or of a rank, up to so many."""
        row = self._driver.row(self._texts.count, lane, list_id, rank, at_most)
        assert row is not None, "a count is a row"
        return int(row[0])

    def of_run(
        self, lane: int, list_id: int, rank: int, run_id: RunId, limit: int
    ) -> list[QueuePlace]:
        """Return the first messages of a run that wait on a list in a rank."""
        rows = self._driver.rows(self._texts.of_run, lane, list_id, rank, run_id, limit)
        return [QueuePlace(*row) for row in rows]

    def is_open(self, lane: int, list_id: int, run_id: RunId) -> bool:
        """Return whether a message of a run waits on a list, or is being handed to a carrier.

        Both are asked in one statement: what comes back to the queue meanwhile is in either.
        """
        row = self._driver.row(self._texts.open_of_run, lane, list_id, RANK_CAMPAIGN, run_id)
        assert row is not None, "whether there is one is a row"
        return bool(row[0])

    def hold(self, places: Sequence[QueuePlace]) -> None:
        """Put messages where no claim takes them, until they are released."""
        self._driver.each(
            self._texts.change_place, [(*place, RANK_HELD, place.due_at) for place in places]
        )

    def release(self, places: Sequence[QueuePlace], now: int) -> None:
        """Queue messages again that were held, due now."""
        self._driver.each(
            self._texts.change_place, [(*place, RANK_CAMPAIGN, now) for place in places]
        )

    # What leaves the queue

    def drop(self, drops: Sequence[tuple[QueuePlace, Status, str | None]], now: int) -> None:
        """End messages that are not sent, with their status and its detail."""
        if not drops:
            return
        self.leave([place for place, _, _ in drops])
        with self._outbox.ending(place.number for place, _, _ in drops):
            changes = self._drop(
                [
                    (place.lane, place.number, status.value, detail, now)
                    for place, status, detail in drops
                ]
            )
        self._counts.changed(changes)

    @abstractmethod
    def _drop(self, drops: Sequence[Row]) -> Iterable[Change]:
        """End messages that are queued; return what has changed."""

    def make_uncertain(self, places: Sequence[QueuePlace], detail: str) -> None:
        """Take out of the queue what may have left before, and wait for a receipt instead."""
        self.leave(places)
        self._driver.each(
            self._texts.make_uncertain,
            [(place.lane, place.number, detail) for place in places],
        )

    def start_attempts(self, places: Sequence[QueuePlace], starts: Sequence[AttemptStart]) -> None:
        left = self.leave(places)
        rows = [(place.lane, *start) for place, start in zip(places, starts, strict=True)]
        changed = self._driver.each(self._texts.start_attempt, rows)
        self._expect_there(left == changed == len(starts))

    def leave(self, places: Sequence[QueuePlace]) -> int:
        """Take messages out of the queue; return how many were there."""
        # SQLite's driver binds plain tuples several times faster than named ones.
        return self._driver.each(self._texts.leave_queue, [tuple(place) for place in places])

    def cancel(self, place: QueuePlace, now: int) -> bool:
        """End a message that waits in this place; return False where it does not any more."""
        if not self.leave([place]):
            return False
        self.drop([(place, Status.DROPPED, DropReason.CANCELLED)], now)
        return True

    @abstractmethod
    def _expect_there(self, are_there: bool) -> None:
        """Expect that messages stood in the places in which this transaction has read them.

        Raises `Contended` where another process can have taken them out meanwhile.
        """

    @abstractmethod
    def postpone(self, places: Sequence[QueuePlace], due_at: Sequence[int]) -> None:
        """Let messages that wait in these places be due later; that is no attempt."""

    @abstractmethod
    def add(self, places: Sequence[QueuePlace]) -> None:
        """Queue messages that were in no attempt yet, and stand in no place of the queue."""

    # What came of attempts

    def finish_attempts(self, results: Sequence[AttemptResult]) -> None:
        """Write what came of attempts; what was settled by a receipt before stays settled."""
        if not results:
            return
        results = sorted(results, key=lambda result: (result.lane, result.number))
        with (
            # First, as it holds all of them in their order.
            self._outbox.sending(a.number for a in results),
            self._outbox.ending(a.number for a in results if a.status in FINAL),
        ):
            changes = self._finish(
                results,
                [
                    (
                        a.lane, a.number, a.attempt, a.epoch, a.status, a.detail,
                        a.provider_detail, a.ended_at if a.status in FINAL else None,
                        a.carrier_ref, a.ended_at if a.carrier_ref is not None else None,
                        a.attempts_spent, a.resent,
                    )
                    for a in results
                ],
                [a for a in results if a.place is not None],
            )  # fmt: skip
        self._counts.changed(changes)
        self._driver.each(
            self._texts.keep_attempt,
            [
                (
                    a.lane, a.number, a.attempt, a.connector_id, a.epoch, a.started_at, a.ended_at,
                    a.outcome, a.detail, a.carrier_ref, a.provider_detail,
                )
                for a in results
                if a.outcome not in _COSTS_NOTHING
            ],
        )  # fmt: skip
        self._keep_refs([a for a in results if a.carrier_ref is not None])

    @abstractmethod
    def _finish(
        self,
        results: Sequence[AttemptResult],
        finished: Sequence[Row],
        back: Sequence[AttemptResult],
    ) -> Iterable[Change]:
        """Write what messages have become, and queue again what comes back, once.

        Each of `finished` is what is written of the result beside it.

        Return what has changed of what is counted. A result may be written twice, since a commit
        can fail to say that it succeeded.
        """

    def _keep_refs(self, results: Iterable[AttemptResult]) -> None:
        """Keep the references of what was taken, one for each part where the carrier names them."""
        lane_of_ref = self._driver.lane_of_ref
        whole: list[Row] = []
        parts: list[Row] = []
        parts_left: list[Row] = []
        for a in results:
            first = str(a.carrier_ref)
            message = (a.lane, a.number)
            if not a.further_refs or a.one_receipt:
                whole += [
                    (lane_of_ref(a.connector_id, ref), a.ended_at, a.connector_id, ref, *message)
                    for ref in (first, *a.further_refs)
                ]
                continue
            refs = (first, *a.further_refs)
            parts_left.append((*message, len(refs)))
            parts += [
                (
                    lane_of_ref(a.connector_id, ref), a.ended_at, a.connector_id, ref, *message,
                    part, len(refs),
                )
                for part, ref in enumerate(refs, 1)
            ]  # fmt: skip
        self._driver.each(self._texts.keep_ref, whole)
        self._driver.each(self._texts.keep_part_ref, parts)
        self._driver.each(self._texts.parts_left, parts_left)

    # Without a known result

    def unsettled(
        self, status: Status, after: int, limit: int, lanes: LaneRanges = EVERY_LANE
    ) -> list[UnsettledMessage]:
        """Return the first messages after a number that are `sending` or `uncertain`."""
        found = [
            UnsettledMessage(*row)
            for first, end in lanes
            for row in self._driver.rows(
                self._texts.unsettled, status.value, after, limit, first, end
            )
        ]
        return sorted(found)[:limit]

    def await_claims(self, messages: Sequence[tuple[int, int]]) -> None:
        """Wait for a claim of these (lane, number) whose commit has no known result."""
        ordered = [number for _, number in sorted(messages)]
        self._driver.rows_by_id(self._texts.await_claims, ordered)

    def expire(self, number: int, lane: int, detail: str, now: int) -> bool:
        """Fail a message that is uncertain; return False when it no longer is."""
        with self._outbox.ending([number]):
            failed = self._driver.returning(self._texts.expire, lane, number, detail, now)
        for origin_id, list_id, segments, sending_at in failed:
            self._counts.changed(
                [
                    (
                        (origin_id or 0, list_id, segments), lane, hour_of(sending_at), False,
                        Status.FAILED.value, hour_of(now), None,
                    )
                ]
            )  # fmt: skip
        return bool(failed)
