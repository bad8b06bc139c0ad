"""Hints between processes: what one of them wrote, the others learn within moments.

By LISTEN and NOTIFY on a connection of its own, outside every transaction that does work: a NOTIFY
takes a lock on the whole server at its commit, so it is sent a few times a second for everything
together and never for a message. What is lost costs the wait for the next look.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import greenlet_spawn

from sendrail.storage.interface import Hints

_log = structlog.get_logger()

CHANNEL: Final = "sendrail_news"
NOTIFY: Final = "SELECT pg_notify($1, $2)"
_ALIVE: Final = "SELECT 1"
# Twenty times a second at the most, whatever happens.
_GATHER_SECONDS: Final = 0.05
# PostgreSQL takes less than 8,000 bytes. What it has no room for is found by polling.
_BYTES_MAX: Final = 7_500
# Until then a connection that died unnoticed brings no hints; heartbeats see that there are some.
_SILENCE_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 3.0
_AGAIN_SECONDS: Final = 0.5
_TROUBLE: Final = (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError)

_QUEUE, _INBOX, _ANSWERS, _OUTBOX, _CONNECTORS, _JOURNEYS = "qiaolj"


class ClusterHints(Hints):
    """Hints that other processes get as well, while `run` is under way."""

    def __init__(self) -> None:
        super().__init__()
        self._lists: set[tuple[int, int]] = set()
        self._stages: set[str] = set()
        self._turns: set[int] = set()
        self._unsent = asyncio.Event()
        self._is_running = False

    async def run(self, engine: Engine) -> None:
        """Send and receive hints until cancelled."""
        self._is_running = True
        try:
            while True:
                try:
                    async with _connected(engine) as connection:
                        await self._talk(connection)
                except _TROUBLE as error:
                    _log.warning("news_postponed", reason=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            self._is_running = False

    # Of this process

    def queue_has(self, lists: Iterable[tuple[int, int]]) -> None:
        lists = list(lists)
        super().queue_has(lists)
        if self._is_running:
            self._lists.update(lists)
            self._unsent.set()

    def inbox_has(self) -> None:
        super().inbox_has()
        self._note(_INBOX)

    def answers_wait(self) -> None:
        super().answers_wait()
        self._note(_ANSWERS)

    def outbox_has(self) -> None:
        super().outbox_has()
        self._note(_OUTBOX)

    def connectors_changed(self) -> None:
        super().connectors_changed()
        self._note(_CONNECTORS)

    def journeys_have(self, lanes: Iterable[int]) -> None:
        lanes = set(lanes)
        super().journeys_have(lanes)
        if self._is_running:
            self._turns |= lanes
            self._unsent.set()

    def _note(self, stage: str) -> None:
        if self._is_running:
            self._stages.add(stage)
            self._unsent.set()

    # Between processes

    async def _talk(self, connection: Any) -> None:
        ours = connection.get_server_pid()

        def receive(_: Any, pid: int, __: str, payload: str) -> None:
            if pid != ours:
                self.receive(payload)

        await connection.add_listener(CHANNEL, receive)
        connection.add_termination_listener(lambda _: self._unsent.set())
        # Hints from before we listened are lost, so assume one of each kind.
        self.receive(f"{_INBOX};{_ANSWERS};{_OUTBOX};{_CONNECTORS}")
        while not connection.is_closed():
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._unsent.wait()
            except TimeoutError:
                await connection.execute(_ALIVE, timeout=_ANSWER_SECONDS)
                continue
            # What comes within a moment is sent together.
            await asyncio.sleep(_GATHER_SECONDS)
            await connection.execute(NOTIFY, CHANNEL, self.take(), timeout=_ANSWER_SECONDS)

    def take(self) -> str:
        """Return the hints to be sent, as many of them as one message holds."""
        words, size = [], 0
        for lane, list_id in self._lists:
            word = f"{lane}.{list_id}"
            if (size := size + len(word) + 1) > _BYTES_MAX:
                break
            words.append(word)
        lanes = [str(lane) for lane in sorted(self._turns)][: (_BYTES_MAX - size) // 5]
        words = [
            *self._stages,
            *([_JOURNEYS + ",".join(lanes)] if lanes else ()),
            *([_QUEUE + ",".join(words)] if words else ()),
        ]
        self._lists.clear()
        self._turns.clear()
        self._stages.clear()
        self._unsent.clear()
        return ";".join(words)

    def receive(self, payload: str) -> None:
        """Apply another process's hints as our own."""
        for word in payload.split(";"):
            match word[:1]:
                case "q":
                    places = (each.partition(".") for each in word[1:].split(","))
                    super().queue_has((int(lane), int(list_id)) for lane, _, list_id in places)
                case "j":
                    super().journeys_have(map(int, word[1:].split(",")))
                case "i":
                    super().inbox_has()
                case "a":
                    super().answers_wait()
                case "o":
                    super().outbox_has()
                case "l":
                    super().connectors_changed()
                case _:
                    # A newer version may have other hints.
                    pass


@asynccontextmanager
async def _connected(engine: Engine) -> AsyncIterator[Any]:
    core = await greenlet_spawn(engine.connect)
    connection = core.connection.driver_connection
    assert connection is not None, "an open connection has one of the driver"
    try:
        yield connection
    finally:
        connection.terminate()
        core.invalidate()
