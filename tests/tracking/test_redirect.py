"""The redirect: found, judged and kept in groups; and what happens where nothing can be kept."""

import asyncio
from collections import Counter

import pytest
from following import PHONE, add_messages, clicks_of, slots_of
from stores import NOW

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.errors import Contended, SendrailError, StorageFull
from sendrail.domain.ids import MessageIds
from sendrail.domain.link_settings import LinkSettings
from sendrail.domain.offer import OfferStatus, PayoutType
from sendrail.domain.page_tokens import PageTokens
from sendrail.domain.short_ids import ShortIds, Slot
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.links.networks import NetworkKinds
from sendrail.links.ranges import RangeSlots
from sendrail.links.slots import ArithmeticSlots
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.telemetry import Metrics
from sendrail.tracking.destinations import DestinationReader
from sendrail.tracking.finding import LinkFinder
from sendrail.tracking.judging import ClickJudge
from sendrail.tracking.link_requests import LinkRequest
from sendrail.tracking.misses import MISSES_MAX, Misses
from sendrail.tracking.redirect import FIND_SECONDS_MAX, WAIT_SECONDS_MAX, RedirectService
from sendrail.tracking.visitors import Visitors

KEY = b"sixteen bytes of"
SHOP, OVER = "https://shop.example/", "https://shop.example/over"
OFFERS = "https://partner.example/{{offerId}}?s={{sendId}}&to={{contact.phone}}&x={{externalId}}"
MINUTE = 60_000
VISITOR = "203.0.113.7"


class Asked(LinkRequest):
    """A request that notes its answer."""

    def __init__(self, text, domain, **about):
        self.answers = []
        address = about.pop("address", VISITOR)
        super().__init__(text, domain, address, about.pop("agent", PHONE).encode(), **about)

    def resolve(self, answer):
        self.answers.append(answer)

    @property
    def answer(self):
        [answer] = self.answers
        return answer


class Clock:
    """A clock that stands until a test moves it, and what is to happen then."""

    def __init__(self):
        self.now, self.seconds, self.due = NOW, 0.0, []

    def time(self):
        return self.seconds

    def call_later(self, delay, callback):
        self.due.append((self.seconds + delay, callback))

    def pass_time(self, seconds):
        self.seconds += seconds
        self.now += int(seconds * 1000)
        due, self.due = self.due, []
        for at, callback in due:
            if at <= self.seconds:
                callback()
            else:
                self.due.append((at, callback))


class Stuck:
    """A store that takes work and does none of it until a test lets it."""

    def __init__(self, store):
        self.store, self.taken = store, []

    def submit(self, work, done, *, begun=True):
        self.taken.append((work, done, begun))

    async def go_on(self):
        taken, self.taken = self.taken, []
        for work, done, begun in taken:
            self.store.submit(work, done, begun=begun)

    def fail(self, error):
        taken, self.taken = self.taken, []
        for _, done, _ in taken:
            done(None, error)


class Slow:
    """Finds links after all that wait for them were answered."""

    def __init__(self, finder, clock):
        self._finder, self._clock = finder, clock

    def find(self, tx, wanted, now):
        found = self._finder.find(tx, wanted, now)
        self._clock.pass_time(WAIT_SECONDS_MAX)
        self._clock.pass_time(FIND_SECONDS_MAX)
        return found


