"""Detection of keywords in replies, in tiers from certain to likely.

A missed opt-out means that the contact is texted again, unlawfully; a false one can be undone with
START, which our confirmation mentions. So the tiers are generous with STOP and strict with START
and HELP. A match by similarity alone is marked for a person's review, and so is a text that may be
meant as STOP but does not count as one. The first sentence decides; quoted text never counts.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from sendrail.domain import consent_languages as foreign
from sendrail.domain import consent_words as words_of
from sendrail.domain import folding, quotations
from sendrail.domain.contact import Scope
from sendrail.domain.folding import fold

__all__ = ["fold"]

# More than any handset sends; it bounds the time that a text can take.
READ_MAX: Final = 10_000
# The longest word of a reply that is stored.
WORD_MAX: Final = 40
_SHORT_WORDS: Final = 4
_DOUBTFUL_WORDS: Final = 8
_COMPLAINT_WORDS: Final = 8
_NEAR: Final = 32
_SENTENCE_END: Final = re.compile(r"[.!?\n。؟۔।॥]+")
_CLAUSE_END: Final = re.compile(r"[.!?\n。؟۔।॥;–—]+|\s-+\s")
_TOKEN: Final = re.compile(r"\S+")
_SHOUTED: Final = re.compile(r"\b(?:STOP|STOPALL|UNSUBSCRIBE|UNSUB)\b")


class Keyword(StrEnum):
    """The families of keywords a reply can belong to."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class ReplyVerdict(StrEnum):
    """What a person has decided about a doubtful reply."""

    STOP = "stop"
    NO_STOP = "no_stop"


class Rule(StrEnum):
    """The rule that gave a reply its meaning; stored with the evidence, so the names are stable."""

    EXACT = "exact"
    LANGUAGE = "language"
    ACCOUNT_WORD = "account_word"
    YES = "yes"
    DISGUISE = "disguise"
    FIRST_WORD = "first_word"
    PHRASE = "phrase"
    MISSPELLING = "misspelling"
    ABUSE = "abuse"
    DOUBT = "doubt"


class AbuseComplaint(StrEnum):
    """How a complaint in words, such as "spam", is treated."""

    LABEL = "label"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordReading:
    """The meaning of a reply: its keyword, if any, the rule that matched, and the matched word.

    `word` is in capitals, without accents and disguise. `review` marks replies for a person:
    matches by similarity, texts that may be meant as STOP, and complaints.
    """

    keyword: Keyword | None = None
    rule: Rule | None = None
    review: bool = False
    word: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordVocabulary:
    """What an installation and an account add to the keywords.

    `extra_stops` are an account's own words, as `fold` gives them.
    """

    yes_starts: bool = False
    abuse: AbuseComplaint = AbuseComplaint.LABEL
    extra_stops: frozenset[str] = frozenset()


DEFAULT: Final = KeywordVocabulary()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPolicy:
    """How an installation handles replies.

    `answer_pause_ms` is the least time between two automatic replies of one kind to one contact;
    `parts_within_ms` is how long to wait for the parts of one text.
    """

    scope: Scope = Scope.LIST
    yes_starts: bool = False
    abuse: AbuseComplaint = AbuseComplaint.LABEL
    answer_pause_ms: int = 300_000
    parts_within_ms: int = 60_000


_NOTHING: Final = KeywordReading()
_DOUBT: Final = KeywordReading(rule=Rule.DOUBT, review=True)
_EXACT: Final = {
    word: KeywordReading(keyword=family, rule=Rule.EXACT, word=word.upper())
    for family, words in (
        (Keyword.STOP, words_of.STOPS),
        (Keyword.START, words_of.STARTS),
        (Keyword.HELP, words_of.HELPS),
    )
    for word in words
}
_LANGUAGE: Final = {
    word: KeywordReading(keyword=family, rule=Rule.LANGUAGE, word=shown)
    for family, table in ((Keyword.STOP, foreign.STOPS), (Keyword.HELP, foreign.HELPS))
    for word, shown in table.items()
}
_CERTAIN: Final = _LANGUAGE | _EXACT
_REPEATED: Final = re.compile(rf"({'|'.join(map(re.escape, _CERTAIN))})\1+")
_COURTESY: Final = words_of.COURTESY | foreign.COURTESY
_ABOUT_TEXTS: Final = words_of.ABOUT_TEXTS | foreign.ABOUT_TEXTS | _COURTESY
_DECIDING: Final = words_of.DECIDING_STOPS | foreign.FIRST_WORDS


