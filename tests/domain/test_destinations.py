"""Links lead to where a browser would go, and only to where the rules let them."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.destinations import (
    BLANKS,
    DestinationRules,
    fill_destination,
    fill_links,
    hosts_of,
    is_plain_around_links,
    macros_of,
    plain_lengths,
    read_destination,
    wrap_links,
)
from sendrail.domain.order import Fault
from sendrail.domain.text import is_plain

RULES = DestinationRules(own=frozenset({"go.acme.example"}), denied=hosts_of("bit.ly, tinyurl.com"))


def read(text, rules=RULES):
    return read_destination(text, rules)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://example.com/offer", "https://example.com/offer"),
        ("HTTPS://EXAMPLE.com", "https://example.com/"),
        ("https:example.com", "https://example.com/"),
        ("https:/example.com", "https://example.com/"),
        ("https:\\\\example.com\\a", "https://example.com/a"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("https://münchen.de/ü?q=ä#ö", "https://xn--mnchen-3ya.de/%C3%BC?q=%C3%A4#%C3%B6"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/\r\nSet-Cookie:x", "https://example.com/Set-Cookie:x"),
        ("https://ly.example/bit.ly", "https://ly.example/bit.ly"),
        ("https://notbit.ly/", "https://notbit.ly/"),
        ("https://shop.example\\@evil.example/", "https://shop.example/@evil.example/"),
        # A tracking domain is one host; a shop may stand below it.
        ("https://shop.go.acme.example/", "https://shop.go.acme.example/"),
        (
            "https://shop.example/T\xe4?q={{click_id}}&r=|{x}%20",
            "https://shop.example/T%C3%A4?q={{click_id}}&r=|{x}%20",
        ),
    ],
)
def test_a_destination_is_stored_as_browsers_read_it(text, normal):
    assert read(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "ftp://example.com/",
        "//example.com/",
        "/path",
        "",
        "https://",
        "https://exa mple.com/",
        "https://bank.example@evil.example/",
        "https://user:secret@evil.example/",
        "http://127.0.0.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[::1]/",
        "https://go.acme.example/bcdfghj",
        "https://GO.acme.example./bcdfghj",
        "https://bit.ly/x",
        "https://www.bit.ly/x",
        "https://{{host}}/",
        "https://shop.{{host}}.example/",
        "https://example.com:{{port}}/",
        "{{scheme}}://example.com/",
        "{{url}}",
        "https://zqmacro0qz.example/",
        "https:///",
        "https://shop.example:65536/",
        "https://shop.example:x/",
        "https://example.com/zqmacro7qz",
        "https://example.com/" + "a" * 2029,
        "https://example.com/" + "ä" * 400,
    ],
)
def test_a_destination_that_breaks_a_rule_is_refused(text):
    fault = read(text)
    assert isinstance(fault, Fault)
    assert fault.code == "invalid_url"


def test_a_host_that_becomes_a_tracking_domain_is_led_to_no_more():
    own = {}
    rules = DestinationRules(own=own.keys())
    assert read("https://go.new.example/x", rules) == "https://go.new.example/x"
    own["go.new.example"] = "a domain"
    assert isinstance(read("https://go.new.example/x", rules), Fault)
    own.clear()
    assert read("https://go.new.example/x", rules) == "https://go.new.example/x"


def test_a_url_of_2048_characters_is_the_longest():
    assert isinstance(read("https://example.com/" + "a" * 2028), str)


def test_addresses_may_be_allowed():
    rules = DestinationRules(addresses_allowed=True)
    assert read("http://0x7f.1/", rules) == "http://127.0.0.1/"
    assert read("http://[::1]:80/", rules) == "http://[::1]/"


def test_an_account_may_allow_certain_hosts_alone():
    rules = DestinationRules(allowed=frozenset({"acme.example"}))
    assert read("https://acme.example/", rules) == "https://acme.example/"
    assert read("https://shop.acme.example/", rules) == "https://shop.acme.example/"
    assert isinstance(read("https://evilacme.example/", rules), Fault)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("https://a.example/{{messageId}}", "https://a.example/{{messageId}}"),
        ("https://a.example/?x={{ click_id }}&y=1", "https://a.example/?x={{click_id}}&y=1"),
        ("https://a.example/#{{contact.phone}}", "https://a.example/#{{contact.phone}}"),
        ("https://a.example/{{a}}/{{b}}?{{a}}", "https://a.example/{{a}}/{{b}}?{{a}}"),
    ],
)
def test_macros_behind_the_host_stay(text, template):
    assert read(text) == template


def test_the_names_of_macros_are_found():
    assert macros_of("https://a.example/{{a}}?x={{click_id}}") == {"a", "click_id"}


@given(st.text(), st.text())
def test_no_value_of_a_macro_changes_where_a_link_leads(first, second):
    url = fill_destination("https://a.example/{{a}}/x?y={{b}}&z={{c}}", {"a": first, "b": second})
    assert url.isascii()
    assert not any(character.isspace() for character in url)
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "a.example", "")
    assert parts.query.endswith("&z=")
    assert parts.query.count("&") == 1


@pytest.mark.parametrize(
    ("body", "marked", "urls"),
    [
        ("Sale: https://a.example/x", "Sale: {{link1}}", ["https://a.example/x"]),
        ("See https://a.example/x.", "See {{link1}}.", ["https://a.example/x"]),
        ("(https://a.example/x)!", "({{link1}})!", ["https://a.example/x"]),
        ("https://a.example/x_(y)", "{{link1}}", ["https://a.example/x_(y)"]),
        ("»https://a.example«", "»{{link1}}«", ["https://a.example/"]),
        ("https://a.example/x，好", "{{link1}}，好", ["https://a.example/x"]),
        ("Hi HTTP://A.example, bye", "Hi {{link1}}, bye", ["http://a.example/"]),
        (
            "https://a.example/{{messageId}} b",
            "{{link1}} b",
            ["https://a.example/{{messageId}}"],
        ),
        (
            "https://a.example https://a.example",
            "{{link1}} {{link2}}",
            ["https://a.example/", "https://a.example/"],
        ),
        ("no links, www.example.com", "no links, www.example.com", []),
        ("ftp://a.example", "ftp://a.example", []),
        ("://", "://", []),
    ],
)
def test_the_urls_of_a_text_become_marks(body, marked, urls):
    assert wrap_links(body, RULES) == (marked, tuple(urls))


@pytest.mark.parametrize("body", ["https://bit.ly/x", "x http://1.2.3.4 y", "https://.../"])
def test_a_text_with_a_link_that_may_not_be_is_refused(body):
    fault = wrap_links(body, RULES)
    assert (fault.code, fault.param) == ("invalid_url", "body")


def test_a_fifth_link_is_refused():
    body = "https://a.example " * 4
    assert len(wrap_links(body, RULES)[1]) == 4
    assert wrap_links(body + "https://a.example", RULES).code == "too_many_links"


@given(st.text(alphabet="ab:/.)('é{} h", max_size=60))
def test_what_is_marked_can_be_filled_with_what_was_there(text):
    body = f"{text} https://a.example/x {text}"
    wrapped = wrap_links(body, DestinationRules(addresses_allowed=True))
    if not isinstance(wrapped, Fault):
        marked, urls = wrapped
        assert "https://a.example/x" in fill_links(marked, urls)
        assert marked.replace("{{link1}}", "").count("http") == text.count("http") * 2


def test_short_links_take_the_places_of_the_marks():
    marked = "{{link2}} and {{link1}}, {{link3}}"
    filled = fill_links(marked, ["https://g.o/a", "https://g.o/b"])
    assert filled == "https://g.o/b and https://g.o/a, {{link3}}"


def test_a_url_ends_at_whatever_python_calls_a_blank():
    assert set(BLANKS) == {chr(code) for code in range(0x110000) if chr(code).isspace()}


@given(st.text(alphabet="hHtTpPsS:/ x.\u3000\n", max_size=40))
def test_urls_are_found_as_by_a_pattern_that_begins_with_their_scheme(body):
    rules = DestinationRules(addresses_allowed=True)
    wrapped = wrap_links(body, rules)
    urls = re.findall(r"[Hh][Tt][Tt][Pp][Ss]?://[^\s]+", body)
    ends = [url.rstrip(".:") for url in urls]
    destinations = [read_destination(url, rules, "body") for url in ends]
    faults = [each for each in destinations if isinstance(each, Fault)]
    if faults or len(urls) > 4:
        assert isinstance(wrapped, Fault)
    else:
        assert wrapped[1] == tuple(destinations)


# What fits into one plain segment

STORED = st.lists(
    st.sampled_from(["a", "é", "Δ", " ", "€", "{", "я", "{{link1}}", "{{link2}}", "a" * 60]),
    max_size=12,
).map("".join)


@given(STORED, st.integers(1, 4), st.sampled_from(["https://go.example/0000000", "http://x.y/~0"]))
def test_a_text_is_plain_where_it_is_measured_as_such_with_its_links(body, count, link):
    fits = len(body) <= plain_lengths(link, 1_600)[count] and is_plain_around_links(body, count)
    marks = [f"{{{{link{place}}}}}" for place in range(1, count + 1)]
    each_once = re.findall("{{link[0-9]}}", body) == marks
    assert fits == (each_once and is_plain(fill_links(body, [link] * count)))


def test_no_text_is_plain_that_is_longer_than_texts_may_be():
    link = "https://go.example/0000000"
    assert plain_lengths(link, 100)[:2] == [100, 100 - len(link) + len("{{link1}}")]
    assert plain_lengths("h" * 161, 1_600)[1:] == [-1] * 4