class Desk:
    def __init__(self, house):
        self.house, self.clock = house, Clock()
        on_sqlite = type(house.backend).__name__ == "SqliteBackend"
        self.slots = ArithmeticSlots() if on_sqlite else RangeSlots()
        self.ids, self.click_ids = ShortIds(KEY), ClickIds(KEY)
        self.message_ids, self.tokens = MessageIds(KEY), PageTokens(KEY)
        self.metrics, self.own = Metrics(), set()
        self.stuck = Stuck(house.store)
        self.service = self.make(house.store)
        self.domain = self.host(house.us)

    def make(self, store, *, waiting_max=100):
        async def make():
            now = lambda: self.clock.now  # noqa: E731
            return RedirectService(
                store,
                LinkFinder(self.ids, self.slots, DestinationReader(now)),
                ClickJudge(self.message_ids, self.click_ids, self.tokens, LinkSettings, self.own),
                visitors=Visitors(KEY, NetworkKinds()),
                misses=Misses(self.clock.time),
                metrics=self.metrics,
                now=now,
                waiting_max=waiting_max,
                clock=self.clock,
            )

        return self.house.do(make())

    def host(self, account, **more):
        values = {
            "id": 1, "account_id": account, "host": "go.example", "home_url": None,
            "fallback_url": None, "letters": 7, "is_default": True, "token": "t",
            "verified_at": NOW, "checked_at": NOW, "problem": None, "created_at": NOW,
        }  # fmt: skip
        return TrackingDomain(**(values | more))

    def links(self, *targets, age=MINUTE, sender=None, sent=True, **about):
        """Return the first short id of a message for each of `targets`."""
        at = self.clock.now - age

        def add(tx):
            numbers = add_messages(
                tx, sender or self.house.list, targets, now=at, sent_at=at if sent else None,
                **about,
            )  # fmt: skip
            self.numbers = numbers
            return [self.ids.show(each) for each in slots_of(tx, self.slots, numbers, at)]

        return self.house.write(add)

    def shared(self, url, offer=None, account=None):
        """Return the id of a destination, as `messages.links` has it."""
        account = account or self.house.us

        def add(tx):
            tx.destinations.add(account, [url], NOW)
            [found] = tx.destinations.find(account, [url]).values()
            if offer is not None:
                set_offer = f"UPDATE destinations SET offer_id = {offer} WHERE id = {found}"
                tx.core.exec_driver_sql(set_offer)
            return str(found)

        return self.house.write(add)

    def offer(self, **more):
        values = {
            "ref": "a" * 24, "name": "Summer", "tracking_url": SHOP, "fallback_url": None,
            "external_platform": None, "external_id": "77", "advertiser_id": None, "payout": 0,
            "payout_type": PayoutType.CPA, "click_window_days": None, "filter_bots": False,
            "pixel_amounts": False, "status": OfferStatus.ACTIVE, "expires_at": None,
            "metadata": {}, "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
        return self.house.write(lambda tx: tx.offers.add(self.house.us, **(values | more)))

    def follow(self, text, domain=..., **about):
        """Return the answer to one request, once it is there."""
        [answer] = self.follow_all([text], domain, **about)
        return answer

    def follow_all(self, texts, domain=..., service=None, **about):
        asked = [self.asked(text, domain, **about) for text in texts]
        self.offer_all(asked, service)
        self.settle()
        return [each.answer for each in asked]

    def asked(self, text, domain=..., **about):
        return Asked(text, self.domain if domain is ... else domain, **about)

    def offer_all(self, asked, service=None):
        async def offer():
            for each in asked:
                (service or self.service).offer(each)

        self.house.do(offer())

    def settle(self):
        """Let what was submitted be done."""
        self.house.write(lambda _: None)

    def clicks(self, account=None):
        return self.house.read(lambda tx: clicks_of(tx, account or self.house.us))

    def classes(self):
        return [(ClickClass(c["click_class"]), ClickReason(c["reason"])) for c in self.clicks()]

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"sendrail_{name}_total", labels) or 0


@pytest.fixture
def desk(house):
    return Desk(house)


def test_a_group_is_found_kept_and_answered_in_its_order(desk):
    texts = desk.links(SHOP, f"{SHOP}b", desk.shared(f"{SHOP}c"), "")
    answers = desk.follow_all([texts[2], "0000000", texts[0], texts[3], texts[1]])
    assert [(each.status, each.location) for each in answers] == [
        (302, b"https://shop.example/c"),
        (404, None),
        (302, b"https://shop.example/"),
        (410, None),
        (302, b"https://shop.example/b"),
    ]
    assert sorted(each["number"] for each in desk.clicks()) == sorted(desk.numbers[:3])
    assert desk.counted("clicks", click_class="human") == 3
    assert desk.counted("link_misses") == 1
    assert desk.counted("link_answers", status="302") == 3


