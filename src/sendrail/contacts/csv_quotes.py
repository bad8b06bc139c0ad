"""Whether a row of CSV is at its end, found as its bytes come, whatever its length."""

from enum import Enum, auto
from typing import Final

_QUOTE: Final = ord('"')


class _At(Enum):
    BEGINNING = auto()
    PLAIN = auto()
    QUOTED = auto()
    # Behind a quote within quotes: the end of the cell, or the first of two that mean one.
    QUOTE = auto()


class CsvQuotes:
    """Follows the quotes of one row, as RFC 4180 has them: one opens only where a cell begins."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter.encode()
        self._state = _At.BEGINNING

    def feed(self, piece: bytes | bytearray) -> None:
        """Take the next bytes of the row; none of them ends a line."""
        at, state, end = 0, self._state, len(piece)
        while at < end:
            if state is _At.QUOTED:
                at = piece.find(b'"', at) + 1
                if not at:
                    break
                state = _At.QUOTE
            elif state is _At.PLAIN:
                at = piece.find(self._delimiter, at) + 1
                if not at:
                    break
                state = _At.BEGINNING
            else:
                state = self._after(piece[at])
                at += 1
        self._state = state

    @property
    def is_open(self) -> bool:
        """Return whether a line that ends here ends within quotes, so that the row goes on."""
        return self._state is _At.QUOTED

    def _after(self, byte: int) -> _At:
        if byte == _QUOTE:
            return _At.QUOTED
        if byte == self._delimiter[0]:
            return _At.BEGINNING
        return _At.PLAIN
