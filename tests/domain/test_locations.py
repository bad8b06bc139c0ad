"""The `Location` of a redirect: whatever is filled in, it leads to the same host."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.destinations import DestinationRules, read_destination
from sendrail.domain.locations import location_of, macros

RULES = DestinationRules()
TEMPLATES = [
    "https://shop.example/{{name}}",
    "https://shop.example/a?x={{name}}&y={{other.name}}#{{name}}",
    "http://shop.example:8080/?{{name}}",
    "https://xn--bcher-kva.example/{{name}}/../{{name}}",
    "https://shop.example/;{{name}}",
]
VALUES = st.dictionaries(
    st.sampled_from(["name", "other.name", "unknown"]),
    st.text()
    | st.sampled_from(["//evil.example", "@evil.example", "\r\nSet-Cookie: a=b", "\ud800"]),
)


@pytest.mark.parametrize("template", TEMPLATES)
@given(values=VALUES, click_id=st.none() | st.just("c" * 22))
def test_no_value_changes_where_a_link_leads(template, values, click_id):
    location = location_of(template, values, click_id)
    assert location is not None
    text = location.decode("ascii")
    assert all(" " < letter <= "~" for letter in text)
    there, made = urlsplit(text), urlsplit(template)
    assert (there.scheme, there.netloc) == (made.scheme, made.netloc)


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_arrives_as_it_is(value):
    location = location_of("https://shop.example/?a={{a}}&b=1", {"a": value})
    query = parse_qs(urlsplit(location.decode()).query, keep_blank_values=True)
    assert query == {"a": [value], "b": ["1"]}


@given(url=st.text(min_size=1).map("https://shop.example/{}".format))
def test_a_destination_without_macros_is_led_to_as_it_was_stored(url):
    stored = read_destination(url, RULES)
    if isinstance(stored, str) and not macros(stored):
        assert location_of(stored, {}) == stored.encode("ascii")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("https://shop.example/", "https://shop.example/?click_id=C"),
        ("https://shop.example/?a=1", "https://shop.example/?a=1&click_id=C"),
        ("https://shop.example/?a=1#top", "https://shop.example/?a=1&click_id=C#top"),
        ("https://shop.example/?", "https://shop.example/?click_id=C"),
        # It has a place of its own, under whatever name the partner gives it.
        ("https://shop.example/?aff_sub={{click_id}}", "https://shop.example/?aff_sub=C"),
        # What the template says already stays.
        ("https://shop.example/?click_id=mine", "https://shop.example/?click_id=mine"),
        ("https://shop.example/?click_id", "https://shop.example/?click_id"),
        ("https://shop.example/?no_click_id=1", "https://shop.example/?no_click_id=1&click_id=C"),
    ],
)
def test_a_click_id_is_added_where_the_template_has_no_place_for_it(template, filled):
    assert location_of(template, {"click_id": "C"}, "C") == filled.encode()


def test_without_a_click_id_nothing_is_added():
    signed = "https://shop.example/?expires=1&signature=abc"
    assert location_of(signed, {}) == signed.encode()
    assert location_of("https://shop.example/{{none}}", {}) == b"https://shop.example/"


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "//shop.example/",
        "https://",
        "https://bank.example@evil.example/",
        "https://:secret@evil.example/",
        "https://{{name}}.example/",
        "https://shop.example{{name}}/",
        "https://shop.example:{{name}}/",
        "{{name}}",
        "",
    ],
)
def test_what_is_no_safe_place_is_nowhere(template):
    # What was stored was judged before; this is the second look.
    for value in ("evil.example", "@evil.example", "1", "https://evil.example/"):
        assert location_of(template, {"name": value}) in {None, b"https://shop.example/"}


def test_a_host_cannot_be_filled_in():
    assert location_of("https://shop.example{{name}}/", {"name": ".evil.example"}) is None
    assert location_of("https://shop.example:80{{name}}/", {"name": "80"}) is None


def test_the_macros_of_a_template_are_known():
    assert macros("https://a.example/{{ b }}?c={{d.e}}") == {"b", "d.e"}
    assert macros("https://a.example/") == frozenset()
