"""From an older schema to the newest: numbered steps, forward only.

A fresh database is made at once from `tables.py`; a test holds both ways to the same result. A
step's PHASE says when it may run where several processes share a database: `pre` before any of
them runs the new version, which the old one must live with, or `post` after the last one does. The
embedded database has one process, and takes both kinds at its start, all in one transaction.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

_HERE: Final = Path(__file__).parent


def versions() -> list[str]:
    """Return the number of every step, oldest first."""
    return sorted(path.name.partition("_")[0] for path in _HERE.glob("versions/[0-9]*.py"))


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
