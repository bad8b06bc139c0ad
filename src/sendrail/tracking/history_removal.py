"""Imported rows deleted within a transaction, and taken back from what they counted."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sendrail.domain.conversion import Conversion
from sendrail.domain.history import HistoryEntity, ImportedSend
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.earnings import NewEarnings


def remove_sends(
    tx: Tx,
    account_id: AccountId,
    sends: Sequence[ImportedSend],
    entities: Collection[HistoryEntity],
    before: int | None,
) -> dict[HistoryEntity, int]:
    """Delete those of some sends that happened before a time, or their clicks alone."""
    gone: list[ImportedSend] = []
    if HistoryEntity.SENDS in entities:
        gone = [each for each in sends if before is None or each.at < before]
    earned = tx.conversions.of_messages(account_id, [each.number for each in gone])
    remove_revenue(tx, account_id, earned)
    clicked = [each for each in gone if each.clicked_at is not None]
    if HistoryEntity.CLICKS in entities:
        there = {each.id for each in gone}
        clicked += [
            each
            for each in sends
            if each.clicked_at is not None
            and (before is None or each.clicked_at < before)
            and each.id not in there
        ]
    tx.history_clearing.remove_clicks(account_id, [each.id for each in clicked])
    tx.history_clearing.remove_sends(account_id, [each.id for each in gone])
    tx.history_clearing.take_back(
        gone,
        [
            NewEarnings(each.list_id, each.recipient, clicks=1)
            for each in clicked
            if each.recipient is not None
        ],
    )
    return {
        HistoryEntity.SENDS: len(gone),
        HistoryEntity.CLICKS: len(clicked),
        HistoryEntity.REVENUE: len(earned),
    }


def remove_revenue(tx: Tx, account_id: AccountId, gone: Sequence[Conversion]) -> None:
    """Delete conversions; a refund that is left waits for its sale again, and counts no more."""
    if not gone:
        return
    keys = [(each.offer_id, each.known_by) for each in gone]
    tx.conversions.hold(account_id, [(offer, by) for offer, by in keys if by is not None])
    ids = {each.id for each in gone}
    waiting = [each for each in _refunds_of(tx, account_id, gone) if each.id not in ids]
    tx.conversions.remove(account_id, ids)
    tx.conversions.change([replace(each, takes_back=None, attributed=False) for each in waiting])
    _uncount(tx, account_id, [*gone, *waiting])


def _refunds_of(tx: Tx, account_id: AccountId, gone: Sequence[Conversion]) -> list[Conversion]:
    """Return what takes these conversions back: of one transaction with them, or one message."""
    ids = {each.id for each in gone}
    transactions = [
        (each.offer_id, each.external_id) for each in gone if each.external_id is not None
    ]
    numbers = [each.number for each in gone if each.number is not None]
    near = tx.conversions.of_transactions(account_id, transactions)
    near += tx.conversions.of_messages(account_id, numbers)
    return list({each.id: each for each in near if each.takes_back in ids}.values())


def _uncount(tx: Tx, account_id: AccountId, gone: Sequence[Conversion]) -> None:
    """Take conversions from what is counted of the contacts of their messages."""
    counted = [each for each in gone if each.attributed and each.number is not None]
    sends = tx.history_clearing.sends_of(account_id, [-(each.number or 0) for each in counted])
    messages = tx.conversions.messages(
        account_id, [each.number for each in counted if each.number and each.number > 0]
    )
    imported: list[NewEarnings] = []
    ours: list[NewEarnings] = []
    for each in counted:
        number = each.number or 0
        send = sends.get(-number)
        message = messages.get(number) if send is None else send.message(account_id)
        if message is None or message.recipient is None:
            continue
        count = 0 if each.event.takes_back else 1
        if message.is_imported:
            imported.append(
                NewEarnings(
                    message.list_id, message.recipient, conversions=count, revenue=each.amount
                )
            )
        else:
            ours.append(
                NewEarnings(
                    message.list_id, message.recipient, conversions=-count, revenue=-each.amount
                )
            )
    tx.history_clearing.take_back([], imported)
    tx.earnings.add(ours)
