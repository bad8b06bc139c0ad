"""Keywords: exactly the words of the compliance page, and nothing that merely begins like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.consent import Keyword, keyword_of

STOPS = [
    "STOP", "STOPALL", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSUB", "REMOVEME", "OPTOUT",
    "BLOCK", "WRONG", "REVOKE",
]  # fmt: skip
WORDS = [
    *((word, Keyword.STOP) for word in STOPS),
    *((word, Keyword.START) for word in ("START", "UNSTOP")),
    *((word, Keyword.HELP) for word in ("HELP", "INFO")),
]


@pytest.mark.parametrize(("word", "family"), WORDS)
@pytest.mark.parametrize(
    "written",
    [
        "{}", " {} ", "\t{}\r\n", "{}.", "{}!!!", '"{}"', "({})", "*{}*", "- {} -", "{}\u00a0",
        "{} \U0001f44e", "\u200b{}",
    ],
)  # fmt: skip
def test_a_keyword_counts_whatever_surrounds_it(word, family, written):
    for form in (word, word.lower(), word.capitalize()):
        assert keyword_of(written.format(form)) is family


@pytest.mark.parametrize(
    "text",
    [
        "stop all", "Stop-All", "STOP  ALL", "opt out", "Opt-Out", "opt_out", "remove me",
        "remove. me", "un-subscribe", "s.t.o.p",
        "ＳＴＯＰ", "ｓｔｏｐ", "ＳＴＯＰ　ＡＬＬ",  # noqa: RUF001 - the full-width forms are meant
        "\uff33top", "stop\ufe0f",
    ],
)  # fmt: skip
def test_spaces_punctuation_and_width_do_not_matter(text):
    assert keyword_of(text) is Keyword.STOP


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "\U0001f44d", "stop by", "stop by later", "shop", "step", "stopp", "top",
        "please stop", "stop it", "stop1", "1stop", "don't stop", "stop start", "ends", "blocked",
        "helpful", "infos", "starting", "unstoppable", "STOP HELP", "no", "yes", "y", "ok", "2",
        "арret", "СТОП", "ΣTOP",  # noqa: RUF001 - look-alikes of other scripts are other words
    ],
)  # fmt: skip
def test_anything_else_is_a_reply_like_any_other(text):
    assert keyword_of(text) is None


@given(st.text(max_size=200))
def test_any_text_has_a_family_or_none(text):
    assert keyword_of(text) in {None, *Keyword}


@given(st.sampled_from(WORDS), st.text(alphabet=" .,!?-'\"\n\t", max_size=5), st.randoms())
def test_scattered_punctuation_never_hides_a_keyword(word, marks, dice):
    letters = list(word[0])
    for mark in marks:
        letters.insert(dice.randrange(len(letters) + 1), mark)
    assert keyword_of("".join(letters)) is word[1]