def test_a_link_leads_with_the_values_of_its_recipient(desk):
    shared = desk.shared(
        "https://shop.example/{{contact.custom_fields.c}}?n={{contact.first_name}}"
    )
    filled = f"{shared}?custom_fields.c=8%2F7&first_name=Ann%20Lee"
    texts = desk.links(f"{filled} {shared}?custom_fields.c&first_name")
    assert desk.follow(texts[0]).location == b"https://shop.example/8%2F7?n=Ann%20Lee"
    # One whose recipient has none, and one that was made before its URL had macros.
    [plain] = desk.links(shared)
    assert desk.follow(plain).location == b"https://shop.example/?n="


def test_a_link_to_what_is_a_tracking_domain_by_now_leads_nowhere(desk):
    [text] = desk.links(desk.shared("https://go.later.example/x?m={{messageId}}"))
    assert desk.follow(text).status == 302
    desk.own.add("go.later.example")
    assert desk.follow(text).status == 410
    falls_back = desk.host(desk.house.us, fallback_url="https://acme.example/")
    assert desk.follow(text, falls_back).location == b"https://acme.example/"


def test_a_click_is_kept_as_it_came(desk):
    [text] = desk.links(SHOP)
    desk.clock.pass_time(1)
    desk.follow(text)
    [click] = desk.clicks()
    assert (click["at"], click["number"], click["position"]) == (NOW + 1000, *desk.numbers, 0)
    assert desk.classes() == [(ClickClass.HUMAN, ClickReason.NONE)]


def test_a_number_that_was_never_given_out_is_unknown_and_a_forgotten_one_gone(desk):
    [text] = desk.links(SHOP)
    desk.house.write(
        lambda tx: tx.core.exec_driver_sql(f"DELETE FROM messages WHERE number = {desk.numbers[0]}")
    )
    beyond = desk.ids.show(Slot(10**10))
    assert desk.follow(text).status == 410
    assert desk.follow(beyond).status == 404
    domain = desk.host(desk.house.us, fallback_url=OVER)
    assert desk.follow(text, domain) == (302, OVER.encode(), b"", None)
    assert desk.follow(beyond, domain).status == 404
    assert desk.clicks() == []


def test_a_position_that_a_message_has_no_link_at_is_unknown(desk):
    [text] = desk.links(f"{SHOP} {SHOP}b")
    slot = desk.ids.read(text)
    answers = desk.follow_all([desk.ids.show(Slot(slot + n)) for n in range(4)])
    assert [each.status for each in answers] == [302, 302, 404, 404]


def test_another_accounts_destination_is_nobodys(desk):
    theirs = desk.shared(SHOP, account=desk.house.them)
    [text] = desk.links(theirs)
    assert desk.follow(text).status == 410


@pytest.mark.parametrize(
    ("sent_after", "kind", "reason"),
    [
        (None, ClickClass.UNKNOWN, ClickReason.TOO_SOON),
        (1_999, ClickClass.UNKNOWN, ClickReason.TOO_SOON),
        (2_000, ClickClass.HUMAN, ClickReason.NONE),
        # The clocks of two machines.
        (-5_000, ClickClass.UNKNOWN, ClickReason.TOO_SOON),
    ],
)
def test_a_click_soon_after_the_message_left_is_no_known_persons(desk, sent_after, kind, reason):
    [text] = desk.links(SHOP, age=sent_after or 0, sent=sent_after is not None)
    desk.follow(text)
    assert desk.classes() == [(kind, reason)]


def test_an_agent_is_cut_before_it_is_looked_at_and_kept_once(desk):
    long = PHONE + " x" * 500_000
    [text] = desk.links(SHOP)
    desk.follow_all([text, text], agent=long)
    desk.follow(text, agent=long + "different at its end")
    ids = {each["agent_id"] for each in desk.clicks()}
    assert len(ids) == 1
    rows = desk.house.read(lambda tx: tx.core.exec_driver_sql("SELECT text FROM agents").all())
    assert [len(bytes(row[0])) for row in rows] == [512]


