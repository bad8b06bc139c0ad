"""The usual request of a sending call, read by one pattern.

Nearly every message comes as a small `POST` in one piece, with JSON, a length and a key. One look
of the regular expression engine at such a request costs a fraction of what the parser's ten calls
do. The pattern is narrower than HTTP: what it does not match goes to the parser, which decides what
is HTTP, and what it matches the parser reads in the same way (a property test holds them together).
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from sendrail.api.limits import HEAD_FIELDS_MAX, UNASKED_BYTES_MAX

# Nothing matches in two ways and nothing is taken back, so the engine's time is bounded by the
# length of what it looks at.
_WORD: Final = r"[!-~]++"
# The headers that are read, in the order of their groups; the first group is the path.
_READ: Final = (
    ("host", _WORD),
    ("x-api-key", _WORD),
    ("authorization", rf"{_WORD}(?:[ ]{_WORD})?+"),
    ("x-request-id", _WORD),
    ("content-length", r"[0-9]{1,5}+"),
    ("content-type", r"(?i:application/json(?:;[ ]?charset=utf-8)?)"),
)
_NEEDED: Final = ("host", "content-length", "content-type")
_GROUPS: Final = {name: group for group, (name, _) in enumerate(_READ, start=2)}
# These say more about the connection, the body or the call than this way asks for.
_NOT_USUAL: Final = (
    "connection",
    "expect",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
# Path, body, host, key, authorization and request id; None stands for a header that is not there.
UsualRequest: TypeAlias = tuple[bytes, bytes, bytes, bytes | None, bytes | None, bytes | None]


def usual_requests_to(paths: Iterable[bytes]) -> Callable[[bytes], UsualRequest | None]:
    """Return what reads a usual request to one of these paths.

    It returns None for all that is not exactly one such request.
    """
    match = _pattern(paths).match

    def read(data: bytes) -> UsualRequest | None:
        if len(data) > UNASKED_BYTES_MAX or (found := match(data)) is None:
            return None
        path, host, key, authorization, request_id, length, _ = found.groups()
        body = data[found.end() :]
        if int(length) != len(body):
            return None
        return path, body, host, key, authorization, request_id

    return read


def _pattern(paths: Iterable[bytes]) -> "re.Pattern[bytes]":
    known = "|".join(re.escape(path.decode("ascii")) for path in sorted(paths))
    others = "|".join(_any_case(name) for name in (*_GROUPS, *_NOT_USUAL))
    other = rf"(?!(?:{others}):)[A-Za-z0-9-]++:[ ][ -~]++"
    # Many clients offer to keep what is kept anyway.
    kept = _any_case("connection:[ ]keep-alive")
    headers = "|".join((*(_once(*each) for each in _READ), other, kept))
    needed = "".join(rf"(?({_GROUPS[name]})|(?!))" for name in _NEEDED)
    return re.compile(
        rf"POST[ ]({known})[ ]HTTP/1\.1\r\n"
        rf"(?:(?:{headers})\r\n){{1,{HEAD_FIELDS_MAX}}}+\r\n{needed}".encode("ascii")
    )


def _once(name: str, value: str) -> str:
    """Return the pattern of a header that may be there once."""
    return rf"{_any_case(name)}:[ ](?({_GROUPS[name]})(?!))({value})"


def _any_case(name: str) -> str:
    """Return the pattern of a name in any case; its first letter tells the engine what to skip."""
    return f"[{name[0].upper()}{name[0]}](?i:{name[1:]})"
