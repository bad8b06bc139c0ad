"""Longer texts from handsets: parts are kept until all are there, or until waiting is over.

Parts come in any order, twice, or never. A text is read as a whole, because a keyword counts on the
whole and a character may lie across two of them; but a STOP whose other parts are lost must not
wait for ever.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sendrail.domain.ids import ConnectorId
from sendrail.domain.receipt import Reply
from sendrail.domain.storable import TEXT_MAX
from sendrail.domain.text import decode
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.replies import PartsKey

_NAME_OCTETS: Final = 4


def join(tx: Tx, connector_id: ConnectorId, part: Reply, now: int) -> list[Reply]:
    """Keep a part; return the texts that can be taken now, seldom more than one.

    A text the carrier has offered before, because it missed our answer, is not taken again.
    """
    if part.carrier_ref is not None and not tx.replies.note_ref(connector_id, _name(part), now):
        return []
    place = part.part
    if place is None or place.total <= 1 or not 1 <= place.number <= place.total:
        return [replace(part, part=None)]
    key = PartsKey(connector_id, part.sender, part.list_number, place.reference, place.total)
    ready: list[Reply] = []
    if not tx.replies.keep_part(connector_id, part, now):
        if tx.replies.part_body(key, place.number) == part.body:
            return []
        # Another text under the same reference: handsets count them in one byte, some not at all.
        ready = take_as_it_is(tx, key)
        tx.replies.keep_part(connector_id, part, now)
    parts = tx.replies.parts(key)
    if len(parts) == place.total:
        tx.replies.mark_joined(key)
        ready.append(_whole(parts))
    return ready


def take_as_it_is(tx: Tx, key: PartsKey) -> list[Reply]:
    """Give up waiting: forget the parts, and return the text as far as it came, if it is new."""
    parts = tx.replies.parts(key)
    tx.replies.forget_parts(key)
    return [_whole(parts)] if parts else []


def _name(part: Reply) -> str:
    """Return what a text is recognized by when the carrier offers it again.

    The id alone would lose a STOP where a carrier gives one id to two texts, or to all parts of
    one. So few bits of the text say nothing of it, nor of its sender, once the person is erased.
    """
    place = None if part.part is None else part.part.number
    text = f"{part.sender} {part.list_number} {place} {part.body}".encode()
    return f"{part.carrier_ref} {hashlib.blake2b(text, digest_size=_NAME_OCTETS).hexdigest()}"


def _whole(parts: list[Reply]) -> Reply:
    return replace(
        parts[0],
        body="".join(_texts(parts))[:TEXT_MAX],
        answered=any(part.answered for part in parts),
        part=None,
    )


def _texts(parts: list[Reply]) -> Iterator[str]:
    """Yield the text of each run of parts that follow one another.

    A character may be cut by the end of a part, so their octets are read together.
    """
    octets, alphabet, number = b"", None, 0
    for part in parts:
        place = part.part
        assert place is not None, "these are parts"
        if alphabet is not None and (place.alphabet, place.number) != (alphabet, number + 1):
            yield decode(octets, alphabet)
            octets = b""
        alphabet, number = place.alphabet, place.number
        if alphabet is None or place.octets is None:
            yield part.body
            alphabet = None
        else:
            octets += place.octets
    if alphabet is not None:
        yield decode(octets, alphabet)
