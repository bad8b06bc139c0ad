"""Short links over HTTP, on both ways in: where they lead, what is answered, what is kept."""

import time
import uuid

import pytest
from asking import ask, told
from following import PHONE, LinkMaker, clicks_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written import parsed

from sendrail.api.limits import HEAD_BYTES_MAX, HEAD_FIELDS_MAX
from sendrail.connectors.service import ConnectorCapacity
from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.click_neighbours import WAIT_MS
from sendrail.domain.filter_page import FORM_BYTES_MAX
from sendrail.domain.short_ids import ALPHABET
from sendrail.domain.times import shown as shown_time
from sendrail.ownership import WholeOwnership
from sendrail.tracking.worker import ClickWorker

SHOP = "https://shop.example/sale?from=sms"
FRESH = {
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
}
GENERIC = {"url": "https://g.example/send", "answer": '{"id": "id"}'}
# The operating system's own address is no visitor's: misses are not counted for it.
VISITOR = {"user-agent": PHONE, "x-forwarded-for": "203.0.113.7"}


@pytest.fixture
def shop(door):
    """An account with a tracking domain and a list, and the means to follow its links."""
    account = door.do(door.runtime.accounts.add(f"links {uuid.uuid4()}"))
    key, number = door.new_key(account), door.recipient()
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    made = told(ask(door, "POST", "domains", {"domain": host}, x_api_key=key))
    made_list = door.do(door.runtime.lists.add(account, parsed(number), connector="sandbox"))
    return Shop(door, account, key, host, made["id"], made_list.sender)


class Shop:
    def __init__(self, door, account, key, host, domain, sender):
        self.door, self.account, self.key, self.host = door, account, key, host
        self.domain, self.sender = domain, sender
        self.make = LinkMaker(door.runtime, door.write)

    def link(self, target=SHOP, **about):
        return self.make.link(self.sender, target, **about)

    def follow(self, path, method="GET", *, host=..., content=None, **headers):
        given = VISITOR | {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value is not None}
        if host is not None:
            given["host"] = self.host if host is ... else host
        return self.door.client.request(method, f"/{path}", headers=given, content=content)

    def clicks(self):
        return self.door.write(lambda tx: clicks_of(tx, self.account))

    def classes(self):
        return [
            (ClickClass(row["click_class"]), ClickReason(row["reason"])) for row in self.clicks()
        ]

    def set_domain(self, **fields):
        told(ask(self.door, "PUT", f"domains/{self.domain}", fields, x_api_key=self.key))


def test_a_link_leads_to_where_it_was_made_for(shop):
    answer = shop.follow(shop.link())
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["location"] == SHOP
    assert answer.headers["content-length"] == "0"
    for name, value in FRESH.items():
        assert answer.headers[name] == value
    assert "set-cookie" not in answer.headers


def test_its_click_is_kept_before_the_answer(shop):
    before = shop.door.runtime.clock.now()
    shop.follow(shop.link())
    [click] = shop.clicks()
    assert before <= click["at"] <= shop.door.runtime.clock.now()
    assert (click["position"], click["click_class"], click["reason"]) == (0, 1, 0)
    # Cut to its network, and a digest of the whole.
    assert (bytes(click["network"]), len(bytes(click["digest"]))) == (b"\xcb\0\x71", 8)
    assert click["agent_id"] is not None


def test_every_link_of_a_message_leads_to_its_own(shop):
    targets = [f"https://shop.example/{n}" for n in range(4)]
    [texts] = shop.make.links(shop.sender, [" ".join(targets)])
    assert [shop.follow(text).headers["location"] for text in texts] == targets
    assert [click["position"] for click in shop.clicks()] == [0, 1, 2, 3]


@pytest.mark.parametrize("ending", [*".,;:!?)'\"", "»", "%2e", "%2C", "%3B", "%3a", "%21", "%3F",
                                    "%29", "%27", "%22", "%C2%BB", "%c2%bb"])  # fmt: skip
def test_the_punctuation_behind_a_link_is_none_of_it(shop, ending):
    link = shop.link()
    raw = ending.encode("utf-8") if ending == "»" else ending
    target = f"{link}{ending}" if isinstance(raw, str) else f"{link}%C2%BB"
    assert shop.follow(target).headers["location"] == SHOP
    assert shop.follow(f"{link}{ending}{ending}").status_code in {302, 404}


