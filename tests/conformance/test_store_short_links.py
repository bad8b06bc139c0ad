"""Links that are in no message: each its account's, with what it leads to."""

import pytest
from stores import ANN, NOW

SHOP, BLOG = "https://shop.example/", "https://blog.example/"


@pytest.fixture
def offer(house):
    return house.write(
        lambda tx: tx.offers.add(
            house.us,
            ref="f" * 24,
            name="Summer",
            tracking_url=SHOP,
            payout=0,
            payout_type="cpa",
            filter_bots=True,
            pixel_amounts=False,
            status="active",
            metadata={},
            created_at=NOW,
            updated_at=NOW,
        )
    )


def add(house, url=SHOP, offer_id=None, recipient=None, metadata=None):
    def work(tx):
        tx.destinations.add(house.us, [url], NOW, offer_id)
        [destination_id] = tx.destinations.find(house.us, [url], offer_id).values()
        return tx.short_links.add(
            house.us,
            list_id=house.list.id,
            destination_id=destination_id,
            recipient=recipient,
            metadata=metadata,
            now=NOW,
        )

    return house.write(work)


def find(house, link_id, account=None):
    return house.read(lambda tx: tx.short_links.find(account or house.us, link_id))


def test_a_link_is_found_with_its_list_and_destination(house):
    link_id = add(house, recipient=ANN, metadata='{"a":1}')
    found = find(house, link_id)
    assert (found.url, found.offer_id, found.offer_ref, found.filter_bots) == (
        SHOP,
        None,
        None,
        False,
    )
    assert (found.list_id, found.list_number) == (house.list.id, house.list.shown)
    assert found.connector_id == house.connector
    assert (found.recipient, found.metadata, found.created_at) == (ANN, '{"a":1}', NOW)
    assert (found.clicks, found.human_clicks, found.last_clicked_at) == (0, 0, None)


def test_a_link_to_an_offer_names_it(house, offer):
    found = find(house, add(house, offer_id=offer))
    assert (found.offer_id, found.offer_ref, found.filter_bots) == (offer, "f" * 24, True)


def test_whether_machines_see_a_page_is_the_offers_else_the_accounts(house, offer):
    ids = [add(house), add(house, offer_id=offer)]
    for of_account, of_offer in ((True, False), (False, True)):

        def change(tx, of_account=of_account, of_offer=of_offer):
            tx.link_settings.change(house.us, filter_bots=of_account)
            tx.offers.change(house.us, offer, filter_bots=of_offer)

        house.write(change)
        assert [find(house, each).filter_bots for each in ids] == [of_account, of_offer]


def test_another_accounts_link_is_unknown(house):
    link_id = add(house)
    assert find(house, link_id, house.them) is None
    assert house.read(lambda tx: tx.short_links.page(house.them, 0, 10)) == ([], 0)
    assert find(house, link_id + 1) is None


def test_pages_begin_with_the_newest(house):
    ids = [add(house, url) for url in (SHOP, BLOG, SHOP)]
    links, total = house.read(lambda tx: tx.short_links.page(house.us, 0, 2))
    assert ([each.id for each in links], total) == (ids[:0:-1], 3)
    links, total = house.read(lambda tx: tx.short_links.page(house.us, 2, 2))
    assert ([each.id for each in links], total) == (ids[:1], 3)
