"""Every store keeps creatives with their links, and the frames of accounts and lists."""

import pytest
from stores import NOW

from sendrail.domain.creative import CreativeStatus, CreativeType, OfferLink
from sendrail.domain.errors import NotFound
from sendrail.domain.frame import Frame, OwnFrame
from sendrail.domain.ids import AccountId
from sendrail.domain.offer import OfferStatus, PayoutType

VALUES = {
    "name": "Sale",
    "message": "{{link1}} {{link2}}",
    "status": CreativeStatus.ACTIVE,
    "creative_type": CreativeType.WELCOME,
    "created_at": NOW,
    "updated_at": NOW,
}


@pytest.fixture
def offer(house):
    """The numbers of an offer of ours, by the public id."""

    def make(ref):
        values = {
            "name": "Offer",
            "tracking_url": "https://shop.example/",
            "payout": 0,
            "payout_type": PayoutType.CPA,
            "filter_bots": False,
            "pixel_amounts": False,
            "status": OfferStatus.ACTIVE,
            "metadata": {},
            "created_at": NOW,
            "updated_at": NOW,
        }
        return house.write(lambda tx: tx.offers.add(house.us, ref=ref, **values))

    return make


def test_a_creative_keeps_its_links_in_their_order(house, offer):
    first = OfferLink(key="link2", offer_ref="a" * 24, url="https://shop.example/x")
    second = OfferLink(key="link1", offer_ref="b" * 24, url_params={"b": "ü", "a": ""})
    numbers = {each.offer_ref: offer(each.offer_ref) for each in (first, second)}
    owned = [(each, numbers[each.offer_ref]) for each in (first, second)]

    def add(tx):
        made = tx.creatives.add(house.us, **VALUES)
        tx.creatives.set_links(house.us, made, owned)
        return made

    made = house.write(add)
    found = house.read(lambda tx: tx.creatives.find(house.us, made))
    assert found.offer_links == (first, second)
    assert (found.status, found.creative_type) == (VALUES["status"], VALUES["creative_type"])
    assert (found.id, found.account_id, found.message) == (made, house.us, VALUES["message"])
    house.write(lambda tx: tx.creatives.set_links(house.us, made, owned[1:]))
    again = house.read(lambda tx: tx.creatives.find(house.us, made))
    assert again.offer_links == (second,)


def test_another_accounts_creatives_are_unknown(house, offer):
    made = house.write(lambda tx: tx.creatives.add(house.us, **VALUES))
    link = OfferLink(key="link1", offer_ref="c" * 24)
    number = offer(link.offer_ref)
    house.write(lambda tx: tx.creatives.set_links(house.us, made, [(link, number)]))
    before = house.read(lambda tx: tx.creatives.find(house.us, made))
    assert house.read(lambda tx: tx.creatives.find(house.them, made)) is None
    house.write(lambda tx: tx.creatives.change(house.them, made, name="Theirs"))
    house.write(lambda tx: tx.creatives.set_links(house.them, made, []))
    page = house.read(lambda tx: tx.creatives.page(house.them, CreativeStatus.ACTIVE, None, 0, 10))
    assert page == ([], 0)
    assert house.read(lambda tx: tx.creatives.count(house.them)) == 0
    assert house.read(lambda tx: tx.creatives.find(house.us, made)) == before


def test_a_frame_is_the_lists_the_accounts_or_the_default(house):
    [sender] = house.read(lambda tx: tx.lists.all(house.us))[:1]
    frame = lambda: house.read(lambda tx: tx.lists.frame(house.us, sender.id))  # noqa: E731
    assert frame() == Frame()
    house.write(lambda tx: tx.accounts.set_own_frame(house.us, OwnFrame("Us: ", " END")))
    assert frame() == Frame("Us: ", " END")
    house.write(lambda tx: tx.lists.change(house.us, sender.id, prepend_text=""))
    assert frame() == Frame("", " END")
    assert house.read(lambda tx: tx.lists.own_frame(house.us, sender.id)) == OwnFrame("", None)
    assert house.read(lambda tx: tx.lists.own_frames(house.us))[sender.id] == OwnFrame("", None)
    assert house.read(lambda tx: tx.accounts.own_frame(house.us)) == OwnFrame("Us: ", " END")
    assert house.read(lambda tx: tx.accounts.own_frame(house.them)) == OwnFrame()
    with pytest.raises(NotFound):
        house.read(lambda tx: tx.accounts.own_frame(AccountId(10**9)))
    with pytest.raises(NotFound):
        house.write(lambda tx: tx.accounts.set_own_frame(AccountId(10**9), OwnFrame()))
