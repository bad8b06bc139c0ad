"""Links on their way in a text: marks while it waits, short links once it leaves."""

from itertools import count

import pytest
from grounds import shared_only

from sendrail.domain.order import Fault
from sendrail.intake.orders import Limits, read_order
from sendrail.intake.verdicts import Accepted
from sendrail.links.domains import LinkHost, LinkSender
from sendrail.links.slots import ArithmeticSlots
from sendrail.links.texts import LinkedText, LinkTexts

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
SHOP, BLOG = "https://shop.example/sale", "https://blog.example/"
PEOPLE = count(15550200000)
# `http://t.example/` and seven letters.
LENGTH = 24


@pytest.fixture
def sender(road):
    return road.add_list()


def order(road, sender, recipient=ANN, body="See {{link1}}", links=(SHOP,), **more):
    return road.order(sender, recipient, body, links=links, **more)


def text_of(road, verdict):
    found = road.find(verdict.message_id)
    sender = LinkSender(found.account_id, found.list_id, found.list_connector_id)
    return LinkedText(found.number, sender, found.body, found.links or "")


def column(road, message_id):
    return road.find(message_id).links


def test_a_text_leaves_with_short_links_that_lead_back_to_it(road, sender):
    [told] = road.accept(order(road, sender, body="{{link2}} or {{link1}}", links=(SHOP, BLOG)))
    road.deliver()
    [message] = road.carrier.messages
    second, first = message.body.split(" or ")
    number = road.ids.read(told.message_id)
    assert {link[:-7] for link in (first, second)} == {"http://t.example/"}
    ids = [road.short_ids.read(link[-7:]) for link in (first, second)]
    # A process that has just started knows them, too.
    found = road.read(lambda tx: road.ground.open_slots().messages(tx, ids))
    assert [each[:2] for each in found] == [(number, 0), (number, 1)]
    assert all(each.made_at <= road.clock.now() for each in found)


def test_many_messages_have_links_that_lead_to_each_of_them(road, sender):
    people = [ANN + n for n in range(300)]
    links = [(SHOP,) if n % 2 else (SHOP, BLOG) for n in range(300)]
    bodies = [" ".join(f"{{{{link{at}}}}}" for at in range(1, len(each) + 1)) for each in links]
    told = road.accept(
        *(order(road, sender, *each) for each in zip(people, bodies, links, strict=True)),
        # Singly as well, and those between them have none.
        road.order(sender, BEN, "Plain"),
    )
    told += road.accept(order(road, sender, CID, "{{link1}}"))
    texts = [text_of(road, each) for each in told]
    bodies = road.read(lambda tx: road.links.fill(tx, [each for each in texts if each.links]))
    ids = [road.short_ids.read(word[-7:]) for body in bodies for word in body.split(" ")]
    found = road.read(lambda tx: road.ground.open_slots().messages(tx, ids))
    assert [each[:2] for each in found] == [
        (road.ids.read(each.message_id), position)
        for each, count in zip(told, [*map(len, links), 0, 1], strict=True)
        for position in range(count)
    ]


def test_segments_count_the_short_links_and_not_their_marks(road, sender):
    room = 160 - LENGTH
    fits, spills = ("x" * length + "{{link1}}" for length in (room, room + 1))
    told = road.accept(order(road, sender, body=fits), order(road, sender, body=spills))
    assert [road.find(each.message_id).segments for each in told] == [1, 2]
    road.deliver()
    assert sorted(len(message.body) for message in road.carrier.messages) == [160, 161]


def test_an_id_beside_a_link_is_counted_and_filled_as_well(road, sender):
    body = "x" * (160 - LENGTH - 8) + "{{messageId}}{{link1}}"
    [told] = road.accept(order(road, sender, body=body))
    assert road.find(told.message_id).segments == 1
    road.deliver()
    [message] = road.carrier.messages
    assert len(message.body) == 160
    assert told.message_id in message.body


def test_a_text_that_is_too_long_with_its_links_is_refused(road, sender):
    # The road takes ten segments of 153 characters.
    bodies = ["x" * (length - LENGTH) + "{{link1}}" for length in (1_530, 1_531)]
    first, second = road.accept(*(order(road, sender, body=body) for body in bodies))
    assert isinstance(first, Accepted)
    assert (second.code, second.param) == ("message_too_long", "body")


def test_a_list_without_a_tracking_domain_wraps_nothing(road, sender):
    road.domains.host = None
    wrapped, plain = road.accept(order(road, sender), road.order(sender, BEN))
    assert (wrapped.code, wrapped.param) == ("no_domain_configured", "wrap_links")
    assert isinstance(plain, Accepted)


def test_where_the_domain_is_gone_meanwhile_a_link_is_the_url_itself(road, sender):
    told = road.accept(
        order(road, sender, links=(BLOG,)), *(order(road, sender, to) for to in (BEN, CID))
    )
    assert [column(road, each.message_id)[:5] == "https" for each in told] == [True, False, False]
    road.domains.host = None
    road.deliver()
    assert [message.body for message in road.carrier.messages] == [
        f"See {url}" for url in (BLOG, SHOP, SHOP)
    ]


