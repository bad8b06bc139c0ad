"""What conversions learn of links and clicks: from ids, from rows, and from a click's own id."""

import pytest
from clicking import (
    BOT,
    HUMAN,
    Clock,
    add_destination,
    add_link,
    click,
    count_all,
    keep,
    standalone,
)
from stores import NOW

from sendrail.domain.click_classes import ClickClass
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.short_ids import ShortIds, message_slot, standalone_slot
from sendrail.links.slots import LinkPlace
from sendrail.tracking.links import LinkReader, LinkTarget

IDS, CLICK_IDS = ShortIds(b"s" * 16), ClickIds(b"c" * 16)
OFFER, OTHER = OfferId(5), OfferId(6)


class Slots:
    """Slots by a message's place in our list, whatever its number is."""

    def __init__(self, house):
        self._house = house

    def messages(self, tx, slots):  # noqa: ARG002 - as the others'
        found = [divmod(slot, 4) for slot in slots]
        return [
            None if n > 1_000 else LinkPlace(self._house.no(n), position, NOW)
            for n, position in found
        ]


class Desk:
    def __init__(self, house):
        self.house = house
        self.reader = LinkReader(IDS, CLICK_IDS, Slots(house))
        self.plain = add_destination(house, "https://a.example/")
        self.offered = add_destination(house, "https://b.example/", OFFER)
        self.other = add_destination(house, "https://c.example/", OTHER)
        house.queue(1, links=f"https://own.example/ {self.plain} {self.offered} {self.other}")
        house.queue(2)
        house.queue(3, links=f"{self.plain}")

    def ask(self, name, *given):
        return self.house.read(lambda tx: getattr(self.reader, name)(tx, *given))

    def message(self, n):
        number = self.house.no(n)
        return self.house.read(lambda tx: tx.conversions.message(self.house.us, number))

    def target(self, n, offer_id=None, clicked_at=None, named_at=None):
        return LinkTarget(
            account_id=AccountId(self.house.us),
            number=self.house.no(n),
            offer_id=offer_id,
            clicked_at=clicked_at,
            named_at=named_at,
        )


@pytest.fixture
def desk(house):
    return Desk(house)


@pytest.mark.parametrize("letters", [7, 10])
def test_a_short_id_names_its_message_and_the_offer_of_that_link(desk, letters):
    def link(n, position):
        return desk.ask("link", IDS.show(message_slot(n, position), letters))

    assert [link(1, position) for position in range(4)] == [
        desk.target(1), desk.target(1), desk.target(1, OFFER), desk.target(1, OTHER),
    ]  # fmt: skip
    # No link stands there; the message has none; there is no such message.
    assert [link(3, 1), link(2, 0), link(9, 0)] == [None, None, None]


@pytest.mark.parametrize("text", ["", "short", "sixsix", "0000000000000", "!!!!!!!", "é" * 7])
def test_what_is_no_short_id_names_nothing(desk, text):
    assert desk.ask("link", text) is None


def test_a_standalone_link_names_no_message(desk):
    assert desk.ask("link", IDS.show(standalone_slot(3))) is None


def test_a_click_id_says_when_a_person_clicked_whatever_is_left_of_the_row(desk):
    slot = message_slot(1, 2)
    human = CLICK_IDS.show(slot, 1_234, ClickClass.HUMAN)
    at = NOW + 1_234
    assert desk.ask("click", human) == desk.target(1, OFFER, clicked_at=at, named_at=at)
    for doubtful in (ClickClass.UNKNOWN, ClickClass.BOT, ClickClass.PREVIEW):
        shown = CLICK_IDS.show(slot, 1_234, doubtful)
        assert desk.ask("click", shown) == desk.target(1, OFFER, named_at=at)


@pytest.mark.parametrize("text", ["", "0" * 22, "not one", ClickIds(b"x" * 16).show(4, 0, 1)])
def test_a_click_id_that_is_not_ours_names_nothing(desk, text):
    assert desk.ask("click", text) is None


def test_the_first_click_of_a_person_is_that_of_the_rows(desk):
    keep(
        desk.house,
        click(desk.house, 1, 0, NOW, BOT),
        click(desk.house, 1, 2, NOW + 5, HUMAN),
        click(desk.house, 3, 0, NOW + 6, BOT),
    )
    messages = [desk.message(n) for n in (1, 2, 3)]
    count_all(desk.house, Clock(NOW + 6))
    assert desk.ask("first_clicks", messages) == {desk.house.no(1): NOW + 5}
    assert desk.ask("first_click", messages[0]) == NOW + 5
    assert desk.ask("first_click", messages[2]) is None


def test_a_click_that_is_not_counted_yet_is_one_already(desk):
    """A page behind the link reports what happened there within a second."""
    house = desk.house
    add_link(house, 1)
    keep(house, click(house, 2, 0, NOW))
    count_all(house, Clock(NOW))
    keep(
        house,
        # Of a link that has the number of a message, or the other way about.
        standalone(house, house.no(3), NOW + 1),
        click(house, 1, 0, NOW + 2, BOT),
        click(house, 1, 0, NOW + 3),
        click(house, 1, 0, NOW + 4),
        click(house, 2, 0, NOW + 5),
        standalone(house, 1, NOW + 6),
        standalone(house, 1, NOW + 7),
        standalone(house, 1, NOW + 8, BOT),
    )
    one, two, three = (desk.message(n) for n in (1, 2, 3))
    found = desk.ask("first_clicks", [one, two, three])
    assert found == {one.number: NOW + 3, two.number: NOW}
    # Each click on it may be another person's: the last one counts.
    assert desk.ask("link", IDS.show(standalone_slot(1))).clicked_at == NOW + 7
    count_all(house, Clock(NOW + 8))
    assert desk.ask("first_clicks", [one, two, three]) == found
    assert desk.ask("link", IDS.show(standalone_slot(1))).clicked_at == NOW + 7


def test_a_message_has_the_offer_of_its_first_link_to_one(desk):
    messages = [desk.message(n) for n in (1, 2, 3)]
    assert desk.ask("offers_of", messages) == {desk.house.no(1): OFFER}
    assert desk.ask("offers_of", []) == {}
    assert desk.ask("offer_of", messages[0]) == OFFER
    assert desk.ask("offer_of", messages[1]) is None


def test_a_message_leads_to_the_offers_of_its_links_or_perhaps_to_any(desk):
    one, without, plain = (desk.message(n) for n in (1, 2, 3))
    assert [desk.ask("leads_to", one, each) for each in (OFFER, OTHER, OfferId(7))] == [
        True, True, False,
    ]  # fmt: skip
    # Its text may name an offer's own URL.
    assert desk.ask("leads_to", without, OFFER)
    assert not desk.ask("leads_to", plain, OFFER)


def test_a_coupon_is_for_the_first_click_on_its_offer_within_the_time(desk):
    house = desk.house
    house.queue(4, 5, links=f"{desk.offered}")
    keep(house, click(house, 4, 0, NOW + 10), click(house, 5, 0, NOW + 20))
    keep(house, click(house, 1, 3, NOW + 5))
    count_all(house, Clock(NOW + 20))

    def first(since, offer=OFFER, account=house.us):
        return desk.ask("first_clicked", account, offer, since)

    assert first(NOW) == desk.target(4, OFFER, NOW + 10)
    assert first(NOW + 10) == desk.target(4, OFFER, NOW + 10)
    assert first(NOW + 11) == desk.target(5, OFFER, NOW + 20)
    assert first(NOW + 21) is None
    assert first(NOW, OTHER) == desk.target(1, OTHER, NOW + 5)
    assert first(NOW, account=house.them) is None
