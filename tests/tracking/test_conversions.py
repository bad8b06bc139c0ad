# ruff: noqa: ARG002 - the stand-in for links has the arguments of the interface
"""Conversions: once each, with windows to the millisecond, refunds joined, money exact."""

import asyncio
import json

import pytest
from sqlalchemy import func, select
from stores import ANN, NOW, OURS

from sendrail.domain.audit import Actor
from sendrail.domain.conversion import SKEW_MS, Attribution, ConversionEvent, ConversionSource
from sendrail.domain.errors import InvalidInput, NotFound, Unauthorized
from sendrail.domain.ids import AccountId, MessageIds, MessageNumber
from sendrail.domain.webhook import USUAL, EndpointState, Event
from sendrail.storage.message_tables import origin_counts
from sendrail.storage.tracking_tables import contact_earnings
from sendrail.tracking.conversions import ConversionService, RevenueRecord
from sendrail.tracking.links import LinkTarget
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.postback_settings import PostbackSettingsService
from sendrail.tracking.postbacks import Postback, PostbackRefused, PostbackService
from sendrail.webhooks.claim import take

ME = Actor(name="a test")
IDS = MessageIds(b"k" * 16)
DAY_MS = 86_400_000
SALE, REFUND = ConversionEvent.SALE, ConversionEvent.REFUND


class Links:
    """What is known of links, as a test sets it."""

    def __init__(self):
        self.targets, self.clicks, self.leads = {}, {}, True

    def link(self, tx, link_id):
        return self.targets.get(link_id)

    def click(self, tx, click_id):
        return self.targets.get(click_id)

    def first_click(self, tx, message):
        return self.clicks.get(message.number)

    def offer_of(self, tx, message):
        return None

    def first_clicks(self, tx, messages):
        return {each.number: at for each in messages if (at := self.first_click(tx, each))}

    def offers_of(self, tx, messages):
        return {}

    def leads_to(self, tx, message, offer_id):
        return self.leads

    def first_clicked(self, tx, account_id, offer_id, since):
        found = [(at, number) for number, at in self.clicks.items() if at >= since]
        if not found:
            return None
        at, number = min(found)
        return LinkTarget(account_id=account_id, number=number, offer_id=offer_id, clicked_at=at)


class Desk:
    def __init__(self, house):
        self.house, self.now, self.links = house, NOW, Links()
        clock = lambda: self.now  # noqa: E731
        secrets = PostbackSecrets(b"s" * 32)
        self.offers = OfferService(house.store, secrets, clock)
        self.service = ConversionService(house.store, IDS, self.links, clock)
        self.settings = PostbackSettingsService(house.store, secrets, clock)
        self.postbacks = PostbackService(house.store, IDS, self.links, secrets, clock)
        house.queue(1)
        self.number = MessageNumber(house.no(1))
        self.message_id = IDS.show(self.number)
        self.offer = self.add_offer()

    def do(self, work):
        return self.house.do(work)

    def add_offer(self, account=None, **more):
        fields = {"name": "Offer", "tracking_url": "https://shop.example/", "payout": 50_000}
        given = OfferChange(**fields | more)
        return self.do(self.offers.add(account or self.house.us, given, ME))

    def secret(self, offer=None):
        offer = offer or self.offer
        return self.do(self.offers.replace_secret(offer.account_id, offer.ref, ME)).secret

    def report(self, amount=249_900, attribution="sale", account=None, **more):
        fields = {"message_id": self.message_id, "offer_id": self.offer.ref} | more
        given = RevenueRecord(amount=amount, attribution=Attribution(attribution), **fields)
        return self.do(self.service.record(account or self.house.us, given))

    def clicked(self, at=NOW):
        self.links.clicks[self.number] = at

    def earned(self):
        """Return conversions and revenue of our list; those of its one contact are equal.

        Both are counted with what causes them, each by itself.
        """
        counted = self.counted("")
        assert self.counted("@") == self.of_contact() == counted
        return counted

    def of_contact(self):
        """Return conversions and revenue of the message's recipient."""
        rows = self.house.read(
            lambda tx: tx.core.execute(
                select(contact_earnings.c.conversions, contact_earnings.c.revenue).where(
                    contact_earnings.c.recipient == ANN
                )
            ).all()
        )
        return tuple(rows[0]) if rows else (0, 0)

    def counted(self, when):
        of = origin_counts.c
        query = select(func.sum(of.n), func.sum(of.amount))
        ours = query.where(of.list_id == self.house.list.id, of.what == f"{when}conversions:USD")
        [row] = self.house.read(lambda tx: tx.core.execute(ours).all())
        return tuple(int(each or 0) for each in row)

    def all(self):
        return self.house.read(lambda tx: tx.conversions.of_message(self.house.us, self.number))


