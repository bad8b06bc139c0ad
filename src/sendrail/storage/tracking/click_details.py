"""What leaves of clicks: first who it was, then the click; and agents of no click any more."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from sendrail.domain.times import DAY_MS
from sendrail.storage.driver import Driver, Row
from sendrail.storage.templates import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickDetailTexts:
    """The statements of `ClickDetails`; what is written row by row takes its lane first."""

    detailed: Statement
    blank: Statement
    come_to: Statement
    forget: Statement
    forget_agents: Statement


class ClickDetails(ABC):
    """The details of clicks, and their end by retention."""

    def __init__(self, driver: Driver, texts: ClickDetailTexts) -> None:
        self._driver = driver
        self._texts = texts

    def blank_before(self, before: int, limit: int) -> int:
        """Delete network, digest and agent of at most `limit` clicks made before a time.

        Returns how many clicks were looked at; 0 means that none is so old.
        """
        rows = self._old(before, limit)
        if rows:
            self._blank(rows)
        return len(rows)

    @abstractmethod
    def _old(self, before: int, limit: int) -> Sequence[Row]:
        """Return the ids and times of the first clicks that are not blank, made before a time."""

    @abstractmethod
    def _blank(self, rows: Sequence[Row]) -> None:
        """Blank these clicks, and note how far that has come."""

    def forget_before(self, before: int, limit: int) -> int:
        """Delete at most `limit` counted clicks made before a time; return how many."""
        return self._driver.run(self._texts.forget, before, limit)

    def forget_agents(self, before: int, limit: int) -> int:
        """Delete at most `limit` agents that were last met on a day before a time's.

        Their clicks must have been blanked: no process holds an agent in memory for a day.
        """
        return self._driver.run(self._texts.forget_agents, before // DAY_MS, limit)
