"""The steps from an older schema lead to what a fresh installation gets."""

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from sendrail.domain.errors import SetupError, StorageUnavailable
from sendrail.storage import migrations
from sendrail.storage.migrations import versions
from sendrail.storage.sqlite import setup
from sendrail.storage.sqlite.setup import bring_up_to_date, changing, migrate, schema_of
from sendrail.storage.tables import SCHEMA

from .first_schema import NEWEST_SQLITE, of_sqlite

FIRST = Path(__file__).with_name("first_schema_sqlite.sql")
STEPS = sorted(Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))
WRITE_ONE = (
    "tables.py and the migrations have parted: run tests/storage/first_schema.py before the first "
    "release; after it add a step to storage/migrations/versions, numbered after the last one, and "
    "set SCHEMA in storage/tables.py to its number"
)


# Deletes first, so that a step which breaks off half way would be seen.
STEP = '''"""Made up."""

from alembic import op

revision = "9001"
down_revision = "{before}"
PHASE = "pre"


def upgrade():
    op.execute("DELETE FROM marks")
    op.execute("ALTER TABLE accounts ADD COLUMN note TEXT DEFAULT 'none' NOT NULL")
'''


def described(database: Path) -> dict[str, object]:
    """Return all that SQLite knows of a schema, but for what has no meaning.

    Blanks in a statement have none, nor have quotes and the order of a table's constraints: both
    change when a table is rebuilt under another name and renamed.
    """
    with closing(sqlite3.connect(database)) as raw:
        objects = raw.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        found: dict[str, object] = {
            f"{kind} {name}": (table, clauses(sql or "")) for kind, name, table, sql in objects
        }
        for kind, name, *_ in objects:
            pragmas = ("table_xinfo", "index_list", "foreign_key_list")
            for pragma in pragmas if kind == "table" else ("index_xinfo",):
                rows = raw.execute(f"PRAGMA {pragma}({name})").fetchall()
                # Both are numbered in the order in which they were declared.
                numbered = pragma in {"foreign_key_list", "index_list"}
                found[f"{pragma} {name}"] = sorted(row[1:] for row in rows) if numbered else rows
        return found


def clauses(statement: str) -> list[str]:
    """Return a statement's columns, in their order, and its constraints, in the alphabet's."""
    words = " ".join(re.findall(r'[^\s()"]+|[()]', statement))
    columns, *constraints = (part.strip(" ,)") for part in words.split("CONSTRAINT "))
    return [columns, *sorted(constraints)]


def written(database: Path, version: str) -> None:
    bring_up_to_date(database)
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (version,))


def module_of(step: Path):
    spec = spec_from_file_location(step.stem, step)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fresh(tmp_path):
    database = tmp_path / "fresh.db"
    assert bring_up_to_date(database) is None
    return database


@pytest.fixture
def migrated(tmp_path):
    database = tmp_path / "migrated.db"
    with closing(sqlite3.connect(database)) as raw:
        raw.executescript(FIRST.read_text("utf-8"))
    migrate(database)
    return database


def test_a_fresh_schema_equals_a_migrated_one(fresh, migrated):
    assert described(migrated) == described(fresh), WRITE_ONE


def test_the_newest_step_is_the_schema_a_fresh_database_says_it_has(fresh, migrated):
    assert versions()[-1] == SCHEMA == schema_of(fresh) == schema_of(migrated), WRITE_ONE


def test_a_database_that_is_up_to_date_is_left_alone(fresh):
    before = described(fresh)
    assert bring_up_to_date(fresh) == SCHEMA
    migrate(fresh)
    assert described(fresh) == before


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_each_step_is_numbered_phased_explained_and_forward_only(step):
    at = STEPS.index(step)
    module = module_of(step)
    assert re.fullmatch(rf"{at + 1:04}(_[a-z0-9]+)+", step.stem), "numbers have no gap"
    assert module.revision == versions()[at]
    assert module.down_revision == (versions()[at - 1] if at else None)
    assert module.PHASE in {"pre", "post"}
    assert module.__doc__
    assert not hasattr(module, "downgrade"), "a backup is the way back"
    assert "sendrail" not in step.read_text("utf-8"), "a step is frozen: it imports nothing of ours"


