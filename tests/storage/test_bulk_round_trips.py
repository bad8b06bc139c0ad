"""A thousand records in one transaction take as many round trips as a few.

They are of revenue, of history, and of contacts that come by a file or by a request.

As in `test_round_trips.py`, each statement is one, and what a network or a coordinator adds to it
is added once.
"""

import pytest
from grounds import LanesGround, PostgresGround
from road import Road
from round_trips import DRIVERS_OWN

from sendrail.contacts.field_columns import read_field_columns
from sendrail.contacts.files import FileService
from sendrail.contacts.imports import ImportOptions, Pace
from sendrail.domain.audit import Actor
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.conversion import Attribution, ConversionEvent
from sendrail.domain.history import HistoryClick, HistoryRevenue, HistorySend
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.short_ids import ShortIds
from sendrail.links.slots import ArithmeticSlots
from sendrail.tracking.conversions import ConversionService, RevenueRecord
from sendrail.tracking.history import HistoryService
from sendrail.tracking.links import LinkReader
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets

FEW, MANY = 10, 1_000
FIRST = 15550100000
THEN = 1_750_000_000_000
# Where tables are spread, new rows go 256 at a time, and the rest in portions of 128, 64 ...
PORTIONS_MAX = MANY // 256 + 8


class Bulk:
    """An account with messages and an offer, and what reports of them take."""

    def __init__(self, ground, folder):
        self.road = Road(ground(folder, 0))
        self.list = self.road.add_list(rate=6_000_000)
        self.account = AccountId(self.list.account_id)
        self.ids = MessageIds(b"k" * 16)
        store, now = self.road.store, lambda: THEN + 1_000
        reader = LinkReader(ShortIds(b"s" * 16), ClickIds(b"c" * 16), ArithmeticSlots())
        self.revenue = ConversionService(store, self.ids, reader, now)
        self.history = HistoryService(store, now)
        offers = OfferService(store, PostbackSecrets(b"s" * 32), now)
        given = OfferChange(name="Offer", tracking_url="https://shop.example/", payout=5)
        self.offer = self.road.do(offers.add(self.account, given, Actor(name="a test")))
        self.road.accept(*(self.road.order(self.list, FIRST + n) for n in range(MANY)))
        found = self.road.sql("SELECT number FROM messages ORDER BY number")
        self.numbers = [row[0] for row in found]

    def reports(self, count, name):
        """Return sales, each with a refund that takes it back, of so many records in all."""
        return [
            RevenueRecord(
                message_id=self.ids.show(self.numbers[n // 2]),
                amount=10_000,
                attribution=Attribution.SEND,
                offer_id=self.offer.ref,
                event=ConversionEvent.REFUND if n % 2 else ConversionEvent.SALE,
                external_id=f"{name} {n // 2}",
            )
            for n in range(count)
        ]

    def took(self, call, rows):
        """Return how many statements a call takes for rows in one transaction."""
        together = lambda work: work  # noqa: E731 - as a guard has it
        ran = self.road.statements(lambda: self.road.do(call(self.account, rows, guard=together)))
        return len([each for each in ran if not any(own in each for own in DRIVERS_OWN)])

    def took_file(self, count):
        """Return how many statements a file of so many contacts takes, in one transaction."""
        lines = [f"+{FIRST + n},Ann,a{n}@shop.example,Europe/Oslo,pro{n}" for n in range(count)]
        text = "\n".join(("phone,first_name,email,timezone,plan", *lines, ""))
        options = ImportOptions(
            dry_run=False, fields=read_field_columns(["plan"]), pace=Pace(rows=MANY, rest=0)
        )

        async def chunks():
            yield text.encode()

        files = FileService(self.road.store, lambda: THEN + 1_000)
        asked = (self.account, self.list.number, chunks(), options, Actor(name="a test"))
        ran = self.road.statements(lambda: self.road.do(files.import_contacts(*asked)))
        return len([each for each in ran if not any(own in each for own in DRIVERS_OWN)])


@pytest.fixture(params=[PostgresGround, LanesGround])
def bulk(request, tmp_path):
    made = Bulk(request.param, tmp_path)
    # Once before, so that the driver knows every type.
    made.took(made.revenue.record_many, made.reports(2, "first"))
    yield made
    made.road.close()


def within(few, many, inserts):
    """Return whether many rows took no more than a few did, but for rows that go in portions."""
    return many <= few + inserts * PORTIONS_MAX


def test_a_bulk_of_revenue(bulk):
    few = bulk.took(bulk.revenue.record_many, bulk.reports(FEW, "few"))
    many = bulk.took(bulk.revenue.record_many, bulk.reports(MANY, "many"))
    assert bulk.road.sql("SELECT count(*) FROM conversions")[0][0] == 2 + FEW + MANY
    assert within(few, many, inserts=1), (few, many)
    again = bulk.took(bulk.revenue.record_many, bulk.reports(MANY, "many"))
    assert again <= many
    assert few <= 16


def test_a_batch_of_history(bulk):
    def rows(count, name):
        refs = [f"{name} {n}" for n in range(count)]
        yield (
            bulk.history.import_sends,
            [
                HistorySend(
                    ref=ref, list_number=None, list_id=bulk.list.id, recipient=FIRST + n, at=THEN
                )
                for n, ref in enumerate(refs)
            ],
        )
        offer_id = bulk.offer.ref
        yield bulk.history.import_clicks, [HistoryClick(ref=ref, offer_id=offer_id) for ref in refs]
        yield (
            bulk.history.import_revenue,
            [HistoryRevenue(ref=ref, offer_id=offer_id, amount=1) for ref in refs],
        )

    few = [bulk.took(call, some) for call, some in rows(FEW, "few")]
    many = [bulk.took(call, some) for call, some in rows(MANY, "many")]
    assert bulk.road.sql("SELECT sum(conversions) FROM contact_history")[0][0] == FEW + MANY
    for one, other in zip(few, many, strict=True):
        assert within(one, other, inserts=2), (few, many)
    assert max(few) <= 16


def test_a_file_of_contacts_who_are_new_and_who_are_known(bulk):
    bulk.took_file(2)
    few, more = bulk.took_file(FEW), bulk.took_file(MANY)
    assert bulk.road.sql("SELECT count(*) FROM list_contacts") == [(MANY,)]
    assert within(few, more, inserts=3), (few, more)
    again = [bulk.took_file(count) for count in (FEW, MANY)]
    assert within(*again, inserts=1), again
    # Other fields are written for each of them, too.
    renamed = bulk.road.sql("UPDATE list_contacts SET custom_fields = '{}' RETURNING 1")
    assert len(renamed) == MANY
    assert bulk.took_file(MANY) <= again[1] + 8
    [(fields,)] = bulk.road.sql(
        f"SELECT DISTINCT custom_fields->>'plan' FROM list_contacts WHERE recipient = {FIRST + 7}"
    )
    assert fields == "pro7"
