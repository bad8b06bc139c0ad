"""What gives a repeated request one effect only."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sendrail.storage.interface import Tx

T = TypeVar("T")


class Guard(Protocol):
    """Wraps the work of one transaction: the answer to be kept is written with it."""

    def __call__(self, work: Callable[[Tx], T], /) -> Callable[[Tx], T]: ...


def unguarded(work: Callable[[Tx], T], /) -> Callable[[Tx], T]:
    """Return the work as it is, for a request without an idempotency key."""
    return work