def test_only_one_character_behind_it_is_left_out(shop):
    link = shop.link()
    for wrong in (f"{link}..", f"{link}x", f"{link}/", f"{link[:-1]}", f"{link}-", f"x/{link}"):
        assert shop.follow(wrong).status_code == 404, wrong
    assert shop.clicks() == []


def test_a_query_behind_a_messages_link_changes_nothing(shop):
    link = shop.link("https://shop.example/{{sub1}}?a={{click}}")
    answer = shop.follow(f"{link}?sub1=evil&click=evil&utm=x")
    assert answer.headers["location"] == "https://shop.example/?a="


def test_head_is_answered_as_get_and_never_a_persons(shop):
    link = shop.link()
    got, head = shop.follow(link), shop.follow(link, "HEAD")
    assert (head.status_code, head.content) == (302, b"")
    ours = {"location", "content-length", *FRESH}
    assert {n: head.headers[n] for n in ours} == {n: got.headers[n] for n in ours}
    assert shop.classes() == [
        (ClickClass.HUMAN, ClickReason.NONE),
        (ClickClass.BOT, ClickReason.HEAD),
    ]


@pytest.mark.parametrize(
    ("headers", "kind", "reason"),
    [
        ({"sec_purpose": "prefetch;prerender"}, "PREFETCH", "PREFETCH"),
        ({"purpose": "prefetch"}, "PREFETCH", "PREFETCH"),
        ({"x_moz": "prefetch"}, "PREFETCH", "PREFETCH"),
        ({"x_purpose": "preview"}, "PREFETCH", "PREFETCH"),
        ({"user_agent": "facebookexternalhit/1.1 Facebot Twitterbot/1.0"}, "PREVIEW", "PREVIEW"),
        ({"user_agent": "GoogleMessages"}, "PREVIEW", "PREVIEW"),
        ({"user_agent": "curl/8.5.0 (x86_64-pc-linux-gnu)"}, "BOT", "NO_BROWSER"),
        ({"user_agent": ""}, "BOT", "NO_BROWSER"),
        ({"user_agent": PHONE.replace("Chrome", "HeadlessChrome")}, "BOT", "AGENT"),
        ({"purpose": "buy"}, "HUMAN", "NONE"),
    ],
)
def test_machines_are_led_on_and_not_taken_for_people(shop, headers, kind, reason):
    answer = shop.follow(shop.link(), **headers)
    assert (answer.status_code, answer.headers["location"]) == (302, SHOP)
    assert shop.classes() == [(ClickClass[kind], ClickReason[reason])]


def test_who_follows_too_soon_is_not_known_to_be_a_person(shop):
    shop.follow(shop.link(age_ms=0))
    assert shop.classes() == [(ClickClass.UNKNOWN, ClickReason.TOO_SOON)]


def test_a_link_is_served_on_its_own_accounts_hosts_alone(shop, door):
    other = door.do(door.runtime.accounts.add(f"links {uuid.uuid4()}"))
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    told(ask(door, "POST", "domains", {"domain": host}, x_api_key=door.new_key(other)))
    link = shop.link()
    wrong = shop.follow(link, host=host)
    unknown = shop.follow("0000000", host=host)
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    assert wrong.status_code == 404
    assert "<h1>Nothing here</h1>" in wrong.text
    assert wrong.headers["cache-control"] == "private, no-store"
    assert shop.clicks() == []
    second = f"go-{uuid.uuid4().hex[:12]}.example"
    told(ask(door, "POST", "domains", {"domain": second}, x_api_key=shop.key))
    for spelled in (second, second.upper(), f"{second}:443", f"{second}."):
        assert shop.follow(link, host=spelled).status_code == 302


def test_the_sandboxs_links_are_served_on_the_servers_own_address(shop, door):
    assert shop.follow(shop.link(), host=None).headers["location"] == SHOP
    name = f"real-{uuid.uuid4().hex[:8]}"
    adding = door.runtime.connectors.add(shop.account, "http", name, GENERIC, ConnectorCapacity())
    door.do(adding)
    adding = door.runtime.lists.add(shop.account, parsed(door.recipient()), connector=name)
    real = shop.make.link(door.do(adding).sender, SHOP)
    answer = shop.follow(real, host=None)
    assert answer.status_code == 404
    assert shop.follow(real).headers["location"] == SHOP


