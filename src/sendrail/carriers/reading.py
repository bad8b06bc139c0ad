"""Parsing of what carriers send: each element separately, and JSON with malformed texts.

A callback may hold a hundred results. One that cannot be read becomes a `Refused`; the others
count.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from sendrail.domain import address
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import (
    Callback,
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Refused,
    Reply,
    ReplyPart,
)

T = TypeVar("T")


# One by one


def read_each(
    pieces: Iterable[T],
    read: Callable[[T], Callback],
    about: Callable[[T], CallbackSubject],
    alone: Callable[[T], bytes],
) -> list[Callback]:
    """Return each piece of a callback as a value, or as a `Refused` where it cannot be read.

    `about` returns the subject of a piece that `read` failed on; it must accept any bytes. `alone`
    makes a callback of that piece alone, for a later `parse`.
    """
    said: list[Callback] = []
    for piece in pieces:
        try:
            said.append(read(piece))
        except CarrierTrouble as trouble:
            said.append(Refused(reason=trouble.message, raw=alone(piece), about=about(piece)))
        except Exception as bug:  # noqa: BLE001 - a failure in one piece must not affect the others
            reason = f"Reading it failed ({type(bug).__name__})."
            said.append(Refused(reason=reason, raw=alone(piece), about=about(piece)))
    return said


def read_one(raw: bytes, read: Callable[[], Callback], about: CallbackSubject) -> list[Callback]:
    """Return a callback of a single item as a value, or as a `Refused` where it cannot be read."""
    return read_each((raw,), lambda _: read(), lambda _: about, lambda _: raw)


# Words and numbers

_LETTERS: Final = re.compile(r"[A-Za-z]").search
# Three to eight digits, in all countries that have short codes. Each of ours has one list.
_SHORT_CODE: Final = re.compile(r"[1-9][0-9]{2,7}").fullmatch
# Longer than any sender's name that a network shows: 3GPP TS 23.040, 9.1.2.5 allows eleven.
_NAME: Final = re.compile(r"[ -~]{1,20}").fullmatch
# The prefix of an address on another channel, such as `whatsapp:+15550100000`.
_CHANNEL: Final = re.compile(
    r"(whatsapp|messenger|rcs|viber|instagram|telegram|line|kakao|wechat|apple):"
).match
_WORD: Final = re.compile(r"[\w.-]{1,40}", re.ASCII).fullmatch
_OUR_NAME: Final = re.compile(r"(tel|sms):", re.IGNORECASE)


def known(table: Mapping[str, T], word: str) -> T:
    """Return the meaning of a status; the table is in lower case, and case does not matter.

    Raise `CarrierTrouble` for a status that is not in the table: it may be the message's final one,
    so it must not be ignored.
    """
    try:
        return table[word.strip().lower()]
    except KeyError:
        raise CarrierTrouble(f"A receipt has a status that is not known: {shown(word)}.") from None


def is_other_channel(name: str) -> bool:
    """Return whether a channel is not SMS; raise `CarrierTrouble` where it is no name."""
    if name.strip().lower() == "sms":
        return False
    if is_word(name):
        return True
    raise CarrierTrouble("A text does not name the channel by which it came.")


def is_word(text: object) -> bool:
    """Return whether this looks like a carrier's name for a kind of event, not a person's text."""
    return isinstance(text, str) and _WORD(text) is not None


def shown(word: object) -> str:
    """Return a carrier's word as an error may show it."""
    return f"`{word}`" if is_word(word) else "something that is no word"


