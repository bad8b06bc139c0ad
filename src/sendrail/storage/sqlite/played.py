"""A store for a month that is played in seconds: no caller waits for its answers."""

from collections.abc import Callable
from typing import TypeVar

from sendrail.storage.sqlite.store import SqliteStore
from sendrail.storage.sqlite.transaction import SqliteTx

T = TypeVar("T")


class PlayedStore(SqliteStore):
    """Commits without waiting for the disk, until it is closed, and reads in line.

    A power cut meanwhile loses the month, which is played again; so this is for no other use.
    """

    _sync_level = _later_level = "OFF"

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)  # type: ignore[arg-type]
        self._raw.execute("PRAGMA synchronous = OFF")

    async def read(self, work: Callable[[SqliteTx], T], *, begun: bool = True) -> T:  # noqa: ARG002
        return self._read(work)

    def start_checkpoints(self) -> None:
        """Do nothing: no caller waits while the log is moved."""

    def close_now(self) -> None:
        """Bring everything to the disk, and let go of the database."""
        self._raw.execute("PRAGMA synchronous = FULL")
        self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        super().close_now()