def test_ten_letters_where_the_domain_has_ten(shop, door):
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    body = {"domain": host, "short_id_letters": 10}
    told(ask(door, "POST", "domains", body, x_api_key=shop.key))
    long = shop.link(letters=10)
    assert shop.follow(long, host=host).headers["location"] == SHOP
    wrong = long[:-1] + ("0" if long[-1] != "0" else "1")
    for text, on in ((wrong, host), (long[:7], host), (long, shop.host), (long, None)):
        assert shop.follow(text, host=on).status_code == 404, (text, on)


def test_a_message_without_links_and_one_that_is_gone_lead_to_the_fallback(shop):
    erased, gone = shop.link(""), shop.link()
    shop.door.write(lambda tx: shop.make.forget(tx, gone))
    for text in (erased, gone):
        answer = shop.follow(text)
        assert answer.status_code == 410
        assert "<h1>Link expired</h1>" in answer.text
    shop.set_domain(fallback_url="https://shop.example/over")
    for text in (erased, gone):
        answer = shop.follow(text)
        assert (answer.status_code, answer.headers["location"]) == (
            302,
            "https://shop.example/over",
        )
    assert shop.clicks() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_not_allowed(shop, method):
    answer = shop.follow(shop.link(), method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert shop.clicks() == []


def test_the_methods_are_told(shop):
    answer = shop.follow(shop.link(), "OPTIONS")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD")


def test_a_post_confirms_nothing_where_there_is_no_page(shop):
    answer = shop.follow(shop.link(), "POST", content=b"token=x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert shop.follow("0000000", "POST", content=b"token=x").status_code == 404
    long = shop.follow(shop.link(), "POST", content=b"token=" + b"x" * FORM_BYTES_MAX)
    assert long.status_code == 413


def test_a_get_with_a_body_is_followed_as_well(shop):
    assert shop.follow(shop.link(), content=b"what for").headers["location"] == SHOP


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(st.sampled_from(ALPHABET), min_size=7, max_size=7))
def test_any_seven_letters_are_a_link_or_none(shop, text):
    answer = shop.follow(text, x_forwarded_for=None)
    assert answer.status_code in {302, 404, 410}


# On one connection


def get(path, *headers, host, method="GET", version="1.1"):
    fields = [f"host: {host}", f"user-agent: {PHONE}", *headers]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *fields, "", ""])


def test_answers_keep_the_order_of_their_requests_with_the_apis_between(shop, door):
    first, second = shop.link(f"{SHOP}1"), shop.link(f"{SHOP}2")
    with door.wire() as wire:
        wire.send(
            get(f"/{first}", host=shop.host),
            wire.request(door.order()),
            get("/healthz", host="test"),
            get(f"/{second}", host=shop.host, method="HEAD"),
            get("/0000000", host=shop.host),
            wire.request(door.order()),
            get(f"/{first}", host="test"),
        )
        statuses, locations = [], []
        for at in range(7):
            if at == 4:
                # What follows a HEAD has no body, whatever its length says.
                assert locations == [f"{SHOP}1", None, None, f"{SHOP}2"]
            status, headers, _ = wire.answer()
            statuses.append(status)
            locations.append(headers.get("location"))
    assert statuses == [302, 200, 200, 302, 404, 200, 302]


def test_a_hundred_links_in_one_piece_are_answered(shop, door):
    link = shop.link()
    with door.wire() as wire:
        wire.send(get(f"/{link}", host=shop.host) * 100)
        assert [wire.answer()[0] for _ in range(100)] == [302] * 100
    assert len(shop.clicks()) == 100


def test_a_head_of_a_missing_link_has_no_body(shop, door):
    with door.wire() as wire:
        wire.send(get("/0000000", host=shop.host, method="HEAD") + get("/healthz", host="x"))
        while b'{"status":"ok"}' not in wire._read:
            wire._more()
    head, _, rest = wire._read.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_is_to_end_ends(shop, door):
    link = shop.link()
    for request in (
        get(f"/{link}", "connection: close", host=shop.host),
        get(f"/{link}", host=shop.host, version="1.0"),
    ):
        with door.wire() as wire:
            wire.send(request)
            status, headers, _ = wire.answer()
            assert (status, headers["location"]) == (302, SHOP)
            assert wire.is_closed()


def test_only_the_proxys_word_counts_for_where_a_visitor_is(shop, door):
    link = shop.link()
    forged = ("x-forwarded-for: 198.51.100.9", "x-forwarded-for: 192.0.2.4, 203.0.113.7")
    with door.wire() as wire:
        wire.send(get(f"/{link}", *forged, host=shop.host))
        assert wire.answer()[0] == 302
    [click] = shop.clicks()
    assert bytes(click["network"]) == b"\xcb\0\x71"