@pytest.fixture
def desk(house):
    return Desk(house)


# The window


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (0, True),
        (7 * DAY_MS, True),
        (7 * DAY_MS + 1, False),
        (-SKEW_MS, True),
        (-SKEW_MS - 1, False),
    ],
)
def test_the_window_ends_to_the_millisecond(desk, after, counts):
    desk.clicked()
    desk.now = NOW + 7 * DAY_MS
    kept = desk.report(at=NOW + after).conversion
    assert (kept.attributed, kept.amount) == (counts, 249_900)
    assert desk.earned() == ((1, 249_900) if counts else (0, 0))


def test_the_offers_window_wins_over_the_accounts(desk):
    desk.clicked()
    long = desk.add_offer(click_window_days=90)
    desk.do(desk.settings.change(desk.house.us, ME, click_window_days=1))
    at = desk.now = NOW + DAY_MS + 1
    assert not desk.report(at=at).conversion.attributed
    assert desk.report(at=at, offer_id=long.ref).conversion.attributed
    desk.do(desk.settings.change(desk.house.us, ME, click_window_days=0))
    assert desk.report(at=at).conversion.attributed


@pytest.mark.parametrize(("attribution", "counts"), [("sale", 0), ("click", 0), ("send", 1)])
def test_without_a_click_only_a_send_counts(desk, attribution, counts):
    assert desk.report(attribution=attribution).conversion.attributed == bool(counts)
    assert desk.earned()[0] == counts


# Once


def test_a_transaction_counts_once_for_an_event_of_an_offer(desk):
    desk.clicked()
    first = desk.report(external_id="tx-1")
    again = desk.report(5, external_id="tx-1")
    assert (first.is_duplicate, again.is_duplicate) == (False, True)
    assert again.conversion == first.conversion
    assert not desk.report(external_id="tx-1", event=ConversionEvent.REBILL).is_duplicate
    other = desk.add_offer()
    assert not desk.report(external_id="tx-1", offer_id=other.ref).is_duplicate
    assert not desk.report(external_id="tx-2").is_duplicate
    assert desk.earned() == (4, 4 * 249_900)


def test_a_report_without_a_transaction_is_new_each_time(desk):
    assert desk.report().conversion.id != desk.report().conversion.id


def test_a_postback_without_a_transaction_counts_once_a_day(desk):
    desk.clicked()
    secret = desk.secret()

    def post():
        said = Postback(secret=secret)
        return desk.do(desk.postbacks.by_offer(desk.offer.ref, desk.message_id, said))

    assert [post().is_duplicate, post().is_duplicate] == [False, True]
    desk.now += DAY_MS
    assert not post().is_duplicate


def test_two_processes_that_report_the_same_at_once_count_it_once(desk):
    desk.clicked()
    other = ConversionService(desk.house.open(), IDS, desk.links, lambda: NOW)
    given = RevenueRecord(
        message_id=desk.message_id,
        amount=10_000,
        attribution=Attribution.SALE,
        offer_id=desk.offer.ref,
        external_id="tx",
    )

    async def both():
        us = desk.house.us
        return await asyncio.gather(
            *(service.record(us, given) for service in (desk.service, other) * 5)
        )

    outcomes = desk.do(both())
    assert sum(not each.is_duplicate for each in outcomes) == 1
    assert desk.earned() == (1, 10_000)


# Taken back


def test_a_refund_takes_its_sale_back_however_late_and_lowers_no_count(desk):
    desk.clicked()
    sale = desk.report(external_id="tx").conversion
    desk.now = NOW + 60 * DAY_MS
    refund = desk.report(100_000, external_id="tx", event=REFUND, at=desk.now).conversion
    assert (refund.amount, refund.attributed, refund.takes_back) == (-100_000, True, sale.id)
    assert desk.earned() == (1, 149_900)
    assert desk.report(100_000, external_id="tx", event=REFUND).is_duplicate
    assert desk.earned() == (1, 149_900)


