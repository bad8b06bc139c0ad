"""From the bytes of a body to a struct, or to the fault in them, told by the field's name."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from sendrail.api.v2.nested import named
from sendrail.domain.errors import InvalidInput
from sendrail.domain.order import Fault

S = TypeVar("S", bound=msgspec.Struct)

Scalar = str | int | float | bool | None

INVALID_JSON: Final = Fault("invalid_json", "The body must be a JSON object")
# What msgspec raises for bytes that are no readable JSON; the nesting of unread parts counts too.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# How JSON writes the NUL character; it has no other way to.
_NUL: Final = b"\\u0000"
_WORDS: Final = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
# msgspec's only other complaint about JSON is a number it has no room for.
_EXPECTED: Final = re.compile(r"Expected `(.+)`, got `(.+)`").fullmatch


def decoded(decode: Callable[[bytes], S], body: bytes) -> S:
    """Return what a body holds. Raises `InvalidInput` that names the field at fault."""
    try:
        if not body.isascii():
            # The decoder does not look into fields it skips.
            body.decode()
        fields = decode(body)
    except UNREADABLE as error:
        fault = unreadable(error, body)
        raise InvalidInput(fault.text, code=fault.code, param=fault.param) from None
    if _NUL in body:
        _refuse_nul(fields)
    return fields


def _refuse_nul(fields: msgspec.Struct) -> None:
    """Refuse a text that not every database can keep."""
    for name in fields.__struct_fields__:
        value = getattr(fields, name)
        texts = [*value, *value.values()] if isinstance(value, dict) else [value]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise InvalidInput(f"`{name}` must not contain the NUL character", param=name)


def unreadable(error: Exception, body: bytes = b"") -> Fault:
    """Return the fault for a body that could not be decoded: a wrong type names its field."""
    if not isinstance(error, msgspec.ValidationError):
        return INVALID_JSON
    complaint, _, place = str(error).partition(" - at `$")
    param = place.rstrip("`").lstrip(".")
    if not param:
        return INVALID_JSON
    expected = _EXPECTED(complaint)
    param = named(param, expected[2] if expected else "", body)
    if expected is None:
        return Fault("invalid_field", f"`{param}` is a number out of range", param)
    wanted = dict.fromkeys(_WORDS[word] for word in expected[1].split(" | ") if word != "null")
    *others, last = wanted
    either = f"{', '.join(others)} or {last}" if others else last
    return Fault("invalid_field", f"`{param}` must be {either}, not {_WORDS[expected[2]]}", param)
