"""Names as a part of an id that people read."""

import re
import unicodedata
from typing import Final

_LENGTH_MAX: Final = 60


def slug_of(name: str, otherwise: str) -> str:
    """Return a name in lower-case ASCII with hyphens, or another word where nothing is left."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return words[:_LENGTH_MAX].rstrip("-") or otherwise
