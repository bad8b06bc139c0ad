"""Where something stands in a JSON value or a form: names and indexes, joined by dots.

`messages.0.id` is the `id` of the first of the `messages`. A name that is the whole path is tried
first, so that a form's names, and names with dots at the top, are reached as they are.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw

from sendrail.carriers.reading import read_json
from sendrail.domain.errors import CarrierTrouble

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


def find_events(body: bytes, path: str) -> list[bytes]:
    """Return the elements of the list to which a path leads in JSON, each as it stands there.

    One thing that is no list is a list of one; where the path leads nowhere, the body is the list.
    """
    found = _follow(body, path) if path else None
    found = bytes(read_json(body, Raw)) if found is None else found
    if found.lstrip()[:1] == b"[":
        return [bytes(element) for element in read_json(found, list[Raw])]
    return [found]


def _follow(body: bytes, path: str) -> bytes | None:
    """Return what a path leads to without reading what stands beside it."""
    fields = _fields(body)
    if path in fields:
        return fields[path]
    value: bytes | None = body
    for name in path.split("."):
        fields = {} if value is None else _fields(value)
        value = fields.get(name)
    return None if value == b"null" else value


def _fields(value: bytes) -> Mapping[str, bytes]:
    """Return what stands in an object by its names, or in a list by its indexes."""
    try:
        if value.lstrip()[:1] == b"[":
            found = enumerate(read_json(value, list[Raw]))
            return {str(at): bytes(each) for at, each in found}
        return {name: bytes(each) for name, each in read_json(value, dict[str, Raw]).items()}
    except CarrierTrouble:
        return {}


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= _INDEX_DIGITS_MAX
