"""Answers that were given under idempotency keys, so that a request is answered once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


class KeptAnswer(NamedTuple):
    """The answer given to an earlier request with the same idempotency key."""

    route: str
    body_digest: bytes
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyTexts:
    """The statements of `Idempotency`."""

    kept: Statement
    keep: Statement
    old: Statement
    forget: Statement


class Idempotency(ABC):
    """The answers to requests that came with a key, by account and key."""

    def __init__(self, driver: Driver, texts: IdempotencyTexts) -> None:
        self._driver = driver
        self._texts = texts

    @abstractmethod
    def claim(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        """Claim keys until the transaction ends; return the answers given under some before.

        A key that another transaction has claimed is waited for. One under which no answer is
        given before the end is free again.
        """

    def answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None:
        """Keep the answer to a request whose key was claimed."""
        self._driver.run(self._texts.keep, account_id, key, *answer, now)

    def forget(self, before: int, limit: int) -> int:
        """Delete at most `limit` answers given before a time; return how many that were."""
        old = self._driver.rows(self._texts.old, before, limit)
        self._driver.each(self._texts.forget, old)
        return len(old)

    def find(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        """Return the answers given under these keys."""
        rows = self._driver.rows_by_key(self._texts.kept, list(keys))
        return {(row[0], row[1]): KeptAnswer(*row[2:]) for row in rows}
