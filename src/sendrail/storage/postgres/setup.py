"""A database of ours: its schema made or brought up to date, by one process at a time.

Old and new versions of Sendrail run side by side while an installation is upgraded. So a start
takes only those steps that the old version lives with (`pre`); the others (`post`) wait until
the operator says that the last old process has gone. The database says which version it still
serves.
"""

from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.util import greenlet_spawn

from sendrail.domain.errors import SetupError
from sendrail.storage.migrations import phases, upgrade, versions
from sendrail.storage.postgres import distributed, partitions
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.errors import translated
from sendrail.storage.postgres.leases import NOW
from sendrail.storage.postgres.schema import metadata
from sendrail.storage.postgres.store import LOCK_ALONE, WAIT_FOR_OTHERS, PostgresStore
from sendrail.storage.tables import SCHEMA

_SERVER_MIN: Final = 140_000
_SEQUENCES: Final = ("inbox_numbers", "outbox_numbers", "click_numbers")
# The oldest schema whose code may still run on this database.
_OLDEST: Final = "oldest-schema"
_VERSION: Final = """
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""
_POST: Final = "post"


async def bring_up_to_date(
    store: PostgresStore, *, finish: bool = False, may_make: bool = True
) -> str | None:
    """Make or upgrade the schema; return the version it had before, None for a new database.

    `finish` takes the steps as well that no older process lives with. Raises `SetupError`, with
    nothing changed, when the database is none of ours, is empty and not `may_make`, or this version
    cannot run on it, and `StorageUnavailable` when it cannot be reached.
    """
    try:
        return await greenlet_spawn(_bring_up_to_date, store, finish, may_make)
    except Exception as error:
        known = translated(error)
        if known is error:
            raise
        raise known from error


def _bring_up_to_date(store: PostgresStore, finish: bool, may_make: bool) -> str | None:
    with store.engine.connect() as core:
        driver = distributed.driver_of(core.connection.driver_connection)
        check_server(core)
        driver.run("BEGIN")
        # A second process waits here, and then finds it done.
        driver.run(WAIT_FOR_OTHERS)
        driver.row(LOCK_ALONE)
        driver.run("SET LOCAL lock_timeout TO DEFAULT")
        before = schema_of(core)
        if before is None:
            if not may_make:
                raise SetupError(
                    "There is no installation in this database. `sendrail serve` creates one; to "
                    "use another database, change the setting database_url.",
                    code="not_set_up",
                )
            make_schema(core)
        else:
            _upgrade(core, before, finish)
        driver.run("COMMIT")
    return before


def schema_of(core: Connection) -> str | None:
    """Return the schema version of a database, None when it is empty."""
    if not inspect(core).has_table("alembic_version"):
        return None
    return str(core.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def make_schema(core: Connection, version: str = SCHEMA) -> None:
    """Make every table in an empty database. Raises `SetupError` when it is not empty."""
    if strangers := inspect(core).get_table_names():
        raise SetupError(
            f"The database has tables of another program, such as {strangers[0]}. Give Sendrail a "
            "database of its own, or a schema of its own by the search_path of its role."
        )
    metadata.create_all(core)
    for name in _SEQUENCES:
        # Each connection takes a thousand at a time: none waits for another.
        core.execute(text(f"CREATE SEQUENCE {name} CACHE 1000"))
    # A process takes one for tens of thousands of links.
    core.execute(text("CREATE SEQUENCE link_parts"))
    core.execute(text(_VERSION))
    core.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    _note_oldest(core, version)
    driver = PostgresDriver(core.connection.driver_connection)
    row = driver.row(NOW)
    assert row is not None, "the server returns its time"
    partitions.make_slices(driver, row[0])
    partitions.make_weeks(driver, row[0])
    if distributed.has_extension(driver.raw):
        distributed.distribute(driver)


def check_server(core: Connection) -> None:
    """Raise `SetupError` when the server is too old."""
    number = int(core.execute(text("SHOW server_version_num")).scalar_one())
    if number < _SERVER_MIN:
        raise SetupError(
            f"The server is PostgreSQL {number // 10_000}. Sendrail needs {_SERVER_MIN // 10_000} "
            "or newer."
        )


def _upgrade(core: Connection, before: str, finish: bool) -> None:
    known = versions()
    if before not in known:
        _check_oldest(core, before)
        return
    steps = [(step, phase) for step, phase in phases() if step > before]
    wanted = steps if finish else steps[: _first_post(steps)]
    if any(phase != _POST for _, phase in steps[len(wanted) :]):
        raise SetupError(
            "The last upgrade was not finished. Once no process of the previous version runs, run "
            "`sendrail migrate --finish`; then start this one."
        )
    if wanted:
        upgrade(core, to=wanted[-1][0])
        if any(phase == _POST for _, phase in wanted):
            _note_oldest(core, wanted[-1][0])


def _first_post(steps: list[tuple[str, str]]) -> int:
    return next((at for at, (_, phase) in enumerate(steps) if phase == _POST), len(steps))


def _check_oldest(core: Connection, has: str) -> None:
    """Let an older version run on a newer schema that still serves it, as in an upgrade."""
    oldest = core.execute(
        text("SELECT convert_from(value, 'UTF8') FROM marks WHERE name = :name"), {"name": _OLDEST}
    ).scalar_one_or_none()
    if oldest is None or oldest > SCHEMA:
        raise SetupError(
            f"The database has schema {has} of a newer version of Sendrail, which this version "
            "cannot use. Install that version or a newer one. Nothing was changed."
        )


def _note_oldest(core: Connection, version: str) -> None:
    core.execute(text("DELETE FROM marks WHERE name = :name"), {"name": _OLDEST})
    core.execute(
        text("INSERT INTO marks VALUES (:name, convert_to(:version, 'UTF8'))"),
        {"name": _OLDEST, "version": version},
    )