def test_a_refund_that_comes_first_is_joined_later(desk):
    desk.clicked()
    refund = desk.report(100_000, external_id="tx", event=REFUND).conversion
    assert (refund.attributed, refund.takes_back) == (False, None)
    assert desk.earned() == (0, 0)
    sale = desk.report(external_id="tx").conversion
    [joined] = [each for each in desk.all() if each.event is REFUND]
    assert (joined.takes_back, joined.attributed, joined.amount) == (sale.id, True, -100_000)
    assert desk.earned() == (1, 149_900)


def test_a_refund_of_a_sale_that_does_not_count_does_not_count(desk):
    sale = desk.report(external_id="tx").conversion
    assert not sale.attributed
    assert not desk.report(5, external_id="tx", event=REFUND).conversion.attributed
    assert desk.earned() == (0, 0)


def test_a_refund_without_an_amount_takes_all_back(desk):
    desk.clicked()
    secret = desk.secret()

    def post(event):
        said = Postback(secret=secret, event=event, external_id="tx")
        return desk.do(desk.postbacks.by_offer(desk.offer.ref, desk.message_id, said))

    assert post(ConversionEvent.CHARGEBACK).conversion.amount == 0
    assert post(SALE).conversion.amount == 50_000
    assert [each.amount for each in desk.all()] == [-50_000, 50_000]
    assert desk.earned() == (1, 0)


@pytest.mark.parametrize("first", [SALE, REFUND])
def test_what_is_taken_back_is_of_the_currency_it_was_earned_in(desk, first):
    desk.clicked()
    second = REFUND if first is SALE else SALE
    currencies = {SALE: "EUR", REFUND: "USD"} if first is REFUND else {SALE: "USD", REFUND: "EUR"}
    for event in (first, second):
        desk.do(desk.settings.change(desk.house.us, ME, currency=currencies[event]))
        desk.report(100_000, external_id="tx", event=event)
    assert {each.currency for each in desk.all()} == {currencies[SALE]}
    assert desk.of_contact() == (1, 0)


# Who may say so


def test_a_message_or_an_offer_of_another_account_is_none(desk):
    theirs = desk.add_offer(desk.house.them)
    for more in (
        {"account": desk.house.them},
        {"offer_id": theirs.ref},
        {"message_id": "zzzzzzzz"},
    ):
        with pytest.raises(NotFound):
            desk.report(**more)
    assert desk.all() == []


@pytest.mark.parametrize("said", ["", "pbs_wrong", "none yet"])
def test_a_wrong_secret_is_refused(desk, said):
    if said != "none yet":
        desk.secret()
    with pytest.raises(Unauthorized):
        desk.do(desk.postbacks.by_offer(desk.offer.ref, desk.message_id, Postback(secret=said)))
    with pytest.raises(Unauthorized):
        desk.do(desk.postbacks.by_offer("0" * 24, desk.message_id, Postback(secret=said)))


def test_the_secret_of_another_accounts_offer_opens_only_its_own_messages(desk):
    theirs = desk.add_offer(desk.house.them)
    said = Postback(secret=desk.secret(theirs))
    answer = desk.do(desk.postbacks.by_offer(theirs.ref, desk.message_id, said))
    assert isinstance(answer, PostbackRefused)
    assert answer.code == "message_not_found"


def test_a_message_without_a_link_to_the_offer_earns_nothing(desk):
    desk.links.leads = False
    said = Postback(secret=desk.secret())
    answer = desk.do(desk.postbacks.by_offer(desk.offer.ref, desk.message_id, said))
    assert answer.code == "no_link"


def target(desk, **more):
    fields = {
        "account_id": desk.house.us,
        "number": desk.number,
        "offer_id": desk.offer.id,
    }
    return LinkTarget(**fields | more)