def read_reply(body: str, vocabulary: KeywordVocabulary = DEFAULT) -> KeywordReading:
    """Return what a reply says about consent; the most certain rule that matches decides."""
    text = quotations.without_frame(folding.plain(body[:READ_MAX])[:READ_MAX])
    if quotations.is_reaction(text):
        return _NOTHING
    if (reading := _read_whole(text, vocabulary)) is not None:
        return reading
    own, typed = quotations.own_text(text, _is_typed)
    if typed:
        return _read_typed(own)
    own = words_of.SPELLED.sub(lambda spelled: folding.letters(spelled[0]), own)
    sentences = _sentences(own, _CLAUSE_END)
    reading = _read_sentences(sentences, own, vocabulary)
    if reading is _NOTHING:
        reading = _read_unmasked(own, vocabulary)
    if reading is _NOTHING and _is_doubtful(sentences, text, body[:READ_MAX]):
        return _DOUBT
    return reading


def _read_whole(text: str, vocabulary: KeywordVocabulary) -> KeywordReading | None:
    """Read a reply that is a keyword and nothing else, possibly disguised."""
    if (reading := _read_word(folding.letters(text), vocabulary)) is not None:
        return reading
    if (unsigned := folding.letters(folding.unsigned(text))) in words_of.STOPS:
        return _stop(Rule.DISGUISE, unsigned)
    if (unmasked := folding.letters(folding.unmasked(text))) in words_of.STOPS:
        return _stop(Rule.DISGUISE, unmasked, review=True)
    return None


def _read_word(whole: str, vocabulary: KeywordVocabulary) -> KeywordReading | None:
    if (exact := _EXACT.get(whole)) is not None:
        return exact
    if whole in vocabulary.extra_stops:
        return _stop(Rule.ACCOUNT_WORD, whole)
    if (language := _LANGUAGE.get(whole)) is not None:
        return language
    if vocabulary.yes_starts and whole == "yes":
        return KeywordReading(keyword=Keyword.START, rule=Rule.YES, word="YES")
    if (again := _REPEATED.fullmatch(whole)) is not None:
        return _CERTAIN[again[1]]
    return None


def _read_sentences(
    sentences: list[list[str]], own: str, vocabulary: KeywordVocabulary
) -> KeywordReading:
    """Read a reply by its sentences, without our own text."""
    if not sentences:
        return _NOTHING
    if (reading := _read_first(sentences, own)) is not None:
        return reading
    together = [word for sentence in sentences for word in sentence]
    # Commas and full stops are not reliable: "Do not. Text me."
    phrases = (*(_phrase_in(" ".join(each)) for each in sentences), _english_in(" ".join(together)))
    if (phrase := next(filter(None, phrases), None)) is not None:
        return _stop(Rule.PHRASE, phrase, review=True)
    if (reading := _read_later(sentences[1:])) is not None:
        return reading
    core = _core(sentences[0])
    if len(core) == 1 and _is_misspelt(core[0]):
        return _stop(Rule.MISSPELLING, core[0], review=True)
    return _read_complaint(together, vocabulary)


def _read_first(sentences: list[list[str]], own: str) -> KeywordReading | None:
    """Read the first sentence, which decides if it is clear."""
    words = _joined(sentences[0])
    if len(sentences) == 1:
        words = words_of.LITERALLY.sub("", " ".join(words)).split()
    core = _core(words)
    if not core:
        return None
    certain = _certain_stop(core)
    if certain is None:
        return _read_first_word(words)
    if len(sentences) == 1 and set(words) == set(core):
        return certain
    clear = core[0] in words_of.CLEAR_STOPS or core[0] in foreign.FIRST_WORDS
    if len(sentences) > 1 and not clear:
        # Words of everyday use: as a sentence that ends with a full stop, those that CTIA names
        # decide; the others are doubtful.
        if _core(_joined(_sentences(own, _SENTENCE_END)[0])) != core:
            return None
        if core[0] not in _DECIDING:
            return _DOUBT
    return _with_courtesy(certain, words, core)


