"""The events of links for customers: a message was sent, and a person has clicked."""

import json

import pytest
from clicking import BOT, Clock, click, count_all, counting, keep, read
from stores import ANN, NOW, OURS

from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.ids import MessageIds
from sendrail.domain.offer import OfferStatus, PayoutType
from sendrail.domain.webhook import USUAL, EndpointState, Event
from sendrail.storage.message_tables import destinations
from sendrail.webhooks.claim import take

IDS = MessageIds(b"k" * 16)


@pytest.fixture
def clock():
    return Clock()


def endpoint(house, account, *events, list_id=None):
    return house.write(
        lambda tx: tx.endpoints.add(
            account,
            name="",
            url="https://example.com/",
            events=events,
            list_id=list_id,
            state=EndpointState.ACTIVE,
            secret=b"",
            created_at=NOW,
        )
    )


def bodies(house, endpoint_id, now=NOW + 1_000_000):
    found = house.write(lambda tx: take(tx, IDS, endpoint_id, now=now, held=(), limit=10, again=10))
    return [json.loads(each.body) for each in found]


def add_offer(house):
    given = {
        "ref": "5b1f0c9f3c2d4a7e8d90a1b2",
        "name": "Offer",
        "tracking_url": "https://shop.example/?c={{click_id}}",
        "payout": 0,
        "payout_type": PayoutType.CPA,
        "filter_bots": False,
        "pixel_amounts": False,
        "status": OfferStatus.ACTIVE,
        "metadata": {},
        "created_at": NOW,
        "updated_at": NOW,
    }
    offer_id = house.write(lambda tx: tx.offers.add(house.us, **given))
    row = {"account_id": house.us, "digest": b"1", "url": given["tracking_url"], "created_at": NOW}
    made = destinations.insert().values(row | {"offer_id": offer_id})
    house.write(lambda tx: tx.core.execute(made))
    [(destination,)] = read(house, destinations, destinations.c.id)
    return destination


def test_a_persons_first_click_is_posted_once_to_those_who_ask(house, clock):
    destination = add_offer(house)
    house.queue(1, 2, links=f"https://own.example/ {destination}")
    asks = endpoint(house, house.us, Event.CLICK)
    elsewhere = [
        endpoint(house, house.us, *USUAL, Event.SENT, Event.CONVERSION),
        endpoint(house, house.them, Event.CLICK),
        endpoint(house, house.us, Event.CLICK, list_id=house.add_list(house.us, 15550007777).id),
    ]
    keep(house, click(house, 1, 1, NOW + 123), click(house, 1, 0, NOW + 9_000))
    keep(house, click(house, 2, 0, NOW + 10_000, BOT))
    clock.now = NOW + 10_000
    worker = count_all(house, clock)
    keep(house, click(house, 1, 0, NOW + 20_000), click(house, 2, 0, NOW + 20_000))
    clock.now = NOW + 20_000
    count_all(house, clock, worker)
    shared, own = bodies(house, asks)
    assert shared == {
        "event": "click",
        "message_id": IDS.show(house.no(1)),
        "to": f"+{ANN}",
        "list_number": f"+{OURS}",
        "link": 2,
        "destination_url": "https://shop.example/?c={{click_id}}",
        "offer_id": "5b1f0c9f3c2d4a7e8d90a1b2",
        "timestamp": "2027-01-15T08:00:00.123Z",
    }
    assert (own["message_id"], own["link"]) == (IDS.show(house.no(2)), 1)
    assert (own["destination_url"], own["offer_id"]) == ("https://own.example/", None)
    assert [bodies(house, each) for each in elsewhere] == [[], [], []]


def test_the_event_is_written_with_the_click_or_not_at_all(house, clock):
    house.queue(1, links="17")
    asks = endpoint(house, house.us, Event.CLICK)
    keep(house, click(house, 1))
    worker = counting(house, clock)
    clock.now = NOW + 3_000
    whole = worker._count

    def broken(tx, before, after):
        tx.begin()
        whole(tx, before, after)
        raise StorageUnavailable("The disk has gone away.")

    worker._count = broken
    with pytest.raises(StorageUnavailable):
        house.do(worker.step())
    assert bodies(house, asks) == []
    worker._count = whole
    house.do(worker.step())
    assert len(bodies(house, asks)) == 1


def test_a_message_is_reported_as_sent_once_a_carrier_has_it(house):
    house.queue(1, 2, 3)
    asks = endpoint(house, house.us, Event.SENT)
    usual = endpoint(house, house.us, *USUAL)
    house.start_attempts(1, 2, 3)
    taken = house.result(1)
    refused = house.result(2, status="failed", outcome="rejected", carrier_ref=None)
    lost = house.result(3, status="uncertain", outcome="uncertain", carrier_ref=None)
    house.finish_attempts(taken, refused, lost)
    # Nobody heard that the commit had succeeded.
    house.finish_attempts(taken, refused, lost)
    assert bodies(house, asks) == [
        {
            "event": "sent",
            "message_id": IDS.show(house.no(1)),
            "to": f"+{ANN}",
            "list_number": f"+{OURS}",
            "segments": 1,
            "provider": "simulator",
            "connector": "sandbox",
            "timestamp": "2027-01-15T08:00:00.050Z",
        }
    ]
    assert {each["event"] for each in bodies(house, usual)} == {"delivery"}
