"""Record one conversion within a transaction: once, with what it earns and takes back."""

from dataclasses import dataclass

from sendrail.domain.conversion import (
    Attribution,
    Conversion,
    ConversionEvent,
    ConversionSource,
    SentMessage,
    day_key,
    is_earned,
    transaction_key,
)
from sendrail.domain.ids import AccountId
from sendrail.domain.offer import Offer, window_ms
from sendrail.storage.interface import Tx

# Sources whose calls are each meant: one without a transaction is new every time.
_EACH_IS_NEW = frozenset({ConversionSource.API, ConversionSource.HISTORY})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """What a caller or a network reports; `amount` None is what the offer pays.

    Amounts are ten-thousandths and never negative: what is taken back follows from the event.
    """

    account_id: AccountId
    message: SentMessage | None
    offer: Offer | None
    event: ConversionEvent
    external_id: str | None
    amount: int | None
    payout: int | None = None
    at: int
    clicked_at: int | None
    source: ConversionSource
    attribution: Attribution
    imported: bool = False


@dataclass(frozen=True, slots=True)
class RecordedConversion:
    """A conversion as it is kept; a duplicate is the one that was there before."""

    conversion: Conversion
    is_duplicate: bool = False


def record(tx: Tx, report: ConversionReport, now: int) -> RecordedConversion:
    """Record a conversion, unless it is known already; count it where a message earned it."""
    account_id = report.account_id
    offer_id = None if report.offer is None else report.offer.id
    if report.external_id is not None:
        tx.conversions.hold(account_id, offer_id, report.external_id)
    earlier = _taken_back(tx, report) if report.event.takes_back else None
    settings = tx.postbacks.settings(account_id)
    attributed = earlier is not None and earlier.attributed
    if not report.event.takes_back:
        days = None if report.offer is None else report.offer.click_window_days
        window = window_ms(days, settings.click_window_days)
        attributed = is_earned(report.attribution, report.at, report.clicked_at, window)
    known_by = _known_by(report)
    conversion_id = tx.conversions.add(
        account_id,
        offer_id,
        event=report.event.value,
        external_id=report.external_id,
        known_by=known_by,
        number=None if report.message is None else report.message.number,
        list_id=None if report.message is None else report.message.list_id,
        source=report.source.value,
        attribution=report.attribution.value,
        amount=_amount(report, earlier),
        payout=report.payout,
        currency=settings.currency,
        at=report.at,
        created_at=now,
        imported=report.imported,
        attributed=attributed,
        takes_back=None if earlier is None else earlier.id,
    )
    if conversion_id is None:
        assert known_by is not None, "a row without a key is never there already"
        known = tx.conversions.known(account_id, offer_id, report.event, known_by)
        return RecordedConversion(known, is_duplicate=True)
    kept = tx.conversions.by_id(account_id, conversion_id)
    assert kept is not None, "the row was written in this transaction"
    _count(tx, report.message, kept)
    if not report.imported:
        tx.outbox.add_conversion(kept.id)
    if not report.event.takes_back:
        _join_refunds(tx, report, kept)
    return RecordedConversion(kept)


def _known_by(report: ConversionReport) -> str | None:
    if report.external_id is not None:
        return transaction_key(report.external_id)
    if report.source in _EACH_IS_NEW or report.message is None:
        return None
    return day_key(report.message.number, report.at)


def _amount(report: ConversionReport, earlier: Conversion | None) -> int:
    if not report.event.takes_back:
        pays = 0 if report.offer is None else report.offer.payout
        return pays if report.amount is None else report.amount
    if report.amount is not None:
        return -report.amount
    return 0 if earlier is None else -earlier.amount


def _taken_back(tx: Tx, report: ConversionReport) -> Conversion | None:
    """Return what a refund takes back: its transaction, else the message's last conversion."""
    offer_id = None if report.offer is None else report.offer.id
    if report.external_id is not None:
        found = tx.conversions.of_transaction(report.account_id, offer_id, report.external_id)
        return next((each for each in found if not each.event.takes_back), None)
    if report.message is None:
        return None
    of_message = tx.conversions.of_message(report.account_id, report.message.number)
    matching = [
        each for each in of_message if not each.event.takes_back and each.offer_id == offer_id
    ]
    return matching[-1] if matching else None


def _join_refunds(tx: Tx, report: ConversionReport, kept: Conversion) -> None:
    """Join refunds that came before the conversion that they take back."""
    if kept.external_id is None:
        return
    for each in tx.conversions.of_transaction(kept.account_id, kept.offer_id, kept.external_id):
        if not each.event.takes_back or each.takes_back is not None:
            continue
        tx.conversions.change(
            kept.account_id,
            each.id,
            takes_back=kept.id,
            attributed=kept.attributed,
            amount=each.amount or -kept.amount,
        )
        joined = tx.conversions.by_id(kept.account_id, each.id)
        assert joined is not None, "the row was changed in this transaction"
        _count(tx, report.message, joined)


def _count(tx: Tx, message: SentMessage | None, kept: Conversion) -> None:
    if not kept.attributed or message is None or message.recipient is None:
        return
    tx.earnings.add(
        message.list_id,
        message.recipient,
        conversions=0 if kept.event.takes_back else 1,
        revenue=kept.amount,
        earned_at=None if kept.event.takes_back else kept.at,
    )
