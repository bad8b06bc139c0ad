"""A shared database's health, looked at from outside: nothing is made, changed or repaired."""

import asyncio
import time
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.util import greenlet_spawn

from sendrail.domain.errors import SendrailError
from sendrail.storage.checkup import DatabaseReport, Finding, Level, seen_by
from sendrail.storage.postgres.availability import engine_for
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.errors import translated
from sendrail.storage.postgres.leases import NOW
from sendrail.storage.postgres.partitions import weeks_ahead
from sendrail.storage.postgres.setup import bring_up_to_date, check_server, schema_of
from sendrail.storage.postgres.store import PostgresStore
from sendrail.storage.tables import SCHEMA

# Leases are kept by the database's clock; rows are written by ours.
_CLOCKS_APART_MS: Final = 2_000
_WEEKS_LOW: Final = 2
_CONNECTIONS_SHARE: Final = 0.8


def look_at(url: str) -> list[Finding]:
    """Return the findings; where the database cannot be reached, that is the only one."""
    try:
        return asyncio.run(greenlet_spawn(_look_at, url))
    except Exception as error:
        known = translated(error)
        if not isinstance(known, SendrailError):
            raise
        fix = (
            "check database_url, and that the server runs and accepts connections from this machine"
        )
        return [Finding("database", Level.FAIL, known.message, fix)]


def migrate(url: str, *, finish: bool) -> tuple[str | None, str | None]:
    """Bring a database up to date; return the schema it had, and the one it has now.

    Raises `SetupError` and `StorageUnavailable` as `bring_up_to_date` does.
    """

    async def run() -> tuple[str | None, str | None]:
        store = PostgresStore(url)
        try:
            before = await bring_up_to_date(store, finish=finish, may_make=False)
            return before, await store.read(lambda tx: schema_of(tx.core))
        finally:
            await store.close()

    return asyncio.run(run())


def look_into(url: str, now: int) -> DatabaseReport | None:
    """Return what the database says of itself at this time; None where it cannot be read."""

    def read() -> DatabaseReport:
        with engine_for(url).connect() as core:
            return seen_by(core, now)

    try:
        return asyncio.run(greenlet_spawn(read))
    except Exception as error:
        if isinstance(translated(error), SendrailError):
            return None
        raise


def _look_at(url: str) -> list[Finding]:
    with engine_for(url).connect() as core:
        check_server(core)
        schema = _schema(core)
        found = [_server(core), schema, _durable(core), _clock(core), _connections(core)]
        return [*found, _weeks(core)] if schema.level is Level.OK else found


def _server(core: Connection) -> Finding:
    version = core.execute(text("SHOW server_version")).scalar_one()
    return Finding("postgresql", Level.OK, f"version {version}")


def _schema(core: Connection) -> Finding:
    schema = schema_of(core)
    if schema == SCHEMA:
        return Finding("database", Level.OK, f"schema {schema}")
    if schema is None:
        return Finding("database", Level.FAIL, "the database is empty", "sendrail serve")
    if schema < SCHEMA:
        return Finding(
            "database",
            Level.WARN,
            f"schema {schema}, this version needs {SCHEMA}",
            "sendrail migrate; and sendrail migrate --finish once no older process runs",
        )
    return Finding(
        "database",
        Level.WARN,
        f"schema {schema} is newer than {SCHEMA}, the schema of this version",
        "upgrade this machine too",
    )


def _durable(core: Connection) -> Finding:
    settings = {
        name: core.execute(text(f"SHOW {name}")).scalar_one()
        for name in ("fsync", "full_page_writes", "synchronous_commit")
    }
    if off := [name for name, value in settings.items() if value == "off"]:
        return Finding(
            "durable",
            Level.FAIL,
            f"{' and '.join(off)} off: a crash of the server loses accepted messages",
            f"ALTER SYSTEM SET {off[0]} = on, then SELECT pg_reload_conf()",
        )
    return Finding("durable", Level.OK, "committed data is on disk")


def _clock(core: Connection) -> Finding:
    row = PostgresDriver(core.connection.driver_connection).row(NOW)
    assert row is not None, "the server returns its time"
    apart = abs(row[0] - time.time() * 1000)
    if apart < _CLOCKS_APART_MS:
        return Finding("clock", Level.OK, "agrees with the database's")
    return Finding(
        "clock",
        Level.WARN,
        f"{apart / 1000:.0f} s apart from the database's",
        "synchronise both with NTP (chrony, systemd-timesyncd)",
    )


def _connections(core: Connection) -> Finding:
    used = core.execute(text("SELECT count(*) FROM pg_stat_activity")).scalar_one()
    most = int(core.execute(text("SHOW max_connections")).scalar_one())
    if used < most * _CONNECTIONS_SHARE:
        return Finding("connections", Level.OK, f"{used} of {most} in use")
    return Finding(
        "connections", Level.WARN, f"{used} of {most} in use", "raise max_connections on the server"
    )


def _weeks(core: Connection) -> Finding:
    ahead = weeks_ahead(PostgresDriver(core.connection.driver_connection), int(time.time() * 1000))
    if ahead >= _WEEKS_LOW:
        return Finding("partitions", Level.OK, f"made {ahead} weeks ahead")
    return Finding(
        "partitions",
        Level.FAIL,
        f"made {ahead} weeks ahead; without one no message is accepted",
        "check that a process with the role scheduler runs, and read its log",
    )
