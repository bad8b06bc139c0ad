"""The macros of a destination: what is filled in for each recipient when a link is followed."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

# What the query of a link that is in no message may fill in.
QUERY_MACROS: Final = ("source", *(f"sub{number}" for number in range(1, 6)))
_QUERY_NAMES: Final = {name.encode("ascii"): name for name in QUERY_MACROS}
# As many as there are names, and some that mean nothing to us.
_FIELDS_MAX: Final = 32
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


def macros_in(query: bytes) -> dict[str, str]:
    """Return the values of the macros that a query names; of two values the first counts.

    So one link that is in no message can be made each recipient's own in the text around it.
    """
    values: dict[str, str] = {}
    for field in query.split(b"&", _FIELDS_MAX)[:_FIELDS_MAX]:
        name, _, value = field.partition(b"=")
        if (known := _QUERY_NAMES.get(name)) is not None:
            plain = unquote_to_bytes(value.replace(b"+", b" "))
            values.setdefault(known, plain.decode("utf-8", "replace"))
    return values
