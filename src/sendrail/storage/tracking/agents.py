"""What visitors' browsers call themselves: each text once, for all that send it."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTexts:
    """The statements of `Agents`."""

    by_digest: Statement
    add: Statement
    seen: Statement


class Agents:
    """The user agents of visitors, shared by all accounts: none says whose visitor it was."""

    def __init__(self, driver: Driver, texts: AgentTexts) -> None:
        self._driver = driver
        self._texts = texts

    def ids(self, agents: Collection[bytes], day: int) -> dict[bytes, int]:
        """Return the ids of agents, made where there are none yet, and keep when they were seen.

        Days count from 1970; what was last seen long ago may be removed.
        """
        by_digest = {_digest(agent): agent for agent in agents}
        found = self._find(by_digest)
        if missing := by_digest.keys() - found.keys():
            self._driver.begin()
            # In the order of their key: two processes then never wait for each other in a circle.
            new = [(digest, by_digest[digest], day) for digest in sorted(missing)]
            self._driver.each(self._texts.add, new)
            found |= self._find(missing)
        if old := sorted(each for each, seen_on in found.values() if seen_on < day):
            self._driver.begin()
            self._driver.run(self._texts.seen, self._driver.array(old), day)
        return {by_digest[digest]: each for digest, (each, _) in found.items()}

    def _find(self, digests: Iterable[bytes]) -> dict[bytes, tuple[int, int]]:
        """Return id and last day by digest."""
        keys = [(digest,) for digest in digests]
        rows = self._driver.rows_by_key(self._texts.by_digest, keys)
        return {bytes(row[0]): (row[1], row[2]) for row in rows}


def _digest(agent: bytes) -> bytes:
    return hashlib.blake2b(agent, digest_size=_DIGEST_BYTES).digest()
