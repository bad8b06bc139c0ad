"""The path of a short link in a request, with the punctuation that phones take for its end."""

import re
from typing import Final

from sendrail.domain.short_ids import ALPHABET, LONG_LETTERS, SHORT_LETTERS

# What follows a link in a sentence, as it is and percent-encoded: `. , ; : ! ? ) ' "` and `»`. A
# question mark as it is begins a query.
_ENDINGS: Final = r"[.,;:!)'\"]|\xc2\xbb|%(?:2[127EeCc9]|3[AaBbFf])|%[Cc]2%[Bb][Bb]"
_LETTER: Final = f"[{ALPHABET}]"
_PATH: Final = re.compile(
    rf"/({_LETTER}{{{SHORT_LETTERS}}}(?:{_LETTER}{{{LONG_LETTERS - SHORT_LETTERS}}})?)"
    rf"(?:{_ENDINGS})?(?:\?(.*))?".encode("latin-1"),
    re.DOTALL,
).fullmatch


def id_in(target: bytes) -> str | None:
    """Return the short id in the target of a request, or None where it has not the shape of one.

    One character of punctuation behind it is left out, and so is a query.
    """
    found = _PATH(target)
    return None if found is None else found[1].decode("ascii")
