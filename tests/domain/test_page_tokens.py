"""A filter page's token is good for its link alone, and for an hour at least and two at most."""

import pytest

from sendrail.domain.page_tokens import PageTokens

HOUR = 3_600_000
# The first millisecond of an hour.
AT = 500_000 * HOUR
TOKENS = PageTokens(b"k" * 16)


@pytest.mark.parametrize("made", [AT, AT + HOUR - 1])
def test_a_token_is_good_through_the_hour_after_the_one_it_was_made_in(made):
    token = TOKENS.make(7, made)
    assert TOKENS.is_valid(7, token, made)
    assert TOKENS.is_valid(7, token, AT + 2 * HOUR - 1)
    assert not TOKENS.is_valid(7, token, AT + 2 * HOUR)


def test_a_token_of_the_next_hour_is_not_good_yet():
    assert not TOKENS.is_valid(7, TOKENS.make(7, AT), AT - 1)


def test_a_token_is_good_for_its_own_link_alone():
    assert not TOKENS.is_valid(8, TOKENS.make(7, AT), AT)


def test_a_token_of_another_key_is_none():
    assert not TOKENS.is_valid(7, PageTokens(b"l" * 16).make(7, AT), AT)


@pytest.mark.parametrize("shown", ["", "x", "\xff", "\ud800", "0" * 24, "a" * 10_000])
def test_what_is_no_token_is_refused_and_raises_nothing(shown):
    assert not TOKENS.is_valid(7, shown, AT)


def test_a_token_names_neither_its_link_nor_the_hour():
    # Of adjacent slots nothing is alike: the digest depends on the whole.
    tokens = {TOKENS.make(slot, AT) for slot in range(1_000)}
    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {24}