def test_a_link_needs_the_accounts_secret_unless_the_account_opens_it(desk):
    desk.clicked()
    desk.links.targets["abcdefg"] = target(desk)
    us, by_link = desk.house.us, desk.postbacks.by_link
    with pytest.raises(Unauthorized):
        desk.do(by_link("abcdefg", Postback()))
    secret = desk.do(desk.settings.replace_secret(us, ME)).secret
    assert desk.do(by_link("abcdefg", Postback(secret=secret))).conversion.attributed
    desk.do(desk.settings.change(us, ME, open_links=True))
    assert desk.do(by_link("abcdefg", Postback(external_id="x"))).conversion.attributed
    assert desk.do(by_link("unknown", Postback())).code == "link_not_found"
    elsewhere = Postback(secret=secret, host_of=desk.house.them)
    assert desk.do(by_link("abcdefg", elsewhere)).code == "link_not_found"


def test_a_link_that_no_human_clicked_earns_nothing(desk):
    desk.links.targets["abcdefg"] = target(desk)
    desk.do(desk.settings.change(desk.house.us, ME, open_links=True))
    assert desk.do(desk.postbacks.by_link("abcdefg", Postback())).code == "no_click"


def test_a_clicks_id_is_proof_enough_but_not_for_a_networks_postback(desk):
    desk.links.targets["click"] = target(desk, clicked_at=NOW)
    by_click = desk.postbacks.by_click
    assert desk.do(by_click("click", Postback(amount=7))).conversion.amount == 7
    with pytest.raises(Unauthorized):
        desk.do(by_click("click", Postback(), needs_secret=True))
    assert desk.do(by_click("other", Postback())).code == "click_not_found"


def by_each(desk, **said):
    """Report a conversion in each of the ways of a network; return the answers."""
    us, post = desk.house.us, desk.postbacks
    account = desk.do(desk.settings.replace_secret(us, ME)).secret
    desk.do(desk.settings.set_coupons(us, desk.offer, ["SUMMER"], ME))
    desk.links.targets["abcdefg"] = desk.links.targets["click"] = target(desk)
    offers = Postback(secret=desk.secret(), **said)
    ours = Postback(secret=account, **said)
    return [
        desk.do(work)
        for work in (
            post.by_offer(desk.offer.ref, desk.message_id, offers),
            post.by_coupon("SUMMER", offers),
            post.by_click("click", ours),
            post.by_click("click", ours, ConversionSource.TUNE, needs_secret=True),
            post.by_link("abcdefg", ours),
            post.by_pixel("abcdefg", ours),
        )
    ]


def test_without_a_human_click_what_is_proved_is_kept_and_in_no_sum(desk):
    answers = by_each(desk)
    assert [each.conversion.attributed for each in answers[:4]] == [False] * 4
    assert [each.code for each in answers[4:]] == ["no_click"] * 2
    assert desk.earned() == (0, 0)


def test_an_amount_in_another_currency_is_refused_everywhere(desk):
    desk.offer = desk.add_offer(pixel_amounts=True)
    desk.clicked()
    answers = by_each(desk, amount=1_000_000, currency="JPY")
    assert {each.code for each in answers} == {"invalid_currency"}
    assert desk.all() == []
    answers = by_each(desk, amount=10_000, currency="usd", external_id="tx")
    assert [each.is_duplicate for each in answers] == [False, *[True] * 5]
    assert desk.earned() == (1, 10_000)


def test_a_second_report_is_one_whatever_its_currency(desk):
    """An account changes its currency, and a network repeats what it has reported before."""
    desk.clicked()
    desk.report(10_000, external_id="tx", currency="USD")
    desk.do(desk.settings.change(desk.house.us, ME, currency="EUR"))
    assert desk.report(10_000, external_id="tx", currency="USD").is_duplicate
    said = Postback(amount=10_000, currency="USD", external_id="tx", secret=desk.secret())
    assert desk.do(desk.postbacks.by_offer(desk.offer.ref, desk.message_id, said)).is_duplicate


@pytest.mark.parametrize("attribution", ["sale", "send"])
def test_what_lies_ahead_has_earned_nothing(desk, attribution):
    desk.clicked()
    with pytest.raises(InvalidInput) as caught:
        desk.report(attribution=attribution, at=NOW + 60_001)
    assert (caught.value.code, caught.value.param) == ("invalid_timestamp", "timestamp")
    assert desk.all() == []
    # Another system's clock may be a little before ours.
    assert desk.report(attribution=attribution, at=NOW + 60_000).conversion.at == NOW + 60_000


