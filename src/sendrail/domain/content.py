"""Words a message may not contain: an installation's list and an account's list."""

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def _pattern(words: str) -> re.Pattern[str] | None:
    wanted = [re.escape(word.strip()) for word in words.split(",") if word.strip()]
    # Whole words only, in any case: "ass" must not match "class".
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None


def contains_any(body: str, words: str) -> bool:
    """Return whether a text contains one of some words or phrases, separated by commas."""
    pattern = _pattern(words) if words else None
    return pattern is not None and pattern.search(body) is not None
