"""What replies say about consent: a table from the sources' rules, and laws no table can hold."""

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.consent import (
    READ_MAX,
    AbuseComplaint,
    Keyword,
    KeywordReading,
    KeywordVocabulary,
    Rule,
    fold,
    read_reply,
)

TABLE = tomllib.loads(Path(__file__).with_name("replies.toml").read_text("utf-8"))["group"]
ROWS = [
    (text, meaning, group["source"])
    for group in TABLE
    for meaning in ("stop", "start", "help", "abuse", "review", "none")
    for text in group.get(meaning, [])
]
STOPS = [
    "STOP", "STOPALL", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSUB", "REMOVEME", "OPTOUT",
    "BLOCK", "WRONG", "REVOKE",
]  # fmt: skip
WORDS = [
    *((word, Keyword.STOP) for word in STOPS),
    *((word, Keyword.START) for word in ("START", "UNSTOP")),
    *((word, Keyword.HELP) for word in ("HELP", "INFO")),
]


def meaning_of(text, **more):
    reading = read_reply(text, KeywordVocabulary(**more))
    if reading.keyword is None and reading.rule in {Rule.ABUSE, Rule.DOUBT}:
        assert reading.review
        return "abuse" if reading.rule is Rule.ABUSE else "review"
    return reading.keyword.value if reading.keyword else "none"


# The table


def test_a_reply_says_what_the_sources_have_it_say():
    assert [
        f"{text!r} means {said}, but {meaning} by {source}"
        for text, meaning, source in ROWS
        if (said := meaning_of(text)) != meaning
    ] == []


def test_the_table_is_broad_and_says_nothing_twice():
    texts = [text for text, _, _ in ROWS]
    assert len(texts) == len(set(texts)) >= 150


# Rules


@pytest.mark.parametrize(
    ("text", "rule", "review"),
    [
        ("stop", Rule.EXACT, False),
        ("S.T.O.P.", Rule.EXACT, False),
        ("Arrêt", Rule.LANGUAGE, False),
        ("st0p", Rule.DISGUISE, False),
        ("stop please", Rule.FIRST_WORD, False),
        ("do not text me again", Rule.PHRASE, True),
        ("stpo", Rule.MISSPELLING, True),
        ("stopppp", Rule.MISSPELLING, True),
        ("unsuscribed", Rule.MISSPELLING, True),
        ("this is spam", Rule.ABUSE, True),
        ("thanks", None, False),
        ("stop by", None, False),
    ],
)
def test_the_rule_that_fired_is_told_and_a_likeness_is_reviewed(text, rule, review):
    reading = read_reply(text)
    assert (reading.rule, reading.review) == (rule, review)


def test_a_complaint_in_words_is_a_stop_only_where_the_setting_says_so():
    assert read_reply("scam") == KeywordReading(rule=Rule.ABUSE, review=True)
    told = read_reply("scam", KeywordVocabulary(abuse=AbuseComplaint.STOP))
    assert told == KeywordReading(keyword=Keyword.STOP, rule=Rule.ABUSE, review=True, word="SCAM")


def test_yes_starts_only_where_it_is_configured():
    assert meaning_of("Yes!") == "none"
    assert meaning_of("Yes!", yes_starts=True) == "start"
    assert meaning_of("yes please", yes_starts=True) == "none"


def test_an_account_adds_words_of_its_own():
    extra = frozenset({fold("Nej tack"), fold("Ta bort mig")})
    assert read_reply("NEJ, TACK!", KeywordVocabulary(extra_stops=extra)).rule is Rule.ACCOUNT_WORD
    assert meaning_of("ta bort  mig.", extra_stops=extra) == "stop"
    assert meaning_of("nej tack") == "none"
    # They add, and take nothing away.
    assert meaning_of("help", extra_stops=frozenset({"help"})) == "help"


# Folding


@pytest.mark.parametrize(
    "written",
    [
        "{}", " {} ", "\t{}\r\n", "{}.", "{}!!!", '"{}"', "({})", "*{}*", "- {} -", "{}\u00a0",
        "{} \U0001f44e", "\u200b{}",
    ],
)  # fmt: skip
def test_a_keyword_counts_whatever_surrounds_it(written):
    forms = [
        (form, KeywordReading(keyword=family, rule=Rule.EXACT, word=word))
        for word, family in WORDS
        for form in (word, word.lower(), word.capitalize())
    ]
    found = {form: read_reply(written.format(form)) for form, _ in forms}
    assert {form: found[form] for form, wanted in forms if found[form] != wanted} == {}


