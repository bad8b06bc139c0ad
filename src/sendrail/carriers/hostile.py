"""Corrupt callbacks, each a valid one with a single fault, as input for `parse` in the suite.

A carrier's next release, a handset or a gateway may send what no documentation shows. Each field is
removed, set to null, and set to another type, a NUL, a lone surrogate, a megabyte of text, and an
integer of more than 64 bits; each callback is truncated and padded.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final
from urllib.parse import parse_qsl, quote_from_bytes

from sendrail.carriers.sdk import CallbackRequest

_MEGABYTE: Final = "x" * 2**20
_CUTS_MAX: Final = 64
_JUNK: Final = (b"\0", b" \r\n", b"\xff" * 300)

_TYPE: Final = re.compile(rb"[a-z0-9/+.-]*").fullmatch

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidCallback:
    """A callback as the carrier sends it, in the form in which it is stored.

    `batch` is the path, names joined by dots, of the JSON list whose elements are read separately.
    It is empty where the body is that list, and None where a callback holds a single item.
    """

    raw: bytes
    batch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptCallback:
    """A callback with one fault; `rest` is the same callback without the faulty element.

    `rest` is None where no valid element is left. With `may_be_empty`, `parse` may return nothing.
    """

    what: str
    raw: bytes
    rest: bytes | None = None
    may_be_empty: bool = False


def spoil(good: ValidCallback) -> Iterator[CorruptCallback]:
    """Yield the corrupt variants of a callback, each with one fault."""
    shape = _shape(good.raw)
    if isinstance(shape, _Json):
        yield from _spoil_json(shape, good.batch)
    elif isinstance(shape, _Form):
        yield from _spoil_form(shape)
    else:
        yield from _spoil_octets(good.raw)
    yield from _cut_and_padded(good.raw, every=shape is None)


def with_text(good: ValidCallback, old: str, new: str) -> bytes | None:
    """Return the callback with `old` replaced by `new`; None where `old` does not occur."""
    shape = _shape(good.raw)
    if isinstance(shape, _Json):
        changed = _replaced(shape.value, old, new)
        return None if changed == shape.value else shape.head + _encode(changed)
    if isinstance(shape, _Form):
        fields = [(name, new if value == old else value) for name, value in shape.fields]
        return None if fields == shape.fields else shape.made((n, v.encode()) for n, v in fields)
    return None


def odd_requests(bodies: Sequence[bytes]) -> Iterator[CallbackRequest]:
    """Yield requests without a valid proof and with content that no carrier sends."""
    url = "https://sms.example.com/callbacks/k3"
    for value in _HEADERS:
        headers = dict.fromkeys(_NAMES, value) if value is not None else {}
        for body in (b"", b"\0", b"{", b"[" * 5_000, b"a=%ff&=&a", b"\xff" * 9, *bodies):
            yield CallbackRequest(method="POST", url=url, headers=headers, body=body)
        for query in ("?", "?token", "?token=%ff&token=%00", "?" + "a=&" * 500):
            yield CallbackRequest(method="GET", url=url + query, headers=headers, body=b"")


# As the HTTP server hands them over: undecodable bytes are surrogates.
_HEADERS: Final = (None, "", "\udcff", "Basic \udcff", "Basic Og==", "Bearer e30.e30.e30", "1" * 99)
_NAMES: Final = (
    *("content-type", "authorization", "x-signature", "x-twilio-signature"),
    *("x-plivo-signature-v3", "x-plivo-signature-v3-nonce", "x-plivo-signature-v2"),
    *("x-sinch-webhook-signature", "x-sinch-webhook-signature-timestamp"),
    *("telnyx-signature-ed25519", "telnyx-timestamp"),
)

# The formats of callbacks


@dataclass(frozen=True, slots=True)
class _Json:
    head: bytes
    value: Any


@dataclass(frozen=True, slots=True)
class _Form:
    """The fields of a form, with the bytes before and after them."""

    head: bytes
    fields: list[tuple[str, str]]
    tail: bytes

    def made(self, fields: Iterable[tuple[str, bytes]]) -> bytes:
        pairs = [f"{name}={quote_from_bytes(value)}" for name, value in fields]
        return self.head + "&".join(pairs).encode() + self.tail


def _shape(raw: bytes) -> _Json | _Form | None:
    """Return a stored callback parsed as JSON or a form; None for anything else, such as a PDU."""
    lines = raw.split(b"\n", 2)
    is_packed = len(lines) == len(("content type", "query", "body")) and _TYPE(lines[0])
    head, body = (b"\n".join([*lines[:2], b""]), lines[2]) if is_packed else (b"", raw)
    try:
        if body[:1] in {b"{", b"["}:
            return _Json(head, json.loads(body))
        if is_packed and body:
            return _Form(head, parse_qsl(body.decode(), keep_blank_values=True), b"")
        if is_packed and lines[1]:
            fields = parse_qsl(lines[1].decode(), keep_blank_values=True)
            return _Form(lines[0] + b"\n", fields, b"\n")
    except ValueError:
        pass
    return None


# JSON

# A placeholder for octets that no encoder writes.
_HERE: Final = "\x7fhere\x7f"
_OCTETS: Final = {
    "a byte that is no UTF-8": b'"a\xff"',
    "a surrogate in UTF-8": b'"a\xed\xa0\xbd"',
    "a NUL as it is": b'"a\0b"',
    "a line end as it is": b'"a\nb"',
    "a number past all bounds": b"1e999",
    "a number of 5,000 digits": b"9" * 5_000,
    "a list in lists": b"[" * 3_000 + b"]" * 3_000,
}


def _spoil_json(shape: _Json, batch: str | None) -> Iterator[CorruptCallback]:
    place = None if batch is None else tuple(filter(None, batch.split(".")))
    for path in _paths(shape.value, ()):
        rest = _rest(shape, place, path)
        # Without the elements of a list, the callback may say nothing.
        is_list = isinstance(_at(shape.value, path), list)
        outside = rest is None and (is_list or not path or isinstance(path[-1], int))
        for what, value in _wrong(_at(shape.value, path)):
            raw = shape.head + _encode(_changed(shape.value, path, value))
            is_empty = rest is None and value == [[]]
            yield CorruptCallback(
                what=f"{_shown(path)}: {what}", raw=raw, rest=rest, may_be_empty=outside or is_empty
            )
        marked = shape.head + _encode(_changed(shape.value, path, [_HERE]))
        for what, octets in _OCTETS.items():
            raw = marked.replace(json.dumps(_HERE).encode(), octets)
            yield CorruptCallback(
                what=f"{_shown(path)}: {what}", raw=raw, rest=rest, may_be_empty=outside
            )


def _wrong(value: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield replacements for a value, each a list of one value, or empty to remove the field."""
    yield "absent", []
    for what, other in {
        "null": None,
        "true": True,
        "a number": 5,
        "a fraction": 1.5,
        "negative": -1,
        "2^70": 2**70,
        "a text": "x",
        "empty": "",
        "an empty list": [],
        "a list": [None],
        "an empty object": {},
        "an object": {"x": {"x": None}},
        "a NUL": "\0",
        "half an emoji": "\ud83d",
        "the other half": "\ude00",
    }.items():
        yield what, [other]
    if not isinstance(value, dict | list):
        yield "a megabyte", [_MEGABYTE]
    if isinstance(value, str):
        for what, other in {
            "with a NUL": f"{value[:2]}\0{value[2:]}",
            "with a NUL behind": f"{value}\0",
            "with half an emoji": f"{value}\ud83d",
            "with the other half": f"\ude00{value}",
            "negative": f"-{value}",
            "twice": value + value,
        }.items():
            yield what, [other]


