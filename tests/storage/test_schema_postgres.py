"""On PostgreSQL as well, the steps from an older schema lead to what a fresh database gets.

`first_schema_postgres.sql` is the one that the first release makes; see `first_schema.py`.
"""

import asyncio
from pathlib import Path

import postgres
import pytest
from sqlalchemy.util import greenlet_spawn

from sendrail.storage.migrations import upgrade
from sendrail.storage.postgres.schema import BY_TIME, HOT_KEYS, metadata
from sendrail.storage.postgres.setup import make_schema
from sendrail.storage.postgres.store import engine_for
from sendrail.storage.tables import SCHEMA

FIRST = Path(__file__).with_name("first_schema_postgres.sql")
# Weeks come and go by their dates.
NO_WEEKS = "NOT (c.relname ~ '^(" + "|".join(BY_TIME) + r")_\d{8}')"
LOOKS = {
    "columns": f"""
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND a.attnum > 0 AND NOT a.attisdropped AND {NO_WEEKS}""",
    "indexes": f"""
        SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'public'::regnamespace AND {NO_WEEKS}""",
    "constraints": f"""
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace = 'public'::regnamespace AND {NO_WEEKS}""",
    "partitioning": f"""
        SELECT c.relname, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
            c.reloptions::text
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
            AND c.relkind IN ('r', 'p') AND {NO_WEEKS}""",
    "sequences": """
        SELECT sequencename, increment_by, cache_size FROM pg_sequences
        WHERE schemaname = 'public'""",
}


def described(url):
    return {
        look: sorted(map(str, map(tuple, postgres.do(url, statement))))
        for look, statement in LOOKS.items()
    }


@pytest.fixture(scope="module")
def fresh():
    with postgres.database() as url:
        change(url, make_schema)
        yield url


@pytest.fixture(scope="module")
def migrated():
    with postgres.database() as url:
        postgres.load(url, FIRST)
        change(url, upgrade)
        yield url


def change(url, work):
    """Do something with a database's schema, as a start does."""

    def do():
        with engine_for(url).connect() as core:
            work(core)

    asyncio.run(greenlet_spawn(do))


@pytest.mark.parametrize("look", LOOKS)
def test_a_fresh_schema_equals_a_migrated_one(fresh, migrated, look):
    assert described(migrated)[look] == described(fresh)[look], (
        "tables.py or postgres/schema.py and the migrations have parted: run "
        "tests/storage/first_schema.py before the first release, and after it add a step to "
        "storage/migrations/versions that says on both databases what has changed"
    )


def test_both_say_the_same_version(fresh, migrated):
    version = "SELECT version_num FROM alembic_version"
    assert [tuple(row) for row in postgres.do(fresh, version)] == [(SCHEMA,)]
    assert [tuple(row) for row in postgres.do(migrated, version)] == [(SCHEMA,)]


@pytest.mark.parametrize("table", HOT_KEYS)
def test_a_hot_table_has_its_lane_first(fresh, table):
    rows = postgres.do(
        fresh,
        "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (num, place)"
        f" JOIN pg_attribute a ON a.attnum = k.num AND a.attrelid = '{table}'::regclass"
        f" WHERE i.indrelid = '{table}'::regclass AND i.indisprimary ORDER BY k.place",
    )
    key = tuple(row[0] for row in rows)
    assert key == HOT_KEYS[table] == tuple(metadata.tables[table].primary_key.columns.keys())
    assert key[0] == "lane"
