"""The way to the database: which of its hosts to speak to, and whether any of them is there.

Packets that vanish say nothing. So a transaction that has been silent for a moment has its
database asked, on a new connection, whether it is there; until it answers again all other
transactions fail at once, and one task alone goes on asking.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import asyncpg
import structlog
from sqlalchemy import Engine, NullPool, create_engine

from sendrail.domain.errors import SetupError, StorageUnavailable

_log = structlog.get_logger()

# To connect to one host, and to get an answer from it.
_CONNECT_SECONDS: Final = 1.0
# After so long a silence it is asked, and has so long to answer: together no longer than a request
# may wait. Ten times what a server needs that has far more to do than processors to do it.
_SILENCE_SECONDS: Final = 0.3
_PROOF_SECONDS: Final = 0.7
_ASK_SECONDS: Final = 0.25
# A loop that stood still for so long while the database was asked says nothing of the database:
# at once or by and by, as on a machine that does much else.
_STALL_SECONDS: Final = 0.2
# It stands still where it comes round later than by this. A slice of our own work takes less.
_TICK_SECONDS: Final = 0.05
_ATTRIBUTES: Final = "target_session_attrs"
AWAY: Final = (
    "The database cannot be reached; nothing is known to be stored. Send the same again shortly: "
    "if it was stored after all, it is a duplicate."
)
DRIVER_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class Hosts:
    """The hosts that an address names; the one that was there last is tried first."""

    def __init__(self, url: str) -> None:
        self._urls = _one_by_one(url)

    async def connect(self, within: float = _CONNECT_SECONDS) -> Any:
        """Return a connection to the first host that is there and is what the address asks for.

        Each host has so many seconds.
        """
        for at, url in enumerate(self._urls):
            try:
                connection = await asyncpg.connect(url, timeout=within)
            except DRIVER_ERRORS as error:
                if at < len(self._urls) - 1:
                    continue
                if isinstance(error, asyncpg.InternalClientError):
                    raise ConnectionError(str(error)) from error
                raise
            self._urls.insert(0, self._urls.pop(at))
            return connection
        raise AssertionError("an address names a host")


def _one_by_one(url: str) -> list[str]:
    """Return an address for each of the hosts that one names, as `libpq` reads it.

    Of several hosts only one takes what is written, so that is what is asked for.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SetupError(
            "The setting database_url is no address of a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/name."
        )
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [url]
    query = parse_qs(parts.query)
    query.setdefault(_ATTRIBUTES, ["read-write"])
    return [
        urlunsplit(parts._replace(netloc=user + at + host, query=urlencode(query, doseq=True)))
        for host in hosts.split(",")
    ]


@lru_cache(maxsize=16)
def engine_for(url: str, within: float = _CONNECT_SECONDS) -> Engine:
    """Return the engine for a database's address, which is read as `libpq` reads it.

    There is one for each address in a process. It keeps no connection, but what SQLAlchemy compiled
    and what it learned of the server. Several hosts, TLS and the like are the address's own
    parameters; each host has so many seconds. Raises `SetupError` when it is none.
    """
    hosts = Hosts(url)

    def connect(**_: Any) -> Any:
        return hosts.connect(within)

    # The store begins and ends transactions itself, on the driver.
    return create_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"async_creator_fn": connect},
        pool_reset_on_return=None,
    )


class Availability:
    """Whether the database is there, for all of a process."""

    def __init__(self, url: str) -> None:
        self._hosts = Hosts(url)
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_lost(self) -> bool:
        """Return whether the database is away, as far as is known."""
        return self._asking is not None

    def lose(self) -> None:
        """Treat the database as away until it answers."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_until_back())

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    @asynccontextmanager
    async def watched(self, seconds_max: float) -> AsyncIterator[None]:
        """Run what speaks with the database; end it when that is not there any more.

        Raises `TimeoutError` then, and when it takes longer than it may; `StorageUnavailable` at
        once while the database is known to be away.
        """
        if self.is_lost:
            raise StorageUnavailable(AWAY)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds_max) as limit:
            watch = _Watch(self, limit)
            watch.handle = loop.call_later(_SILENCE_SECONDS, watch.wonder)
            try:
                yield
            finally:
                watch.end()

    async def answers(self, within: float = _CONNECT_SECONDS) -> bool:
        """Ask the database whether it is there; each of its hosts has so many seconds."""
        try:
            connection = await self._hosts.connect(within)
        except DRIVER_ERRORS:
            return False
        connection.terminate()
        return True

    async def _ask_until_back(self) -> None:
        began = asyncio.get_running_loop().time()
        if not await self.answers():
            _log.error("database_away", then="every request is refused until it is back")
            while not await self.answers():  # noqa: ASYNC110 - it sends us no event
                await asyncio.sleep(_ASK_SECONDS)
            seconds = round(asyncio.get_running_loop().time() - began, 1)
            _log.warning("database_back", seconds_away=seconds)
        self._asking = None


class _StallMeter:
    """Measures for how many seconds a loop stood still, all moments together."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.seconds = 0.0
        self._loop = loop
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._due = self._loop.time()
        self._tick()
        return self

    def _tick(self) -> None:
        now = self._loop.time()
        self._count(now)
        self._due = now + _TICK_SECONDS
        self._handle = self._loop.call_at(self._due, self._tick)

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._count(self._loop.time())

    def _count(self, now: float) -> None:
        if (late := now - self._due) >= _TICK_SECONDS:
            self.seconds += late


class _Watch:
    """Checks the database for as long as one transaction with it is silent."""

    def __init__(self, reach: Availability, limit: asyncio.Timeout) -> None:
        self._availability = reach
        self._limit = limit
        self._asking: asyncio.Task[None] | None = None
        self.handle: asyncio.TimerHandle | None = None

    def wonder(self) -> None:
        self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        with _StallMeter(loop) as meter:
            is_there = await self._availability.answers(_PROOF_SECONDS)
        if is_there or meter.seconds >= _STALL_SECONDS:
            # It only takes long, or it was this process that stood still.
            self.handle = loop.call_later(_SILENCE_SECONDS, self.wonder)
        else:
            self._limit.reschedule(loop.time())

    def end(self) -> None:
        if self.handle is not None:
            self.handle.cancel()
        if self._asking is not None:
            self._asking.cancel()
