"""Imported rows, judged a batch at a time in a number of statements that does not grow with it.

What is known already is passed over, so that the same rows twice change nothing. A judgment writes
nothing: storing what it found new is another step, and a dry run leaves that out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sendrail.contacts.imports import RowOutcome
from sendrail.domain.conversion import ConversionSource, is_future
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.history import HistoryClick, HistoryRevenue, HistorySend
from sendrail.domain.ids import AccountId, ListId
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.history import ImportedClick
from sendrail.tracking.conversions import named_offer
from sendrail.tracking.recording import ConversionReport, in_the_future

New = TypeVar("New")
Outcome = RowOutcome | SendrailError
# What became of a row that is new, and of one that is known already.
NEW: Final = RowOutcome.CREATED
KNOWN: Final = RowOutcome.ALREADY_THERE


@dataclass(frozen=True, slots=True)
class BatchJudgment(Generic[New]):
    """What becomes of each row of a batch, and what is to be stored of those that are new."""

    outcomes: Sequence[Outcome]
    new: Sequence[New]


def judge_sends(
    tx: Tx,
    account_id: AccountId,
    rows: Sequence[HistorySend],
    now: int,
    seen: Collection[str] = (),
) -> BatchJudgment[tuple[ListId, HistorySend]]:
    """Judge sends; `seen` are ids that a dry run would have stored before."""
    # Asked first: from then on no number is erased until the transaction ends.
    erased = tx.erased.among(account_id, {row.recipient for row in rows})
    known = set(seen) | tx.history.find(account_id, {row.ref for row in rows}).keys()
    named = tx.lists.named(
        account_id,
        {row.list_number for row in rows if row.list_number is not None},
        {row.list_id for row in rows if row.list_id is not None},
    )
    by_number, by_id = {each.number: each.id for each in named}, {each.id for each in named}
    outcomes: list[Outcome] = []
    new: list[tuple[ListId, HistorySend]] = []
    for row in rows:
        list_id = None if row.list_number is None else by_number.get(row.list_number)
        if row.list_number is None and row.list_id in by_id:
            list_id = ListId(row.list_id or 0)
        if list_id is None:
            outcomes.append(_no_list())
        elif is_future(row.at, now):
            outcomes.append(in_the_future())
        elif row.ref in known:
            outcomes.append(KNOWN)
        elif row.recipient in erased:
            outcomes.append(_erased())
        else:
            known.add(row.ref)
            new.append((list_id, row))
            outcomes.append(NEW)
    return BatchJudgment(outcomes, new)


def judge_clicks(
    tx: Tx,
    account_id: AccountId,
    rows: Sequence[HistoryClick],
    now: int,
    seen: Collection[str] = (),
) -> BatchJudgment[ImportedClick]:
    """Judge clicks, of which each send has one; `seen` as in `judge_sends`."""
    sends = tx.history.find(account_id, {row.ref for row in rows})
    offers = tx.offers.called(account_id, {row.offer_id for row in rows})
    clicked = set(seen) | {ref for ref, send in sends.items() if send.clicked_at is not None}
    outcomes: list[Outcome] = []
    new: list[ImportedClick] = []
    for row in rows:
        send = sends.get(row.ref)
        if send is None:
            outcomes.append(_no_message())
        elif row.offer_id not in offers:
            outcomes.append(_no_offer())
        elif row.at is not None and is_future(row.at, now):
            outcomes.append(in_the_future())
        elif row.recipient is not None and send.recipient not in {None, row.recipient}:
            outcomes.append(_another_number())
        elif row.ref in clicked:
            outcomes.append(KNOWN)
        else:
            clicked.add(row.ref)
            at = send.at if row.at is None else row.at
            new.append(ImportedClick(send, at, offers[row.offer_id].id))
            outcomes.append(NEW)
    return BatchJudgment(outcomes, new)


def judge_revenue(
    tx: Tx, account_id: AccountId, rows: Sequence[HistoryRevenue]
) -> Sequence[ConversionReport | SendrailError]:
    """Return what each row reports; whether that is known or refused, `recording` decides."""
    sends = tx.history.find(account_id, {row.ref for row in rows})
    offers = tx.offers.called(account_id, {row.offer_id for row in rows})
    found: list[ConversionReport | SendrailError] = []
    for row in rows:
        send = sends.get(row.ref)
        if send is None:
            found.append(_no_message())
            continue
        if row.offer_id not in offers:
            found.append(_no_offer())
            continue
        found.append(
            ConversionReport(
                account_id=account_id,
                message=send.message(account_id),
                offer=named_offer(offers, row.offer_id),
                event=row.event,
                external_id=row.external_id,
                amount=row.amount,
                currency=row.currency,
                payout=row.payout,
                at=send.at if row.at is None else row.at,
                clicked_at=send.clicked_at,
                source=ConversionSource.HISTORY,
                attribution=row.attribution,
                imported=True,
            )
        )
    return found


def _no_list() -> NotFound:
    return NotFound(
        "There is no such list, or it is not yours.", code="list_not_found", param="list_number"
    )


def _no_message() -> NotFound:
    return NotFound(
        "No send with this id was imported.", code="message_not_found", param="message_id"
    )


def _no_offer() -> NotFound:
    return NotFound(
        "There is no such offer, or it is not yours.", code="offer_not_found", param="offer_id"
    )


def _another_number() -> NotFound:
    return NotFound(
        "The message was sent to another number.", code="contact_not_found", param="phone_number"
    )


def _erased() -> NotFound:
    return NotFound(
        "The data of this person was deleted.", code="contact_not_found", param="to_number"
    )