@pytest.mark.parametrize(
    "target",
    [
        b"/bcdfghj\xc3\xa9", b"/bcdfghj%", b"/bcdfghj%zz", b"/bcdfghj%00", b"/%2e%2e/bcdfghj",
        b"/bcdfghj?" + b"x" * 6_000, b"//bcdfghj", b"/bcdfghj;jsessionid=1", b"/\x80\x80\x80",
        b"/bcdfghj/../0000000", b"*",
    ],
)  # fmt: skip
def test_strange_targets_are_never_an_error_of_ours(shop, door, target):
    with door.wire() as wire:
        wire.send(b"GET " + target + b" HTTP/1.1\r\nhost: " + shop.host.encode() + b"\r\n\r\n")
        assert wire.answer()[0] in {400, 404, 410}


def test_a_head_that_is_too_long_is_refused_on_a_link_as_elsewhere(shop, door):
    with door.wire() as wire:
        wire.send(get(f"/{shop.link()}", f"x: {'x' * HEAD_BYTES_MAX}", host=shop.host))
        assert wire.answer()[0] == 431
    head = get(f"/{shop.link()}", f"x: {'x' * HEAD_BYTES_MAX}", host=shop.host)
    with door.wire() as wire:
        wire.send(head[:-1_000])
        time.sleep(0.1)  # so that it comes in two pieces; in one it is refused all the same
        wire.send(head[-1_000:])
        assert wire.answer()[0] == 431
    many = [f"x{n}: 1" for n in range(HEAD_FIELDS_MAX)]
    with door.wire() as wire:
        wire.send(get(f"/{shop.link()}", *many, host=shop.host))
        assert wire.answer()[0] == 431
    assert shop.clicks() == []


# Counted, and shown with the message


def counted(shop):
    """Count the clicks as if the seconds that they wait were over."""
    runtime = shop.door.runtime
    worker = ClickWorker(
        runtime.store.beside(),
        runtime.metrics,
        now=lambda: runtime.clock.now() + 2 * WAIT_MS,
        ownership=WholeOwnership(),
        burst_messages_max=20,
    )
    # A bite at a time: others' clicks may wait, too.
    while shop.door.do(worker.step()):
        pass


def test_a_message_is_shown_with_its_links_and_their_clicks(shop):
    now = shop.door.runtime.clock.now()
    seen = {"verified_at": now, "checked_at": now}
    shop.door.write(lambda tx: tx.domains.change(shop.account, shop.domain, **seen))
    shop.door.do(shop.door.runtime.tracking.hosts.refresh())
    first = shop.link(f"{SHOP} https://blog.example/")
    [message] = told(ask(shop.door, "GET", "messages", x_api_key=shop.key))["messages"]
    [link, other] = message["links"]
    assert link == {
        "short_url": f"https://{shop.host}/{first}", "destination_url": SHOP, "offer_id": None
    }  # fmt: skip
    assert other["destination_url"] == "https://blog.example/"
    none = {"total": 0, "human": 0, "bot": 0, "first_clicked_at": None}
    assert message["clicks"] == none
    # Not the address that the other tests come from: together they are a burst.
    alone = {"x_forwarded_for": "198.51.100.77"}
    shop.follow(first, user_agent="curl/8.0", **alone)
    shop.follow(first, "HEAD", **alone)
    shop.follow(first, **alone)
    second = other["short_url"].rpartition("/")[2]
    shop.follow(second, sec_purpose="prefetch", **alone)
    counted(shop)
    path = f"messages/{message['message_id']}"
    shown = told(ask(shop.door, "GET", path, x_api_key=shop.key))
    times = [row["at"] for row in shop.clicks() if row["click_class"] == ClickClass.HUMAN]
    first_clicked_at = shown["clicks"].pop("first_clicked_at")
    assert shown["clicks"] == {"total": 4, "human": 1, "bot": 3}
    assert first_clicked_at == shown_time(times[0])
    assert shown["links"] == message["links"]


def test_a_message_without_links_has_no_clicks(shop):
    order = shop.door.order(list_number=f"+{shop.sender.number}", body="No link")
    sent = told(ask(shop.door, "POST", "send-raw", order, x_api_key=shop.key))
    path = f"messages/{sent['message_id']}"
    shown = told(ask(shop.door, "GET", path, x_api_key=shop.key))
    assert (shown["links"], shown["clicks"]) == ([], None)
