"""The path of a short link, with what phones take for its end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.link_paths import id_in

ENDINGS = [
    *".,;:!)'\"", "%2E", "%2e", "%2C", "%3B", "%3A", "%21", "%3F", "%29", "%27", "%22", "\xc2\xbb",
    "%C2%BB", "%c2%bb", "",
]  # fmt: skip
ID, LONG = "bcdfghj", "bcdfghj234"


@pytest.mark.parametrize("text", [ID, LONG])
@pytest.mark.parametrize("query", ["", "?", "?a=1", "?a=/../?\n"])
def test_one_character_of_punctuation_and_a_query_are_left_out(text, query):
    paths = [f"/{text}{ending}{query}" for ending in ENDINGS]
    assert [path for path in paths if id_in(path.encode("latin-1")) != text] == []


@pytest.mark.parametrize(
    "target",
    [
        "", "/", ID, f"//{ID}", f"/{ID}/", f"/{ID}..", f"/{ID}.,", f"/{ID}%2E%2E", f"/{ID}%",
        f"/{ID}%20", f"/{ID}%41", f"/{ID}-", f"/{ID}#a", f"/{ID[:6]}", f"/{ID}b", f"/{ID}bb",
        f"/{LONG}b", f"/{ID[:6]}a", f"/{ID[:6]}l", f"/{ID[:6]}\xe9", f"/x/{ID}", f"/{ID}\xbb",
        f"/{ID}\n", f"http://go.example/{ID}", "*",
    ],
)  # fmt: skip
def test_anything_else_is_no_link(target):
    assert id_in(target.encode("latin-1")) is None


@given(st.binary())
def test_any_bytes_are_a_link_or_none(target):
    text = id_in(target)
    assert text is None or re.fullmatch("[0-9A-Za-z]{7}([0-9A-Za-z]{3})?", text)
