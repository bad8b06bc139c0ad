"""What became of a message: a word that is the same for all carriers, and the carrier's own.

A carrier says both at once, `REJECTED_SPAM (30007)`; they are taken apart where its outcomes and
receipts come in, and stay apart in rows, answers and events.
"""

import re
from typing import Final, NamedTuple

# The word for a sentence that has none.
UNKNOWN: Final = "unknown"

_FORM: Final = re.compile(r"(\w+) \((.*)\)", re.DOTALL).fullmatch


class StatusDetail(NamedTuple):
    """The word, and beside it the carrier's own code or sentence, if any."""

    word: str
    provider_detail: str | None


def apart(detail: str) -> StatusDetail:
    """Return a carrier's detail as its two parts; a sentence is all the carrier's own."""
    if " " not in detail:
        return StatusDetail(detail, None)
    match = _FORM(detail)
    return (
        StatusDetail(UNKNOWN, detail) if match is None else StatusDetail(match[1], match[2] or None)
    )
