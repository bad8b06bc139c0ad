"""The automatic replies to keywords: a list's own texts, or defaults that name its brand."""

from dataclasses import dataclass
from typing import Final

from sendrail.domain.consent import Keyword, read_reply

# Short, because the carrier bills these too.
SEGMENTS_MAX: Final = 3

# None of these may itself be read as a keyword: two installations would answer each other forever.
_DEFAULTS: Final = {
    Keyword.STOP: "You are off this list and get nothing more from us. Reply START to come back.",
    Keyword.START: "You are on this list. Reply HELP for help or STOP to opt out.",
    Keyword.HELP: "This is an automatic answer. For anything else write to us here. Reply STOP to "
    "opt out.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTexts:
    """Whether a list answers keywords, and with which texts; None is the default text."""

    enabled: bool = True
    stop: str | None = None
    start: str | None = None
    help: str | None = None

    def of(self, keyword: Keyword, brand: str) -> str:
        """Return the text that answers a keyword."""
        own = {Keyword.STOP: self.stop, Keyword.START: self.start, Keyword.HELP: self.help}
        return own[keyword] or default_text(keyword, brand)


def default_text(keyword: Keyword, brand: str) -> str:
    """Return the default text, prefixed with the brand if there is one."""
    text = _DEFAULTS[keyword]
    branded = f"{brand}: {text}" if brand else text
    # A brand may itself be a keyword.
    return branded if read_reply(branded).keyword is None else text
