"""Columns of a file that say who may be texted: each of them counts, and one no is enough.

Lists come from other systems, each with its own name for an opt-out. A column that says so and is
passed over subscribes contacts that must not be texted.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.imports import moment_of
from sendrail.contacts.words import consent_names, meaning_of

# Columns whose no, whose yes or date, and whose plain no among other words is an opt-out.
_YES_MEANS_ON: Final = frozenset(consent_names("on"))
_YES_MEANS_OFF: Final = frozenset(consent_names("off"))
_STATUSES: Final = frozenset(consent_names("status"))
_ALL: Final = _YES_MEANS_ON | _YES_MEANS_OFF | _STATUSES

# Each name is a column of its own: a file may have several of them.
CONSENT_COLUMNS: Final[dict[str, Sequence[str]]] = {name: (name,) for name in sorted(_ALL)}


def has_left(values: Mapping[str, str], now: int) -> bool:
    """Return whether a row says that its contact has opted out.

    An empty cell says nothing, as a file without the column. Raises `RowError` for what is neither
    a yes nor a no: it may be an opt-out in words that are not known here.
    """
    # All of them are read: what one of them says that is not understood refuses the row.
    said = [_is_off(name, cell, now) for name, cell in values.items() if name in _ALL]
    return any(said)


def yes_or_no(column: str, cell: str) -> bool:
    """Return what a cell means. Raises `RowError` for what is neither a yes nor a no."""
    meaning = meaning_of(cell)
    if meaning is None:
        raise RowError(f"{column} is neither a yes nor a no; write true or false")
    return meaning


def _is_off(name: str, cell: str, now: int) -> bool:
    if not cell.strip():
        return False
    if name in _YES_MEANS_ON:
        return not yes_or_no(name, cell)
    meaning = meaning_of(cell)
    if name in _STATUSES:
        # It may be about something else, such as an order.
        return meaning is False
    if meaning is not None:
        return meaning
    try:
        return moment_of(cell, now) is not None
    except RowError:
        raise RowError(
            f"{name} is no yes, no no and no date in the past; write true or false"
        ) from None
