"""The filter page over HTTP: who sees it, what it says, and that only its button confirms."""

import re
import uuid

import pytest
from asking import ask, told
from following import PHONE, LinkMaker, clicks_of
from written import parsed

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.filter_page import PAGE_HEADERS

SHOP = "https://shop.example/sale"
BOT = PHONE.replace("Chrome", "HeadlessChrome")
PREVIEWER = "WhatsApp/2.23.20.0"
TOKEN = re.compile(rb'name="token" value="([0-9a-f]+)"')


@pytest.fixture
def shop(door):
    return Shop(door)


class Shop:
    """An account whose links have the filter page."""

    def __init__(self, door):
        self.door = door
        self.account = door.do(door.runtime.accounts.add(f"filter {uuid.uuid4()}"))
        self.key, number = door.new_key(self.account), door.recipient()
        self.host = f"go-{uuid.uuid4().hex[:12]}.example"
        told(ask(door, "POST", "domains", {"domain": self.host}, x_api_key=self.key))
        made = door.do(door.runtime.lists.add(self.account, parsed(number), connector="sandbox"))
        self.sender = made.sender
        self.make = LinkMaker(door.runtime, door.write)
        self.set(filter_bots=True)

    def set(self, **fields):
        told(ask(self.door, "PUT", "link-settings", fields, x_api_key=self.key))

    def link(self, target=SHOP, **about):
        return self.make.link(self.sender, target, **about)

    def offer_link(self, **fields):
        """Return a link to an offer, by way of a destination that messages share."""
        body = {"name": "Sale", "tracking_url": SHOP} | fields
        ref = told(ask(self.door, "POST", "offers", body, x_api_key=self.key))["id"]

        def add(tx):
            offer, url = tx.offers.by_ref(self.account, ref), f"{SHOP}?offer={ref}"
            tx.destinations.add(self.account, [url], 0)
            [destination] = tx.destinations.find(self.account, [url]).values()
            tx.core.exec_driver_sql(
                f"UPDATE destinations SET offer_id = {offer.id} WHERE id = {destination}"
            )
            return destination

        return self.link(str(self.door.write(add)))

    def follow(self, link, method="GET", *, agent=BOT, token=None, **headers):
        given = {"host": self.host, "user-agent": agent, "x-forwarded-for": "203.0.113.9"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if token is None else b"token=" + token
        if content is not None:
            given["content-type"] = "application/x-www-form-urlencoded"
        return self.door.client.request(method, f"/{link}", headers=given, content=content)

    def token(self, link):
        return TOKEN.search(self.follow(link).content)[1]

    def classes(self):
        rows = self.door.write(lambda tx: clicks_of(tx, self.account))
        return [(ClickClass(row["click_class"]), ClickReason(row["reason"])) for row in rows]


def test_a_bot_sees_the_page_in_the_accounts_words(shop):
    shop.set(page_title="Fast <da>", page_text="Weiter?", page_button="Zum Laden")
    answer = shop.follow(shop.link())
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "<h1>Fast &lt;da&gt;</h1>" in answer.text
    assert "<p>Weiter?</p>" in answer.text
    assert ">Zum Laden</button>" in answer.text
    assert "shop.example" not in answer.text
    for name, value in PAGE_HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    assert shop.classes() == [(ClickClass.BOT, ClickReason.AGENT)]


def test_a_person_goes_straight_on_and_so_does_who_looks_ahead(shop):
    link = shop.link()
    for asks in (
        {"agent": PHONE},
        {"agent": PREVIEWER},
        {"agent": PHONE, "sec_purpose": "prefetch"},
        {"agent": BOT, "method": "HEAD"},
    ):
        answer = shop.follow(link, **asks)
        assert (answer.status_code, answer.headers["location"]) == (302, SHOP), asks


def test_who_comes_too_soon_sees_the_page(shop):
    answer = shop.follow(shop.link(age_ms=0), agent=PHONE)
    assert answer.status_code == 200
    assert shop.classes() == [(ClickClass.UNKNOWN, ClickReason.TOO_SOON)]


def test_the_button_leads_on_and_counts_as_a_person(shop):
    link = shop.link()
    answer = shop.follow(link, "POST", token=shop.token(link))
    assert (answer.status_code, answer.headers["location"]) == (303, SHOP)
    assert answer.headers["cache-control"] == "private, no-store"
    assert shop.classes()[-1] == (ClickClass.HUMAN, ClickReason.CONFIRMED)


@pytest.mark.parametrize("token", [b"", b"0" * 24, b"%ff", b"x" * 200])
def test_a_post_without_the_pages_token_sees_the_page_again(shop, token):
    answer = shop.follow(shop.link(), "POST", token=token)
    assert answer.status_code == 200
    assert TOKEN.search(answer.content)
    assert (ClickClass.HUMAN, ClickReason.CONFIRMED) not in shop.classes()


def test_the_token_of_another_link_confirms_nothing(shop):
    one, other = shop.link(), shop.link()
    assert shop.follow(other, "POST", token=shop.token(one)).status_code == 200


def test_once_the_page_is_switched_off_everybody_is_led_on(shop):
    link = shop.link()
    shop.set(filter_bots=False)
    assert shop.follow(link).status_code == 302


@pytest.mark.parametrize(
    ("of_account", "of_offer", "status"),
    [
        (True, None, 200),
        (True, False, 302),
        (True, True, 200),
        (False, None, 302),
        (False, True, 200),
    ],
)
def test_an_offers_own_word_goes_before_the_accounts(shop, of_account, of_offer, status):
    shop.set(filter_bots=of_account)
    fields = {} if of_offer is None else {"filter_bots": of_offer}
    assert shop.follow(shop.offer_link(**fields)).status_code == status
