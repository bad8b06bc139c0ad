"""Record conversions within a transaction: each once, with what it earns and takes back.

A batch is recorded as if one came after the other, in a number of statements that does not grow
with it: what is known is read before, what each report makes of it is decided in memory, and what
is new is written behind. Two reports of one transaction see each other within the batch.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeGuard

from sendrail.domain.conversion import (
    Attribution,
    Conversion,
    ConversionEvent,
    ConversionSource,
    SentMessage,
    click_key,
    day_key,
    import_key,
    is_earned,
    is_future,
    transaction_key,
)
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId, ConversionId, ListId, OfferId
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.offer import Offer, window_ms
from sendrail.domain.postback import PostbackSettings
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import JourneyEvent
from sendrail.storage.tracking.earnings import NewEarnings
from sendrail.tracking.counting import conversion_counts, earned_events

_Key = tuple[OfferId | None, ConversionEvent, str]
# Behind every id that a database gives.
_PREVIEWED: Final = 1 << 62
_Transaction = tuple[OfferId | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionReport:
    """What a caller or a network reports; `amount` None is what the offer pays.

    Amounts are ten-thousandths and never negative: what is taken back follows from the event.
    `currency` is the one that `amount` is said to be in, of ISO 4217; empty where that is not said.
    """

    account_id: AccountId
    message: SentMessage | None
    offer: Offer | None
    event: ConversionEvent
    external_id: str | None
    amount: int | None
    currency: str = ""
    payout: int | None = None
    at: int
    clicked_at: int | None
    source: ConversionSource
    attribution: Attribution
    imported: bool = False
    # When the click that is named by its id was made, by a person or a machine.
    named_at: int | None = None
    # The link in no message that it came by, and the list of that.
    link_id: int | None = None
    link_list: ListId | None = None

    @property
    def offer_id(self) -> OfferId | None:
        return None if self.offer is None else self.offer.id

    @property
    def known_by(self) -> str | None:
        """What a second report of the same is recognized by; None where each is new."""
        if self.external_id is not None:
            return transaction_key(self.external_id)
        if self.link_id is not None and self.named_at is not None:
            return click_key(self.link_id, self.named_at, self.at)
        if self.message is None or self.source is ConversionSource.API:
            # A caller without a transaction means each call.
            return None
        if self.source is ConversionSource.HISTORY:
            return import_key(self.message.number, self.at, self.amount or 0)
        return day_key(self.message.number, self.at)


@dataclass(frozen=True, slots=True)
class RecordedConversion:
    """A conversion as it is kept; a duplicate is the one that was there before."""

    conversion: Conversion
    is_duplicate: bool = False


# What becomes of a report: a conversion, or why its amount cannot be taken.
Outcome = RecordedConversion | InvalidInput


def record(tx: Tx, report: ConversionReport, now: int) -> Outcome:
    """Record a conversion, unless it is known already; count it where a message earned it."""
    return record_all(tx, [report], now)[0]


def record_all(tx: Tx, reports: Sequence[ConversionReport], now: int) -> Sequence[Outcome]:
    """Record the conversions of one account, one after the other; return what became of each."""
    if not reports:
        return []
    account_id = reports[0].account_id
    assert all(each.account_id == account_id for each in reports), "a batch has one account"
    keys = [(each.offer_id, each.known_by) for each in reports]
    tx.conversions.hold(account_id, [(offer, by) for offer, by in keys if by is not None])
    ids = tx.conversions.new_ids(len(reports))
    settings = tx.postbacks.settings(account_id)
    ledger = _Ledger(_known(tx, account_id, reports))
    became = [
        ledger.take(report, settings, conversion_id, now)
        for report, conversion_id in zip(reports, ids, strict=True)
    ]
    tx.conversions.add(ledger.added())
    tx.conversions.change(ledger.changed())
    # Before the contacts' rows: all transactions take the enrolments first.
    _tell_journeys(tx, reports, became, now)
    tx.earnings.add([each for each in ledger.earned if not each.is_imported])
    tx.history.add_earned([each for each in ledger.earned if each.is_imported])
    tx.origin_counts.add(conversion_counts(ledger.of_messages))
    tx.cohort_counts.add(earned_events(ledger.of_messages))
    tx.outbox.add_conversions(
        [each.conversion.id for each in became if is_new(each) and not each.conversion.imported]
    )
    return became


def _tell_journeys(
    tx: Tx,
    reports: Sequence[ConversionReport],
    became: Sequence[Outcome],
    now: int,
) -> None:
    """Tell of what is new that a known person did, whether or not a message earned it."""
    with_journeys = tx.journey_facts.lists_with_journeys()
    events = []
    for report, recorded in zip(reports, became, strict=True):
        message = report.message
        if message is None or message.recipient is None or report.event.takes_back:
            continue
        if not is_new(recorded) or report.imported:
            continue
        if message.list_id in with_journeys:
            ref = "" if report.offer is None else report.offer.ref
            kind = Wake.CONVERSION
            event = JourneyEvent(message.list_id, message.recipient, report.at, kind, ref)
            events.append((report.account_id, event))
    tx.passages.all_happened(events, now)


def is_new(outcome: Outcome) -> TypeGuard[RecordedConversion]:
    """Return whether a report was recorded, and was none that is known."""
    return isinstance(outcome, RecordedConversion) and not outcome.is_duplicate


def preview(tx: Tx, reports: Sequence[ConversionReport], now: int) -> Sequence[Outcome]:
    """Return what would become of the same reports; nothing is recorded."""
    if not reports:
        return []
    account_id = reports[0].account_id
    settings = tx.postbacks.settings(account_id)
    ledger = _Ledger(_known(tx, account_id, reports))
    return [
        ledger.take(report, settings, ConversionId(_PREVIEWED + at), now)
        for at, report in enumerate(reports)
    ]


def without_writing(tx: Tx, report: ConversionReport, now: int) -> Outcome | None:
    """Return what becomes of a report that changes nothing, None for one that is to be recorded."""
    ledger = _Ledger(_known(tx, report.account_id, [report]))
    return ledger.unwritten(report, tx.postbacks.settings(report.account_id), now)


def _known(
    tx: Tx, account_id: AccountId, reports: Sequence[ConversionReport]
) -> Iterable[Conversion]:
    """Return the conversions that these reports may repeat, take back, or be taken back by."""
    transactions = [
        (each.offer_id, each.external_id) for each in reports if each.external_id is not None
    ]
    numbers = [
        each.message.number
        for each in reports
        if each.message is not None
        and each.external_id is None
        and (each.event.takes_back or each.known_by is not None)
    ]
    found = tx.conversions.of_transactions(account_id, transactions)
    found += tx.conversions.of_messages(account_id, numbers)
    by_click = [
        (each.offer_id, each.event, each.known_by)
        for each in reports
        if each.message is None and each.external_id is None and each.known_by is not None
    ]
    found += tx.conversions.known_by(account_id, by_click)
    return {each.id: each for each in sorted(found, key=lambda each: each.id)}.values()


class _Ledger:
    """What is known of an account's conversions, and what a batch adds to it."""

    def __init__(self, known: Iterable[Conversion]) -> None:
        self._rows: dict[ConversionId, Conversion] = {}
        self._known_by: dict[_Key, ConversionId] = {}
        self._of_transaction: Mapping[_Transaction, list[ConversionId]] = defaultdict(list)
        self._of_message: Mapping[int, list[ConversionId]] = defaultdict(list)
        self._new: list[ConversionId] = []
        self._changed: set[ConversionId] = set()
        self.earned: list[NewEarnings] = []
        # What our own messages have earned, or must give back.
        self.of_messages: list[tuple[SentMessage, Conversion]] = []
        for each in known:
            self._add(each)

    def take(
        self,
        report: ConversionReport,
        settings: PostbackSettings,
        conversion_id: ConversionId,
        now: int,
    ) -> Outcome:
        """Return what becomes of a report, after all those that were taken before it."""
        if (unwritten := self.unwritten(report, settings, now)) is not None:
            return unwritten
        kept = self._kept(report, settings, conversion_id, now)
        self._new.append(kept.id)
        self._add(kept)
        self._count(report.message, kept)
        if not kept.event.takes_back:
            self._join_refunds(report.message, kept)
        return RecordedConversion(kept)

    def unwritten(
        self, report: ConversionReport, settings: PostbackSettings, now: int
    ) -> Outcome | None:
        """Return what becomes of a report that changes nothing: a second one, or one refused."""
        if is_future(report.at, now):
            return in_the_future()
        if (duplicate := self._duplicate_of(report)) is not None:
            return duplicate
        if report.amount is None or not report.currency:
            return None
        currency = self._currency_of(report, settings)
        return None if report.currency.upper() == currency else _other_currency(currency)

    def _duplicate_of(self, report: ConversionReport) -> RecordedConversion | None:
        """Return the conversion that is known by the same as a report."""
        if (known_by := report.known_by) is None:
            return None
        found = self._known_by.get((report.offer_id, report.event, known_by))
        return None if found is None else RecordedConversion(self._rows[found], is_duplicate=True)

    def _currency_of(self, report: ConversionReport, settings: PostbackSettings) -> str:
        """Return the currency of a report's booking, of ISO 4217.

        What is taken back was earned before the account changed its currency, perhaps.
        """
        earlier = self._taken_back(report)
        return settings.currency if earlier is None else earlier.currency

    def _taken_back(self, report: ConversionReport) -> Conversion | None:
        """Return what a refund takes back: its transaction, else the message's last conversion."""
        if not report.event.takes_back:
            return None
        if report.external_id is not None:
            found = self._of_transaction[report.offer_id, report.external_id]
            return next((each for each in self._earning(found)), None)
        if report.message is None:
            return None
        of_message = self._earning(self._of_message[report.message.number])
        matching = [each for each in of_message if each.offer_id == report.offer_id]
        return matching[-1] if matching else None

    def added(self) -> list[Conversion]:
        """Return what is new, as it stands in the end."""
        return [self._rows[each] for each in self._new]

    def changed(self) -> list[Conversion]:
        """Return what was there before and is another now."""
        return [self._rows[each] for each in sorted(self._changed.difference(self._new))]

    def _add(self, row: Conversion) -> None:
        self._rows[row.id] = row
        if row.known_by is not None:
            self._known_by[row.offer_id, row.event, row.known_by] = row.id
        if row.external_id is not None:
            self._of_transaction[row.offer_id, row.external_id].append(row.id)
        if row.number is not None:
            self._of_message[row.number].append(row.id)

    def _kept(
        self,
        report: ConversionReport,
        settings: PostbackSettings,
        conversion_id: ConversionId,
        now: int,
    ) -> Conversion:
        earlier = self._taken_back(report)
        attributed = earlier is not None and earlier.attributed
        if not report.event.takes_back:
            attributed = _is_earned(report, settings)
        return Conversion(
            id=conversion_id,
            account_id=report.account_id,
            offer_id=report.offer_id,
            event=report.event,
            external_id=report.external_id,
            number=None if report.message is None else report.message.number,
            list_id=report.link_list if report.message is None else report.message.list_id,
            link_id=report.link_id,
            source=report.source,
            attribution=report.attribution,
            amount=_amount(report, earlier),
            payout=report.payout,
            currency=settings.currency if earlier is None else earlier.currency,
            at=report.at,
            created_at=now,
            imported=report.imported,
            attributed=attributed,
            takes_back=None if earlier is None else earlier.id,
            known_by=report.known_by,
        )

    def _earning(self, ids: Iterable[ConversionId]) -> list[Conversion]:
        rows = (self._rows[each] for each in sorted(ids))
        return [each for each in rows if not each.event.takes_back]

    def _join_refunds(self, message: SentMessage | None, kept: Conversion) -> None:
        """Join refunds that came before the conversion that they take back."""
        if kept.external_id is None:
            return
        for each in sorted(self._of_transaction[kept.offer_id, kept.external_id]):
            refund = self._rows[each]
            if not refund.event.takes_back or refund.takes_back is not None:
                continue
            joined = replace(
                refund,
                # Whose it is, as it is counted: the sale's.
                number=kept.number,
                list_id=kept.list_id,
                link_id=kept.link_id,
                takes_back=kept.id,
                attributed=kept.attributed,
                amount=refund.amount or -kept.amount,
                currency=kept.currency,
            )
            self._rows[each] = joined
            self._changed.add(each)
            self._count(message, joined)

    def _count(self, message: SentMessage | None, kept: Conversion) -> None:
        if not kept.attributed or message is None:
            return
        if not message.is_imported:
            self.of_messages.append((message, kept))
        if message.recipient is None:
            return
        takes_back = kept.event.takes_back
        self.earned.append(
            NewEarnings(
                message.list_id,
                message.recipient,
                conversions=0 if takes_back else 1,
                revenue=kept.amount,
                earned_at=None if takes_back else kept.at,
                is_imported=message.is_imported,
            )
        )


def in_the_future() -> InvalidInput:
    """Return the error for what is said to have happened later than now."""
    return InvalidInput("The time is in the future.", code="invalid_timestamp", param="timestamp")


def _other_currency(currency: str) -> InvalidInput:
    # Sums have one currency: an amount of another would be worth something else in each of them.
    return InvalidInput(
        f"Amounts must be in {currency}: convert the amount before you report it",
        code="invalid_currency",
        param="currency",
    )


def _is_earned(report: ConversionReport, settings: PostbackSettings) -> bool:
    if report.source is ConversionSource.HISTORY:
        # The system that the account came from has judged it.
        return True
    days = None if report.offer is None else report.offer.click_window_days
    window = window_ms(days, settings.click_window_days)
    return is_earned(report.attribution, report.at, report.clicked_at, window)


def _amount(report: ConversionReport, earlier: Conversion | None) -> int:
    if not report.event.takes_back:
        pays = 0 if report.offer is None else report.offer.payout
        return pays if report.amount is None else report.amount
    if report.amount is not None:
        return -report.amount
    return 0 if earlier is None else -earlier.amount
