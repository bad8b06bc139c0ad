"""Keywords: what a reply says about consent.

The exact words of the public API's compliance page. A reply is compared whole, folded for case,
spaces, punctuation and Unicode look-alikes of width, so that "Stop.", "STOP ALL" and the
full-width form all count, and "stop by later" does not.
"""

import unicodedata
from enum import StrEnum
from typing import Final


class Keyword(StrEnum):
    """The families of keywords a reply can belong to."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_FAMILIES: Final = {
    Keyword.STOP: (
        "STOP", "STOPALL", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSUB", "REMOVEME",
        "OPTOUT", "BLOCK", "WRONG", "REVOKE",
    ),
    Keyword.START: ("START", "UNSTOP"),
    Keyword.HELP: ("HELP", "INFO"),
}  # fmt: skip
_KEYWORDS: Final = {word: family for family, words in _FAMILIES.items() for word in words}


def keyword_of(body: str) -> Keyword | None:
    """Return the family of a reply that is a keyword and nothing else, or None."""
    folded = unicodedata.normalize("NFKC", body).upper()
    return _KEYWORDS.get("".join(char for char in folded if char.isalnum()))
