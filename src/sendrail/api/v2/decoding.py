"""From the bytes of a body to a struct, or to the fault in them, by the field's name.

A body is decoded once. Only what the decoder refuses is looked at again: what is JSON all the same,
though nested deeply or with half a character in a text, is judged by its fields, and the rest is
explained.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from sendrail.api.v2.diagnosis import diagnosis
from sendrail.domain.errors import InvalidInput
from sendrail.domain.json_text import (
    MARK,
    MARK_ESCAPED,
    flattened,
    has_too_many_brackets,
    marked,
    too_deep,
    unmarked,
)
from sendrail.domain.order import Fault

S = TypeVar("S", bound=msgspec.Struct)

Scalar = str | int | float | bool | None

INVALID_JSON: Final = "invalid_json"
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
# What a value of JSON is, by the octet that it begins with; the other ones begin a number.
_BEGINNINGS: Final = {
    b'"': "str", b"[": "array", b"{": "object", b"t": "bool", b"f": "bool", b"n": "null",
}  # fmt: skip
_NUMBERS: Final = frozenset({"int", "float"})
# Where a number was refused for its fraction, be it .0.
_WHOLE_WORDS: Final = {"int": "a whole number", "float": "one with a decimal point"}
# msgspec's only other complaint about JSON is a number it has no room for.
_EXPECTED: Final = re.compile(r"Expected `(.+)`, got `(.+)`").fullmatch
_MISSES: Final = re.compile(r"Object missing required field `(.+)`").fullmatch
# How msgspec names a place in an object whose keys are the caller's.
_ANY_KEY: Final = "[...]"
# A key is as long as the caller likes; what an answer repeats of it is not.
_KEY_SHOWN_MAX: Final = 100

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_scalar: Final = msgspec.json.Decoder(Scalar).decode
_anything: Final = msgspec.json.Decoder().decode
_compact: Final = msgspec.json.Encoder().encode


def decoded(decode: Callable[[bytes], S], body: bytes) -> S:
    """Return what a body holds. Raises `InvalidInput` that names the field at fault."""
    fields = read(decode, body)
    if isinstance(fields, Fault):
        raise InvalidInput(fields.text, code=fields.code, param=fields.param)
    if _NUL in body:
        _refuse_nul(fields)
    return fields


def read(decode: Callable[[bytes], S], body: bytes) -> S | Fault:
    """Return what a body holds, or the fault in it."""
    try:
        if not body.isascii():
            # The decoder does not look into fields it skips.
            body.decode()
        return decode(body)
    except UNREADABLE as error:
        return _read_again(decode, body, error)


def keys_in(body: bytes) -> set[str]:
    """Return the keys of a body that was decoded already; a body without any octets has none."""
    if not body.strip():
        return set()
    try:
        return set(_object(body))
    except UNREADABLE:
        whole = marked(body)
        mended = None if whole is None else flattened(whole)
        assert mended is not None, "it was decoded"
        return set(_object(mended))


def free_form(
    name: str,
    raw: msgspec.Raw,
    *,
    code: str = "invalid_field",
    deep: str = "invalid_field",
    bytes_max: int | None = None,
) -> Any:
    """Return a part of a body that may be any JSON, and was passed over when that was decoded.

    Written without blanks it has at most `bytes_max` bytes. Raises `InvalidInput` for a larger one;
    with the code `deep` for one that is nested more deeply than we keep; with `code` for a number
    that we have no room for, and for texts that not every database can keep.
    """
    text = bytes(raw)
    # Before it is decoded: as deep as that, decoders differ.
    if (fault := too_deep(name, text)) is not None:
        raise InvalidInput(fault.text, code=deep, param=name)
    try:
        value = _anything(text)
    except msgspec.ValidationError:
        raise InvalidInput(f"{name} holds a number out of range", code=code, param=name) from None
    except msgspec.DecodeError:
        # The body has been read, so that it is JSON: of a text, half a character is no text.
        raise _cut_in_two(name, code) from None
    if bytes_max is not None and len(text) > bytes_max and len(_compact(value)) > bytes_max:
        raise InvalidInput(
            f"{name} has at most {bytes_max:,} bytes", code="payload_too_large", param=name
        )
    if _NUL in text and (place := _place_of(value, name, _has_nul)) is not None:
        raise InvalidInput(f"{place} must not contain the NUL character", code=code, param=place)
    return value


def _read_again(decode: Callable[[bytes], S], body: bytes, error: Exception) -> S | Fault:
    """Return what a refused body holds where it is JSON all the same, else the fault in it.

    A part of a batch stays as refused as it is: it is read, and judged, alone.
    """
    if isinstance(error, msgspec.ValidationError):
        return _of_wrong_type(body, error)
    is_hopeless = isinstance(error, RecursionError) and has_too_many_brackets(body)
    if is_hopeless or isinstance(error, UnicodeDecodeError):
        return Fault(INVALID_JSON, diagnosis(body, error))
    whole = marked(body)
    mended = None if whole is None else flattened(whole)
    if mended is None:
        return Fault(INVALID_JSON, diagnosis(body, RecursionError()))
    try:
        fields = decode(mended)
    except msgspec.ValidationError as wrong_type:
        return _of_wrong_type(mended, wrong_type)
    except UNREADABLE as malformed:
        return Fault(INVALID_JSON, diagnosis(body, malformed))
    return _half_in(fields) or fields


def _refuse_nul(fields: msgspec.Struct) -> None:
    """Refuse a text that not every database can keep, however deep it stands."""
    for field, name in _names(fields):
        if (place := _place_of(getattr(fields, field), name, _has_nul)) is not None:
            raise InvalidInput(f"{place} must not contain the NUL character", param=place)


def _place_of(value: Any, place: str, is_faulty: Callable[[str], bool]) -> str | None:
    """Return the place of the first faulty text in a value; a key's is that of its object.

    Parts that are read alone have none.
    """
    if isinstance(value, str):
        return place if is_faulty(value) else None
    inner: Iterator[tuple[Any, str]] = iter(())
    if isinstance(value, msgspec.Struct):
        inner = ((getattr(value, field), f"{place}.{name}") for field, name in _names(value))
    elif isinstance(value, dict):
        if any(map(is_faulty, value)):
            return place
        inner = ((each, _at_key(place, key)) for key, each in value.items())
    elif isinstance(value, list):
        inner = ((each, f"{place}[{at}]") for at, each in enumerate(value))
    found = (_place_of(each, where, is_faulty) for each, where in inner)
    return next((each for each in found if each is not None), None)


def _has_nul(text: str) -> bool:
    return "\0" in text


def _has_mark(text: str) -> bool:
    return MARK in text


def _half_in(fields: msgspec.Struct) -> Fault | None:
    """Return the fault in the first text with half a character.

    The parts of a batch get theirs back: each is judged alone.
    """
    for field, name in _names(fields):
        value: Any = getattr(fields, field)
        half: str | None = None
        if isinstance(value, msgspec.Raw):
            half = name if MARK_ESCAPED in bytes(value) else None
        else:
            half = _place_of(value, name, _has_mark)
        if half is not None:
            error = _cut_in_two(half)
            return Fault(error.code, error.message, half)
        if isinstance(value, list):
            setattr(fields, field, [_unmarked(part) for part in value])
    return None


def _unmarked(part: Any) -> Any:
    return msgspec.Raw(unmarked(bytes(part))) if isinstance(part, msgspec.Raw) else part


def _cut_in_two(place: str, code: str = "invalid_field") -> InvalidInput:
    text = f"{place} holds half of a surrogate pair: a character was cut in two"
    return InvalidInput(text, code=code, param=place)


def _names(fields: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """Yield the names of fields, and those that JSON has them under."""
    return zip(fields.__struct_fields__, fields.__struct_encode_fields__, strict=True)


def _of_wrong_type(body: bytes, error: msgspec.ValidationError) -> Fault:
    """Return the fault for a value of a wrong type, by its field's name."""
    complaint, _, place = str(error).partition(" - at `$")
    param = place.rstrip("`").lstrip(".")
    expected = _EXPECTED(complaint)
    if (misses := _MISSES(complaint)) is not None:
        name = f"{param}.{misses[1]}" if param else misses[1]
        return Fault("invalid_field", f"{name} is required", name)
    if not param:
        got = f", not {_WORDS[expected[2]]}" if expected else ""
        return Fault(INVALID_JSON, f"The body must be a JSON object{got}")
    if param.endswith(_ANY_KEY):
        param = _with_key(body, param.removesuffix(_ANY_KEY), expected and expected[2])
    if expected is None:
        return Fault("invalid_field", f"{param} is a number out of range", param)
    kinds, got = expected[1].split(" | "), expected[2]
    words = _WORDS | _WHOLE_WORDS if got == "float" and "int" in kinds else _WORDS
    wanted = dict.fromkeys(words[word] for word in kinds if word != "null")
    *others, last = wanted
    either = f"{', '.join(others)} or {last}" if others else last
    return Fault("invalid_field", f"{param} must be {either}, not {words[got]}", param)


def _with_key(body: bytes, path: str, got: str | None) -> str:
    """Return a path with the key of its first value of a kind, or of the first one out of range."""
    try:
        within = flattened(body) or body
        for name in path.split("."):
            within = _part(within, name)
        for key, value in _object(within).items():
            if _is_of_kind(bytes(value), got):
                return _at_key(path, key)
    except (*UNREADABLE, KeyError, IndexError):
        return path
    return path


def _part(within: bytes, name: str) -> bytes:
    """Return a field of an object, or with `name[2]` one that an array in it has."""
    field, *places = name.rstrip("]").replace("]", "").split("[")
    found = bytes(_object(within)[field])
    for place in places:
        found = bytes(_array(found)[int(place)])
    return found


def _is_of_kind(value: bytes, got: str | None) -> bool:
    if got is not None:
        kind = _BEGINNINGS.get(value[:1])
        return kind == got or (kind is None and got in _NUMBERS)
    try:
        _scalar(value)
    except msgspec.ValidationError:
        return True
    return False


def _at_key(path: str, key: str) -> str:
    return f"{path}.{key[:_KEY_SHOWN_MAX]}" if key.strip() else path
