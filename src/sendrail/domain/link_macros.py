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

# What is the recipient's: kept with the message, as it was when that was accepted.
CONTACT_PREFIX: Final = "contact."
CONTACT_MACROS: Final = ("contact.first_name", "contact.last_name", "contact.timezone")
_CUSTOM_FIELD: Final = re.compile(r"contact\.custom_fields\.[A-Za-z0-9_.]+").fullmatch
_MACRO: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def is_of_contact(name: str) -> bool:
    """Return whether a macro is a field of the recipient's that a message keeps."""
    return name in CONTACT_MACROS or _CUSTOM_FIELD(name) is not None


def macro_fault(text: str) -> str | None:
    """Return what is wrong with the macros of a URL, or None: a misspelt one stays empty."""
    for macro in _MACRO.findall(text):
        name = macro.strip()
        if name not in MACROS and not is_of_contact(name):
            known = ", ".join((*MACROS, *CONTACT_MACROS, "contact.custom_fields.NAME"))
            return f"has {{{{{macro}}}}}, which nothing fills; there are {known}"
    return None