@given(st.sampled_from(WORDS), st.text(alphabet=" .,!?-'\"\n\t", max_size=5), st.randoms())
def test_scattered_punctuation_never_hides_a_keyword(word, marks, dice):
    letters = list(word[0])
    for mark in marks:
        letters.insert(dice.randrange(len(letters) + 1), mark)
    assert read_reply("".join(letters)).keyword is word[1]


# Laws


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    reading = read_reply(text)
    assert reading.keyword in {None, *Keyword}
    assert (reading.keyword is None) or reading.rule is not None


@given(st.text(alphabet="helpinfostar \U0001f600.!", max_size=14))
def test_help_and_start_are_never_guessed(text):
    if read_reply(text).keyword in {Keyword.HELP, Keyword.START}:
        letters = "".join(char for char in text if char.isalpha())
        assert letters in {"help", "info", "start"}


@given(st.sampled_from(["stop", "unsubscribe", "cancel", "quit"]), st.data())
def test_one_slip_in_a_long_keyword_still_ends_the_texts(word, data):
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("zxjq"))
    assert read_reply(word[:at] + letter + word[at:]).keyword is Keyword.STOP


@pytest.mark.parametrize(
    "unit",
    [
        "“", '"', "'x ", "„“", "»x«", "stop ", "stopstop", "a", "s.", "dont send any more ", "ﷺ",
        "\u0301", "opt ", "> \n", "reply stop to ", "re: ", "re  ", "\non a wrote", "-- \n",
        "removed a ",
        "\nsent from a          ", "a from ", ". ", "remove me ", "no ", "退订 ", "停止", "ѕт",
        "st0p ", "👍 to", "1", "(", "🛑", "dont want to ", "please ",
    ],
)  # fmt: skip
def test_the_longest_reply_is_read_at_once(unit):
    # As long as a callback may be; what is read of it has a bound. Of this thread alone: servers of
    # other tests work in theirs.
    text = unit * (65_536 // len(unit))
    taken = []
    for _ in range(3):
        began = time.thread_time()
        read_reply(text)
        taken.append(time.thread_time() - began)
    # A reading takes some hundredths; one that grows with the square takes a second and more.
    assert min(taken) < 0.6


@pytest.mark.parametrize(
    ("text", "rule", "word"),
    [
        (" Stop! ", Rule.EXACT, "STOP"),
        ("unsubscribe.", Rule.EXACT, "UNSUBSCRIBE"),
        ("Opt-out", Rule.EXACT, "OPTOUT"),
        ("Remove me", Rule.EXACT, "REMOVEME"),
        ("ｓｔｏｐ ａｌｌ", Rule.EXACT, "STOPALL"),
        ("Arrêt", Rule.LANGUAGE, "ARRET"),
        ("стоп", Rule.LANGUAGE, "СТОП"),
        ("إلغاء", Rule.LANGUAGE, "إلغاء"),
        ("수신 거부", Rule.LANGUAGE, "수신거부"),
        ("st0p", Rule.DISGUISE, "STOP"),
        ("ЅТОР", Rule.DISGUISE, "STOP"),
        ("Cancel. I already bought one.", Rule.FIRST_WORD, "CANCEL"),
        ("Arrêtez, merci", Rule.FIRST_WORD, "ARRETEZ"),
        ("Please do not text me again", Rule.PHRASE, "DO NOT TEXT ME"),
        ("unsuscribe", Rule.MISSPELLING, "UNSUSCRIBE"),
        ("info?", Rule.EXACT, "INFO"),
        ("unstop", Rule.EXACT, "UNSTOP"),
        ("enough", Rule.DOUBT, None),
        ("thanks", None, None),
    ],
)
def test_the_word_that_came_is_told_in_its_plain_form(text, rule, word):
    reading = read_reply(text)
    assert (reading.rule, reading.word) == (rule, word)


@given(st.text(max_size=60))
def test_what_is_quoted_never_counts(text):
    inner = "".join(char for char in text if char not in '“”"‟\n')
    quoted = f"Hat “unsubscribe any time {inner}” mit einem Herz markiert"
    assert read_reply(quoted).keyword is None


def test_what_stands_past_the_longest_reply_is_not_read():
    assert meaning_of("x " * READ_MAX + "please remove me") == "none"
