"""Leases without end: which process owns something, fenced by an epoch that only grows."""

from dataclasses import dataclass
from typing import NamedTuple

from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


class SpanState(NamedTuple):
    """A span of work as its row has it; what is left of its time may be negative."""

    kind: str
    span: int
    owner: str
    epoch: int
    left_ms: int


class ProcessState(NamedTuple):
    """A process as it shows itself."""

    name: str
    roles: str
    version: str
    started_at: int
    unseen_ms: int


class HeartbeatResponse(NamedTuple):
    """What the database said to a process that showed itself.

    `now` is its time, in milliseconds. `number` counts the transactions that ever wrote anything,
    in whichever process; None where the database does not count them. `is_alone` says whether no
    other was under way, so that everything of a lower number can be seen by now.
    """

    now: int
    number: int | None
    is_alone: bool

    def follows(self, before: "HeartbeatResponse | None") -> bool:
        """Return whether nothing was written since the beat before, but for the two themselves."""
        return (
            before is not None
            and before.is_alone
            and before.number is not None
            and self.number == before.number + 1
        )


class PaceSlot(NamedTuple):
    """A reserved moment of a connector, and when it was read; microseconds of the database's."""

    start_us: int
    now_us: int


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
