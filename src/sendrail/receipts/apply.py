"""Apply what carriers said: receipts move messages along the table of moves, replies may opt out.

A receipt can come early (before the submit's answer has named the message), late, twice, or for a
message that is none of ours. Early ones are parked until the reference is known; an illegal move
changes nothing, so that late and repeated receipts do no harm. Where the carrier gives a receipt
for each part of a long text, the message is delivered when all of them are, and fails with the
first that does.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sendrail.domain.consent import ReplyPolicy
from sendrail.domain.contact import RecipientTrouble, TroublePolicy
from sendrail.domain.detail import apart
from sendrail.domain.errors import ConnectorUnread
from sendrail.domain.ids import ConnectorId, MessageIds
from sendrail.domain.message import Status, may_move
from sendrail.domain.receipt import DELIVERED_TO_OPERATOR, IgnoredReason, Receipt, Reply
from sendrail.receipts.parts import join, take_as_it_is
from sendrail.receipts.reading import Parse, read
from sendrail.receipts.replies import take_reply
from sendrail.receipts.targets import ReceiptTargets
from sendrail.storage.contacts.bounces import RecipientReport
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.inbox import (
    ParkedReceipt,
    PartReceipt,
    RawCallback,
    ReceiptTarget,
    StatusChange,
)
from sendrail.storage.pipeline.refused import Refusal
from sendrail.storage.pipeline.replies import PartsKey

_DELIVERED: Final = Status.DELIVERED.value


@dataclass(slots=True)
class RoundCounts:
    """What one round did, for the metrics."""

    callbacks: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    ended: Counter[Status] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    # Each with its connector's name and kind.
    refused: list[tuple[Refusal, str, str]] = field(default_factory=list)
    set_aside: Counter[IgnoredReason] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)
    removed: Counter[RecipientTrouble] = field(default_factory=Counter)
    # The names and kinds of connectors, as far as they were looked up.
    connectors: dict[ConnectorId, tuple[str, str]] = field(default_factory=dict)
    # The connectors whose callbacks stay for a moment longer.
    unread: set[ConnectorId] = field(default_factory=set)


class DatedReceipt(NamedTuple):
    """A receipt with the connector it came by and when."""

    connector_id: ConnectorId
    received_at: int
    receipt: Receipt


class _Came(NamedTuple):
    """By which connector a text came, when, and when it is taken."""

    connector_id: ConnectorId
    received_at: int
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The installation's settings for replies, and for carriers' reports on recipients."""

    replies: ReplyPolicy = field(default_factory=ReplyPolicy)
    troubles: TroublePolicy = field(default_factory=TroublePolicy)


def apply(  # noqa: PLR0917 - a round and all it needs
    tx: Tx,
    callbacks: Sequence[RawCallback],
    parse: Parse,
    ids: MessageIds,
    policies: Policies,
    now: int,
) -> RoundCounts:
    """Apply stored callbacks and take them out of the inbox; those that cannot be read are refused.

    Whatever else is raised undoes the round: the worker then finds out whose fault it is.
    """
    applied = RoundCounts()
    words: list[DatedReceipt] = []
    done: list[int] = []
    for callback in callbacks:
        try:
            said = read(callback, parse)
        except ConnectorUnread:
            applied.unread.add(callback.connector_id)
            continue
        done.append(callback.id)
        for each in said.callbacks:
            if each.flaw is not None:
                applied.flaws.append(each.flaw)
            if isinstance(each, Reply):
                for text in join(tx, callback.connector_id, each, now):
                    came = _Came(callback.connector_id, callback.received_at, now)
                    _take(tx, came, text, policies.replies, applied)
            else:
                words.append(DatedReceipt(callback.connector_id, callback.received_at, each))
        if said.set_aside:
            applied.set_aside.update(said.set_aside)
        for refusal in said.refusals:
            refuse(tx, refusal, now, applied)
    _apply_receipts(tx, words, ids, policies.troubles, applied)
    tx.inbox.remove(done)
    applied.callbacks = len(done)
    return applied


def refuse(tx: Tx, refusal: Refusal, now: int, applied: RoundCounts) -> None:
    """Keep a callback, or a piece of one, among the refused."""
    tx.refused.keep(refusal, now)
    if (named := applied.connectors.get(refusal.connector_id)) is None:
        connector = tx.connectors.by_id(refusal.connector_id)
        named = ("gone", "gone") if connector is None else (connector.name, connector.kind)
        applied.connectors[refusal.connector_id] = named
    applied.refused.append((refusal, *named))


def apply_overdue(tx: Tx, keys: Sequence[PartsKey], policy: ReplyPolicy, now: int) -> RoundCounts:
    """Take texts whose missing parts have been waited for long enough."""
    applied = RoundCounts()
    for key in keys:
        # When its last part came is not known any more; it was not later than this.
        came = _Came(key.connector_id, now - policy.parts_within_ms, now)
        for text in take_as_it_is(tx, key):
            _take(tx, came, text, policy, applied)
    return applied