def read_text(
    *,
    sender: str | None,
    to: str | None,
    text: str | None,
    country: str | None,
    ref: str | None = None,
    part: ReplyPart | None = None,
    answered: bool = False,
) -> Reply | IgnoredPart:
    """Return a text from a handset as a reply, or an `IgnoredPart` where no handset wrote it.

    `country` is the country of national numbers, as two letters. Raise `CarrierTrouble` where the
    sender's number is ambiguous: the text may be a STOP, and would opt a stranger out.
    """
    if text is None:
        raise CarrierTrouble("A text from a handset has no text.")
    who, whom = (_OUR_NAME.sub("", each or "", count=1) for each in (sender, to))
    if _CHANNEL(who) or _CHANNEL(whom):
        return IgnoredPart(IgnoredReason.CHANNEL)
    number = address.read_number(who, country=country)
    if number is None:
        if address.read_short_code(who) or (_NAME(who) and _LETTERS(who)):
            return IgnoredPart(IgnoredReason.SENDER)
        raise CarrierTrouble(_unsure("sender", who, country))
    ours = address.read_number(whom, country=country)
    if ours is None and not _SHORT_CODE(whom.strip()):
        raise CarrierTrouble(_unsure("recipient", whom, country))
    return Reply(
        sender=number,
        list_number=PhoneNumber(int(whom)) if ours is None else ours,
        body=text,
        answered=answered,
        part=part,
        carrier_ref=ref or None,
    )


def _unsure(whose: str, text: str, country: str | None) -> str:
    if not text.strip("+0 "):
        return f"A text from a handset names no {whose}."
    if country is None:
        return (
            f"The {whose} of a text is no number with a country code. Where the carrier writes "
            "national numbers, set the connector's `country`."
        )
    return (
        f"The {whose} of a text is no number of {country}, or could be another country's as well."
    )


# JSON


def read_json(body: bytes, into: type[T]) -> T:
    """Return a JSON body as a value of this type; raise `CarrierTrouble` when it does not fit.

    Malformed strings are repaired: lone surrogates, bytes that are no UTF-8, unescaped line ends.
    Some carriers pass on what a handset sent. Values that nest too deep become null.
    """
    try:
        try:
            return msgspec.json.decode(body, type=into)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(repaired(body), type=into)
        except RecursionError:
            return msgspec.json.decode(shallow(repaired(body)), type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Their messages name fields and types, and at most a word that is not in an enumeration.
        raise CarrierTrouble(f"What the carrier says cannot be read: {error!s:.150}.") from error


def reader(into: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """Return a faster `read_json` for one type, for elements that come a hundred to a callback."""
    decode = msgspec.json.Decoder(into).decode

    def read(body: bytes | msgspec.Raw) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return read_json(bytes(body), into)

    return read


def names(body: bytes) -> frozenset[str]:
    """Return the names of a JSON object's fields; an empty set for anything else."""
    try:
        return frozenset(read_json(body, dict[str, msgspec.Raw]))
    except CarrierTrouble:
        return frozenset()


# RFC 8259, 7: a surrogate is valid only with its other half; any other escape stays.
_ESCAPE: Final = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|(\\.)",
    re.DOTALL,
)
_HALF: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_PAIR: Final = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
# Also a string that is not closed; otherwise the search would start again at each quote in it.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(_STRING.pattern + rb"|[][{}]", re.DOTALL)
_DEPTH_MAX: Final = 64
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
_BOM: Final = b"\xef\xbb\xbf"


def mended(octets: bytes) -> str:
    """Decode octets as UTF-8; surrogate pairs are joined, lone surrogates become U+FFFD."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        octets = _PAIR.sub(lambda found: _joined(found[0]), octets)
        return _HALF.sub("\ufffd".encode(), octets).decode("utf-8", "replace")


def _joined(halves: bytes) -> bytes:
    in_two = halves.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
    return in_two.decode("utf-16-le").encode()


def repaired(body: bytes) -> bytes:
    """Return JSON with its strings repaired; other faults are left as they are."""
    text = mended(body.removeprefix(_BOM)).encode()
    text = _ESCAPE.sub(lambda found: rb"\ufffd" if found[2] else found[0], text)
    return _STRING.sub(lambda found: _CONTROL.sub(_escaped, found[0]), text)


def shallow(body: bytes) -> bytes:
    """Return JSON in which values that nest too deep are null."""
    kept, depth, begin, until = [], 0, 0, 0
    for found in _BRACKET.finditer(body):
        if found[0] in {b"[", b"{"}:
            depth += 1
            begin = found.start() if depth == _DEPTH_MAX else begin
        elif found[0] in {b"]", b"}"}:
            if depth == _DEPTH_MAX:
                kept += [body[until:begin], b"null"]
                until = found.end()
            depth -= 1
    return b"".join([*kept, body[until:]])


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % found[0][0]