@pytest.mark.parametrize("agent", ["", "\x00\x01\x02" * 20, "\xff\xfe" * 3, "Ünïcödé" * 100])
def test_an_agent_of_any_bytes_is_taken(desk, agent):
    [text] = desk.links(SHOP)
    assert desk.follow(text, agent=agent).status == 302
    assert desk.classes()[0][0] is ClickClass.BOT


# Destinations and offers


def test_an_offers_values_are_filled_in_and_its_click_is_named(desk):
    target = desk.shared(OFFERS, desk.offer())
    [text] = desk.links(target, recipient=15551234567)
    desk.clock.pass_time(3)
    location = desk.follow(text).location.decode()
    before, _, click_id = location.partition("&click_id=")
    name = desk.message_ids.show(desk.numbers[0])
    assert before == f"https://partner.example/{'a' * 24}?s={name}&to=%2B15551234567&x=77"
    parts = desk.click_ids.read(click_id)
    assert parts == (desk.ids.read(text), MINUTE + 3000, ClickClass.HUMAN)


def test_a_plain_url_is_left_as_it_is_and_one_with_a_place_has_its_click(desk):
    plain, placed = desk.links(f"{SHOP}?sig=1", f"{SHOP}?c={{{{click_id}}}}&m={{{{messageId}}}}")
    assert desk.follow(plain).location == b"https://shop.example/?sig=1"
    query = desk.follow(placed, is_head=True).location.decode().partition("?c=")[2]
    click_id, _, name = query.partition("&m=")
    assert desk.click_ids.read(click_id).click_class == ClickClass.BOT
    assert name == desk.message_ids.show(desk.numbers[1])


@pytest.mark.parametrize(
    ("change", "leads_on"),
    [
        ({"status": OfferStatus.ACTIVE}, True),
        ({"status": OfferStatus.ARCHIVED}, True),
        ({"status": OfferStatus.ARCHIVED, "expires_at": NOW - 1}, True),
        ({"status": OfferStatus.PAUSED}, False),
        ({"expires_at": NOW + 1}, True),
        ({"expires_at": NOW}, False),
    ],
)
def test_an_offer_that_is_not_offered_leads_to_its_fallback(desk, change, leads_on):
    bare = desk.shared(f"{SHOP}bare", desk.offer(**change))
    rich = desk.shared(f"{SHOP}rich", desk.offer(ref="b" * 24, fallback_url=OVER, **change))
    texts = desk.links(bare, rich)
    answers = desk.follow_all(texts)
    if leads_on:
        assert all(each.location.startswith(SHOP.encode()) for each in answers)
    else:
        assert [(each.status, each.location) for each in answers] == [
            (410, None),
            (302, OVER.encode()),
        ]
        # Who was led nowhere has not clicked.
        assert [each["number"] for each in desk.clicks()] == desk.numbers[1:]
        domain = desk.host(desk.house.us, fallback_url=f"{SHOP}domain")
        assert desk.follow(texts[0], domain).location == b"https://shop.example/domain"


def test_a_corrected_destination_is_seen_after_two_seconds(desk):
    target = desk.shared(SHOP)
    [text] = desk.links(target)
    assert desk.follow(text).location == SHOP.encode()
    desk.house.write(lambda tx: tx.core.exec_driver_sql(f"UPDATE destinations SET url = '{OVER}'"))
    desk.clock.pass_time(1.9)
    assert desk.follow(text).location == SHOP.encode()
    desk.clock.pass_time(0.1)
    assert desk.follow(text).location == OVER.encode()


# The filter page


def test_only_machines_and_suspects_see_the_page(desk):
    [text] = desk.links(desk.shared(SHOP, desk.offer(filter_bots=True)))
    assert desk.follow(text).status == 302
    page = desk.follow(text, agent="curl/8.5.0")
    assert page.status == 200
    assert desk.tokens.make(desk.ids.read(text), desk.clock.now).encode() in page.page
    for led_on in ({"is_head": True}, {"is_prefetch": True}, {"agent": "GoogleMessages"}):
        assert desk.follow(text, **led_on).status == 302