def apply_parked(tx: Tx, parked: Sequence[ParkedReceipt], policy: TroublePolicy) -> RoundCounts:
    """Apply receipts whose message has been named in the meantime."""
    applied = RoundCounts()
    if not parked:
        return applied
    targets = tx.inbox.targets_by_ref([(each.connector_id, each.carrier_ref) for each in parked])
    known = [
        (DatedReceipt(each.connector_id, each.received_at, receipt_of(each)), target)
        for each in parked
        # A reference may outlive its message, which retention has taken.
        if (target := targets.get((each.connector_id, each.carrier_ref))) is not None
    ]
    _move(tx, known, policy, applied)
    tx.inbox.unpark([each.id for each in parked])
    return applied


def receipt_of(parked: ParkedReceipt) -> Receipt:
    """Return a parked receipt as its carrier gave it."""
    return Receipt(
        carrier_ref=parked.carrier_ref,
        status=parked.status,
        detail=parked.detail,
        trouble=parked.trouble,
    )


def _apply_receipts(
    tx: Tx,
    words: Sequence[DatedReceipt],
    ids: MessageIds,
    policy: TroublePolicy,
    applied: RoundCounts,
) -> None:
    if not words:
        return
    targets = ReceiptTargets(tx, ids, [(word.connector_id, word.receipt) for word in words])
    known: list[tuple[DatedReceipt, ReceiptTarget]] = []
    unknown: list[DatedReceipt] = []
    for word in words:
        target = targets.of(word.connector_id, word.receipt)
        if target is not None:
            known.append((word, target))
        elif targets.is_foreign(word.connector_id, word.receipt):
            applied.fates["foreign"] += 1
        else:
            unknown.append(word)
    _park(tx, unknown, applied)
    _move(tx, known, policy, applied)


def _park(tx: Tx, words: Sequence[DatedReceipt], applied: RoundCounts) -> None:
    if not words:
        return
    applied.fates["parked"] += len(words)
    tx.inbox.park(
        [
            ParkedReceipt(
                0,
                word.connector_id,
                word.receipt.carrier_ref,
                word.receipt.status,
                word.receipt.detail,
                word.received_at,
                word.receipt.trouble,
            )
            for word in words
        ]
    )


def _move(
    tx: Tx,
    known: Sequence[tuple[DatedReceipt, ReceiptTarget]],
    policy: TroublePolicy,
    applied: RoundCounts,
) -> None:
    moves, troubles = _Moves(), []
    for word, target in known:
        if (trouble := word.receipt.trouble) is not None:
            detail, at = word.receipt.detail, word.received_at
            troubles.append(RecipientReport(target.number, trouble, detail, at))
        applied.fates[moves.judge(word, target)] += 1
    if moves.parts:
        tx.inbox.note_parts(moves.parts)
    if moves.changes:
        tx.inbox.apply(moves.changes)
        ended = Counter([each.status for each in moves.changes])
        applied.ended.update({Status(status): count for status, count in ended.items()})
        # A message that only the mobile operator has says nothing of a handset that was away.
        delivered = [
            each.number
            for each in moves.changes
            if each.status == _DELIVERED and each.detail != DELIVERED_TO_OPERATOR
        ]
        tx.soft_bounces.clear(delivered)
    if troubles:
        applied.removed.update(tx.bounces.apply(troubles, policy))


class _Moves:
    """The changes by the receipts of one round, each judged after those before it."""

    def __init__(self) -> None:
        self.changes: list[StatusChange] = []
        self.parts: list[PartReceipt] = []
        self._status: dict[int, Status] = {}
        self._applied: set[tuple[ConnectorId, str]] = set()
        self._left: dict[int, int] = {}

    def judge(self, word: DatedReceipt, target: ReceiptTarget) -> str:
        """Return a receipt's fate; what it changes waits in the lists to be written."""
        status = word.receipt.status
        if status is None:
            return "underway"
        if not may_move(self._status.get(target.number, target.status), status):
            return "late"
        place = None
        if target.part is not None:
            if (left := self._apply_part(word, target)) is None:
                return "late"
            if status is not Status.DELIVERED:
                # One part less, and no handset shows the text as it was meant.
                place = f"part {target.part} of {target.parts}"
            elif left > 0:
                return "part"
        self._status[target.number] = status
        detail, own = apart(word.receipt.detail)
        if place is not None:
            own = place if own is None else f"{place}: {own}"
        self.changes.append(
            StatusChange(
                status.value, detail, word.received_at, target.number, target.lane, own, target
            )
        )
        return "applied"

    def _apply_part(self, word: DatedReceipt, target: ReceiptTarget) -> int | None:
        """Return how many parts are then to be delivered, or None for one that came before."""
        ref = (word.connector_id, word.receipt.carrier_ref)
        if target.noted or ref in self._applied:
            return None
        self._applied.add(ref)
        left = self._left.get(target.number, target.parts_left) - 1
        self._left[target.number] = left
        self.parts.append(PartReceipt(*ref, target.number, target.lane, left))
        return left


def _take(tx: Tx, came: _Came, reply: Reply, policy: ReplyPolicy, applied: RoundCounts) -> None:
    readings = take_reply(tx, came.connector_id, reply, policy, came.now, came.received_at)
    if not readings:
        applied.set_aside[IgnoredReason.NO_LIST] += 1
        return
    keyword = next((reading.keyword for reading in readings if reading.keyword), None)
    applied.replies[keyword or "none"] += 1
