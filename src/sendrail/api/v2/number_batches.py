"""Batches about numbers: each member is read on its own, and says its fault beside its place."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from sendrail.api.v2.decoding import INVALID_JSON, UNREADABLE
from sendrail.domain.errors import InvalidInput

Read = TypeVar("Read")
Failed = TypeVar("Failed")


class OfNumber(Protocol):
    """A member of a batch as far as its number is asked for."""

    phone_number: str | None


def read_each(
    field: str,
    raws: Sequence[bytes],
    read: Callable[[bytes], Read],
    key: Callable[[bytes], OfNumber],
    failed: Callable[[int, str | None, str, str, str | None], Failed],
) -> tuple[list[Read], list[Failed]]:
    """Return what could be read of the members of `field`, and what `failed` makes of the others.

    It gets the member's index, what was written as `phone_number` where `key` finds text there,
    and the code, the sentence and the parameter of the fault.
    """
    wanted, errors = [], []
    for index, raw in enumerate(raws):
        try:
            wanted.append(read(raw))
        except InvalidInput as invalid:
            code, sentence, param = invalid.code, invalid.message, invalid.param
            if code == INVALID_JSON:
                code, param = "invalid_field", field
                sentence = f"Each of `{field}` must be a JSON object"
            errors.append(failed(index, _number_in(raw, key), code, sentence, param))
    return wanted, errors


def _number_in(raw: bytes, key: Callable[[bytes], OfNumber]) -> str | None:
    try:
        return key(raw).phone_number
    except UNREADABLE:
        return None
