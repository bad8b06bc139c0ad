"""Finds carrier kinds by the entry-point group `sendrail.carriers`.

A package that is installed beside Sendrail adds a kind by naming its class there. A kind is
imported only when it is used, so a broken kind does not affect the others.
"""

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from sendrail.carriers.sdk import CarrierKind
from sendrail.domain.errors import CarrierTrouble

GROUP: Final = "sendrail.carriers"


def kinds() -> dict[str, Callable[[], CarrierKind]]:
    """Return the installed kinds: by name, a function that loads the kind."""
    return {
        entry.name: partial(_load, entry) for entry in _installed(entry_points, tuple(sys.path))
    }


@lru_cache(maxsize=1)
def _installed(
    find: Callable[..., Iterable[EntryPoint]], path: tuple[str, ...]
) -> tuple[EntryPoint, ...]:
    """Return the entry points on a path, read once: a look opens a file of every package."""
    del path
    return tuple(find(group=GROUP))


def kind_of(name: str) -> CarrierKind:
    """Return a kind by its name. Raise `CarrierTrouble` when it is unknown or cannot be loaded."""
    known = kinds()
    if name not in known:
        names = ", ".join(sorted(known)) or "none is installed"
        raise CarrierTrouble(f"There is no carrier kind {name!r}; known: {names}.", param="kind")
    return known[name]()


def _load(entry: EntryPoint) -> CarrierKind:
    try:
        kind: CarrierKind = entry.load()
    except Exception as error:
        # A third party's module runs here, and may raise anything.
        raise CarrierTrouble(
            f"Carrier kind {entry.name!r} ({entry.value}) cannot be loaded: {error!r}.",
            param="kind",
        ) from error
    return kind