def test_the_pages_button_leads_on_and_is_a_persons(desk):
    [text] = desk.links(desk.shared(SHOP, desk.offer(filter_bots=True)), SHOP)[:1]
    token = desk.tokens.make(desk.ids.read(text), desk.clock.now)
    answer = desk.follow(text, agent="curl/8.5.0", token=token)
    assert (answer.status, answer.location.partition(b"?")[0]) == (303, SHOP.encode())
    assert desk.classes() == [(ClickClass.HUMAN, ClickReason.CONFIRMED)]
    parts = desk.click_ids.read(answer.location.decode().partition("click_id=")[2])
    assert parts.click_class == ClickClass.HUMAN


def test_a_post_where_there_is_no_page_is_no_click(desk):
    [text] = desk.links(SHOP)
    assert desk.follow(text, token="").status == 405
    assert desk.clicks() == []


def test_a_token_of_another_link_or_hour_shows_the_page_again(desk):
    first, second = desk.links(*[desk.shared(SHOP, desk.offer(filter_bots=True))] * 2)
    token = desk.tokens.make(desk.ids.read(first), desk.clock.now)
    assert desk.follow(second, token=token).status == 200
    assert desk.follow(first, token="").status == 200
    desk.clock.pass_time(2 * 3600)
    assert desk.follow(first, token=token).status == 200
    assert ClickReason.CONFIRMED not in {reason for _, reason in desk.classes()}


# Misses


def test_who_guesses_is_not_looked_up_for_any_more(desk):
    [text] = desk.links(SHOP)
    desk.follow_all(["0000000"] * MISSES_MAX)
    answer = desk.follow(text)
    assert (answer.status, answer.location) == (429, None)
    assert 0 < answer.retry_after <= 600
    assert desk.follow(text, address="203.0.113.8").status == 302
    desk.clock.pass_time(601)
    assert desk.follow(text).status == 302


# Without the storage


def test_a_known_link_is_led_on_without_the_storage_and_its_click_counted_as_lost(desk):
    known, other = desk.links(SHOP, f"{SHOP}b")
    desk.follow(known)
    with desk.house.backend.jammed(desk.house.store):
        asked = [desk.asked(known), desk.asked(other), desk.asked(known)]
        desk.offer_all(asked)
        desk.house.do(until(lambda: all(each.answers for each in asked)))
    assert [each.answer.status for each in asked] == [302, 503, 302]
    assert asked[1].answer.retry_after == 5
    assert asked[0].answer.location == SHOP.encode()
    assert desk.counted("clicks_lost") == 2
    desk.house.do(until(lambda: desk.house.store.read(lambda tx: tx.accounts.all())))
    assert len(desk.clicks()) == 1
    assert desk.follow(other).status == 302


def test_a_known_link_is_known_on_its_own_hosts_alone(desk):
    [known] = desk.links(SHOP)
    desk.follow(known)
    service = desk.service
    service._store = desk.stuck
    theirs = desk.host(desk.house.them)
    asked = [desk.asked(known, theirs), desk.asked(known, None), desk.asked(known)]
    desk.offer_all(asked)
    desk.stuck.fail(StorageFull("full"))
    assert [each.answer.status for each in asked] == [503, 503, 302]


def test_a_link_that_is_gone_is_not_known_any_more(desk):
    [link] = desk.links(SHOP)
    desk.follow(link)
    desk.house.write(
        lambda tx: tx.core.exec_driver_sql("UPDATE messages SET links = NULL, recipient = 0")
    )
    assert desk.follow(link).status == 410
    desk.service._store = desk.stuck
    asked = desk.asked(link)
    desk.offer_all([asked])
    desk.stuck.fail(StorageFull("full"))
    assert asked.answer.status == 503