def test_an_offers_payout_is_in_the_accounts_currency(desk):
    """The pixel's amount is not heard, and what is not heard has no currency."""
    desk.clicked()
    answers = by_each(desk, currency="JPY", external_id="tx")
    assert {each.conversion.amount for each in answers} == {50_000}
    said = Postback(amount=1_000_000, currency="JPY", external_id="pixel")
    assert desk.do(desk.postbacks.by_pixel("abcdefg", said)).conversion.amount == 50_000


def test_a_refund_is_in_the_currency_of_what_it_takes_back(desk):
    desk.clicked()
    desk.report(100_000, external_id="tx")
    desk.do(desk.settings.change(desk.house.us, ME, currency="EUR"))
    by_offer, secret = desk.postbacks.by_offer, desk.secret()

    def take_back(currency):
        said = Postback(
            event=REFUND, amount=10_000, currency=currency, external_id="tx", secret=secret
        )
        return desk.do(by_offer(desk.offer.ref, desk.message_id, said))

    assert take_back("EUR").code == "invalid_currency"
    assert take_back("USD").conversion.currency == "USD"


def test_the_window_runs_from_the_first_click_whichever_is_named(desk):
    desk.clicked()
    desk.links.targets["later"] = target(desk, clicked_at=NOW + 6 * DAY_MS)
    desk.now = NOW + 8 * DAY_MS
    said = Postback(external_id="late")
    assert not desk.do(desk.postbacks.by_click("later", said)).conversion.attributed
    # The first click is not known any more, or not counted yet.
    desk.links.clicks.clear()
    said = Postback(external_id="in time")
    assert desk.do(desk.postbacks.by_click("later", said)).conversion.attributed


def test_what_strangers_send_begins_no_write(desk, monkeypatch):
    """Unknown links and clicks, wrong secrets, what is known already: none is stored."""
    post, said = desk.postbacks, Postback(external_id="tx", secret="pbs_wrong")
    desk.clicked()
    desk.links.targets["click"] = target(desk, clicked_at=NOW)
    first = desk.do(post.by_click("click", said))
    desk.do(desk.settings.set_coupons(desk.house.us, desk.offer, ["CODE"], ME))
    writes = []
    write = desk.house.store.write

    async def counted(work):
        writes.append(work)
        return await write(work)

    monkeypatch.setattr(desk.house.store, "write", counted)
    for n in range(20):
        assert desk.do(post.by_click(f"c{n}", said)).code == "click_not_found"
        assert desk.do(post.by_link(f"l{n}", said)).code == "link_not_found"
        assert desk.do(post.by_pixel(f"l{n}", said)).code == "link_not_found"
        for call in (post.by_offer("0" * 24, desk.message_id, said), post.by_coupon("CODE", said)):
            with pytest.raises(Unauthorized):
                desk.do(call)
    again = desk.do(post.by_click("click", said))
    assert (again.is_duplicate, again.conversion) == (True, first.conversion)
    assert not writes
    desk.do(post.by_click("click", Postback(external_id="ty")))
    assert len(writes) == 1


def test_a_pixel_counts_within_the_window_and_by_the_offers_payout(desk):
    desk.links.targets["abcdefg"] = target(desk)
    by_pixel, said = desk.postbacks.by_pixel, Postback(amount=9_990_000)
    assert desk.do(by_pixel("abcdefg", said)).code == "no_click"
    desk.clicked()
    desk.now = NOW + 7 * DAY_MS + 1
    assert desk.do(by_pixel("abcdefg", said)).code == "no_click"
    desk.now -= 1
    assert desk.do(by_pixel("abcdefg", said)).conversion.amount == 50_000
    trusting = desk.add_offer(pixel_amounts=True)
    desk.links.targets["hijklmn"] = target(desk, offer_id=trusting.id)
    assert desk.do(by_pixel("hijklmn", said)).conversion.amount == 9_990_000


