"""The steps from an older schema lead to what a fresh installation gets."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from sendrail.domain.errors import SetupError, StorageUnavailable
from sendrail.storage import migrations
from sendrail.storage.migrations import changing, migrate, upgrade, versions
from sendrail.storage.open import SCHEMA, bring_up_to_date, schema_of

STEPS = sorted(Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))
WRITE_ONE = (
    "tables.py and the migrations have parted: add a step to storage/migrations/versions, numbered "
    "after the last one, and set SCHEMA in storage/open.py to its number"
)


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


@contextmanager
def older(folder: Path, steps: int):
    """Make `older.db` with that many steps taken; what runs a statement, and takes the next one."""
    with (
        changing(folder / "older.db") as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        for step in STEPS[:steps]:
            module_of(step).upgrade()
        yield connection.exec_driver_sql, module_of(STEPS[steps]).upgrade


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
    with changing(database) as connection:
        upgrade(connection)
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


def test_what_an_older_version_kept_gets_the_defaults_of_the_new_columns(tmp_path):
    with older(tmp_path, 1) as (run, take_next):
        run("INSERT INTO accounts VALUES (1, 'us', 'active', '', 0)")
        run("INSERT INTO links VALUES (1, NULL, 'sandbox', 'simulator', '{}', 9, NULL)")
        run(
            "INSERT INTO lists VALUES (1, 7, 1, 15550100000, 'News', '', 'active', 60, 1, 0,"
            " NULL, 'hold', 0)"
        )
        run("INSERT INTO replies VALUES (1, 1, 1, 15550100001, 'stop', 'stop', 0)")
        take_next()
    with closing(sqlite3.connect(tmp_path / "older.db")) as raw:
        one = raw.execute
        assert one("SELECT stop_words FROM accounts").fetchall() == [("",)]
        assert one("SELECT answers, stop_text FROM lists").fetchall() == [(1, None)]
        assert one("SELECT keyword, rule, review FROM replies").fetchall() == [("stop", None, 0)]


def test_contacts_of_an_older_version_are_the_accounts_and_came_by_a_command(tmp_path):
    with older(tmp_path, 6) as (run, take_next):
        run("INSERT INTO accounts VALUES (1, 'us', 'active', '', 0, '')")
        run(
            "INSERT INTO links (id, name, kind, settings, window, version)"
            " VALUES (1, 'sandbox', 'simulator', '', 9, 1)"
        )
        for number in (1, 2):
            run(
                f"INSERT INTO lists VALUES ({number}, 7, 1, {number}, '', '', 'active', 60, 1, 0,"
                " NULL, 'hold', 0, 1, NULL, NULL, NULL, NULL)"
            )
        run(
            "INSERT INTO list_contacts VALUES (1, 101, 1, '', '', 30, NULL, NULL),"
            " (2, 101, 0, '', '', 20, 50, 'message'), (1, 102, 0, '', '', 40, 40, 'message')"
        )
        run("INSERT INTO journeys VALUES (1, 1, 'welcome', 0)")
        take_next()
    with closing(sqlite3.connect(tmp_path / "older.db")) as raw:
        one = raw.execute
        assert one("SELECT * FROM contacts ORDER BY recipient").fetchall() == [
            (1, 101, None, None, None, None, None, None, 20),
            (1, 102, None, None, None, None, None, None, 40),
        ]
        signups = one(
            "SELECT list_id, recipient, signup_at, signup_method, custom_fields FROM list_contacts"
        )
        assert signups.fetchall() == [
            (1, 101, 30, "cli", "{}"),
            (1, 102, 40, None, "{}"),
            (2, 101, 20, "cli", "{}"),
        ]
        assert one("SELECT trigger FROM journeys").fetchall() == [("none",)]


def test_references_that_forgotten_messages_left_behind_go(tmp_path):
    with older(tmp_path, 8) as (run, take_next):
        run(
            "INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at,"
            " status, attempt, epoch, skips, resent, segments, encoding, body)"
            " VALUES (7, 1, 1, 1, 101, 0, 'sent', 1, 1, 0, 0, 2, 'gsm7', '')"
        )
        run(
            "INSERT INTO carrier_refs (link_id, carrier_ref, lane, number, part, parts)"
            " VALUES (1, 'a', 1, 7, 1, 2), (1, 'b', 1, 7, 2, 2), (1, 'gone', 1, 6, 2, 2)"
        )
        take_next()
    with closing(sqlite3.connect(tmp_path / "older.db")) as raw:
        kept = raw.execute("SELECT carrier_ref, number FROM carrier_refs").fetchall()
        assert kept == [("a", 7), ("b", 7)]


@pytest.mark.parametrize("version", ["9999", "0000", "a1b2c3d4e5f6", ""])
def test_a_schema_that_is_none_of_ours_is_refused_and_untouched(tmp_path, version):
    database = tmp_path / "newer.db"
    written(database, version)
    before = database.read_bytes()
    with pytest.raises(SetupError, match="newer Sendrail"):
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
        connection.exec_driver_sql("INSERT INTO journeys VALUES (1, 77, 'lost', 0, '')")
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT count(*) FROM journeys").fetchone() == (0,)


def test_a_database_that_cannot_be_written_is_told_as_ours(tmp_path):
    database = tmp_path / "garbage.db"
    database.write_bytes(b"this is no database at all, " * 100)
    with pytest.raises(StorageUnavailable, match="not a database"), changing(database):
        pass


def test_a_start_with_nothing_to_migrate_does_not_load_the_tool(fresh):
    program = (
        "import sys; from pathlib import Path; from sendrail.storage.open import bring_up_to_date; "
        f"bring_up_to_date(Path({str(fresh)!r})); print('alembic' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
    assert told.stderr == ""