def test_what_was_found_is_answered_though_it_cannot_be_kept(desk, monkeypatch):
    # A full disk: the look-up goes through, the writing does not.
    first, second = desk.links(SHOP, f"{SHOP}b")
    tx = desk.house.write(lambda tx: tx)
    monkeypatch.setattr(tx.clicks, "add", full)
    answers = desk.follow_all([first, "0000000", second])
    assert [each.status for each in answers] == [302, 404, 302]
    assert desk.counted("clicks_lost") == 2


def full(_):
    raise StorageFull("The disk is full.")


def test_nobody_waits_longer_than_a_quarter_of_a_second(desk):
    known, other = desk.links(SHOP, f"{SHOP}b")
    desk.follow(known)
    service = desk.make(desk.stuck)
    service._known = desk.service._known
    early, late = desk.asked(known), desk.asked(other)
    desk.offer_all([early], service)
    desk.clock.pass_time(0.2)
    desk.offer_all([late], service)
    desk.clock.pass_time(WAIT_SECONDS_MAX - 0.21)
    assert early.answers == []
    desk.clock.pass_time(0.02)
    assert (early.answer.status, late.answers) == (302, [])
    desk.clock.pass_time(FIND_SECONDS_MAX - 0.07)
    assert late.answers == []
    desk.clock.pass_time(0.02)
    assert late.answer.status == 503
    # The storage comes back: the first click is kept after all, and nobody is answered twice.
    desk.house.do(desk.stuck.go_on())
    desk.settle()
    assert len(desk.clicks()) == 2
    assert len(early.answers) == len(late.answers) == 1
    assert desk.counted("clicks_lost") == 0
    assert desk.counted("link_answers", status="503") == 1


def test_a_slow_storage_is_waited_for_where_nothing_is_known_of_a_link(desk):
    first, second = desk.links(SHOP, f"{SHOP}b")
    service = desk.make(desk.stuck)
    asked = [desk.asked(first), desk.asked("0000000")]
    desk.offer_all(asked, service)
    desk.clock.pass_time(1)
    assert [each.answers for each in asked] == [[], []]
    desk.house.do(desk.stuck.go_on())
    desk.settle()
    assert [each.answer.status for each in asked] == [302, 404]
    # What was kept late is kept, and was not lost; and the next one's time runs from its own begin.
    assert (len(desk.clicks()), desk.counted("clicks_lost")) == (1, 0)
    last = desk.asked(second)
    desk.offer_all([last], service)
    desk.clock.pass_time(FIND_SECONDS_MAX - 0.01)
    assert last.answers == []
    desk.clock.pass_time(0.01)
    assert last.answer.status == 503


def test_a_link_that_is_found_late_waits_for_its_click_as_any_other(desk):
    [text] = desk.links(SHOP)
    service = desk.make(desk.stuck)
    asked = desk.asked(text)
    desk.offer_all([asked], service)
    desk.clock.pass_time(1)
    [(work, done, _)] = desk.stuck.taken
    desk.house.write(work)
    desk.clock.pass_time(WAIT_SECONDS_MAX - 0.01)
    assert asked.answers == []
    desk.clock.pass_time(0.01)
    assert asked.answer.status == 302
    done(None, StorageFull("full"))
    assert (len(asked.answers), desk.counted("clicks_lost")) == (1, 1)
    # And all that came meanwhile, and comes after, has its own time.
    later = desk.asked("0000000")
    desk.offer_all([later], service)
    desk.clock.pass_time(FIND_SECONDS_MAX)
    assert later.answer.status == 503


def test_who_was_asked_to_come_again_has_not_clicked(desk):
    [text] = desk.links(SHOP)
    service = desk.make(desk.house.store)
    service._finder = Slow(service._finder, desk.clock)
    asked = desk.asked(text)
    desk.offer_all([asked], service)
    desk.house.do(until(lambda: asked.answers))
    desk.settle()
    assert asked.answer.status == 503
    assert (desk.clicks(), desk.counted("clicks_lost")) == ([], 0)


