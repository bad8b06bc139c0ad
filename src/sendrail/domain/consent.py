"""What a reply says about consent, judged in tiers from the certain to the likely.

An opt-out that is missed is texted again, and unlawfully; one that was none is put right by a
START, which our confirmation names. So the tiers are generous with STOP and never with START and
HELP, and what rests on a likeness alone is marked for a person's review.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from sendrail.domain import consent_words as words_of
from sendrail.domain.contact import Scope

# More than any handset sends; it bounds the time a text can take.
READ_MAX: Final = 10_000
_SHORT_WORDS: Final = 4
_COMPLAINT_WORDS: Final = 8
_NEAR: Final = 32
_WORDS: Final = re.compile(r"[^\W_]+")
_APOSTROPHES: Final = str.maketrans("", "", "'\u2019`")


class Keyword(StrEnum):
    """The families of keywords a reply can belong to."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class Rule(StrEnum):
    """The rule that gave a reply its meaning; kept with the evidence, so the names are stable."""

    EXACT = "exact"
    LANGUAGE = "language"
    ACCOUNT_WORD = "account_word"
    YES = "yes"
    DISGUISE = "disguise"
    FIRST_WORD = "first_word"
    PHRASE = "phrase"
    MISSPELLING = "misspelling"
    ABUSE = "abuse"


class Abuse(StrEnum):
    """What a complaint in words, such as "spam", comes to."""

    LABEL = "label"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reply says: its family if it is a keyword, the rule that said so.

    `review` marks what a person should look at: it rests on a likeness, or is a complaint.
    """

    keyword: Keyword | None = None
    rule: Rule | None = None
    review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What an installation and an account add to the keywords.

    `extra_stops` are an account's own words, as `fold` gives them.
    """

    yes_starts: bool = False
    abuse: Abuse = Abuse.LABEL
    extra_stops: frozenset[str] = frozenset()


DEFAULT: Final = Vocabulary()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPolicy:
    """How an installation takes replies.

    `answer_pause_ms` is the least time between two automatic answers of one kind to one contact,
    `parts_within_ms` how long the parts of one text are waited for.
    """

    scope: Scope = Scope.LIST
    yes_starts: bool = False
    abuse: Abuse = Abuse.LABEL
    answer_pause_ms: int = 300_000
    parts_within_ms: int = 60_000


_NOTHING: Final = Reading()
_EXACT: Final = {
    word: Reading(keyword=family, rule=Rule.EXACT)
    for family, words in (
        (Keyword.STOP, words_of.STOPS),
        (Keyword.START, words_of.STARTS),
        (Keyword.HELP, words_of.HELPS),
    )
    for word in words
}
_LANGUAGE: Final = Reading(keyword=Keyword.STOP, rule=Rule.LANGUAGE)
_ACCOUNT_WORD: Final = Reading(keyword=Keyword.STOP, rule=Rule.ACCOUNT_WORD)
_YES: Final = Reading(keyword=Keyword.START, rule=Rule.YES)
_DISGUISE: Final = Reading(keyword=Keyword.STOP, rule=Rule.DISGUISE)
_FIRST_WORD: Final = Reading(keyword=Keyword.STOP, rule=Rule.FIRST_WORD)
_PHRASE: Final = Reading(keyword=Keyword.STOP, rule=Rule.PHRASE, review=True)
_MISSPELLING: Final = Reading(keyword=Keyword.STOP, rule=Rule.MISSPELLING, review=True)
_COMPLAINTS: Final = {
    Abuse.LABEL: Reading(rule=Rule.ABUSE, review=True),
    Abuse.STOP: Reading(keyword=Keyword.STOP, rule=Rule.ABUSE, review=True),
}


def read_reply(body: str, vocabulary: Vocabulary = DEFAULT) -> Reading:
    """Return what a reply says about consent; the surest rule that fires decides."""
    text = words_of.SIGNATURE.sub("", _plain(body[:READ_MAX]))
    if words_of.TAPBACK.match(text):
        return _NOTHING
    whole = _letters(text)
    if not whole:
        return _NOTHING
    return _read_whole(whole, text, vocabulary) or _read_words(_own_words(text), vocabulary)


