"""Well-formed JSON that decoders refuse: nested too deep, or with lone surrogates.

How deep a decoder follows depends on the interpreter, and a lone surrogate is valid JSON that no
text can hold. This module handles both in the same way on every interpreter. All of it is linear,
and runs only for JSON that a decoder has refused or that is nested.
"""

import re
from array import array
from itertools import accumulate
from typing import Final

from sendrail.domain.order import Fault

# How deep the free-form JSON that we keep may be nested.
DEPTH_MAX: Final = 64
# Less than any interpreter's own bound, including the decoder's callers.
DEPTH_READ: Final = 500
# Replaces a lone surrogate: a noncharacter, escaped with a mix of cases that no encoder writes.
MARK: Final = "\ufffe"
MARK_ESCAPED: Final = rb"\uFfFe"
_HALF_ESCAPED: Final = rb"\uD800"
# More than these would take too much time from other requests.
_BRACKETS_MAX: Final = 100_000
_HALVES_MAX: Final = 10_000

# A string that is not closed matches to the end, so that nothing inside it is scanned again.
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_TOKENS: Final = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_OPEN: Final = b"[{"
# An opening bracket is one step down, a closing one a step up: 255 is -1 as a signed octet.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_HEX: Final = rb"[0-9a-fA-F]{2}"
_HIGH: Final = rb"\\u[dD][89abAB]" + _HEX
_LOW: Final = rb"\\u[dD][c-fC-F]" + _HEX
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]" + _HEX)
# The longest prefix in which every surrogate pair is complete.
_WHOLE: Final = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|" + _HIGH + _LOW + rb")*+", re.DOTALL
)


def nests_deeper(json: bytes, levels: int) -> bool:
    """Return whether arrays and objects are nested more than `levels` deep."""
    if json.count(b"[") + json.count(b"{") <= levels:
        return False
    steps = array("b", _STRINGS.sub(b"", json).translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps), default=0) > levels


def too_deep(name: str, json: bytes) -> Fault | None:
    """Return the fault in free-form JSON that is nested more deeply than we keep."""
    if not nests_deeper(json, DEPTH_MAX):
        return None
    return Fault("invalid_field", f"{name} is nested more than {DEPTH_MAX} levels deep", name)


def has_too_many_brackets(json: bytes) -> bool:
    """Return whether JSON that is nested too deeply is not worth to be flattened."""
    return json.count(b"[") + json.count(b"{") > _BRACKETS_MAX


def flattened(json: bytes, levels: int = DEPTH_READ) -> bytes | None:
    """Return JSON with arrays and objects emptied at level `levels`; None for too many brackets."""
    if not nests_deeper(json, levels):
        return json
    if has_too_many_brackets(json):
        return None
    kept, start, depth = bytearray(), 0, 0
    for token in _TOKENS.finditer(json):
        bracket = token[0]
        if bracket in _OPEN:
            depth += 1
            if depth == levels:
                kept += json[start : token.end()]
        elif len(bracket) == 1 and bracket != b'"':
            if depth == levels:
                start = token.start()
            depth -= 1
    return bytes(kept + json[start:]) if depth < levels else bytes(kept)


def marked(json: bytes) -> bytes | None:
    """Return JSON with a mark for each lone surrogate; None for too many of them."""
    if _HALF.search(json) is None:
        return json
    pieces, at = [], 0
    while True:
        end = _WHOLE.match(json, at).end()  # type: ignore[union-attr] # it matches nothing, too
        pieces.append(json[at:end])
        if _HALF.match(json, end) is None:
            # The end, or a broken escape, which the decoder reports.
            pieces.append(json[end:])
            return b"".join(pieces)
        if len(pieces) > 2 * _HALVES_MAX:
            return None
        pieces.append(MARK_ESCAPED)
        at = end + len(MARK_ESCAPED)


def unmarked(json: bytes) -> bytes:
    """Return JSON with a lone surrogate in place of each mark."""
    return json.replace(MARK_ESCAPED, _HALF_ESCAPED)
