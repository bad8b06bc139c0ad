"""Apply what carriers said: receipts move messages along the table of moves, replies may opt out.

A receipt can come early (before the submit's answer has named the message), late, twice, or for a
message that is none of ours. Early ones are parked until the reference is known; an illegal move
changes nothing, so that late and repeated receipts do no harm. Where the carrier gives a receipt
for each part of a long text, the message is delivered when all of them are, and fails with the
first that does.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sendrail.domain.consent import ReplyPolicy
from sendrail.domain.contact import RecipientTrouble, TroublePolicy
from sendrail.domain.detail import apart
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import LinkId, MessageIds
from sendrail.domain.message import Status, may_move
from sendrail.domain.receipt import (
    DELIVERED_TO_OPERATOR,
    Callback,
    Receipt,
    Refused,
    Reply,
    SetAside,
    Why,
)
from sendrail.receipts.parts import join, take_as_it_is
from sendrail.receipts.replies import take_reply
from sendrail.storage.interface import Tx
from sendrail.storage.rows import Owner, ParkedReceipt, PartWord, RawCallback, TroubleWord, Verdict

_DELIVERED: Final = Status.DELIVERED.value

Parse = Callable[[LinkId, bytes], Sequence[Callback]]


@dataclass(slots=True)
class Applied:
    """What one round did, for the metrics."""

    callbacks: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    ended: Counter[Status] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    set_aside: Counter[Why] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)
    removed: Counter[RecipientTrouble] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Word:
    """A receipt with the link it came by and when."""

    link_id: LinkId
    received_at: int
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What the installation has decided on replies, and on carriers' words of recipients."""

    replies: ReplyPolicy = field(default_factory=ReplyPolicy)
    troubles: TroublePolicy = field(default_factory=TroublePolicy)


def apply(  # noqa: PLR0917 - a round and all it needs
    tx: Tx,
    callbacks: Sequence[RawCallback],
    parse: Parse,
    ids: MessageIds,
    policies: Policies,
    now: int,
) -> Applied:
    """Apply stored callbacks and take them out of the inbox."""
    applied = Applied(callbacks=len(callbacks))
    words: list[_Word] = []
    for callback in callbacks:
        try:
            said = parse(callback.link_id, callback.raw)
        except Exception as trouble:  # noqa: BLE001 - a plug-in may raise anything
            # One callback that trips its carrier's code must not hold up all that come after it.
            reason = trouble.message if isinstance(trouble, CarrierTrouble) else repr(trouble)
            said = (Refused(reason=reason, raw=callback.raw),)
        for each in said:
            if isinstance(each, Reply | Receipt) and each.flaw is not None:
                applied.flaws.append(each.flaw)
            match each:
                case Reply():
                    for text in join(tx, callback.link_id, each, now):
                        _take(tx, callback.link_id, text, policies.replies, now, applied)
                case Receipt():
                    words.append(_Word(callback.link_id, callback.received_at, each))
                case Refused():
                    tx.inbox.refuse(callback._replace(raw=each.raw), each.reason)
                    applied.refused.append(each)
                case SetAside():
                    applied.set_aside[each.why] += 1
    _apply_receipts(tx, words, ids, policies.troubles, applied)
    tx.inbox.remove([callback.id for callback in callbacks])
    return applied


def apply_overdue_parts(tx: Tx, policy: ReplyPolicy, now: int, limit: int) -> Applied:
    """Take the texts whose missing parts have been waited for long enough."""
    applied = Applied()
    for key in tx.replies.overdue_parts(now - policy.parts_within_ms, limit):
        for text in take_as_it_is(tx, key):
            _take(tx, key.link_id, text, policy, now, applied)
    return applied


def apply_parked(tx: Tx, policy: TroublePolicy, since: int, limit: int) -> Applied:
    """Apply the receipts whose message has been named in the meantime."""
    applied = Applied()
    parked = tx.inbox.parked(since, limit)
    if parked:
        owners = tx.inbox.owners([(each.link_id, each.carrier_ref) for each in parked])
        words = [
            _Word(
                each.link_id,
                each.received_at,
                Receipt(
                    carrier_ref=each.carrier_ref,
                    status=each.status,
                    detail=each.detail,
                    trouble=each.trouble,
                ),
            )
            for each in parked
            # A reference may outlive its message, which retention has taken.
            if (each.link_id, each.carrier_ref) in owners
        ]
        _move(
            tx,
            words,
            [owners[word.link_id, word.receipt.carrier_ref] for word in words],
            policy,
            applied,
        )
        tx.inbox.unpark([each.id for each in parked])
    return applied


