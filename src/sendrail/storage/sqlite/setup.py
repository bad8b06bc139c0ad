"""A SQLite database with its schema made or brought up to date."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from sendrail.domain.errors import SetupError
from sendrail.storage.data_folder import Folder
from sendrail.storage.migrations import upgrade, versions
from sendrail.storage.sqlite.store import SqliteStore, translated
from sendrail.storage.tables import SCHEMA, metadata

_VERSION_TABLE: Final = "alembic_version"
# As Alembic itself would make it.
_CREATE_VERSION: Final = """
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
"""


def open_store(
    folder: Folder,
    on_commit: Callable[[int, float], None] | None = None,
    *,
    kind: type[SqliteStore] = SqliteStore,
) -> SqliteStore:
    """Open the folder's database, with its schema made or brought up to date.

    Raises `SetupError` when it was written by a newer Sendrail or is no database of ours, and
    `StorageUnavailable` when it cannot be written.
    """
    if not folder.database.exists():
        folder.make_database()
    store = kind(folder.database, folder.pseudonyms(), on_commit=on_commit)
    try:
        bring_up_to_date(folder.database)
    except BaseException:
        store.close_now()
        raise
    return store


def schema_of(database: Path) -> str | None:
    """Return the schema version of a database, None when it is empty."""
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            return _schema(connection)
    finally:
        engine.dispose()


def bring_up_to_date(database: Path) -> str | None:
    """Make or migrate the schema; return the version it had before, None for a new database.

    Raises `SetupError`, with nothing changed, when the schema is none of ours.
    """
    before = schema_of(database)
    if before is None:
        with changing(database) as connection:
            # Another process may have made it a moment ago.
            if _schema(connection) is None:
                _make_schema(connection)
    elif before != SCHEMA:
        migrate(database)
    return before


@contextmanager
def changing(database: Path) -> Iterator[Connection]:
    """Hold a transaction in which the schema may change: all of it, or nothing.

    Raises `StorageUnavailable` when the file cannot be read or written.
    """
    engine = create_engine(f"sqlite:///{database}", connect_args={"isolation_level": None})

    # The driver would leave changes of the schema outside any transaction. Foreign keys are off on
    # this connection, so that a table can be rebuilt; they are checked before the end.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            yield connection
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            assert broken is None, f"the new schema breaks a foreign key: {broken}"
    except DBAPIError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def migrate(database: Path) -> None:
    """Bring a database of ours up to the newest schema.

    Raises `SetupError`, with nothing changed, when its schema is none of ours.
    """
    with changing(database) as connection:
        has = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if has not in versions():
            raise SetupError(
                f"{database} has schema {has}, of a newer version of Sendrail, which this version "
                "cannot use. Install that version or a newer one. Nothing was changed."
            )
        upgrade(connection)


def _schema(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def _make_schema(connection: Connection) -> None:
    # The migrations lead to this same schema (a test compares them); made at once it takes
    # milliseconds, and the first run has better things to do than to replay history.
    if strangers := inspect(connection).get_table_names():
        raise SetupError(
            f"The database has tables of another program, such as {strangers[0]}. Choose "
            "another data folder with --data."
        )
    # It has none of them, and need not be asked for each.
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(_CREATE_VERSION))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": SCHEMA})
