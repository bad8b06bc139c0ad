"""Troubles of recipients that pass: kept until a message reaches the recipient again."""

from collections.abc import Iterable
from dataclasses import dataclass

from sendrail.domain.ids import lane_in
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftBouncesTexts:
    """The statements of `SoftBounces`."""

    any: Statement
    clear: Statement
    forget: Statement


class SoftBounces:
    """Troubles of recipients that a delivery clears."""

    def __init__(self, driver: Driver, texts: SoftBouncesTexts) -> None:
        self._driver = driver
        self._texts = texts

    def clear(self, delivered: Iterable[int]) -> None:
        """Delete the troubles of the recipients whom these messages have reached."""
        if self._driver.row(self._texts.any) is not None:
            rows = [(lane_in(number), number) for number in delivered]
            self._driver.each(self._texts.clear, rows)

    def forget(self, before: int, limit: int) -> int:
        """Delete at most `limit` troubles from before a time; return how many that were."""
        return self._driver.run(self._texts.forget, before, limit)
