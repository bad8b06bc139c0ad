"""A shared database is upgraded while old and new versions of Sendrail run on it.

The steps are made up: two that an old version lives with, one that it does not.
"""

import asyncio
import shutil
from pathlib import Path

import postgres
import pytest
from sqlalchemy.util import greenlet_spawn
from stores import NOW, House, PatientStore

from sendrail.domain.errors import SetupError
from sendrail.storage import migrations
from sendrail.storage.postgres import setup, store
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.partitions import make_weeks
from sendrail.storage.postgres.setup import bring_up_to_date
from sendrail.storage.tables import SCHEMA

STEP = '''"""Made up."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
PHASE = "{phase}"


def upgrade():
    op.execute("{statement}")
'''
STEPS = {
    "9001": ("pre", "ALTER TABLE messages ADD COLUMN note text"),
    "9002": ("post", "ALTER TABLE messages DROP COLUMN metadata"),
    "9003": ("pre", "ALTER TABLE lists ADD COLUMN note text"),
}


class SharedBackend:
    """A database of its own: these tests change its schema."""

    def __init__(self, url):
        self.url = url

    def open(self):
        return PatientStore(self.url)

    def number(self, n, lane):
        return n * 4096 + lane

    def use_lane(self, tx, lane):
        tx.messages.reserve_in(lane, 0)

    def close(self):
        pass


@pytest.fixture
def version(monkeypatch, tmp_path):
    """Become the version of Sendrail whose newest step is the given one."""

    def become(newest):
        steps = [step for step in STEPS if step <= newest]
        here = tmp_path / newest
        shutil.copytree(Path(migrations.__file__).parent, here, dirs_exist_ok=True)
        for before, step in zip([SCHEMA, *steps], steps, strict=False):
            phase, statement = STEPS[step]
            (here / "versions" / f"{step}_made_up.py").write_text(
                STEP.format(revision=step, before=before, phase=phase, statement=statement)
            )
        monkeypatch.setattr(migrations, "_HERE", here)
        monkeypatch.setattr(setup, "SCHEMA", newest)

    return become


@pytest.fixture
def url():
    with postgres.database() as url:
        yield url


def start(url, **more):
    """Do what every start does with the schema; return the one it found."""

    async def run():
        store = PatientStore(url)
        try:
            return await bring_up_to_date(store, **more)
        finally:
            await store.close()

    with asyncio.Runner() as runner:
        return runner.run(run())


def schema(url):
    return postgres.do(url, "SELECT version_num FROM alembic_version")[0][0]


@pytest.fixture
def house(url):
    """An installation of the old version, at work."""
    assert start(url) is None
    house = House(SharedBackend(url))

    def weeks():
        with house.store.engine.connect() as core:
            make_weeks(PostgresDriver(core.connection.driver_connection), NOW)

    house.do(greenlet_spawn(weeks))
    yield house
    house.close()


def at_work(house, n):
    house.queue(n)
    house.start_attempts(n)
    house.finish_attempts(house.result(n))
    assert house.find(n).status == "sent"


def test_old_and_new_run_side_by_side_until_the_upgrade_is_finished(url, house, version):
    at_work(house, 1)
    version("9002")
    assert start(url) == SCHEMA
    assert schema(url) == "9001"
    new = House.__new__(House)
    new.__dict__ |= house.__dict__ | {"store": house.open()}
    for n in range(2, 12, 2):
        at_work(house, n)
        at_work(new, n + 1)
    # A process of the old version that starts again meanwhile is welcome.
    version(SCHEMA)
    assert start(url) == "9001"
    version("9002")
    assert start(url, finish=True) == "9001"
    assert schema(url) == "9002"
    version(SCHEMA)
    with pytest.raises(SetupError, match="newer version of Sendrail"):
        start(url)


@pytest.mark.usefixtures("house")
def test_an_upgrade_that_was_not_finished_is_finished_before_the_next(url, version):
    version("9002")
    start(url)
    version("9003")
    with pytest.raises(SetupError, match="migrate --finish"):
        start(url)
    assert schema(url) == "9001"
    start(url, finish=True)
    assert schema(url) == "9003"


def test_what_an_idle_connection_has_prepared_survives_a_step(url, house, version):
    for n in range(1, 8):
        at_work(house, n)
    version("9001")
    start(url)
    at_work(house, 8)
    assert house.write(lambda tx: tx.queue.load([])) == {}


def test_many_starts_at_once_make_one_schema(url):
    async def run():
        stores = [PatientStore(url) for _ in range(6)]
        try:
            return await asyncio.gather(*(bring_up_to_date(store) for store in stores))
        finally:
            await asyncio.gather(*(store.close() for store in stores))

    with asyncio.Runner() as runner:
        found = runner.run(run())
    assert sorted(found, key=str) == [SCHEMA] * 5 + [None]


def test_a_database_that_is_not_ours_is_refused_and_untouched(url):
    postgres.do(url, "CREATE TABLE theirs (n int)")
    with pytest.raises(SetupError, match="theirs"):
        start(url)
    tables = postgres.do(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert [row[0] for row in tables] == ["theirs"]


@pytest.mark.parametrize("text", ["postgresql://", "nonsense", "mysql://a/b"])
def test_an_address_that_is_none_is_explained(text):
    with pytest.raises(SetupError, match="address"):
        start(text)


def test_a_process_waits_for_others_that_start_longer_than_for_a_row(house):
    """Seven that start at once on a slow database would else end one after the other."""

    def alone():
        session = house.store._session()
        store._lock(session)
        [waits] = session.tx.driver.row("SHOW lock_timeout")
        session.roll_back()
        [after] = session.tx.driver.row("SHOW lock_timeout")
        session.close()
        return waits, after

    assert house.do(greenlet_spawn(alone)) == ("10min", "4s")
