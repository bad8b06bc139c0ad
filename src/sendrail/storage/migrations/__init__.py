"""From an older schema to the newest: numbered steps, forward only.

A fresh database is made at once from `tables.py`; a test holds both ways to the same result. A
step's PHASE says when it may run where several processes share a database: `pre` before any of
them runs the new version, which the old one must live with, or `post` after the last one does. The
embedded database has one process, and takes both kinds at its start, all in one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from sendrail.domain.errors import SetupError
from sendrail.storage.sqlite import translated

if TYPE_CHECKING:
    from alembic.config import Config

_HERE: Final = Path(__file__).parent


def versions() -> list[str]:
    """Return the number of every step, oldest first."""
    return sorted(path.name.partition("_")[0] for path in _HERE.glob("versions/[0-9]*.py"))


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
                f"{database} has schema {has}, which this version does not know: it was written by "
                "a newer Sendrail. Install that one or a newer one; nothing was changed."
            )
        upgrade(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Take every step up to one that the database has not taken yet."""
    # Late, because a start that has nothing to migrate must not pay for it.
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def phases() -> list[tuple[str, str]]:
    """Return every step's number with its phase, oldest first."""
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return sorted((step.revision, step.module.PHASE) for step in steps)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    # A percent sign would begin an interpolation.
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return config
