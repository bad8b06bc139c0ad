"""What a group of orders shares is a destination; what names one is none."""

from types import SimpleNamespace

from sqlalchemy import select
from stores import ANN, NOW, OURS, House, SqliteBackend

from sendrail.domain.order import Order
from sendrail.domain.short_ids import ShortIds
from sendrail.intake.links import LinkBinder, links_column
from sendrail.intake.orders import Limits
from sendrail.links.domains import TrackingDomains
from sendrail.links.slots import ArithmeticSlots
from sendrail.links.texts import LinkTexts
from sendrail.storage.message_tables import destinations

LIMITS = Limits(segments_max=10, characters_max=1_600)


def test_a_link_of_a_campaign_stands_in_the_row_as_it_is(tmp_path):
    house = House(SqliteBackend(tmp_path))
    texts = LinkTexts(ShortIds(bytes(16)), ArithmeticSlots(), TrackingDomains("http://go.example"))
    facts = SimpleNamespace(sender=house.list, destinations={})
    named, shop = "17?first_name=Ann", "https://shop.example/"
    orders = [Order(ANN, OURS, "{{link1}} {{link2}}", links=(named, shop)) for _ in "ab"]

    def bind(tx):
        line = [([None], 0, facts, order) for order in orders]
        return LinkBinder(texts, LIMITS).bind(tx, line, [], {}, NOW)

    bound = house.write(bind)
    urls = house.read(lambda tx: tx.core.execute(select(destinations.c.url)).scalars().all())
    assert urls == [shop]
    shared = facts.destinations[shop]
    assert [links_column(order.links, facts.destinations) for _, _, _, order in bound] == [
        f"{named} {shared}"
    ] * 2
    house.close()


def test_destinations_that_are_durable_are_not_read_again(tmp_path):
    house = House(SqliteBackend(tmp_path))
    texts = LinkTexts(ShortIds(bytes(16)), ArithmeticSlots(), TrackingDomains("http://go.example"))
    binder = LinkBinder(texts, LIMITS)
    shop = "https://shop.example/"
    orders = [Order(ANN, OURS, "{{link1}}", links=(shop,)) for _ in "ab"]

    def bind(tx, learned):
        facts = SimpleNamespace(sender=house.list, destinations={})
        binder.bind(tx, [([None], 0, facts, order) for order in orders], [], learned, NOW)
        return facts.destinations

    learned = {}
    made = house.write(lambda tx: bind(tx, learned))
    assert learned == {(house.us, shop): made[shop]}

    # Nothing is believed before it is durable: a transaction that failed has made no destination.
    again = {}
    assert house.read(lambda tx: bind(tx, again)) == made
    assert again == learned
    binder.learn(learned)
    unread = {}
    assert house.read(lambda tx: bind(tx, unread)) == made
    assert unread == {}
    house.close()
