"""Leases without end: which process owns something, fenced by an epoch that only grows."""

from dataclasses import dataclass

from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesTexts:
    """The statements of `Leases`."""

    take: Statement
    epoch: Statement


class Leases:
    """Which process owns what."""

    def __init__(self, driver: Driver, texts: LeasesTexts) -> None:
        self._driver = driver
        self._texts = texts

    def take(self, name: str, owner: str, now: int) -> int:
        """Take a lease, also from another owner; return its new epoch."""
        [(epoch,)] = self._driver.returning(self._texts.take, name, owner, now)
        return int(epoch)

    def epoch(self, name: str) -> int:
        """Return the epoch of a lease, 0 where it was never taken."""
        row = self._driver.row(self._texts.epoch, name)
        return int(row[0]) if row else 0
