"""How many turns a round takes: many while many are due."""

from typing import Final

# A first round. A lane that fills it has more to do, and its next round is twice as large.
ROUND: Final = 100
# Larger rounds save little more, and hold the event loop for longer.
ROUND_MAX: Final = 400


class RoundSize:
    """The size of the next round, by how full the last ones were."""

    def __init__(self, most: int = ROUND_MAX) -> None:
        """Take at most so many turns a round."""
        self._most = most
        self._size = min(ROUND, most)

    def limit(self) -> int:
        """Return how many turns the next round may take."""
        return self._size

    def done(self, claimed: int) -> None:
        """Note how many a round has found due."""
        if claimed >= self._size:
            self._size = min(2 * self._size, self._most)
        elif claimed * 2 < self._size:
            self._size = min(ROUND, self._most)