def _with_courtesy(certain: KeywordReading, words: list[str], core: list[str]) -> KeywordReading:
    """Return the reading of a keyword among words of courtesy."""
    word = certain.word or core[0]
    if words[0] in core:
        return _stop(Rule.FIRST_WORD, word)
    return _stop(Rule.PHRASE, word, review=True)


def _certain_stop(core: list[str]) -> KeywordReading | None:
    """Return the reading of words that are all STOP keywords, or together form one."""
    readings = [_CERTAIN.get(word) for word in core]
    if all(reading and reading.keyword is Keyword.STOP for reading in readings):
        return readings[0]
    whole = _CERTAIN.get("".join(core))
    return whole if whole is not None and whole.keyword is Keyword.STOP else None


def _read_first_word(words: list[str]) -> KeywordReading | None:
    """Read a sentence that continues after the keyword."""
    first, *rest = list(dict.fromkeys(words))
    about_texts = _ABOUT_TEXTS.issuperset(rest)
    if first in words_of.CLEAR_STOPS:
        return _read_clear_start(first, rest, about_texts=about_texts)
    short = len(words) <= _SHORT_WORDS
    vague = first in words_of.VAGUE_STOPS and short and words_of.ABOUT_TEXTS.issuperset(rest)
    if vague or (first in foreign.FIRST_WORDS and about_texts):
        return _stop(Rule.FIRST_WORD, first)
    return None


def _read_clear_start(first: str, rest: list[str], *, about_texts: bool) -> KeywordReading | None:
    said = [word for word in rest if word not in _COURTESY]
    if not words_of.NOT_AFTER_STOP.isdisjoint((*rest[:1], *said[:1])):
        return None
    if len(said) < _SHORT_WORDS:
        return _stop(Rule.FIRST_WORD, first)
    if about_texts or rest[0] in words_of.PLAIN_AFTER_STOP:
        return _stop(Rule.FIRST_WORD, first, review=True)
    return None


def _read_later(sentences: list[list[str]]) -> KeywordReading | None:
    """Find a later sentence that is a clear keyword with courtesy."""
    for sentence in sentences:
        core = _core(_joined(sentence))
        clear = core and core[0] in words_of.CLEAR_STOPS | foreign.FIRST_WORDS
        if clear and (len(core) == 1 or words_of.ABOUT_TEXTS.issuperset(core[1:])):
            return _stop(Rule.PHRASE, core[0], review=True)
    return None


def _read_typed(own: str) -> KeywordReading:
    """Read a reply with a lone keyword in quotes, which is a STOP if there is no other text."""
    words = [word for word in _joined(folding.words(own)) if word not in words_of.SAYING]
    certain = _certain_stop(_core(words))
    # None of our texts is a keyword and nothing else, so this is no reaction to one.
    return _DOUBT if certain is None else _with_courtesy(certain, ["", *words], words)


def _read_unmasked(own: str, vocabulary: KeywordVocabulary) -> KeywordReading:
    """Read a reply again, with each character replaced by the letter it looks like."""
    unmasked = _TOKEN.sub(_unmasked, own)
    if unmasked == own:
        return _NOTHING
    reading = _read_sentences(_sentences(unmasked, _CLAUSE_END), unmasked, vocabulary)
    if reading.keyword is Keyword.STOP:
        return _stop(Rule.DISGUISE, reading.word or "stop", review=True)
    return _NOTHING


def _unmasked(token: "re.Match[str]") -> str:
    # A number is not a disguised word.
    return folding.unmasked(token[0]) if any(map(str.isalpha, token[0])) else token[0]


def _read_complaint(words: list[str], vocabulary: KeywordVocabulary) -> KeywordReading:
    if len(words) > _COMPLAINT_WORDS:
        return _NOTHING
    abusive = [word for word in words if word in words_of.ABUSE_WORDS]
    found = words_of.ABUSE_PHRASES.search(" ".join(words))
    if not abusive and found is None:
        return _NOTHING
    if vocabulary.abuse is AbuseComplaint.STOP:
        return _stop(Rule.ABUSE, abusive[0] if abusive else found[0] if found else "", review=True)
    return KeywordReading(rule=Rule.ABUSE, review=True)