@pytest.fixture
def next_version(monkeypatch, tmp_path, fresh):  # noqa: ARG001 - made by the version before
    """Become a version whose newest step is made up."""
    here = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, here)
    (here / "versions/9001_made_up.py").write_text(STEP.format(before=SCHEMA), "utf-8")
    monkeypatch.setattr(migrations, "_HERE", here)
    monkeypatch.setattr(setup, "SCHEMA", "9001")


@pytest.mark.usefixtures("next_version")
def test_what_an_older_version_kept_goes_through_the_step(fresh):
    with closing(sqlite3.connect(fresh)) as raw, raw:
        raw.execute(
            "INSERT INTO accounts (id, name, status, blocked_words, created_at)"
            " VALUES (1, 'us', 'active', '', 7)"
        )
        raw.execute("INSERT INTO marks VALUES ('kept', x'01')")
    assert bring_up_to_date(fresh) == SCHEMA
    assert schema_of(fresh) == "9001"
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT name, created_at, note FROM accounts").fetchall() == [
            ("us", 7, "none")
        ]
        assert raw.execute("SELECT * FROM marks").fetchall() == []
    assert bring_up_to_date(fresh) == "9001"


@pytest.mark.usefixtures("next_version")
def test_a_step_that_fails_changes_nothing(fresh):
    with closing(sqlite3.connect(fresh)) as raw, raw:
        raw.execute("ALTER TABLE accounts ADD COLUMN note TEXT")
        raw.execute("INSERT INTO marks VALUES ('kept', x'01')")
    before = described(fresh)
    with pytest.raises(StorageUnavailable, match="note"):
        bring_up_to_date(fresh)
    assert described(fresh) == before
    assert schema_of(fresh) == SCHEMA
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT name FROM marks").fetchall() == [("kept",)]


@pytest.mark.parametrize("version", ["9999", "0000", "a1b2c3d4e5f6", ""])
def test_a_schema_that_is_none_of_ours_is_refused_and_untouched(tmp_path, version):
    database = tmp_path / "newer.db"
    written(database, version)
    before = database.read_bytes()
    with pytest.raises(SetupError, match="newer version of Sendrail"):
        bring_up_to_date(database)
    assert database.read_bytes() == before


def test_a_database_of_somebody_else_is_refused_and_untouched(tmp_path):
    database = tmp_path / "theirs.db"
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY)")
    before = database.read_bytes()
    with pytest.raises(SetupError, match="recipes"):
        bring_up_to_date(database)
    assert database.read_bytes() == before


def test_a_change_that_breaks_off_changes_nothing(fresh):
    before = described(fresh)

    def break_off() -> None:
        with changing(fresh) as connection:
            connection.exec_driver_sql("DROP TABLE queue")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert described(fresh) == before


def test_a_change_that_breaks_a_foreign_key_is_taken_back(fresh):
    with pytest.raises(AssertionError, match="foreign key"), changing(fresh) as connection:
        connection.exec_driver_sql(
            "INSERT INTO journeys (id, list_id, name, created_at) VALUES (1, 77, 'lost', 0)"
        )
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT count(*) FROM journeys").fetchone() == (0,)


def test_a_database_that_cannot_be_written_is_told_as_ours(tmp_path):
    database = tmp_path / "garbage.db"
    database.write_bytes(b"this is no database at all, " * 100)
    with pytest.raises(StorageUnavailable, match="not a database"), changing(database):
        pass


def test_a_start_with_nothing_to_migrate_does_not_load_the_tool(fresh):
    program = (
        "import sys; from pathlib import Path; "
        "from sendrail.storage.sqlite.setup import bring_up_to_date; "
        f"bring_up_to_date(Path({str(fresh)!r})); print('alembic' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
    assert told.stderr == ""


def test_the_statements_of_a_new_database_follow_the_tables():
    assert NEWEST_SQLITE.read_text("utf-8") == of_sqlite(), WRITE_ONE
