"""Conversions as the public API takes them: by a caller with a key, each judged on its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sendrail.contacts.guard import Guard, unguarded
from sendrail.domain.conversion import (
    Attribution,
    ConversionEvent,
    ConversionSource,
)
from sendrail.domain.errors import NotFound, SendrailError
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.offer import Offer
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.links import LinkReader
from sendrail.tracking.recording import ConversionReport, RecordedConversion, record

RECORDS_MAX: Final = 1_000
ERRORS_MAX: Final = 100
# Some ten milliseconds of the one writer at a time.
_PART_RECORDS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRecord:
    """What a caller reports of a message; `at` None is now, and amounts are ten-thousandths."""

    message_id: str
    amount: int
    attribution: Attribution
    offer_id: str | None = None
    at: int | None = None
    event: ConversionEvent = ConversionEvent.SALE
    external_id: str | None = None


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
        """Record one. Raises `NotFound` for a message or an offer that is not the account's."""
        return await self._store.write(
            guard(lambda tx: self._record(tx, account_id, given, imported=False))
        )

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
        outcomes: list[RecordedConversion | SendrailError] = []
        for each in records:
            if isinstance(each, SendrailError):
                outcomes.append(each)
                continue
            try:
                outcomes.append(self._record(tx, account_id, each, imported=imported))
            except NotFound as error:
                outcomes.append(error)
        return RecordedBatch(outcomes)

    def _record(
        self, tx: Tx, account_id: AccountId, given: RevenueRecord, *, imported: bool
    ) -> RecordedConversion:
        number = self._ids.read(given.message_id)
        message = None if number is None else tx.conversions.message(account_id, number)
        if message is None:
            raise NotFound(
                "There is no such message, or it is not yours.",
                code="message_not_found",
                param="message_id",
            )
        now = self._now()
        offer: Offer | None = None
        if given.offer_id is not None:
            offer = offer_called(tx, account_id, given.offer_id)
        elif (offer_id := self._links.offer_of(tx, message)) is not None:
            offer = tx.offers.by_id(account_id, offer_id)
        report = ConversionReport(
            account_id=account_id,
            message=message,
            offer=offer,
            event=given.event,
            external_id=given.external_id,
            amount=given.amount,
            at=now if given.at is None else given.at,
            clicked_at=self._links.first_click(tx, message),
            source=ConversionSource.API,
            attribution=given.attribution,
            imported=imported,
        )
        return record(tx, report, now)


def offer_called(tx: Tx, account_id: AccountId, name: str) -> Offer:
    """Return the offer of an id of ours or of its network's. Raises `NotFound`."""
    found = tx.offers.by_ref(account_id, name) or tx.offers.by_external_id(account_id, name)
    if found is None:
        raise NotFound(
            "There is no such offer, or it is not yours.", code="offer_not_found", param="offer_id"
        )
    return found
