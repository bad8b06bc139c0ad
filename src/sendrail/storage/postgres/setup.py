"""A database of ours: its schema made or brought up to date, by one process at a time."""

from typing import Final

from sqlalchemy import Connection, inspect, text

from sendrail.domain.errors import SetupError
from sendrail.storage.postgres import partitions
from sendrail.storage.postgres.driver import Driver
from sendrail.storage.postgres.leases import NOW
from sendrail.storage.postgres.schema import metadata

# Numbers of our own, for locks that only we ask for.
_ONE_AT_A_TIME: Final = 0x53656E6472
_SEQUENCES: Final = ("inbox_numbers", "outbox_numbers")
_VERSION: Final = """
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""


def schema_of(core: Connection) -> str | None:
    """Return the schema version of a database, None when it is empty."""
    if not inspect(core).has_table("alembic_version"):
        return None
    return str(core.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def make_schema(core: Connection, version: str) -> None:
    """Make every table in an empty database.

    Raises `SetupError` when it is not empty.
    """
    if strangers := inspect(core).get_table_names():
        raise SetupError(
            f"The database has tables that are none of ours, such as {strangers[0]}. Give Sendrail "
            "a database, or a schema by its role's search_path, of its own."
        )
    metadata.create_all(core)
    for name in _SEQUENCES:
        # Each connection takes a thousand at a time: nobody waits for anybody.
        core.execute(text(f"CREATE SEQUENCE {name} CACHE 1000"))
    core.execute(text(_VERSION))
    core.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    driver = Driver(core.connection.driver_connection)
    row = driver.row(NOW)
    assert row is not None, "the clock is always there"
    partitions.make_slices(driver, row[0])
    partitions.make_weeks(driver, row[0])


def one_at_a_time(core: Connection) -> None:
    """Wait until no other process changes the schema; held until the transaction ends."""
    core.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