def test_a_click_that_waited_and_failed_is_lost(desk):
    [known] = desk.links(SHOP)
    desk.follow(known)
    service = desk.make(desk.stuck)
    service._known = desk.service._known
    desk.offer_all([desk.asked(known)], service)
    desk.clock.pass_time(1)
    assert desk.counted("clicks_lost") == 0
    desk.stuck.fail(StorageFull("full"))
    assert desk.counted("clicks_lost") == 1


def test_a_group_that_was_in_anothers_way_is_tried_again(desk):
    [text] = desk.links(SHOP)
    service = desk.make(desk.stuck)
    asked = [desk.asked(text), desk.asked("0000000")]
    desk.offer_all(asked, service)
    for _ in range(5):
        desk.stuck.fail(Contended("try again"))
    assert not any(each.answers for each in asked)
    desk.house.do(desk.stuck.go_on())
    desk.settle()
    assert [each.answer.status for each in asked] == [302, 404]
    assert (len(desk.clicks()), desk.counted("clicks_lost")) == (1, 0)


def test_a_group_is_not_tried_for_ever(desk):
    [text] = desk.links(SHOP)
    service = desk.make(desk.stuck)
    asked = desk.asked(text)
    desk.offer_all([asked], service)
    for _ in range(6):
        desk.stuck.fail(Contended("try again"))
    assert asked.answer.status == 503


def test_only_so_many_wait(desk):
    [known] = desk.links(SHOP)
    desk.follow(known)
    service = desk.make(desk.stuck, waiting_max=3)
    service._known = desk.service._known
    asked = [desk.asked(known) for _ in range(4)] + [desk.asked("0000000")]
    desk.offer_all(asked, service)
    assert [len(each.answers) for each in asked] == [0, 0, 0, 1, 1]
    assert [asked[3].answer.status, asked[4].answer.status] == [302, 503]
    assert desk.counted("clicks_lost") == 1
    desk.house.do(desk.stuck.go_on())
    desk.settle()
    assert [each.answer.status for each in asked[:3]] == [302] * 3


def test_more_than_a_group_is_answered_in_groups(desk):
    [text] = desk.links(SHOP)
    asked = [desk.asked(text) for _ in range(1_100)]
    service = desk.make(desk.house.store, waiting_max=2_000)
    desk.offer_all(asked, service)
    desk.house.do(until(lambda: asked[-1].answers))
    assert {each.answer.status for each in asked} == {302}
    assert len(desk.clicks()) == 1_100


async def until(is_so):
    """Wait until something is so, or can be done without an error of the storage."""
    async with asyncio.timeout(60):
        while True:
            try:
                found = is_so()
                if await found if asyncio.iscoroutine(found) else found:
                    return
            except SendrailError:
                pass
            await asyncio.sleep(0.005)


def test_a_group_asks_a_shared_database_twice_whatever_its_size(desk):
    if isinstance(desk.slots, ArithmeticSlots):
        pytest.skip("an embedded database is asked without waiting")
    texts = desk.links(*[desk.shared(SHOP)] * 50)
    desk.follow(texts[0])
    [writer] = desk.house.store._writers
    raw, ran = writer.tx.driver.raw, []

    def hear(query):
        ran.append(query.query.split()[0])

    raw.add_query_logger(hear)
    desk.follow_all(texts)
    raw.remove_query_logger(hear)
    assert Counter(each for each in ran if each in {"SELECT", "UPDATE", "DELETE"}) == {"SELECT": 1}
    # Where tables are spread, rows go in pieces of few sizes, each planned once.
    assert ran.count("INSERT") <= (1 if type(writer.tx.driver) is PostgresDriver else 4)
    assert len(desk.clicks()) == 51


def test_processes_share_nothing_but_the_database(desk):
    [text] = desk.links(desk.shared(SHOP))
    other = desk.make(desk.house.open())
    assert desk.follow(text).location == SHOP.encode()
    asked = desk.asked(text)
    desk.offer_all([asked], other)
    desk.house.do(until(lambda: asked.answers))
    assert asked.answer.location == SHOP.encode()
    clicks = desk.clicks()
    assert len(clicks) == 2
    assert len({each["agent_id"] for each in clicks}) == 1
