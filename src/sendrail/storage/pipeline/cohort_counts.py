"""What contacts brought since they signed up, counted with the change itself: see `domain/cohort`.

A count is of a list, the day of the sign-up and a band of days since. Contacts that a list does not
know are in none. What is rarer than a message is counted of each contact as well: by that, cohorts
are made of contacts with one carrier, or with one value of a custom field, as these are now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sendrail.domain.cohort import CohortEvent, CohortKind, band_of, day_of
from sendrail.domain.erasure import REDACTED
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

_NO_SHARE: Final = 0
# How many and how much, by list, day or contact, band and kind.
_Tally = defaultdict[tuple[int, int, int, str], list[int]]


def _one_writer() -> int:
    return _NO_SHARE


def _nothing() -> list[int]:
    return [0, 0]


def _changed(tally: _Tally) -> list[tuple[tuple[int, int, int, str], list[int]]]:
    """Return what is to be added, in the order of the keys, as everything that writes counts."""
    return sorted(each for each in tally.items() if any(each[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCountTexts:
    """The statements of `CohortCounts`."""

    signups: Statement
    add: Statement
    add_of_contacts: Statement
    forget: Statement


class CohortCounts:
    """Counts by list and sign-up."""

    def __init__(
        self, driver: Driver, texts: CohortCountTexts, shard: Callable[[], int] = _one_writer
    ) -> None:
        """Write the share of each count that `shard` returns: two at once have different ones."""
        self._driver = driver
        self._texts = texts
        self._shard = shard

    def add(self, events: Iterable[CohortEvent]) -> None:
        """Count what happened to contacts, as far as their lists know them."""
        happened = [each for each in events if each.recipient != REDACTED]
        contacts = sorted({each[:2] for each in happened})
        if not contacts:
            return
        rows = self._driver.rows_by_key(self._texts.signups, contacts)
        signups = {(row[0], row[1]): row[2] for row in rows}
        of_days: _Tally = defaultdict(_nothing)
        of_contacts: _Tally = defaultdict(_nothing)
        for each in happened:
            if (signup_at := signups.get(each[:2])) is None:
                continue
            band = band_of(signup_at, each.at)
            counts = [of_days[each.list_id, day_of(signup_at), band, each.what]]
            if each.what != CohortKind.SENDS:
                counts.append(of_contacts[each.list_id, each.recipient, band, each.what])
            for values in counts:
                values[0] += each.n
                values[1] += each.amount
        if rows := _changed(of_contacts):
            self._driver.each(self._texts.add_of_contacts, [(*key, *n) for key, n in rows])
        if rows := _changed(of_days):
            shard = self._shard()
            self._driver.each(self._texts.add, [(*key, shard, *n) for key, n in rows])

    def forget(self, before: int, limit: int) -> int:
        """Delete at most so many counts of those who signed up before a time; return how many."""
        return self._driver.run(self._texts.forget, day_of(before), limit)
