"""The macros of a destination: what is filled in for each recipient when a link is followed."""

import re
from typing import Final

# What the query of a link that is in no message may fill in.
QUERY_MACROS: Final = ("source", *(f"sub{number}" for number in range(1, 6)))
# What a tracking URL may hold for each recipient; filled in when a link is clicked.
MACROS: Final = (
    "messageId",
    "sendId",
    "offerId",
    "externalId",
    "click_id",
    "contact.phone",
    *QUERY_MACROS,
)

_MACRO: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def macro_fault(text: str) -> str | None:
    """Return what is wrong with the macros of a URL, or None: a misspelt one stays empty."""
    for macro in _MACRO.findall(text):
        if macro.strip() not in MACROS:
            known = ", ".join(MACROS)
            return f"has {{{{{macro}}}}}, which nothing fills; there are {known}"
    return None
