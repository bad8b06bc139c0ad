"""A SQLite database with its schema made or brought up to date."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from sendrail.domain.errors import SetupError
from sendrail.storage.data_folder import Folder
from sendrail.storage.migrations import upgrade, versions
from sendrail.storage.sqlite.store import SqliteStore, translated
from sendrail.storage.tables import SCHEMA

# The newest schema, as SQLAlchemy writes the tables: a test holds it against them.
_STATEMENTS: Final = Path(__file__).with_name("schema.sql")
# As Alembic itself would make it.
CREATE_VERSION: Final = """
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
    """Return the schema version of a database, None when it is empty.

    Raises `sqlite3.Error` when the file cannot be read as a database.
    """
    with closing(sqlite3.connect(database)) as raw:
        return _schema(raw)


def bring_up_to_date(database: Path) -> str | None:
    """Make or migrate the schema; return the version it had before, None for a new database.

    Raises `SetupError`, with nothing changed, when the schema is none of ours, and
    `StorageUnavailable` when the database cannot be read or written.
    """
    try:
        before = schema_of(database)
        if before is None:
            make_schema(database, statements())
        elif before != SCHEMA:
            migrate(database)
    except sqlite3.Error as error:
        raise translated(error) from error
    return before


def statements() -> list[str]:
    """Return the statements that make the newest schema, and name its version."""
    return _STATEMENTS.read_text("utf-8").split(";\n\n")


def make_schema(database: Path, made_by: Iterable[str]) -> None:
    """Make the newest schema by its statements, unless another process has made it a moment ago.

    The migrations lead to this same schema (a test compares them); made at once it takes
    milliseconds, and the first run has better things to do than to replay history. All of it is
    made, or nothing. Raises `SetupError` when the database is another program's, and
    `sqlite3.Error` when it cannot be written.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        if _schema(raw) is not None:
            return
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        if (stranger := raw.execute(tables).fetchone()) is not None:
            raise SetupError(
                f"The database has tables of another program, such as {stranger[0]}. Choose "
                "another data folder with --data."
            )
        for statement in made_by:
            raw.execute(statement)
        raw.execute("COMMIT")


def _schema(raw: sqlite3.Connection) -> str | None:
    has_one = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if raw.execute(has_one).fetchone() is None:
        return None
    [version] = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(version)


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