def _is_doubtful(sentences: list[list[str]], text: str, body: str) -> bool:
    """Return whether a reply that does not count as STOP may be meant as one."""
    if not sentences:
        return words_of.STOP_SIGNS.search(text) is not None and not folding.letters(text)
    first = _joined(sentences[0])
    said = [" ".join(sentence) for sentence in (first, *sentences[1:])]
    if (len(said) == 1 and said[0] in words_of.DOUBTFUL) or any(
        map(words_of.DOUBTFUL_PHRASES.search, said)
    ):
        return True
    if first[0] in words_of.CLEAR_STOPS and first[1:2] and first[1] not in words_of.NOT_AFTER_STOP:
        return True
    if first[0] in foreign.FIRST_WORDS and len(first) <= _SHORT_WORDS:
        return True
    for sentence in sentences:
        if len(sentence) > _DOUBTFUL_WORDS or sentence[-1] != "stop":
            continue
        if words_of.STOPS_OF_OTHERS.isdisjoint(sentence[:-1]):
            return True
    # A word in capitals in a text that is not in capitals is meant as the keyword, or names it.
    return (
        _SHOUTED.search(body) is not None
        and any(
            "stop" in sentence or "unsubscribe" in sentence or "unsub" in sentence
            for sentence in sentences
        )
        and not body.isupper()
    )


def _is_typed(piece: str) -> bool:
    """Return whether a quoted piece is a lone keyword, which none of our texts is."""
    core = _core(_joined(folding.words(piece)))
    return bool(core) and _certain_stop(core) is not None


def _sentences(own: str, end: "re.Pattern[str]") -> list[list[str]]:
    """Return the words of each sentence that has any, without our instructions."""
    found: list[list[str]] = []
    for part in end.split(own):
        sentence = words_of.INSTRUCTIONS.sub(" ", " ".join(folding.words(part)))
        if found:
            sentence = f"x {sentence}"
        words = words_of.INSTRUCTIONS_LATER.sub(" ", sentence).split()
        if words := words[1:] if found else words:
            found.append(words)
    return found


def _joined(words: list[str]) -> list[str]:
    def join(found: "re.Match[str]") -> str:
        one = found[1] + found[2]
        return one if one in words_of.JOINTS else found[0]

    return words_of.JOINED.sub(join, " ".join(words)).split()


def _core(words: list[str]) -> list[str]:
    """Return the words without courtesy, each once."""
    once = (_once(word) for word in words if word not in _COURTESY)
    return list(dict.fromkeys(once))


def _once(word: str) -> str:
    again = _REPEATED.fullmatch(word)
    return word if again is None else again[1]


def _english_in(sentence: str) -> str | None:
    for found in words_of.PHRASES.finditer(sentence):
        # Only the few words before the phrase count, so a short slice is enough.
        if not words_of.NEGATED.search(sentence[max(0, found.start() - _NEAR) : found.start()]):
            return found[0]
    return None


def _phrase_in(sentence: str) -> str | None:
    if (phrase := _english_in(sentence)) is not None:
        return phrase
    for found in foreign.PHRASES.finditer(sentence):
        before = sentence[max(0, found.start() - _NEAR) : found.start()].split()
        if not foreign.NEGATIONS.intersection(before[-2:]):
            return found[0]
    together = sentence.replace(" ", "")
    if len(together) <= foreign.INSIDE_MAX and (inside := foreign.INSIDE.search(together)):
        return inside[0]
    return None


def _stop(rule: Rule, word: str, *, review: bool = False) -> KeywordReading:
    return KeywordReading(keyword=Keyword.STOP, rule=rule, review=review, word=_shown(word))


def _shown(word: str) -> str:
    """Return the displayed form of a folded word."""
    known = foreign.STOPS.get(word)
    return (known or unicodedata.normalize("NFC", word).upper())[:WORD_MAX]


def _is_misspelt(word: str) -> bool:
    if word in words_of.REAL_WORDS:
        return False
    once = "".join(letter for letter, _ in groupby(word)).rstrip("0123456789")
    if word in words_of.MISSPELLINGS or once in words_of.CLEAR_STOPS:
        return True
    return any(_is_one_slip(word, keyword) for keyword in words_of.SLIPPERY)


def _is_one_slip(word: str, keyword: str) -> bool:
    """Return whether the words differ by one letter more, less or wrong, or by two swapped."""
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
