"""Apply what carriers said: receipts move messages along the table of moves, replies may opt out.

A receipt can come early (before the submit's answer has named the message), late, twice, or for a
message that is none of ours. Early ones are parked until the reference is known; an illegal move
changes nothing, so that late and repeated receipts do no harm.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import LinkId, MessageIds
from sendrail.domain.message import Status, may_move
from sendrail.domain.receipt import Callback, Receipt, Reply
from sendrail.receipts.replies import take_reply
from sendrail.storage.interface import Tx
from sendrail.storage.rows import Owner, ParkedReceipt, RawCallback, Verdict

Parse = Callable[[LinkId, bytes], Sequence[Callback]]


@dataclass(slots=True)
class Applied:
    """What one round did, for the metrics."""

    callbacks: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    ended: Counter[Status] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Word:
    """A receipt with the link it came by and when."""

    link_id: LinkId
    received_at: int
    receipt: Receipt


def apply(
    tx: Tx, callbacks: Sequence[RawCallback], parse: Parse, ids: MessageIds, now: int
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
            tx.inbox.refuse(callback, reason)
            applied.refused.append(reason)
            continue
        for each in said:
            if isinstance(each, Reply):
                _count_reply(applied, take_reply(tx, callback.link_id, each, now))
            else:
                words.append(_Word(callback.link_id, callback.received_at, each))
    _apply_receipts(tx, words, ids, applied)
    tx.inbox.remove([callback.id for callback in callbacks])
    return applied


def apply_parked(tx: Tx, since: int, limit: int) -> Applied:
    """Apply the receipts whose message has been named in the meantime."""
    applied = Applied()
    parked = tx.inbox.parked(since, limit)
    if parked:
        owners = tx.inbox.owners([(each.link_id, each.carrier_ref) for each in parked])
        words = [
            _Word(
                each.link_id,
                each.received_at,
                Receipt(carrier_ref=each.carrier_ref, status=each.status, detail=each.detail),
            )
            for each in parked
            # A reference may outlive its message, which retention has taken.
            if (each.link_id, each.carrier_ref) in owners
        ]
        _move(
            tx,
            words,
            [owners[word.link_id, word.receipt.carrier_ref] for word in words],
            applied,
        )
        tx.inbox.unpark([each.id for each in parked])
    return applied


def _apply_receipts(tx: Tx, words: Sequence[_Word], ids: MessageIds, applied: Applied) -> None:
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
    _move(tx, [word for word, _ in known], [owner for _, owner in known], applied)


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
            )
            for word in words
        ]
    )


def _move(tx: Tx, words: Sequence[_Word], owners: Sequence[Owner], applied: Applied) -> None:
    standing: dict[int, Status] = {}
    verdicts = []
    for word, owner in zip(words, owners, strict=True):
        target = word.receipt.status
        if target is None:
            applied.fates["underway"] += 1
            continue
        if not may_move(standing.get(owner.number, owner.status), target):
            applied.fates["late"] += 1
            continue
        standing[owner.number] = target
        applied.fates["applied"] += 1
        applied.ended[target] += 1
        verdicts.append(
            Verdict(target.value, word.receipt.detail, word.received_at, owner.number, owner.lane)
        )
    if verdicts:
        tx.inbox.apply(verdicts)


def _count_reply(applied: Applied, keyword: str | None) -> None:
    applied.replies[keyword or "none"] += 1
