"""What the query of a short link fills in, where the link is in no message.

So one link for an offer and a list can be made each recipient's own in the text around it.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from sendrail.domain.link_macros import QUERY_MACROS

_NAMES: Final = {name.encode("ascii"): name for name in QUERY_MACROS}
# As many as there are names, and some that mean nothing to us.
_FIELDS_MAX: Final = 32


def macros_in(query: bytes) -> dict[str, str]:
    """Return the values of the macros that a query names; of two values the first counts."""
    values: dict[str, str] = {}
    for field in query.split(b"&", _FIELDS_MAX)[:_FIELDS_MAX]:
        name, _, value = field.partition(b"=")
        if (known := _NAMES.get(name)) is not None:
            plain = unquote_to_bytes(value.replace(b"+", b" "))
            values.setdefault(known, plain.decode("utf-8", "replace"))
    return values
