"""A carrier's detail is our word and its own, which stand apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.details import Detail
from sendrail.domain.detail import UNKNOWN, apart

WORDS = st.sampled_from(Detail)


@given(WORDS)
def test_a_word_alone_is_itself(word):
    assert apart(word) == (word, None)


@given(WORDS, st.text(min_size=1))
def test_what_stands_in_parentheses_is_the_carriers(word, code):
    assert apart(f"{word} ({code})") == (word, code)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("REJECTED_SPAM (30007)", ("REJECTED_SPAM", "30007")),
        ("REJECTED_REQUEST (400, HTTP 400)", ("REJECTED_REQUEST", "400, HTTP 400")),
        ("EXPIRED (err (1))", ("EXPIRED", "err (1)")),
        ("EXPIRED ()", ("EXPIRED", None)),
        ("part 2 of 3 refused", (UNKNOWN, "part 2 of 3 refused")),
        ("no answer (in time)", (UNKNOWN, "no answer (in time)")),
        ("handset log not connected", (UNKNOWN, "handset log not connected")),
        ("", ("", None)),
    ],
)
def test_by_hand(detail, expected):
    assert apart(detail) == expected


@given(st.text())
def test_the_word_never_has_a_blank(detail):
    assert " " not in apart(detail).word
