"""What an author of a text may want to change before it goes to many."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.creative import SampleText
from sendrail.domain.text import Encoding
from sendrail.domain.text_advice import JUST_OVER, cheaper, ucs2_causes, units_over
from sendrail.domain.tracking_domain import SHORTENERS, is_below

_STRANGERS_SHOWN_MAX: Final = 5
_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)
# Words by which a text says how to leave, as the keywords of replies have them.
_OPT_OUT: Final = re.compile(
    r"\b(?:stop|stopall|unsubscribe|unsub|opt[\s-]?out|revoke)\b", re.IGNORECASE
)


class WarningCode(StrEnum):
    """What a warning on a text is about."""

    NOT_GSM7 = "not_gsm7"
    JUST_OVER_SEGMENT = "just_over_segment"
    PUBLIC_SHORTENER = "public_shortener"
    SEGMENTS_VARY = "segments_vary"
    NO_OPT_OUT_TEXT = "no_opt_out_text"


class TextWarning(NamedTuple):
    """A warning: what it is about, and a sentence that names the place and the remedy."""

    code: WarningCode
    text: str


def text_warnings(
    shortest: SampleText, longest: SampleText, urls: Iterable[str] = ()
) -> list[TextWarning]:
    """Return the warnings on a text as handsets show it.

    `shortest` and `longest` have the shortest and the longest values of its fields; `urls` are
    where its links lead.
    """
    return [
        *_not_gsm7(shortest),
        *_just_over(shortest),
        *_vary(shortest, longest),
        *_shorteners(shortest.text, urls),
        *_no_opt_out(shortest.text),
    ]


def _not_gsm7(shown: SampleText) -> Sequence[TextWarning]:
    found = ucs2_causes(shown.text) if shown.size.encoding is Encoding.UCS2 else []
    if not found:
        return []
    places = [
        f"{each.character} at character {each.at + 1}"
        + (
            ""
            if each.instead is None
            else f" (write {each.instead})"
            if each.instead.strip()
            else " (leave it out)"
        )
        for each in found[:_STRANGERS_SHOWN_MAX]
    ]
    more = len(found) - len(places)
    named = ", ".join(places) + (f" and {more} more" if more else "")
    less = cheaper(shown.text, found)
    if less is None:
        costs = f"the text takes {_segments(shown)}"
    elif less.segments < shown.size.segments:
        costs = f"the text takes {_segments(shown)} instead of {less.segments}"
    else:
        # It costs nothing as long as the text is short.
        costs = "its segment holds 70 characters and not 160"
    text = f"{named}: not in the GSM 7-bit alphabet, so {costs}"
    return [TextWarning(WarningCode.NOT_GSM7, text)]


def _segments(shown: SampleText) -> str:
    count = shown.size.segments
    return f"{count} segment" if count == 1 else f"{count} segments"


def _just_over(shown: SampleText) -> Sequence[TextWarning]:
    over = units_over(shown.size)
    if not 0 < over <= JUST_OVER:
        return []
    text = (
        f"The text takes {_segments(shown)}, the last for {over} of its units: make it shorter by "
        "as much"
    )
    return [TextWarning(WarningCode.JUST_OVER_SEGMENT, text)]


def _vary(shortest: SampleText, longest: SampleText) -> Sequence[TextWarning]:
    if shortest.size.segments == longest.size.segments:
        return []
    text = (
        f"The text takes {_segments(shortest)}, and up to {longest.size.segments} with long "
        "values of its fields"
    )
    return [TextWarning(WarningCode.SEGMENTS_VARY, text)]


def _shorteners(text: str, urls: Iterable[str]) -> Sequence[TextWarning]:
    hosts = [found[0].lower() for each in (text, *urls) for found in _HOST.finditer(each)]
    public = dict.fromkeys(host for host in hosts if is_below(host, SHORTENERS))
    return [
        TextWarning(
            WarningCode.PUBLIC_SHORTENER,
            f"{host} is a public shortener, whose links carriers filter: use a link of your own",
        )
        for host in public
    ]


def _no_opt_out(text: str) -> Sequence[TextWarning]:
    if _OPT_OUT.search(text):
        return []
    return [
        TextWarning(
            WarningCode.NO_OPT_OUT_TEXT,
            "Nothing says how to leave the list: write Reply STOP to opt out",
        )
    ]
