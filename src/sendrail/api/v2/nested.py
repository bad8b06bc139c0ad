"""The name of a field inside an object of free names, where the decoder says only that one is off.

For a value of such an object msgspec gives the place as `custom_fields[...]`. It stops at the first
one that does not fit, and says of which type that is: so it is the first of that type.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

_ANY: Final = "[...]"
# A name is as long as the caller likes; what an answer repeats of it is not.
_NAME_LENGTH_MAX: Final = 100
# What a decoded value is called in msgspec's complaints.
_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    # The decoder names no type where a number has no room in one.
    "": lambda value: isinstance(value, float) and math.isinf(value),
}


def named(place: str, got: str, body: bytes) -> str:
    """Return the place of a fault with the field's own name, `custom_fields.city`.

    `got` is the type of what stands there, empty for a number out of range. Where the name cannot
    be found, the place ends with the object that holds it.
    """
    around, is_nested, rest = place.partition(_ANY)
    if not is_nested or rest:
        return around or place
    try:
        # More lenient than the decoder that failed: it reads a number of any size.
        value = json.loads(body)
    except (ValueError, RecursionError):
        return around
    for step in around.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, dict) or got not in _TYPES:
        return around
    name = next((name for name, each in value.items() if _TYPES[got](each)), "")
    return f"{around}.{name[:_NAME_LENGTH_MAX]}" if name.strip() else around
