"""Phone numbers: E.164 or nothing.

Inside, a number is a plain integer of its digits: it sorts, joins and hashes quickly and takes
eight bytes in a row. `show` gives the form the API speaks, `mask` the form logs may hold.
"""

import re
from typing import Final, NewType

PhoneNumber = NewType("PhoneNumber", int)

# ITU-T E.164 (11/2010), 6: at most 15 digits, the country code never starts with 0. Fewer than
# seven digits is no international number in any published numbering plan.
E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
# In digits: shorter numbers show less of themselves in a log.
_LONG: Final = 10
_SHORT: Final = 7


def parse(text: str) -> PhoneNumber | None:
    """Return the number of an E.164 string such as `+15550100000`, or None when it is not one."""
    return PhoneNumber(int(text)) if E164(text) else None


def show(number: int) -> str:
    """Return the E.164 form, `+15550100000`: for the API and carriers, never for logs."""
    return f"+{number}"


def mask(number: int) -> str:
    """Return a form that tells numbers apart for an operator without revealing them."""
    digits = str(number)
    # Three digits stay hidden at the least, whatever the length of a country's numbers.
    head, tail = (4, 4) if len(digits) > _LONG else (2, 3)
    return f"+{digits[:head]}***{digits[-tail:] if len(digits) > _SHORT else ''}"
