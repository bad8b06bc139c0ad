"""Accepting where any number of processes do: numbers and the duplicate window in the database.

Of two processes that are given the same message at once, one writes its fingerprint first and the
other waits for that, and then finds it. Everything else of an order is judged before, so that only
what becomes a message leaves a fingerprint.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sendrail.domain.ids import LANES, MessageIds, MessageNumber
from sendrail.domain.message import Skip
from sendrail.domain.order import Order, Refusal, distinct_text
from sendrail.domain.short_ids import SlotRange
from sendrail.intake.facts import InLine
from sendrail.intake.judge import Judge
from sendrail.intake.links import links_column
from sendrail.intake.verdicts import NO_ID, Accepted
from sendrail.links.ranges import LinkedRun, RangeSlots
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.messages import Fingerprint, MessageRow

# Message numbers of one lane reserved at a time, for so many groups of the size that needs them at
# least. What a process ends with is never given out.
_BLOCK: Final = 1024
_GROUPS_OF_A_BLOCK: Final = 4
# Checks that come after the one for duplicates: a duplicate is refused as one.
_AFTER_DUPLICATES: Final = frozenset({Refusal.JOURNEY_CONFLICT, Refusal.QUEUE_FULL})
_SKIP_DUPLICATE: Final = Skip.DUPLICATE.value


class _Candidate:
    """An order that becomes a message unless it is a duplicate, and where its verdict goes."""

    __slots__ = ("in_line", "is_forced", "is_message", "key", "number", "refusal", "row")

    def __init__(self, in_line: InLine, key: Fingerprint, refusal: Refusal | None) -> None:
        self.in_line = in_line
        self.key = key
        # What refuses it if it is no duplicate.
        self.refusal = refusal
        # Whether it is a message even if it is a duplicate.
        self.is_forced = bool(in_line[3].skips & _SKIP_DUPLICATE)
        self.number = MessageNumber(0)
        self.row: MessageRow
        self.is_message = False


class ClusterTicket:
    """The numbers, and the slots of links, that were reserved for one line of orders."""

    __slots__ = ("_blocks", "_slots", "accepted", "ranges", "reserved")

    def __init__(self, blocks: dict[int, tuple[int, int]], slots: RangeSlots) -> None:
        self._blocks = blocks
        self._slots = slots
        self.accepted = 0
        # What is left of each block: lane, next number, end.
        self.reserved: list[tuple[int, int, int]] = []
        # The slots that were reserved for links.
        self.ranges: Sequence[SlotRange] = ()

    def keep(self) -> None:
        """Give later lines what is left of the numbers that were reserved: now they are ours."""
        for lane, following, end in self.reserved:
            self._blocks[lane] = (following, end)
        self._slots.learn(self.ranges)

    def undo(self) -> None:
        """Give the numbers up that were reserved: another process may reserve them now.

        Those that came from a block of ours are not used again: a gap does no harm.
        """


class ClusterAcceptor:
    """Numbers and inserts, as one of many processes that do so."""

    def __init__(
        self, ids: MessageIds, slots: RangeSlots, *, window_ms: int, fingerprint_key: bytes
    ) -> None:
        """Accept with a duplicate window of this length, and fingerprints under this key."""
        self._ids = ids
        self._slots = slots
        self._window_ms = window_ms
        self._keyed = hashlib.blake2b(digest_size=8, key=fingerprint_key)
        # The next number and the end of our block, by lane.
        self._blocks: dict[int, tuple[int, int]] = {}

    def fill_window(self, tx: Tx, now: int) -> None:
        """Do nothing: the window lies in the database."""

    def accept(self, tx: Tx, line: Sequence[InLine], judge: Judge, now: int) -> ClusterTicket:
        ticket = ClusterTicket(self._blocks, self._slots)
        candidates = list(self._candidates(line, judge))
        passing = [each for each in candidates if each.refusal is None]
        runs = self._number(tx, ticket, passing)
        if runs:
            ticket.ranges = self._slots.reserve(tx, runs, now)
        origins = _origins_of(passing)
        if origins:
            # Their counts must be durable with them.
            tx.begin()
        earlier = self._look_up(tx, candidates, now)
        earlier |= self._insert(tx, passing, ticket.ranges, now)
        accepted = [each for each in passing if each.is_message]
        if origins:
            tx.origin_counts.accepted([each.row for each in accepted], origins)
        names = [NO_ID] * len(accepted)
        if judge.shows_ids:
            names = self._ids.show_many([each.number for each in accepted])
        for each, name in zip(accepted, names, strict=True):
            verdicts, at, _, _ = each.in_line
            verdicts[at] = Accepted(name, each.number)
        ticket.accepted = len(accepted)
        for each in candidates:
            if not each.is_message:
                verdicts, at, facts, order = each.in_line
                before = earlier.get(each.key, 0)
                refusal = each.refusal
                if refusal is None:
                    refusal = Refusal.DUPLICATE_MESSAGE
                elif before:
                    refusal = judge.refusal_of(facts, order, before)
                verdicts[at] = judge.refuse(refusal, before)
        return ticket

    def _candidates(self, line: Sequence[InLine], judge: Judge) -> Iterator[_Candidate]:
        """Judge every order as if it were new; yield those for which it matters that they are."""
        for in_line in line:
            verdicts, at, facts, order = in_line
            if order.recipient in facts.known or order.skips not in facts.usual:
                refusal = judge.refusal_of(facts, order, 0)
            else:
                refusal = facts.usual[order.skips]
            sender = facts.sender
            if sender is None or (refusal is not None and refusal not in _AFTER_DUPLICATES):
                verdicts[at] = judge.refuse(refusal, 0)
            else:
                key = (sender.lane, self._fingerprint(sender.id, order))
                yield _Candidate(in_line, key, refusal)

    def _fingerprint(self, list_id: int, order: Order) -> int:
        """Return 64 bits that stand for one text to one recipient from one list, in any process."""
        keyed = self._keyed.copy()
        text = distinct_text(order.body, order.links)
        keyed.update(f"{list_id}:{order.recipient}:{text}".encode())
        return int.from_bytes(keyed.digest(), signed=True)

    def _number(
        self, tx: Tx, ticket: ClusterTicket, candidates: Sequence[_Candidate]
    ) -> list[LinkedRun]:
        """Give each candidate a number of its lane; a duplicate's is never used.

        A block that is reserved in this transaction serves no other before that is durable.
        Returns the runs of numbers whose messages need slots for their links.
        """
        by_lane: dict[int, list[_Candidate]] = {}
        runs: list[LinkedRun] = []
        for each in candidates:
            by_lane.setdefault(each.key[0], []).append(each)
        for lane in sorted(by_lane):
            wanted = by_lane[lane]
            first, end = self._blocks.get(lane, (0, 0))
            following = first + len(wanted) * LANES
            if following <= end:
                self._blocks[lane] = (following, end)
            else:
                count = max(len(wanted) * _GROUPS_OF_A_BLOCK, _BLOCK)
                first = tx.cluster.reserve_in(lane, count)
                following, end = first + len(wanted) * LANES, first + count * LANES
                ticket.reserved.append((lane, following, end))
            linked = []
            for at, each in enumerate(wanted):
                each.number = MessageNumber(first + at * LANES)
                if each.in_line[3].links:
                    linked.append(each)
            if linked:
                runs.append(_run_of(linked, end))
        return runs

    def _look_up(
        self, tx: Tx, candidates: Sequence[_Candidate], now: int
    ) -> dict[Fingerprint, int]:
        """Return the earlier messages of those that are refused otherwise if they have none."""
        late = {each.key for each in candidates if each.refusal is not None}
        return tx.cluster.earlier(sorted(late), now - self._window_ms) if self._window_ms else {}

    def _insert(
        self, tx: Tx, passing: Sequence[_Candidate], ranges: Sequence[SlotRange], now: int
    ) -> dict[Fingerprint, int]:
        """Insert what becomes a message; return the number of the first one of each kind.

        The first of its kind in this group decides. One that skips the check is a message and is
        noted, whatever was there. Nearly always one statement is all, and needs no transaction.
        """
        for each in passing:
            each.row = _row(each, now)
        if not self._window_ms:
            if ranges:
                # Durable together with what needs them.
                tx.begin()
                tx.link_ranges.add(ranges)
            _insert_all(tx, passing)
            return {}
        firsts: dict[Fingerprint, _Candidate] = {}
        others = [each for each in passing if firsts.setdefault(each.key, each) is not each]
        again = [each for each in others if each.is_forced]
        if again:
            tx.begin()
        kept_out = self._insert_new(tx, firsts, now, ranges)
        if again:
            last = {each.key: each for each in again}
            self._insert_new(tx, last, now)
            _insert_all(tx, [each for each in again if not each.is_message])
        return {key: each.number for key, each in firsts.items()} | kept_out

    def _insert_new(
        self,
        tx: Tx,
        by_key: Mapping[Fingerprint, _Candidate],
        now: int,
        ranges: Sequence[SlotRange] = (),
    ) -> dict[Fingerprint, int]:
        kept_out = tx.cluster.insert_new(
            [each.row for each in by_key.values()],
            [fingerprint for _, fingerprint in by_key],
            now - self._window_ms,
            [each.number for each in by_key.values() if each.is_forced],
            _origins_of(by_key.values()),
            ranges=ranges,
        )
        for key, each in by_key.items():
            each.is_message = key not in kept_out
        return kept_out


def _run_of(linked: Sequence[_Candidate], block_end: int) -> LinkedRun:
    links = max(len(each.in_line[3].links) for each in linked)
    return LinkedRun(linked[0].number, linked[-1].number, links, block_end)


def _insert_all(tx: Tx, candidates: Sequence[_Candidate]) -> None:
    tx.messages.insert([each.row for each in candidates], origins=_origins_of(candidates))
    for each in candidates:
        each.is_message = True


def _origins_of(candidates: Iterable[_Candidate]) -> dict[int, int]:
    """Return what those messages come from that no account sends itself, by their numbers."""
    return {
        each.number: each.in_line[3].origin_id for each in candidates if each.in_line[3].origin_id
    }


def _row(candidate: _Candidate, now: int) -> MessageRow:
    _, _, facts, order = candidate.in_line
    recipient, _, body, skips, metadata, encoding, segments, links, _, _, _ = order
    sender = facts.sender
    assert sender is not None, "no order passes the gate without a list"
    return (
        candidate.number, sender.lane, sender.account_id, sender.id, recipient, now, skips,
        segments, encoding, body, None if metadata is None else metadata.decode(),
        links_column(links, facts.destinations) if links else "",
    )  # fmt: skip
