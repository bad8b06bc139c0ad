"""The detail of a message's status: one vocabulary for all carriers, and the carrier's own code.

A carrier reports both in one text, `REJECTED_SPAM (30007)`. They are split where outcomes and
receipts come in, and are separate in rows, responses and events.
"""

import re
from typing import Final, NamedTuple

# The detail of a sentence without one.
UNKNOWN: Final = "unknown"

_FORM: Final = re.compile(r"(\w+) \((.*)\)", re.DOTALL).fullmatch


class StatusDetail(NamedTuple):
    """The common detail, and the carrier's own code or sentence, if any."""

    word: str
    provider_detail: str | None


def apart(detail: str) -> StatusDetail:
    """Split a carrier's detail into its two parts; a sentence counts as the carrier's own."""
    if " " not in detail:
        return StatusDetail(detail, None)
    match = _FORM(detail)
    return (
        StatusDetail(UNKNOWN, detail) if match is None else StatusDetail(match[1], match[2] or None)
    )
