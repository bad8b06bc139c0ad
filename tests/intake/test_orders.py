"""From fields to an order, or to the first fault; limits counted on the text as it will leave."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.destinations import ANYWHERE, wrap_links
from sendrail.domain.order import Fault, Order
from sendrail.intake.orders import Limits, fill_macros, read_order

LIMITS = Limits(segments_max=3, characters_max=2_000)
TO, LIST = "+15550100001", "+15550001000"


def read(to=TO, list_number=LIST, body="Hello", limits=LIMITS):
    return read_order(to, list_number, body, limits)


# The first fault decides, in the order of the public API: missing before malformed.
@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"to": None}, "missing_to", "to"),
        ({"to": ""}, "missing_to", "to"),
        ({"to": " \n"}, "missing_to", "to"),
        ({"list_number": None}, "missing_list_number", "list_number"),
        ({"list_number": " "}, "missing_list_number", "list_number"),
        ({"body": None}, "missing_body", "body"),
        ({"body": ""}, "missing_body", "body"),
        ({"body": " \t\n"}, "missing_body", "body"),
        ({"to": "5550100001"}, "invalid_phone", "to"),
        ({"list_number": "5550001000"}, "invalid_list_number", "list_number"),
        ({"body": "a\0b"}, "invalid_field", "body"),
        ({"body": "x" * 460}, "message_too_long", "body"),
        ({"to": None, "list_number": None, "body": None}, "missing_to", "to"),
        ({"to": "bad", "list_number": None}, "missing_list_number", "list_number"),
        ({"to": "bad", "body": None}, "missing_body", "body"),
        ({"to": "bad", "list_number": "bad"}, "invalid_phone", "to"),
        ({"list_number": "0", "body": "x" * 9_999}, "invalid_list_number", "list_number"),
    ],
)
def test_the_first_fault_is_told(fields, code, param):
    fault = read(**fields)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.param) == (code, param)


def test_fields_without_a_fault_are_an_order():
    order = read_order(TO, LIST, "Hello", LIMITS, skips=5, metadata=b'{"a":1}')
    assert order == Order(15550100001, 15550001000, "Hello", 5, b'{"a":1}', "gsm7", 1)


@pytest.mark.parametrize(
    ("body", "encoding", "segments"),
    [
        ("x" * 160, "gsm7", 1),
        ("x" * 161, "gsm7", 2),
        ("x" * 459, "gsm7", 3),
        ("é" * 160, "gsm7", 1),
        ("ç" * 70, "ucs2", 1),
        ("ç" * 71, "ucs2", 2),
        # The placeholder stands for eight characters: 152 + 8 fill one segment.
        ("x" * 152 + "{{messageId}}", "gsm7", 1),
        ("x" * 153 + "{{messageId}}", "gsm7", 2),
        ("ç" * 62 + "{{messageId}}", "ucs2", 1),
        ("ç" * 63 + "{{messageId}}", "ucs2", 2),
        ("{{messageId}}" * 20, "gsm7", 1),
        # Other braces are text, and cost two septets each.
        ("{{other}}", "gsm7", 1),
        ("x" * 148 + "{{other}}", "gsm7", 2),
    ],
)
def test_segments_are_counted_with_the_id_filled_in(body, encoding, segments):
    order = read(body=body)
    assert (order.encoding, order.segments) == (encoding, segments)
    assert order.body == body


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ("x" * 459, True),
        ("x" * 460, False),
        ("ç" * 201, True),
        ("ç" * 202, False),
        ("{{messageId}}" * 57, True),  # 456 characters
        ("{{messageId}}" * 58, False),
    ],
)
def test_the_limit_of_segments_is_exact(body, fits):
    assert isinstance(read(body=body), Order) is fits


@pytest.mark.parametrize(("length", "fits"), [(100, True), (101, False)])
def test_the_limit_of_characters_is_exact(length, fits):
    limits = Limits(segments_max=99, characters_max=100)
    assert isinstance(read(body="x" * length, limits=limits), Order) is fits


@given(
    *(st.one_of(st.none(), st.text(max_size=30), st.just(TO)) for _ in range(2)),
    st.one_of(st.none(), st.text(max_size=600)),
)
def test_any_fields_are_an_order_or_a_fault(to, list_number, body):
    assert isinstance(read(to, list_number, body), Order | Fault)


VALUES = {
    "first_name": "Ann",
    "last_name": "Lee",
    "tricky": "{{first_name}} \\1",
    "empty": "",
    "blank": " ",
}


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ("Hello", "Hello"),
        ("Hello {{first_name}}", "Hello Ann"),
        ("{{first_name}} {{last_name}} {{first_name}}", "Ann Lee Ann"),
        ("{{ first_name }}", "Ann"),
        ("Id {{messageId}} for {{first_name}}", "Id {{messageId}} for Ann"),
        ("Id {{ messageId }}", "Id {{messageId}}"),
        ("{{tricky}}", "{{first_name}} \\1"),
        ("{first_name} {{first_name", "{first_name} {{first_name"),
        ("{{{first_name}}}", "{Ann}"),
        ("{{first_name|friend}}", "Ann"),
        ("{{nick|friend}}", "friend"),
        ("{{ nick | my friend }}", "my friend"),
        ("{{nick|}}", ""),
        ("{{nick| }}", ""),
        ("{{empty|x}}{{blank|y}}", "xy"),
        ("[{{empty}}]", "[]"),
        ("{{nick|a|b}}", "a|b"),
        ("{{messageId|x}}", "{{messageId}}"),
        ("{{nick|a\nb}}", "a\nb"),
    ],
)
def test_macros_are_filled_in_once(body, filled):
    assert fill_macros(body, VALUES) == filled


@pytest.mark.parametrize(
    "body",
    [
        "{{nick}}",
        "{{first_name}} {{nick}}",
        "{{messageid}}",
        "{{}}",
        "{{ }}",
        "{{|x}} {{nick}}",
        "{{nick|{x}}}",
        "{{nick|{{first_name}}}}",
        "{{ {{first_name}} }}",
        "{{first_name}} {{ and }}",
    ],
)
def test_a_macro_without_a_value_is_a_fault(body):
    fault = fill_macros(body, VALUES)
    assert (fault.code, fault.param) == ("unknown_macro", "body")


@pytest.mark.parametrize(
    "macro", ["{{" * 8_000, "{{a|" * 4_000, "{{a}" * 4_000, "{{" + "x" * 16_000]
)
def test_what_was_never_filled_costs_no_more_than_its_length(macro):
    taken = []
    for _ in range(3):
        # Of this thread alone: servers of other tests work in theirs.
        started = time.thread_time()
        fill_macros(macro, VALUES)
        taken.append(time.thread_time() - started)
    assert min(taken) < 0.1


@pytest.mark.parametrize("mark", ["{{messageId}}", "{{link1}}"])
def test_a_value_is_no_mark(mark):
    name = mark.strip("{}")
    filled = fill_macros("{{nick}} {{messageId}}", {"nick": mark})
    assert filled == f"(({name})) {{{{messageId}}}}"
    # Half of its braces are the text's.
    assert fill_macros("{{{nick}}}", {"nick": f"{{{name}}}"}) == f"{{({name})}}"


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ("https://a.example/?n={{n}}", "https://a.example/?n=Ann%20%26%20Bo%2E"),
        ("https://a.example/{{n}}/x", "https://a.example/Ann%20%26%20Bo%2E/x"),
        ("HTTPS://a.example?{{n}} {{n}}", "HTTPS://a.example?Ann%20%26%20Bo%2E Ann & Bo."),
        ("https://a.example#{{nick|a b}}", "https://a.example#a%20b"),
        ("https://a.example\\{{n}}", "https://a.example\\Ann%20%26%20Bo%2E"),
        (
            "https://a.example/{{messageId}}?{{n}}",
            "https://a.example/{{messageId}}?Ann%20%26%20Bo%2E",
        ),
        ("https://a.example/{{mark}}", "https://a.example/%7B%7BmessageId%7D%7D"),
        ("https://a.example/{{n}}{{n}}.", "https://a.example/Ann%20%26%20Bo%2EAnn%20%26%20Bo%2E."),
        # Outside of a URL a value is text, and may be a URL, which the next one is a part of.
        ("{{n}} https://a.example/ {{n}}", "Ann & Bo. https://a.example/ Ann & Bo."),
        ("https://a.example, {{n}}", "https://a.example, Ann & Bo."),
        ("»https://a.example«{{n}}", "»https://a.example«Ann & Bo."),
        ("ftp://a.example/{{n}}", "ftp://a.example/Ann & Bo."),
        ("{{shop}}?n={{n}}", "https://a.example/?n=Ann%20%26%20Bo%2E"),
        ("http{{colon}}//a.example/{{n}}", "http://a.example/Ann%20%26%20Bo%2E"),
    ],
)
def test_values_are_encoded_in_the_urls_that_are_wrapped(body, filled):
    values = {
        "n": "Ann & Bo.", "mark": "{{messageId}}", "shop": "https://a.example/", "colon": ":",
    }  # fmt: skip
    assert fill_macros(body, values, wraps_links=True) == filled


@pytest.mark.parametrize(
    "body",
    [
        "https://{{n}}/",
        "https://{{n}}.a.example/",
        "https://a.example{{n}}",
        "https://a.example:{{n}}/",
        "https://{{n}}@a.example/",
        "https://a.example){{n}}",
        "{{shop}}{{n}}",
    ],
)
def test_no_value_stands_in_the_host_of_a_url_that_is_wrapped(body):
    values = {"n": "evil.example", "shop": "https://a.example"}
    fault = fill_macros(body, values, wraps_links=True)
    assert (fault.code, fault.param) == ("invalid_url", "body")
    assert isinstance(fill_macros(body, values), str)


_PATHS = st.text("ab/?#&=.!)'«, ", max_size=8)


@given(_PATHS, _PATHS, st.text(max_size=12), st.text(max_size=12))
def test_no_value_changes_the_host_of_a_link_nor_where_it_ends(before, after, first, second):
    """Two values in a text make the same links as two words do."""
    body = f"x https://a.example/{before}{{{{a}}}}{after}{{{{b}}}}"
    plain = wrap_links(body.replace("{{a}}", "one").replace("{{b}}", "two"), ANYWHERE)
    values = {"a": f"{first}x", "b": f"{second}."}
    filled = wrap_links(fill_macros(body, values, wraps_links=True), ANYWHERE)
    assert len(filled[1]) == len(plain[1]) == 1
    of_link, of_plain = urlsplit(filled[1][0]), urlsplit(plain[1][0])
    assert (of_link.scheme, of_link.netloc) == (of_plain.scheme, of_plain.netloc)
    if plain[0] == "x {{link1}}":
        assert filled[0] == plain[0]


@given(st.text(min_size=1))
def test_a_value_comes_back_whole_from_the_query_of_a_link(value):
    body = "https://a.example/?n={{n}}"
    _, [link] = wrap_links(fill_macros(body, {"n": value}, wraps_links=True), ANYWHERE)
    assert parse_qs(urlsplit(link).query) == {"n": [value]}


def test_a_long_name_is_not_repeated_whole():
    assert len(fill_macros("{{" + "x" * 10_000 + "}}", VALUES).text) < 150