def _rest(shape: _Json, place: Path | None, path: Path) -> bytes | None:
    """Return the callback without the batch element that contains `path`."""
    if place is None or path[: len(place)] != place or len(path) == len(place):
        return None
    element = path[: len(place) + 1]
    if len(_at(shape.value, place)) <= 1:
        return None
    return shape.head + _encode(_changed(shape.value, element, []))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    yield path
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, inner in items:
        yield from _paths(inner, (*path, name))


def _at(value: Any, path: Path) -> Any:
    for name in path:
        value = value[name if isinstance(value, dict) else int(name)]
    return value


def _changed(value: Any, path: Path, by: Sequence[Any]) -> Any:
    """Return a copy of `value` with the value at `path` replaced by `by`; empty removes it."""
    if not path:
        return by[0] if by else {}
    name, *further = path
    if further:
        by = [_changed(value[name], tuple(further), by)]
    if isinstance(value, list):
        at = int(name)
        return [*value[:at], *by, *value[at + 1 :]]
    others = {old: inner for old, inner in value.items() if old != name}
    return {**others, name: by[0]} if by else others


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, old, new) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, old, new) for inner in value]
    return new if value == old else value


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def _shown(path: Path) -> str:
    return ".".join(map(str, path)) or "the whole"


# Forms


def _spoil_form(shape: _Form) -> Iterator[CorruptCallback]:
    fields = [(name, value.encode()) for name, value in shape.fields]
    for at, (name, value) in enumerate(fields):
        before, behind = fields[:at], fields[at + 1 :]
        yield CorruptCallback(what=f"{name}: absent", raw=shape.made([*before, *behind]))
        yield CorruptCallback(what=f"{name}: twice", raw=shape.made([*fields, (name, b"x")]))
        for what, other in {
            "empty": b"",
            "a text": b"x",
            "null": b"null",
            "negative": b"-" + value,
            "2^70": str(2**70).encode(),
            "a megabyte": _MEGABYTE.encode(),
            "a NUL": b"\0",
            "with a NUL": value[:2] + b"\0" + value[2:],
            "with a NUL behind": value + b"\0",
            "a byte that is no UTF-8": value + b"\xff",
            "half an emoji": value + b"\xed\xa0\xbd",
        }.items():
            yield CorruptCallback(
                what=f"{name}: {what}", raw=shape.made([*before, (name, other), *behind])
            )


# Octets


def _spoil_octets(raw: bytes) -> Iterator[CorruptCallback]:
    for at in range(len(raw)):
        for octet in (0x00, 0x7F, 0xFF):
            changed = raw[:at] + bytes([octet]) + raw[at + 1 :]
            yield CorruptCallback(what=f"octet {at} is {octet:#x}", raw=changed)


def _cut_and_padded(raw: bytes, *, every: bool) -> Iterator[CorruptCallback]:
    step = 1 if every else max(1, len(raw) // _CUTS_MAX)
    cuts = ((f"cut after {at}", raw[:at]) for at in range(0, len(raw), step))
    padded = ((f"with {junk[:3]!r} behind", raw + junk) for junk in _JUNK)
    for what, changed in chain(cuts, padded):
        yield CorruptCallback(what=what, raw=changed, may_be_empty=True)
