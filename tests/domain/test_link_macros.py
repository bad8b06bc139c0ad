"""The query of a link that is in no message: values for some macros, whatever else is in it."""

from urllib.parse import parse_qs, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.link_macros import QUERY_MACROS, macros_in


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (b"", {}),
        (b"sub1=a", {"sub1": "a"}),
        (b"sub1=a&sub1=b&source=c", {"sub1": "a", "source": "c"}),
        (b"sub1", {"sub1": ""}),
        (b"sub1=a=b", {"sub1": "a=b"}),
        (b"&&=&sub6=x&click_id=y&SUB1=z", {}),
        (b"source=a+b%2Bc", {"source": "a b+c"}),
        (b"source=%ff\xff", {"source": "\N{REPLACEMENT CHARACTER}" * 2}),
        (b"source=\xc3\xa9", {"source": "é"}),
    ],
)
def test_known_names_have_their_first_value(query, values):
    assert macros_in(query) == values


def test_fields_are_bounded():
    assert macros_in(b"a&" * 31 + b"sub1=last") == {"sub1": "last"}
    assert macros_in(b"a&" * 32 + b"sub1=late") == {}


@given(st.lists(st.tuples(st.sampled_from([*QUERY_MACROS, "x"]), st.text(max_size=9)), max_size=9))
def test_values_are_those_that_the_standard_library_reads(pairs):
    pairs = [(name, value.encode("utf-8", "replace").decode()) for name, value in pairs]
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in pairs)
    expected = parse_qs(query, keep_blank_values=True)
    assert macros_in(query.encode()) == {
        name: values[0] for name, values in expected.items() if name in QUERY_MACROS
    }