def test_a_url_is_a_destination_once_two_messages_of_a_group_share_it(road, sender):
    [own] = road.accept(order(road, sender))
    assert column(road, own.message_id) == SHOP
    shared = road.accept(
        order(road, sender, BEN, links=(SHOP,)),
        order(road, sender, CID, "{{link1}} {{link2}}", links=(BLOG, SHOP)),
    )
    [known] = road.read(lambda tx: tx.destinations.find(road.account, [SHOP, BLOG])).values()
    assert [column(road, each.message_id) for each in shared] == [f"{known}", f"{BLOG} {known}"]
    # From then on it is known to a single message, too.
    [later] = road.accept(order(road, sender, body="Again {{link1}}"))
    assert column(road, later.message_id) == f"{known}"


def test_the_same_text_is_the_same_message_only_if_it_leads_to_the_same(road, sender):
    first, other, again = road.accept(
        order(road, sender), order(road, sender, links=(BLOG,)), order(road, sender)
    )
    assert isinstance(first, Accepted)
    assert isinstance(other, Accepted)
    assert again.code == "duplicate_message"
    # So it is for a process that has just begun.
    road.intake = road.open_intake()
    repeated = road.accept(order(road, sender), order(road, sender, links=(BLOG,)))
    assert [each.code for each in repeated] == ["duplicate_message"] * 2
    # A text is not the one that says where a link would lead.
    [plain] = road.accept(road.order(sender, ANN, f"See {SHOP}"))
    assert isinstance(plain, Accepted)


def test_a_message_shows_its_links_once_it_has_left(road, sender):
    [told] = road.accept(order(road, sender))
    assert road.look_up(told.message_id).body == "See {{link1}}"
    road.deliver()
    [message] = road.carrier.messages
    assert road.look_up(told.message_id).body == message.body
    assert message.body.startswith("See http://t.example/")


def test_a_mark_in_a_text_without_links_stays(road, sender):
    [told] = road.accept(road.order(sender, ANN, "See {{link1}}"))
    road.deliver()
    [message] = road.carrier.messages
    assert message.body == road.look_up(told.message_id).body == "See {{link1}}"


def test_a_text_without_links_costs_no_statement_more(road, sender):
    road.accept(road.order(sender, ANN, "Warm"))
    plain = road.statements(lambda: road.accept(road.order(sender, BEN, "Plain")))
    assert not [each for each in plain if "destinations" in each]
    linked = road.statements(lambda: road.accept(order(road, sender, CID)))
    assert [each for each in linked if "destinations" in each]


def test_an_order_with_links_waits_for_its_list_to_be_measured():
    limits = Limits(segments_max=1, characters_max=200)
    told = read_order("+15550100001", "+15550001000", "{{link1}}", limits, links=(SHOP,))
    assert told.links == (SHOP,)
    assert isinstance(read_order("+1", "+15550001000", "x", limits, links=(SHOP,)), Fault)


def test_on_a_domain_of_ten_letters_links_are_counted_and_filled_with_ten(road, sender):
    road.domains.host = LinkHost("http://t.example/", 10)
    fits = "x" * (160 - LENGTH - 3) + "{{link1}}"
    told = road.accept(order(road, sender, body=fits), order(road, sender, BEN, f"x{fits}"))
    assert [road.find(each.message_id).segments for each in told] == [1, 2]
    road.deliver()
    first, second = sorted((message.body for message in road.carrier.messages), key=len)
    assert (len(first), len(second)) == (160, 161)
    slot = road.short_ids.read(first[-10:], 10)
    [found] = road.read(lambda tx: road.ground.open_slots().messages(tx, [slot]))
    assert found[:2] == (road.ids.read(told[0].message_id), 0)


def test_texts_of_two_domains_each_have_their_own_letters(road):
    lists = [road.add_list(), road.add_list()]
    hosts = {
        lists[0].id: LinkHost("https://a.example/"),
        lists[1].id: LinkHost("https://b.example/", 10),
    }
    texts = LinkTexts(road.short_ids, ArithmeticSlots(), OfLists(hosts))
    linked = [
        LinkedText(number, LinkSender(road.account, each.id, road.connector), "{{link1}}", BLOG)
        for number, each in ((1, lists[0]), (2, lists[1]), (3, lists[0]))
    ]
    filled = road.read(lambda tx: texts.fill(tx, linked))
    assert [text[: -7 if "a." in text else -10] for text in filled] == [
        "https://a.example/",
        "https://b.example/",
        "https://a.example/",
    ]
    slots = [road.short_ids.read(filled[0][-7:]), road.short_ids.read(filled[1][-10:], 10)]
    assert slots == [4, 8]


class OfLists:
    def __init__(self, hosts):
        self.hosts = hosts

    def host_of(self, _tx, sender):
        return self.hosts[sender.list_id]


@shared_only
def test_slots_cost_one_statement_a_block_of_numbers(road, sender):
    road.accept(road.order(sender, ANN, "Warm"))

    def told(*orders):
        return road.statements(lambda: road.accept(*orders))

    first = told(order(road, sender))
    part, stored = [each for each in first if "link_" in each]
    assert part.startswith("SELECT nextval('link_parts")
    # By the statement that stores the message, which needs no transaction around it.
    assert "INSERT INTO link_ranges " in stored
    assert "INSERT INTO messages " in stored
    assert (first.count("BEGIN"), first.count("COMMIT")) == (0, 0)
    for _ in range(2):
        more = told(*(order(road, sender, next(PEOPLE)) for _ in range(100)))
        assert not [each for each in more if "link_" in each]
    # The next block is of the same part of the slots.
    more = told(*(order(road, sender, next(PEOPLE)) for _ in range(900)))
    assert len([each for each in more if "link_" in each]) == 1
