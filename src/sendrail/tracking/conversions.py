"""Conversions as the public API takes them: by a caller with a key, each judged on its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.conversion import (
    Attribution,
    ConversionEvent,
    ConversionSource,
    SentMessage,
)
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import AccountId, MessageIds, MessageNumber, OfferId
from sendrail.domain.offer import Offer
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.links import LinkReader
from sendrail.tracking.recording import ConversionReport, RecordedConversion, record_all

RECORDS_MAX: Final = 1_000
ERRORS_MAX: Final = 100
# Some ten milliseconds of the one writer at a time.
_PART_RECORDS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRecord:
    """What a caller reports of a message; `at` None is now, and amounts are ten-thousandths.

    `currency` is the one that the amount is said to be in, empty where that is not said.
    """

    message_id: str
    amount: int
    attribution: Attribution
    offer_id: str | None = None
    at: int | None = None
    event: ConversionEvent = ConversionEvent.SALE
    external_id: str | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """What came of each record, in their order."""

    outcomes: Sequence[RecordedConversion | SendrailError]


class ConversionService:
    """Takes the conversions that an account reports itself."""

    def __init__(
        self, store: Store, ids: MessageIds, links: LinkReader, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._ids = ids
        self._links = links
        self._now = now

    async def record(
        self, account_id: AccountId, given: RevenueRecord, *, guard: Guard = unguarded
    ) -> RecordedConversion:
        """Record one.

        Raises `NotFound` for a message or an offer that is not the account's, `InvalidInput` for a
        time in the future or an amount in another currency.
        """

        def work(tx: Tx) -> RecordedConversion:
            [became] = self._record_part(tx, account_id, [given], imported=False).outcomes
            if isinstance(became, SendrailError):
                raise became
            return became

        return await self._store.write(guard(work))

    async def record_many(
        self,
        account_id: AccountId,
        records: Sequence[RevenueRecord | SendrailError],
        *,
        imported: bool = False,
        guard: Guard = unguarded,
    ) -> RecordedBatch:
        """Record those that have no fault; those that do keep their place."""
        if guard is not unguarded:
            # What is kept as the answer is written with all of it.
            return await self._store.write(
                guard(lambda tx: self._record_part(tx, account_id, records, imported=imported))
            )
        outcomes: list[RecordedConversion | SendrailError] = []
        for start in range(0, len(records), _PART_RECORDS):
            # A long transaction would hold up what is accepted meanwhile.
            found = await self._store.write(
                partial(
                    self._record_part,
                    account_id=account_id,
                    records=records[start : start + _PART_RECORDS],
                    imported=imported,
                )
            )
            outcomes += found.outcomes
        return RecordedBatch(outcomes)

    def _record_part(
        self,
        tx: Tx,
        account_id: AccountId,
        records: Sequence[RevenueRecord | SendrailError],
        *,
        imported: bool,
    ) -> RecordedBatch:
        given = [each for each in records if isinstance(each, RevenueRecord)]
        facts, now = self._facts(tx, account_id, given), self._now()
        judged: list[ConversionReport | SendrailError] = []
        for each in records:
            if isinstance(each, SendrailError):
                judged.append(each)
                continue
            try:
                judged.append(self._report(facts, account_id, each, now, imported=imported))
            except NotFound as error:
                judged.append(error)
        recorded = iter(
            record_all(tx, [each for each in judged if isinstance(each, ConversionReport)], now)
        )
        return RecordedBatch(
            [each if isinstance(each, SendrailError) else next(recorded) for each in judged]
        )

    def _facts(self, tx: Tx, account_id: AccountId, given: Sequence[RevenueRecord]) -> "_Facts":
        """Read what a batch is judged by, in a bounded number of statements."""
        numbers = {each.message_id: self._ids.read(each.message_id) for each in given}
        read = [number for number in numbers.values() if number is not None]
        messages = tx.conversions.messages(account_id, read)
        unnamed = [
            messages[number]
            for number in {numbers[each.message_id] for each in given if each.offer_id is None}
            if number is not None and number in messages
        ]
        offers_of = self._links.offers_of(tx, unnamed)
        return _Facts(
            messages={
                name: messages[number]
                for name, number in numbers.items()
                if number is not None and number in messages
            },
            clicks=self._links.first_clicks(tx, list(messages.values())),
            named=tx.offers.called(account_id, {each.offer_id for each in given if each.offer_id}),
            offers_of=offers_of,
            offers=tx.offers.by_ids(account_id, set(offers_of.values())),
        )

    @staticmethod
    def _report(
        facts: "_Facts", account_id: AccountId, given: RevenueRecord, now: int, *, imported: bool
    ) -> ConversionReport:
        message = facts.messages.get(given.message_id)
        if message is None:
            raise NotFound(
                "There is no such message, or it is not yours.",
                code="message_not_found",
                param="message_id",
            )
        offer: Offer | None
        if given.offer_id is not None:
            offer = named_offer(facts.named, given.offer_id)
        else:
            its_offer = facts.offers_of.get(message.number)
            offer = None if its_offer is None else facts.offers.get(its_offer)
        return ConversionReport(
            account_id=account_id,
            message=message,
            offer=offer,
            event=given.event,
            external_id=given.external_id,
            amount=given.amount,
            currency=given.currency,
            at=now if given.at is None else given.at,
            clicked_at=facts.clicks.get(message.number),
            source=ConversionSource.API,
            attribution=given.attribution,
            imported=imported,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the records of a batch are judged by, by the names that they use."""

    messages: Mapping[str, SentMessage]
    clicks: Mapping[MessageNumber, int]
    named: Mapping[str, Offer]
    offers_of: Mapping[MessageNumber, OfferId]
    offers: Mapping[OfferId, Offer]


def named_offer(named: Mapping[str, Offer], name: str) -> Offer:
    """Return the offer that a name means among those found. Raises `NotFound`."""
    found = named.get(name)
    if found is None:
        raise NotFound(
            "There is no such offer, or it is not yours.", code="offer_not_found", param="offer_id"
        )
    return found
