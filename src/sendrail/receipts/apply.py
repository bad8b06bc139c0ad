"""Apply what carriers said: receipts move messages along the table of moves, replies may opt out.

A receipt can come early (before the submit's answer has named the message), late, twice, or for a
message that is none of ours. Early ones are parked until the reference is known; an illegal move
changes nothing, so that late and repeated receipts do no harm.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sendrail.domain.consent import ReplyPolicy
from sendrail.domain.contact import RecipientTrouble, TroublePolicy
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import LinkId, MessageIds
from sendrail.domain.message import Status, may_move
from sendrail.domain.receipt import Callback, Receipt, Reply
from sendrail.receipts.parts import join, take_as_it_is
from sendrail.receipts.replies import take_reply
from sendrail.storage.interface import Tx
from sendrail.storage.rows import Owner, ParkedReceipt, RawCallback, TroubleWord, Verdict

_DELIVERED: Final = Status.DELIVERED.value

Parse = Callable[[LinkId, bytes], Sequence[Callback]]


@dataclass(slots=True)
class Applied:
    """What one round did, for the metrics."""

    callbacks: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    ended: Counter[Status] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
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
            tx.inbox.refuse(callback, reason)
            applied.refused.append(reason)
            continue
        for each in said:
            if isinstance(each, Reply):
                for text in join(tx, callback.link_id, each, now):
                    _take(tx, callback.link_id, text, policies.replies, now, applied)
            else:
                words.append(_Word(callback.link_id, callback.received_at, each))
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
    standing: dict[int, Status] = {}
    verdicts, troubles = [], []
    for word, owner in zip(words, owners, strict=True):
        if (trouble := word.receipt.trouble) is not None:
            detail, at = word.receipt.detail, word.received_at
            troubles.append(TroubleWord(owner.number, trouble, detail, at))
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
        delivered = [each.number for each in verdicts if each.status == _DELIVERED]
        tx.passing_troubles.clear(delivered)
    if troubles:
        applied.removed.update(tx.troubles.heed(troubles, policy))


def _take(  # noqa: PLR0917 - a reply and where it is counted
    tx: Tx, link_id: LinkId, reply: Reply, policy: ReplyPolicy, now: int, applied: Applied
) -> None:
    readings = take_reply(tx, link_id, reply, policy, now)
    keyword = next((reading.keyword for reading in readings if reading.keyword), None)
    applied.replies[keyword or "none"] += 1