def fold(word: str) -> str:
    """Return a word or phrase as whole replies are compared: letters and digits, no more."""
    return _letters(_plain(word))


def _read_whole(whole: str, text: str, vocabulary: Vocabulary) -> Reading | None:
    """Judge a reply that is a keyword and nothing else."""
    if (exact := _EXACT.get(whole)) is not None:
        return exact
    if whole in vocabulary.extra_stops:
        return _ACCOUNT_WORD
    if whole in words_of.FOREIGN_STOPS:
        return _LANGUAGE
    if vocabulary.yes_starts and whole == "yes":
        return _YES
    if _letters(text.translate(words_of.LOOK_ALIKES)) in words_of.STOPS:
        return _DISGUISE
    return None


def _read_words(words: list[str], vocabulary: Vocabulary) -> Reading:
    """Judge a reply by its words, our own text taken out."""
    if not words:
        return _NOTHING
    if _begins_with_stop(words):
        return _FIRST_WORD
    sentence = " ".join(words)
    if _has_phrase(sentence):
        return _PHRASE
    if len(words) == 1 and _is_misspelt(words[0]):
        return _MISSPELLING
    if _is_complaint(words, sentence):
        return _COMPLAINTS[vocabulary.abuse]
    return _NOTHING


def _plain(text: str) -> str:
    """Return a text in lower case without width, accents and invisible marks."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in apart if unicodedata.category(char) not in {"Mn", "Me", "Cf"})


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _own_words(text: str) -> list[str]:
    """Return the words that are the sender's own: neither quoted nor our instructions."""
    unquoted = words_of.QUOTES.sub(" ", text).translate(_APOSTROPHES)
    sentence = " ".join(_WORDS.findall(unquoted))
    return words_of.INSTRUCTIONS.sub(" ", sentence).split()


def _begins_with_stop(words: list[str]) -> bool:
    if words[:2] == ["opt", "out"]:
        words = ["optout", *words[2:]]
    first, *rest = words
    if len(words) > _SHORT_WORDS:
        return False
    if first in words_of.CLEAR_STOPS:
        return not rest or rest[0] not in words_of.NOT_AFTER_STOP
    return first in words_of.VAGUE_STOPS and words_of.ABOUT_TEXTS.issuperset(rest)


def _has_phrase(sentence: str) -> bool:
    for found in words_of.PHRASES.finditer(sentence):
        # Two words back are near enough, and a few letters hold them.
        before = sentence[max(0, found.start() - _NEAR) : found.start()].split()
        if not words_of.NEGATIONS.intersection(before[-2:]):
            return True
    return False


def _is_misspelt(word: str) -> bool:
    if word in words_of.REAL_WORDS:
        return False
    once = "".join(letter for letter, _ in groupby(word))
    if word in words_of.MISSPELLINGS or once in words_of.CLEAR_STOPS:
        return True
    return any(_is_one_slip(word, keyword) for keyword in words_of.SLIPPERY)


def _is_one_slip(word: str, keyword: str) -> bool:
    """Tell whether one letter more, less or wrong, or two swapped, is all between the words."""
    if len(word) == len(keyword):
        wrong = [at for at in range(len(word)) if word[at] != keyword[at]]
        if len(wrong) == 1:
            return True
        swapped = len(wrong) == 2 and wrong[0] + 1 == wrong[1]  # noqa: PLR2004 - the two swapped
        return (
            swapped and word[wrong[0]] == keyword[wrong[1]] and word[wrong[1]] == keyword[wrong[0]]
        )
    short, long = sorted((word, keyword), key=len)
    if len(long) - len(short) != 1:
        return False
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def _is_complaint(words: list[str], sentence: str) -> bool:
    return len(words) <= _COMPLAINT_WORDS and (
        not words_of.ABUSE_WORDS.isdisjoint(words)
        or words_of.ABUSE_PHRASES.search(sentence) is not None
    )
