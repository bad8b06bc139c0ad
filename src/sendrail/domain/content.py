"""Words a message may not contain: an installation's list and an account's list."""

import re
from collections.abc import Sequence
from functools import lru_cache
from unicodedata import normalize


@lru_cache(maxsize=1024)
def _pattern(words: str) -> re.Pattern[str] | None:
    wanted = [re.escape(word.strip()) for word in _composed(words).split(",") if word.strip()]
    # Whole words only, in any case: "ass" must not match "class".
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None


def contains_any(body: str, words: str) -> bool:
    """Return whether a text contains one of some words or phrases, separated by commas."""
    pattern = _pattern(words) if words else None
    if pattern is None:
        return False
    return pattern.search(_composed(body)) is not None


def _composed(text: str) -> str:
    """Return a text with each accent in its letter: behind it, it looks the same to a reader."""
    return text if text.isascii() else normalize("NFC", text)


def distinct_phrases(words: Sequence[str]) -> list[str]:
    """Return words without blanks around them and repetitions, in the order they were given.

    A blank within a phrase is a space: what shows them one a line breaks none of them.
    """
    spaced = (" ".join(word.split()) for word in words)
    return list(dict.fromkeys(word for word in spaced if word))
