"""Conversions by links that are in no message: for the link and its offer, and for no contact."""

import pytest
from clicking import BOT, Clock, add_destination, contacts, count_all, keep, standalone
from stores import NOW

from sendrail.domain.audit import Actor
from sendrail.domain.click_classes import ClickClass
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.conversion import ConversionEvent
from sendrail.domain.ids import MessageIds
from sendrail.domain.short_ids import ShortIds, standalone_slot
from sendrail.domain.times import DAY_MS
from sendrail.links.slots import ArithmeticSlots
from sendrail.storage.tracking.conversions import LinkEarnings
from sendrail.tracking.links import LinkReader
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.postback_settings import PostbackSettingsService
from sendrail.tracking.postbacks import Postback, PostbackRefused, PostbackService

KEY = bytes(16)
ME = Actor(name="test")


class Desk:
    def __init__(self, house):
        self.house, self.clock = house, Clock()
        secrets = PostbackSecrets(b"s" * 32)
        self.short_ids, self.click_ids = ShortIds(KEY), ClickIds(KEY)
        links = LinkReader(self.short_ids, self.click_ids, ArithmeticSlots())
        offers = OfferService(house.store, secrets, self.clock)
        self.service = PostbackService(house.store, MessageIds(KEY), links, secrets, self.clock)
        given = OfferChange(name="Offer", tracking_url="https://shop.example/", payout=50_000)
        self.offer = house.do(offers.add(house.us, given, ME))
        settings = PostbackSettingsService(house.store, secrets, self.clock)
        house.do(settings.change(house.us, ME, open_links=True))
        destination = add_destination(house, "https://shop.example/", self.offer.id)
        self.id = house.write(
            lambda tx: tx.short_links.add(
                house.us,
                list_id=house.list.id,
                destination_id=destination,
                recipient=None,
                metadata=None,
                now=NOW,
            )
        )
        self.link = self.short_ids.show(standalone_slot(self.id))

    def clicked(self, *rows):
        keep(self.house, *rows)
        self.clock.now = max(row.at for row in rows)
        count_all(self.house, self.clock)

    def post(self, **said):
        return self.house.do(self.service.by_link(self.link, Postback(**said)))

    def click_id(self, after, kind=ClickClass.HUMAN):
        return self.click_ids.show(standalone_slot(self.id), after, kind)

    def earned(self):
        found = self.house.read(lambda tx: tx.conversions.of_links(self.house.us, [self.id]))
        return found.get(self.id, LinkEarnings())


@pytest.fixture
def desk(house):
    return Desk(house)


def test_it_counts_for_the_link_and_its_offer(desk):
    house = desk.house
    assert desk.post(external_id="t").code == "no_click"
    desk.clicked(standalone(house, desk.id, kind=BOT))
    assert desk.post(external_id="t").code == "no_click"
    desk.clicked(standalone(house, desk.id, NOW + 1))
    kept = desk.post(external_id="t").conversion
    assert (kept.number, kept.link_id, kept.offer_id) == (None, desk.id, desk.offer.id)
    assert (kept.list_id, kept.attributed, kept.amount) == (house.list.id, True, 50_000)
    assert desk.post(external_id="t").is_duplicate
    assert contacts(house) == {}
    back = desk.post(external_id="t", event=ConversionEvent.REFUND, amount=20_000).conversion
    assert (back.takes_back, back.link_id, back.attributed) == (kept.id, desk.id, True)
    assert desk.earned() == (1, 30_000)
    assert house.read(lambda tx: tx.conversions.of_links(house.them, [desk.id])) == {}


def test_without_a_transaction_the_answer_says_what_is_missing(desk):
    desk.clicked(standalone(desk.house, desk.id))
    answer = desk.post()
    assert isinstance(answer, PostbackRefused)
    assert answer.code == "missing_txn_id"
    pixel = desk.house.do(desk.service.by_pixel(desk.link, Postback()))
    assert pixel.code == "missing_txn_id"
    paid = desk.house.do(desk.service.by_pixel(desk.link, Postback(external_id="p", amount=1)))
    assert paid.conversion.amount == 50_000


def test_a_click_is_named_and_counts_once_a_day(desk):
    desk.clicked(standalone(desk.house, desk.id, NOW + 5))

    def post(click_id):
        return desk.house.do(desk.service.by_click(click_id, Postback()))

    first = post(desk.click_id(5))
    assert first.conversion.link_id == desk.id
    assert [first.is_duplicate, post(desk.click_id(5)).is_duplicate] == [False, True]
    assert not post(desk.click_id(9)).is_duplicate
    for _ in "ab":
        machines = post(desk.click_id(7, ClickClass.BOT))
        assert not machines.conversion.attributed
    assert machines.is_duplicate
    assert desk.earned() == (2, 100_000)


def test_the_window_runs_from_the_last_click(desk):
    desk.clicked(
        standalone(desk.house, desk.id, NOW), standalone(desk.house, desk.id, NOW + DAY_MS)
    )
    desk.clock.now = NOW + 8 * DAY_MS
    assert desk.post(external_id="a").conversion.attributed
    desk.clock.now += 1
    assert not desk.post(external_id="b").conversion.attributed
    assert desk.earned() == (1, 50_000)


def test_another_accounts_host_knows_no_such_link(desk):
    desk.clicked(standalone(desk.house, desk.id))
    assert desk.post(external_id="t", host_of=desk.house.them).code == "link_not_found"
    assert desk.post(external_id="t", host_of=desk.house.us).conversion
