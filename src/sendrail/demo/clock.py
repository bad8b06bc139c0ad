"""The clock of a demonstration: it shows what it is set to, and only ever goes forwards."""


class DemoClock:
    """Both times of an installation, in one that is moved by hand."""

    def __init__(self, ms: int) -> None:
        """Start at a time in milliseconds since the epoch."""
        self._ms = ms

    def now(self) -> int:
        return self._ms

    def monotonic(self) -> float:
        return self._ms / 1000

    def follow(self, earliest: int, latest: int) -> None:
        """Learn nothing: no database has another time."""

    def set(self, ms: int) -> None:
        """Go to a time; one that is past changes nothing."""
        self._ms = max(self._ms, ms)
