"""Destinations: one for each URL of an account, whoever makes it first."""

from stores import NOW

SHOP, BLOG, CART = "https://shop.example/", "https://blog.example/ü", "https://shop.example/cart"


def test_a_destination_is_found_by_its_url(house):
    house.write(lambda tx: tx.destinations.add(house.us, [SHOP, BLOG], NOW))
    found = house.read(lambda tx: tx.destinations.find(house.us, [BLOG, CART, SHOP]))
    assert set(found) == {SHOP, BLOG}
    urls = house.read(lambda tx: tx.destinations.urls(house.us, [*found.values(), 10**9]))
    assert urls == {found[SHOP]: SHOP, found[BLOG]: BLOG}


def test_a_destination_that_is_there_stays_as_it_is(house):
    house.write(lambda tx: tx.destinations.add(house.us, [SHOP], NOW))
    before = house.read(lambda tx: tx.destinations.find(house.us, [SHOP]))
    house.write(lambda tx: tx.destinations.add(house.us, [SHOP, CART], NOW + 1))
    after = house.read(lambda tx: tx.destinations.find(house.us, [SHOP, CART]))
    assert after[SHOP] == before[SHOP]
    assert len(set(after.values())) == 2


def test_another_accounts_destinations_are_unknown(house):
    house.write(lambda tx: tx.destinations.add(house.us, [SHOP], NOW))
    [ours] = house.read(lambda tx: tx.destinations.find(house.us, [SHOP])).values()
    assert house.read(lambda tx: tx.destinations.find(house.them, [SHOP])) == {}
    assert house.read(lambda tx: tx.destinations.urls(house.them, [ours])) == {}
    house.write(lambda tx: tx.destinations.add(house.them, [SHOP], NOW))
    [theirs] = house.read(lambda tx: tx.destinations.find(house.them, [SHOP])).values()
    assert theirs != ours


def test_nothing_asked_is_nothing_found(house):
    assert house.read(lambda tx: tx.destinations.find(house.us, [])) == {}
    assert house.read(lambda tx: tx.destinations.urls(house.us, [])) == {}
    house.write(lambda tx: tx.destinations.add(house.us, [], NOW))


def test_a_url_is_another_destination_for_each_offer(house):
    def add(tx):
        for offer_id in (None, 7, 8):
            tx.destinations.add(house.us, [SHOP], NOW, offer_id)

    house.write(add)
    found = [
        house.read(lambda tx, each=each: tx.destinations.find(house.us, [SHOP, BLOG], each))
        for each in (None, 7, 8, 9)
    ]
    ids = [each.get(SHOP) for each in found]
    assert ids[3] is None
    assert len(set(ids)) == 4
    assert house.read(lambda tx: tx.destinations.urls(house.us, ids[:3])) == dict.fromkeys(
        ids[:3], SHOP
    )
