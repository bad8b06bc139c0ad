"""How many contacts of a list signed up on each day, counted with every change of its rows.

A report of cohorts reads these in place of the contacts. What adds a contact to a list, deletes one
or moves its sign-up says so here, in the same transaction; a contact who leaves stays counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sendrail.domain.cohort import day_of
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

_NO_SHARE: Final = 0
# A list, when one of its contacts signed up (milliseconds since the epoch), and how many they are.
SignUpChange = tuple[int, int, int]


def _one_writer() -> int:
    return _NO_SHARE


@dataclass(frozen=True, slots=True)
class SignUpCountTexts:
    """The statement of `SignUpCounts`."""

    add: Statement


class SignUpCounts:
    """Contacts by list and day of the sign-up."""

    def __init__(
        self, driver: Driver, texts: SignUpCountTexts, shard: Callable[[], int] = _one_writer
    ) -> None:
        """Write the share of each count that `shard` returns: two at once have different ones."""
        self._driver = driver
        self._texts = texts
        self._shard = shard

    def add(self, changes: Iterable[SignUpChange]) -> None:
        """Count contacts who came, and those who went as fewer than none."""
        tally: Counter[tuple[int, int]] = Counter()
        for list_id, signup_at, n in changes:
            tally[list_id, day_of(signup_at)] += n
        if changed := sorted(each for each in tally.items() if each[1]):
            shard = self._shard()
            self._driver.each(self._texts.add, [(*key, shard, n) for key, n in changed])