def _apply_receipts(
    tx: Tx, words: Sequence[_Word], ids: MessageIds, policy: TroublePolicy, applied: Applied
) -> None:
    if not words:
        return
    owners = tx.inbox.owners([(word.link_id, word.receipt.carrier_ref) for word in words])
    echoed = {
        number
        for word in words
        if (word.link_id, word.receipt.carrier_ref) not in owners
        and word.receipt.message_id is not None
        and (number := ids.read(word.receipt.message_id)) is not None
    }
    standing = tx.inbox.standing(echoed) if echoed else {}
    found: list[Owner | None] = []
    for word in words:
        owner = owners.get((word.link_id, word.receipt.carrier_ref))
        if owner is None and word.receipt.message_id is not None:
            number = ids.read(word.receipt.message_id)
            owner = standing.get(number) if number is not None else None
        found.append(owner)
    _park(tx, [word for word, owner in zip(words, found, strict=True) if owner is None], applied)
    known = [(word, owner) for word, owner in zip(words, found, strict=True) if owner is not None]
    _move(tx, [word for word, _ in known], [owner for _, owner in known], policy, applied)


def _park(tx: Tx, words: Sequence[_Word], applied: Applied) -> None:
    if not words:
        return
    applied.fates["parked"] += len(words)
    tx.inbox.park(
        [
            ParkedReceipt(
                0,
                word.link_id,
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
    words: Sequence[_Word],
    owners: Sequence[Owner],
    policy: TroublePolicy,
    applied: Applied,
) -> None:
    moves, troubles = _Moves(), []
    for word, owner in zip(words, owners, strict=True):
        if (trouble := word.receipt.trouble) is not None:
            detail, at = word.receipt.detail, word.received_at
            troubles.append(TroubleWord(owner.number, trouble, detail, at))
        applied.fates[moves.judge(word, owner)] += 1
    if moves.parts:
        tx.inbox.tell_parts(moves.parts)
    if moves.verdicts:
        tx.inbox.apply(moves.verdicts)
        applied.ended.update(Status(each.status) for each in moves.verdicts)
        # What an operator has says nothing of a handset that was away.
        delivered = [
            each.number
            for each in moves.verdicts
            if each.status == _DELIVERED and each.detail != DELIVERED_TO_OPERATOR
        ]
        tx.passing_troubles.clear(delivered)
    if troubles:
        applied.removed.update(tx.troubles.heed(troubles, policy))


class _Moves:
    """What the receipts of one round come to, each judged after those before it."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.parts: list[PartWord] = []
        self._standing: dict[int, Status] = {}
        self._told: set[tuple[LinkId, str]] = set()
        self._left: dict[int, int] = {}

    def judge(self, word: _Word, owner: Owner) -> str:
        """Return a receipt's fate; what it changes waits in the lists to be written."""
        target = word.receipt.status
        if target is None:
            return "underway"
        if not may_move(self._standing.get(owner.number, owner.status), target):
            return "late"
        place = None
        if owner.part is not None:
            if (left := self._tell_part(word, owner)) is None:
                return "late"
            if target is not Status.DELIVERED:
                # One part less, and no handset shows the text as it was meant.
                place = f"part {owner.part} of {owner.parts}"
            elif left > 0:
                return "part"
        self._standing[owner.number] = target
        detail, own = apart(word.receipt.detail)
        if place is not None:
            own = place if own is None else f"{place}: {own}"
        self.verdicts.append(
            Verdict(target.value, detail, word.received_at, owner.number, owner.lane, own)
        )
        return "applied"

    def _tell_part(self, word: _Word, owner: Owner) -> int | None:
        """Return how many parts are then to be delivered, or None when this one was told before."""
        ref = (word.link_id, word.receipt.carrier_ref)
        if owner.told or ref in self._told:
            return None
        self._told.add(ref)
        left = self._left.get(owner.number, owner.parts_left) - 1
        self._left[owner.number] = left
        self.parts.append(PartWord(*ref, owner.number, owner.lane, left))
        return left


def _take(  # noqa: PLR0917 - a reply and where it is counted
    tx: Tx, link_id: LinkId, reply: Reply, policy: ReplyPolicy, now: int, applied: Applied
) -> None:
    readings = take_reply(tx, link_id, reply, policy, now)
    if not readings:
        applied.set_aside[Why.NO_LIST] += 1
        return
    keyword = next((reading.keyword for reading in readings if reading.keyword), None)
    applied.replies[keyword or "none"] += 1
