"""A clock that stands still, for what must be told at one given second."""


class StoppedClock:
    """Both times of a `Clock`; `seconds` since the epoch never pass."""

    def __init__(self, seconds):
        self._seconds = seconds

    def now(self):
        return self._seconds * 1_000

    def monotonic(self):
        return 0.0
