"""When to try again: exponential backoff with jitter, bounded."""

from typing import Final

# Five attempts over about four minutes: after that the trouble is hardly temporary.
ATTEMPTS_MAX: Final = 5
_FIRST_MS: Final = 5_000
_LONGEST_MS: Final = 120_000


def backoff_ms(attempt: int, chance: float) -> int:
    """Return the wait after the given failed attempt (the first is 1).

    `chance` is a random number in [0, 1): it spreads the retries of messages that failed together
    over half the wait.
    """
    assert attempt >= 1, "attempts count from 1"
    wait = min(_FIRST_MS * 3 ** (attempt - 1), _LONGEST_MS)
    return int(wait * (0.75 + 0.5 * chance))
