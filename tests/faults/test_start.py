"""kill -9 while everything is being set up: the next start finishes what was begun."""

import json
import random
import sqlite3
import time
from contextlib import closing

import postgres
import pytest

from sendrail.storage.data_folder import Folder
from sendrail.storage.sqlite.setup import make_schema, open_store, schema_of, statements

from .audit import check_database, rows
from .serve import COMMAND

# About as long as a first start takes; the last kills fall after it.
START_SECONDS = 1.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_any_moment_of_the_first_start(make_server, tmp_path, kills, seed):
    chance = random.Random(seed)
    for at in range(kills):
        server = make_server(tmp_path / f"data-{at}", program=COMMAND)
        server.spawn()
        time.sleep(chance.uniform(0.0, START_SECONDS))
        printed = server.kill()
        seen_key = json.loads(printed)["api_key"] if printed else None
        again = server.start()
        # Somebody must have been told a key that works, before the kill or after it.
        server.key = again["api_key"] or seen_key
        order = {"to": "+15550100001", "list_number": again["list_number"], "body": f"hi {at}"}
        assert server.client().post("/api/v2/send-raw", order).status == 200
        assert server.stop(15) == 0
        check_database(server)
        assert len(rows(server, "SELECT * FROM accounts")) == 1
        # One that was made but not told before the kill is revoked.
        assert len(rows(server, "SELECT * FROM api_keys WHERE revoked_at IS NULL")) == 1


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_of_several_first_starts_at_once_one_tells_a_key_that_works(make_server, tmp_path):
    with postgres.database() as url:
        servers = [
            make_server(tmp_path / f"data-{at}", database_url=url, master_key="ab" * 32)
            for at in range(3)
        ]
        for each in servers:
            each.spawn()
        keys = [each.ready()["api_key"] for each in servers]
        [key] = filter(None, keys)
        for each in servers:
            each.key = key
            order = {"to": "+15550100001", "list_number": each.list_number, "body": each.data.name}
            assert each.client().post("/api/v2/send-raw", order).status == 200
        assert [tuple(row) for row in postgres.do(url, "SELECT name FROM accounts")] == [
            ("default",)
        ]
        for each in servers:
            assert each.stop(15) == 0


@pytest.mark.parametrize("each", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_schema_half_made_is_no_schema(tmp_path, each):
    """Break off before every so many of the statements that make the schema, and the last one.

    The next opening makes all of it.
    """
    whole = schema_of_a_new_folder(tmp_path / "whole")
    making = statements()
    assert len(making) == len(whole) + 1  # the last one names the version
    for broken_at in {*range(0, len(making), each), len(making) - 1}:
        folder = Folder(tmp_path / f"data-{broken_at}")
        folder.prepare()
        with pytest.raises(Killed):
            make_schema(folder.database, breaking_off(making[:broken_at]))
        assert schema_of(folder.database) is None
        assert schema_of_a_new_folder(folder.path) == whole


class Killed(BaseException):
    """Stands for a kill: nobody may catch it."""


def breaking_off(made_by):
    yield from made_by
    raise Killed


def schema_of_a_new_folder(path):
    folder = Folder(path)
    folder.prepare()
    open_store(folder).close_now()
    with closing(sqlite3.connect(folder.database)) as database:
        made = (
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' ORDER BY 1, 2"
        )
        assert database.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        return database.execute(made).fetchall()
