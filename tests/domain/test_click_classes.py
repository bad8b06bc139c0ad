"""Machines are told from people by the first sign that fits, judged by other people's lists."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.click_classes import (
    AGENT_BYTES_MAX,
    ClickClass,
    ClickReason,
    NetworkKind,
    class_of_agent,
    classify,
    means_prefetch,
)

AGENTS = Path(__file__).parent / "agents"
PHONE = (
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    b"(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
LONG_AGO = 60_000


def agents(name):
    return [line.encode() for line in (AGENTS / name).read_text("utf-8").splitlines()]


def class_of(agent, **facts):
    return classify(agent, **{"since_sent_ms": LONG_AGO} | facts)


@pytest.mark.parametrize("name", ["crawlerdetect.txt", "crawler-user-agents.txt", "phones.txt"])
def test_the_lists_of_others_are_the_ones_their_page_names(name):
    digest = hashlib.sha256((AGENTS / name).read_bytes()).hexdigest()
    assert f"`{name}`" in (AGENTS / "README.md").read_text("utf-8")
    assert digest in (AGENTS / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["crawlerdetect.txt", "crawler-user-agents.txt"])
def test_ninety_five_in_a_hundred_machines_are_recognized(name):
    missed = [agent for agent in agents(name) if class_of(agent)[0] is ClickClass.HUMAN]
    assert len(missed) <= 0.05 * len(agents(name)), missed


def test_at_most_two_phones_in_a_thousand_are_taken_for_machines():
    wrong = [agent for agent in agents("phones.txt") if class_of(agent)[0] is not ClickClass.HUMAN]
    assert len(wrong) <= 0.002 * len(agents("phones.txt")), wrong


# What fetches the links of messages, as its vendors and their users write it.
@pytest.mark.parametrize("agent", agents("previewers.txt"))
def test_a_previewer_is_known_by_its_agent(agent):
    assert class_of(agent) == (ClickClass.PREVIEW, ClickReason.PREVIEW)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("", ClickReason.NO_BROWSER),
        ("Mozilla/5.0", ClickReason.NO_BROWSER),
        ("Mozilla/5.0 AppleWebKit", ClickReason.NO_BROWSER),
        ("curl/8.5.0 (x86_64-pc-linux-gnu) libcurl/8.5.0", ClickReason.NO_BROWSER),
        ("python-requests/2.32.3 with urllib3", ClickReason.NO_BROWSER),
        ("Java/1.8.0_392 on some machine", ClickReason.NO_BROWSER),
        ("okhttp/4.12.0 on some phone or other", ClickReason.NO_BROWSER),
        ("Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B)", ClickReason.NO_BROWSER),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/120.0.0.0", ClickReason.AGENT),
        (PHONE.decode() + " (compatible; Googlebot/2.1)", ClickReason.AGENT),
        (PHONE.decode() + " Proofpoint", ClickReason.AGENT),
    ],
)
def test_a_machine_is_known_by_its_agent(agent, reason):
    assert class_of(agent.encode()) == (ClickClass.BOT, reason)


@pytest.mark.parametrize(
    "agent",
    [
        PHONE.decode(),
        # in the browsers of apps, and of phones whose name has a machine's token
        PHONE.decode() + " [FBAN/FBIOS;FBAV/470.0.0.30.109;FBDV/iPhone15,3;FBSV/17.5]",
        "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (Ecosia android@150.0.0.0)",
        "Mozilla/5.0 (Linux; Android 12; SM-A125F) AppleWebKit/537.36 YaSearchApp/24.100.1",
        "Mozilla/5.0 (Android 14; Mobile; rv:126.0) Gecko/126.0 Firefox/126.0",
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; en) Presto/2.12.423 Version/12.16",
    ],
)
def test_a_persons_browser_is_a_person(agent):
    assert class_of(agent.encode()) == (ClickClass.HUMAN, ClickReason.NONE)


# Each row has the sign of its own class and of all that follow.
SIGNS = [
    ("is_head", True, (ClickClass.BOT, ClickReason.HEAD)),
    ("is_prefetch", True, (ClickClass.PREFETCH, ClickReason.PREFETCH)),
    ("agent", b"WhatsApp/2", (ClickClass.PREVIEW, ClickReason.PREVIEW)),
    ("network", NetworkKind.PREVIEWER, (ClickClass.PREVIEW, ClickReason.PREVIEW)),
    ("agent", b"curl/8.5.0", (ClickClass.BOT, ClickReason.NO_BROWSER)),
    ("agent", PHONE + b" bot", (ClickClass.BOT, ClickReason.AGENT)),
    ("network", NetworkKind.MACHINE, (ClickClass.BOT, ClickReason.NETWORK)),
    ("since_sent_ms", None, (ClickClass.UNKNOWN, ClickReason.TOO_SOON)),
]


@pytest.mark.parametrize("first", range(len(SIGNS)))
def test_the_first_sign_decides(first):
    facts = {"agent": PHONE} | {name: value for name, value, _ in reversed(SIGNS[first:])}
    assert class_of(**facts) == SIGNS[first][2]


@pytest.mark.parametrize(
    ("since", "click_class"),
    [
        (None, ClickClass.UNKNOWN),
        (-5, ClickClass.UNKNOWN),
        (0, ClickClass.UNKNOWN),
        (1999, ClickClass.UNKNOWN),
        (2000, ClickClass.HUMAN),
    ],
)
def test_nobody_follows_a_link_within_two_seconds(since, click_class):
    assert classify(PHONE, since_sent_ms=since).click_class is click_class


@pytest.mark.parametrize(
    ("name", "value", "means"),
    [
        (b"sec-purpose", b"prefetch", True),
        (b"sec-purpose", b"prefetch;prerender", True),
        (b"sec-purpose", b" Prefetch;anonymous-client-ip", True),
        (b"sec-purpose", b"navigate", False),
        (b"purpose", b"prefetch", True),
        (b"purpose", b"preview", False),
        (b"x-moz", b"prefetch", True),
        (b"x-purpose", b"preview", True),
        (b"x-purpose", b"prefetch", False),
        (b"x-other", b"prefetch", False),
    ],
)
def test_a_browser_that_fetches_ahead_says_so_in_a_header(name, value, means):
    assert means_prefetch(name, value) is means


def test_an_agent_is_cut_before_it_is_looked_at():
    padding = b"x" * (512 - len(PHONE))
    assert class_of(PHONE + padding + b" bot")[0] is ClickClass.HUMAN
    assert class_of(PHONE + padding[:-3] + b"bot")[0] is ClickClass.BOT
    with pytest.raises(AssertionError):
        class_of_agent(b"x" * 513)


@pytest.mark.parametrize("agent", [b"x" * 1_000_000, bytes(range(256)) * 4, b"\xff\xfe\x00" * 99])
def test_whatever_is_sent_as_an_agent_has_a_class(agent):
    assert class_of(agent)[0] is ClickClass.BOT


@given(st.binary(max_size=600), st.sampled_from(NetworkKind), st.booleans(), st.booleans())
def test_every_request_has_a_class_with_a_reason(agent, network, is_head, is_prefetch):
    verdict = class_of(agent, network=network, is_head=is_head, is_prefetch=is_prefetch)
    assert (verdict.click_class is ClickClass.HUMAN) == (verdict.reason is ClickReason.NONE)


# Frozen: the values are stored, and stand in click ids that partners hold.
def test_the_stored_values_never_change():
    assert [(each.name, each.value) for each in ClickClass] == [
        ("HUMAN", 1),
        ("UNKNOWN", 2),
        ("BOT", 3),
        ("PREVIEW", 4),
        ("PREFETCH", 5),
    ]
    assert {each.name: each.value for each in ClickReason} == {
        "NONE": 0,
        "HEAD": 1,
        "PREFETCH": 2,
        "PREVIEW": 3,
        "NO_BROWSER": 4,
        "AGENT": 5,
        "NETWORK": 6,
        "TOO_SOON": 8,
        "ALL_LINKS": 9,
        "BURST": 10,
        "CONFIRMED": 11,
        "SET_ASIDE": 12,
    }


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("CUBOT X19", ClickClass.HUMAN),
        ("CUBOT X19 somebot/1.0", ClickClass.BOT),
        ("somebot/1.0 CUBOT X19", ClickClass.BOT),
        ("CUBOT X19 Twitterbot/1.0", ClickClass.PREVIEW),
        ("somebot/1.0 WhatsApp/2", ClickClass.PREVIEW),
        ("YandexSearch/22.1 YaSearch/1", ClickClass.HUMAN),
        ("YandexSearch/22.1 Research/1", ClickClass.BOT),
        ("(Ecosia android@101.0.4951.41)", ClickClass.HUMAN),
        ("(Ecosia ios@8.2) me@example", ClickClass.BOT),
    ],
)
def test_a_name_is_innocent_where_it_stands_and_nowhere_else(words, kind):
    agent = f"Mozilla/5.0 (Linux; Android 9) AppleWebKit/537.36 (KHTML, like Gecko) {words}"
    assert class_of_agent(agent.encode()).click_class is kind


def test_the_worst_agents_are_judged_as_all_others():
    """Letters that begin tokens without an end, and a token behind all of them."""
    for letters in ("s", "hs", "e", "cubo", "yasearc"):
        start = b"Mozilla/5.0 (X) AppleWebKit/1 " + letters.encode() * 512
        assert class_of_agent(start[:AGENT_BYTES_MAX]).click_class is ClickClass.HUMAN
        ends = start[: AGENT_BYTES_MAX - 9] + b" facebot "
        assert class_of_agent(ends).click_class is ClickClass.PREVIEW
