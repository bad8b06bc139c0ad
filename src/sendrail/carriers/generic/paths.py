"""Paths into a JSON value or a form: names and indexes, joined by dots.

`messages.0.id` is the `id` of the first of the `messages`. A top-level name equal to the whole path
is tried first, so that names with dots can be used.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw

from sendrail.carriers.reading import read_json
from sendrail.domain.errors import CarrierTrouble

# No vendor's list is longer, so a number with more digits is not an index.
_INDEX_DIGITS_MAX: Final = 4


def find(value: Any, path: str) -> Any:
    """Return the value at a path, or None where the path does not exist."""
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
    """Return the string, number or boolean at a path as text; None for anything else."""
    match None if path is None else find(value, path):
        case bool(truth):
            return str(truth).lower()
        case int(number):
            return str(number)
        case str(text):
            return text
        case _:
            return None


def find_events(body: bytes, path: str) -> list[bytes]:
    """Return the raw elements of the JSON list at a path.

    A value that is not a list counts as a list of one; where the path does not exist, the body
    counts as the value.
    """
    found = _follow(body, path) if path else None
    found = bytes(read_json(body, Raw)) if found is None else found
    if found.lstrip()[:1] == b"[":
        return [bytes(element) for element in read_json(found, list[Raw])]
    return [found]


def _follow(body: bytes, path: str) -> bytes | None:
    """Return the raw value at a path, without decoding the values beside it."""
    fields = _fields(body)
    if path in fields:
        return fields[path]
    value: bytes | None = body
    for name in path.split("."):
        fields = {} if value is None else _fields(value)
        value = fields.get(name)
    return None if value == b"null" else value


def _fields(value: bytes) -> Mapping[str, bytes]:
    """Return the raw values of an object by name, or of a list by index."""
    try:
        if value.lstrip()[:1] == b"[":
            found = enumerate(read_json(value, list[Raw]))
            return {str(at): bytes(each) for at, each in found}
        return {name: bytes(each) for name, each in read_json(value, dict[str, Raw]).items()}
    except CarrierTrouble:
        return {}


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS_MAX
