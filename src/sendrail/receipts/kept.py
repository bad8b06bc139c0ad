"""What was read of a callback, as bytes: for what is refused after its callback is gone.

A receipt that was parked and a text whose parts were waited for have left their callbacks behind.
Where one of them cannot be applied it is kept in this form, which is read again like a callback.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import msgspec

from sendrail.domain.receipt import Receipt, Reply

# No carrier's callback begins like this.
_MARK: Final = b"\x00sendrail kept\n"


class _Kept(msgspec.Struct):
    receipt: Receipt | None = None
    reply: Reply | None = None


def pack(said: Receipt | Reply) -> bytes:
    """Return a receipt or a text in a form that a person can read as well."""
    name = "reply" if isinstance(said, Reply) else "receipt"
    return _MARK + msgspec.json.encode({name: asdict(said)})


def unpack(raw: bytes) -> Sequence[Receipt | Reply] | None:
    """Return what was packed, or None for a carrier's callback."""
    if not raw.startswith(_MARK):
        return None
    found = msgspec.json.decode(raw[len(_MARK) :], type=_Kept)
    return [each for each in (found.receipt, found.reply) if each is not None]