def test_a_coupon_earns_for_the_first_click_within_the_window(desk):
    us, by_coupon = desk.house.us, desk.postbacks.by_coupon
    desk.do(desk.settings.set_coupons(us, desk.offer, [" summer10 ", "SUMMER10"], ME))
    said = Postback(secret=desk.secret(), external_id="a")
    alone = desk.do(by_coupon("Summer10", said)).conversion
    assert (alone.number, alone.attributed) == (None, False)
    desk.clicked()
    said = Postback(secret=said.secret, external_id="b")
    kept = desk.do(by_coupon("Summer10", said)).conversion
    assert (kept.number, kept.attributed) == (desk.number, True)
    for code, secret in (("OTHER", said.secret), ("SUMMER10", "pbs_wrong")):
        with pytest.raises(Unauthorized):
            desk.do(by_coupon(code, Postback(secret=secret)))


def test_a_coupon_of_two_accounts_is_the_one_whose_secret_is_shown(desk):
    theirs = desk.add_offer(desk.house.them)
    desk.do(desk.settings.set_coupons(desk.house.us, desk.offer, ["SAME"], ME))
    desk.do(desk.settings.set_coupons(desk.house.them, theirs, ["SAME"], ME))
    desk.secret()
    said = Postback(secret=desk.secret(theirs), external_id="x")
    kept = desk.do(desk.postbacks.by_coupon("SAME", said)).conversion
    assert (kept.account_id, kept.offer_id) == (AccountId(desk.house.them), theirs.id)


# The event


def endpoint(desk, account, *events, list_id=None):
    return desk.house.write(
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


def bodies(desk, endpoint_id):
    found = desk.house.write(
        lambda tx: take(tx, IDS, endpoint_id, now=desk.now, held=(), limit=10, again=10)
    )
    return [json.loads(each.body) for each in found]


def test_an_endpoint_that_asks_for_conversions_is_posted_them(desk):
    house = desk.house
    asks = endpoint(desk, house.us, Event.CONVERSION)
    elsewhere = [
        endpoint(desk, house.us, *USUAL),
        endpoint(desk, house.them, Event.CONVERSION),
        endpoint(
            desk, house.us, Event.CONVERSION, list_id=house.add_list(house.us, 15550007777).id
        ),
    ]
    desk.clicked()
    desk.report(external_id="tx")
    desk.report(external_id="tx")
    desk.report(100_000, external_id="tx", event=REFUND)
    sale, refund = bodies(desk, asks)
    assert sale == {
        "event": "conversion",
        "conversion_type": "sale",
        "message_id": desk.message_id,
        "list_number": f"+{OURS}",
        "offer_id": desk.offer.ref,
        "external_id": "tx",
        "revenue": 24.99,
        "currency": "USD",
        "attributed": True,
        "timestamp": "2027-01-15T08:00:00.000Z",
    }
    assert (refund["conversion_type"], refund["revenue"]) == ("refund", -10.0)
    assert [bodies(desk, each) for each in elsewhere] == [[], [], []]


def test_an_imported_conversion_is_no_event(desk):
    asks = endpoint(desk, desk.house.us, Event.CONVERSION)
    given = RevenueRecord(message_id=desk.message_id, amount=1, attribution=Attribution.SEND)
    desk.do(desk.service.record_many(desk.house.us, [given], imported=True))
    assert len(desk.all()) == 1
    assert bodies(desk, asks) == []


# Erasure


def test_what_an_erased_person_earned_stays_in_no_contact(desk):
    desk.clicked()
    desk.report()
    house = desk.house
    house.write(lambda tx: tx.erasure.forget(house.us, ANN, NOW))
    assert desk.of_contact() == (0, 0)
    house.write(lambda tx: tx.erasure.redact_messages(house.us, ANN, [desk.number]))
    kept = desk.report().conversion
    assert kept.attributed
    assert desk.of_contact() == (0, 0)


def test_an_audit_entry_names_what_changed(desk):
    us = desk.house.us
    desk.do(desk.settings.change(us, ME, currency="eur"))
    desk.do(desk.settings.replace_secret(us, ME))
    found = desk.house.read(lambda tx: tx.audit.page(us, None, 0, 2))
    assert [(each.action, dict(each.details)) for each in found] == [
        ("postbacks.secret_replaced", {}),
        ("postbacks.changed", {"fields": ["currency"]}),
    ]
    assert desk.report().conversion.currency == "EUR"
