"""Where something stands in a JSON value or a form: names and indexes, joined by dots.

`messages.0.id` is the `id` of the first of the `messages`. A name that is the whole path is tried
first, so that a form's names, and names with dots at the top, are reached as they are.
"""

from collections.abc import Mapping
from typing import Any, Final

# No vendor's list is longer, and no number longer than this is an index.
_INDEX_DIGITS_MAX: Final = 4


def find(value: Any, path: str) -> Any:
    """Return what a path leads to, or None where it leads nowhere."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def find_text(value: Any, path: str | None) -> str | None:
    """Return the text, number or truth a path leads to as text; None for anything else."""
    match None if path is None else find(value, path):
        case bool(truth):
            return str(truth).lower()
        case int(number):
            return str(number)
        case str(text):
            return text
        case _:
            return None


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS_MAX
