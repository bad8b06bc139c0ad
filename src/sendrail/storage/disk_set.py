"""A set of numbers that grows on disk and not in memory, for reading a file of any length.

It is SQLite's own temporary database, whichever database is served: memory holds two megabytes of
it, a file without a name holds the rest, and both are gone when it is closed.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from sendrail.domain.errors import StorageUnavailable

Number = TypeVar("Number", bound=int)

_CACHE_KIB: Final = 2_048


class SeenNumbers:
    """Numbers that a reader has seen; to be closed after use.

    Raises `StorageUnavailable` where there is no room for temporary files.
    """

    def __init__(self) -> None:
        self._raw = sqlite3.connect("", isolation_level=None)
        self._execute("PRAGMA temp_store = FILE")
        self._execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # Nothing is ever taken back.
        self._execute("PRAGMA journal_mode = OFF")
        self._execute("CREATE TABLE seen (number INTEGER PRIMARY KEY)")

    def add(self, numbers: Iterable[int]) -> None:
        """Put numbers in."""
        # In their order, so that neighbours share their pages.
        new = json.dumps(sorted(numbers))
        self._execute("INSERT OR IGNORE INTO seen SELECT value FROM json_each(?)", new)

    def among(self, numbers: Iterable[Number]) -> set[Number]:
        """Return those of the numbers that were put in."""
        wanted = set(numbers)
        asked = json.dumps(sorted(wanted))
        found = self._execute(
            "SELECT number FROM seen WHERE number IN (SELECT value FROM json_each(?))", asked
        )
        there = {number for (number,) in found}
        return {number for number in wanted if number in there}

    def close(self) -> None:
        """Forget all of them."""
        self._raw.close()

    def _execute(self, statement: str, *values: str) -> list[Any]:
        try:
            return self._raw.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StorageUnavailable(
                f"What was seen of a file is kept in a temporary file, and that failed: {error}. "
                "Make room in the folder of temporary files, or name another one by TMPDIR."
            ) from error
